"""The example that makes the wrong verdict on purpose, beside the right one."""

import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest

import voisin

SCRIPT = Path(__file__).resolve().parents[1] / "examples" / "wrong_verdict.py"


@pytest.fixture(scope="module")
def example():
    spec = util.spec_from_file_location("wrong_verdict", SCRIPT)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """400 digits with splits, as an NPZ file."""
    read = voisin.read_images(voisin.open_images("digits").take(np.arange(400)))
    path = tmp_path_factory.mktemp("source") / "small.npz"
    splits = np.repeat(["train", "test"], [280, 120])
    np.savez(path, images=read.pixels, labels=read.images.labels, splits=splits)
    return str(path)


@pytest.fixture(scope="module")
def verdicts(example, small):
    return example.compare(small, labels_per_class=5, random_state=42)


def test_by_position_the_same_predictions_are_no_better_than_chance(verdicts):
    by_position, by_id = verdicts

    assert by_position.auc.value == pytest.approx(0.5, abs=0.1)
    assert by_position.accuracy.value < 0.25
    assert by_id.auc.value > 0.85
    assert by_id.accuracy.value > 0.6


def test_both_verdicts_count_the_same_predictions(verdicts):
    by_position, by_id = (one.confusion for one in verdicts)

    np.testing.assert_array_equal(by_position.sum(axis=0), by_id.sum(axis=0))
    np.testing.assert_array_equal(by_position.sum(axis=1), by_id.sum(axis=1))


def test_the_table_has_a_row_a_verdict(example, verdicts):
    header, by_position, by_id = example.table(verdicts).splitlines()

    assert header.split() == ["AUC", "accuracy", "balanced", "macro", "F1"]
    assert by_position.startswith("by position")
    assert f"{verdicts[0].auc.value:.3f}" in by_position
    assert f"{verdicts[1].macro_f1.value:.3f}" in by_id


def test_one_command_prints_the_table(small, monkeypatch, capsys, example):
    monkeypatch.setattr(sys, "argv", ["wrong_verdict.py", small, "5"])
    source = SCRIPT.read_text(encoding="utf-8")

    exec(compile(source, str(SCRIPT), "exec"), {"__name__": "__main__"})

    assert capsys.readouterr().out == example.table(example.compare(small, 5))
