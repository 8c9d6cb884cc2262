"""What a run chooses by itself: how images may lie, and by which vectors to compare them."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

import voisin
from tests.pipeline.test_context import context
from voisin.errors import InputWarning
from voisin.pipeline import choose
from voisin.pipeline.choose import (
    candidates_of,
    choose_embedding,
    estimate_seconds,
    find_orientation,
)
from voisin.pipeline.messages import log_better_backbone
from voisin.settings import Settings
from voisin.sources.arrays import ArrayReader
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images
from voisin.training import backbone_tuning
from voisin.types import HeldOut


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return context(tmp_path_factory.mktemp("digits"), embedding="pixels").experiment


def of_pixels(experiment, pixels):
    some = experiment.pool.take(np.arange(len(pixels)))
    some = replace(some, reader=ArrayReader([pixels], ""), positions=np.arange(len(pixels)))
    return replace(experiment, pool=some)


def test_images_that_are_bright_above_have_an_upper_side(experiment):
    pixels = np.random.default_rng(0).integers(0, 120, (80, 32, 32, 1)).astype(np.uint8)
    pixels[:, :16] += 120

    assert find_orientation(of_pixels(experiment, pixels)) == "upright"
    pixels[::2] = pixels[::2, ::-1, ::-1]
    assert find_orientation(of_pixels(experiment, pixels)) == "any"


def test_small_images_are_also_compared_by_a_small_network(experiment, monkeypatch):
    small = candidates_of(Settings(), replace(experiment, native_size=28))
    large = candidates_of(Settings(), replace(experiment, native_size=600))

    assert all("cnn-augmented" in candidate for candidate in small)
    assert large[0] == "backbone+backbone-tuned"
    monkeypatch.setattr(choose, "_MANY_SMALL", len(experiment.pool) - 1)
    many = candidates_of(Settings(), replace(experiment, native_size=28))
    assert many == ("cnn-augmented+backbone",)
    assert candidates_of(Settings(effort="quick"), replace(experiment, native_size=600)) == (
        "backbone",
    )


def test_without_the_backbone_a_small_network_takes_its_place_and_says_so(experiment, monkeypatch):
    monkeypatch.setattr(choose, "find_spec", lambda _: None)

    with pytest.warns(InputWarning, match=r"not installed.*pip install 'voisin\[features\]'"):
        assert candidates_of(Settings(), experiment) == ("cnn-augmented",)


@pytest.mark.parametrize(
    ("right", "expected"), [((0.6, 0.9), "second"), ((0.6, 0.61), "first"), ((0.9, 0.6), "first")]
)
def test_another_embedding_is_chosen_only_if_it_predicts_held_out_labels_better(
    tmp_path, monkeypatch, right, expected
):
    there = context(tmp_path, embedding="pixels")
    labels = np.tile([0, 1], 20)

    def hold_out(of_candidate, _):
        share = right[["first", "second"].index(of_candidate)]
        wrong = np.arange(40) >= round(share * 40)
        probabilities = np.eye(2)[labels ^ wrong] * 0.8 + 0.1
        return HeldOut(np.arange(40), labels, probabilities)

    monkeypatch.setattr(type(there), "with_embedding", lambda _, embedding: embedding)
    monkeypatch.setattr(choose, "_hold_out", hold_out)

    embedding, reason = choose_embedding(there, ("first", "second"))
    assert embedding == expected
    assert reason.startswith(f"{expected}, by the log loss of 40 labels held out in turn (first ")


@pytest.mark.parametrize(("surety", "tried"), [(0.99, ["quick"]), (0.6, ["quick", "other"])])
def test_no_other_embedding_is_tried_if_the_quickest_leaves_little_to_gain(
    tmp_path, monkeypatch, surety, tried
):
    there, seen = context(tmp_path, embedding="pixels"), []
    labels = np.tile(np.arange(10), 4)

    def hold_out(of_candidate, _):
        seen.append(of_candidate)
        wrong = np.arange(40) >= round(surety * 40)
        return HeldOut(np.arange(40), labels, np.eye(10)[(labels + wrong) % 10] * 0.9 + 0.01)

    monkeypatch.setattr(type(there), "with_embedding", lambda _, embedding: embedding)
    monkeypatch.setattr(choose, "_hold_out", hold_out)

    embedding, reason = choose_embedding(there, ("other", "quick"))
    assert seen == tried
    if len(tried) == 1:
        assert embedding == "quick"
        assert re.fullmatch(r"quick, as log loss 0.0\d of 40 labels .* leaves little .*", reason)


@pytest.mark.parametrize("candidates", [choose.CANDIDATES, choose.CANDIDATES_FOR_SMALL])
def test_the_last_candidate_of_every_effort_is_that_of_the_quick_one(candidates):
    (quick,) = candidates["quick"]
    assert {of_effort[-1] for of_effort in candidates.values()} == {quick}


def test_the_expected_time_grows_with_the_effort_and_the_images(tmp_path):
    there = context(tmp_path, embedding="cnn-augmented+backbone")
    seconds = estimate_seconds(there)
    assert seconds["quick"] < seconds["normal"] < seconds["thorough"]
    assert seconds["quick"] > 300 * 0.002
    many = replace(there.experiment, test=there.experiment.pool)
    assert estimate_seconds(replace(there, experiment=many))["quick"] > seconds["quick"]


def test_with_fewer_than_three_labels_of_a_class_the_first_is_taken(tmp_path):
    there = context(tmp_path, embedding="pixels", labels_per_class=2)

    assert choose_embedding(there, ("pixels:4", "pixels")) == ("pixels:4", "")


def test_a_run_says_what_it_chose_and_leaves_a_classifier_of_the_same_vectors(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(backbone_tuning, "_MOST_STEPS", 2)
    monkeypatch.setitem(
        choose.CANDIDATES_FOR_SMALL, "normal", ("backbone+backbone-tuned", "backbone")
    )
    lines = []
    images = open_images("digits").take(np.arange(100))
    quick = {"epochs": 1, "ceiling": False, "device": "cpu", "log": lines.append}
    run = voisin.run(images, tmp_path / "out", labels_per_class=3, test_share=0.2, **quick)

    log = "\n".join(lines)
    assert re.search(r"^Effort normal: up to about \d+ (s|min) \(quick: \d+ s, ", log, re.MULTILINE)
    assert log.index("first labels are in") < log.index("by the log loss of 30 labels held out")
    weights = load_file(run.folder / "model.safetensors")
    assert weights["head.weight"].shape[1] == 10
    assert "backbone.layers.0.convolution.weight" in weights
    settings = json.loads((run.folder / "metrics.json").read_text())["settings"]
    assert settings["embedding"] in ("backbone+backbone-tuned", "backbone")
    assert 'embedding = "auto"' in (run.folder / "voisin.toml").read_text()


def test_a_run_without_hidden_labels_trains_no_network_to_compare_with(tmp_path):
    images = open_images("digits").take(np.arange(160))
    labels = np.where(np.arange(160) < 60, images.labels, -1)
    lines = []
    bare = replace(images, labels=labels, splits=None)
    voisin.run(bare, tmp_path / "out", embedding="backbone", device="cpu", log=lines.append)

    assert not [line for line in lines if line.split()[:1] in (["few-labels"], ["pseudo-labels"])]


def test_log_and_report_name_a_better_backbone_once(tmp_path):
    images = open_images("digits").take(np.arange(100))
    large = ArrayReader([read_images(images, size=48, max_unreadable=0).pixels], "")
    labels = np.where(np.arange(100) < 60, images.labels, -1)
    bare = replace(images, reader=large, positions=np.arange(100), labels=labels, splits=None)
    lines = []
    run = voisin.run(bare, tmp_path / "out", effort="quick", device="cpu", log=lines.append)

    (line,) = [line for line in lines if line.startswith("A better backbone ")]
    assert run.report.read_text().count(line.split(" (")[0]) == 1


def test_for_small_images_no_better_backbone_is_named(experiment):
    lines = []
    assert log_better_backbone(replace(experiment, native_size=40), lines.append) == ""
    assert lines == []
    assert log_better_backbone(replace(experiment, native_size=41), lines.append) == lines[0]


@pytest.mark.parametrize("setting", [{"embedding_size": 96}, {"loop_rounds": 1}])
def test_settings_of_an_embedding_that_is_not_chosen_have_no_effect(tmp_path, monkeypatch, setting):
    monkeypatch.setitem(choose.CANDIDATES_FOR_SMALL, "quick", ("pixels",))
    there = context(tmp_path, embedding="auto", effort="quick", **setting)

    chosen = there.stages.settings
    assert (chosen.embedding, chosen.embedding_size, chosen.loop_rounds) == ("pixels", None, 0)
