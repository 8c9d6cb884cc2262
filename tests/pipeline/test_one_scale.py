"""Whatever a run's reader is told of an image is what its table of labels says of it."""

import json
import re
import shlex
from html import unescape

import numpy as np
import pyarrow.parquet as pq
import pytest

import voisin
from voisin.report.wording import decimal, percent

QUICK = {"epochs": 1, "rounds": 1, "retraining_epochs": 1, "ceiling": False, "device": "cpu"}
CARD = re.compile(
    r"labeled</span> <strong>(?P<label>[^<]*)</strong></p>\s*"
    r"<p>probability (?P<probability>\S+)</p>"
    r'.*?<p class="id">(?P<id>[^<]*)</p>',
    re.DOTALL,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scale") / "run"
    return voisin.run("digits", folder, labels_per_class=5, embedding="pixels", **QUICK)


@pytest.fixture(scope="module")
def rows(finished):
    table = pq.read_table(finished.folder / "labels.parquet").to_pylist()
    return {row["id"]: row for row in table}


@pytest.fixture(scope="module")
def cards(finished):
    page = unescape(finished.report.read_text(encoding="utf-8"))
    return [found.groupdict() for found in CARD.finditer(page)]


def test_the_gallery_shows_the_label_and_its_probability_as_the_table_does(cards, rows):
    assert len(cards) >= 30
    for card in cards:
        row = rows[card["id"]]
        assert card["label"] == row["label_name"]
        assert card["probability"] == percent(row["confidence"])


def test_that_is_not_what_the_propagation_said_before_calibration(finished, cards):
    before = finished.propagation.probabilities[:, finished.result.assigned].diagonal()
    before = dict(zip(finished.images.ids.tolist(), before.tolist(), strict=True))
    changed = [percent(before[card["id"]]) != card["probability"] for card in cards]
    assert np.mean(changed) > 0.5


def test_the_gallery_begins_with_the_surest_mistakes_of_the_table(finished, rows):
    truth = dict(zip(*voisin_truth(), strict=True))
    page = unescape(finished.report.read_text(encoding="utf-8"))
    mistakes = page[
        page.index("<h3>Surest mistakes") : page.index(
            "<details open", page.index("<h3>Surest mistakes")
        )
    ]
    shown = [found["id"] for found in CARD.finditer(mistakes)]
    wrong = [
        row
        for row in rows.values()
        if row["source"] == "propagated" and row["label"] != truth[row["id"]]
    ]
    expected = sorted(wrong, key=lambda row: -row["confidence"])[: len(shown)]
    assert shown == [row["id"] for row in expected]


def voisin_truth():
    images = voisin.open_images("digits")
    return images.ids.tolist(), images.labels.tolist()


@pytest.mark.parametrize("strategy", ["mixed", "margin", "entropy"])
def test_suggestions_state_the_label_of_the_table_and_its_likeliest_rival(finished, rows, strategy):
    told = finished.suggest(6, strategy=strategy)

    for name, current, probability, reason in zip(
        told.ids.tolist(),
        told.current,
        told.probabilities.tolist(),
        told.suggestion.reasons,
        strict=True,
    ):
        row = rows[name]
        assert (current, probability) == (row["label_name"], row["confidence"])
        others = [c for c in map(str, range(10)) if c != current]
        rival = max(others, key=lambda c: row[f"probability_{c}"])
        shares = [f"{c} ({row[f'probability_{c}']:.0%})" for c in (current, rival)]
        two = " or ".join(shares)
        assert two in reason


def test_the_figures_of_calibration_in_the_report_are_those_of_the_metrics(finished):
    page = unescape(finished.report.read_text(encoding="utf-8"))
    metrics = json.loads((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    told = metrics["calibration"]
    sure = page[page.index('<details id="calibration">') : page.index('<details id="source">')]

    assert told["way"] == "temperature"
    assert f"<p>{told['n_held_out']} of the given labels were held out" in sure
    for name, digits in (("error_before", 3), ("error_after", 3), ("temperature", 2)):
        value, (low, high) = told[name]["value"], told[name]["interval"]
        assert f"<dd>{decimal(value, digits)}</dd>" in sure
        assert f"{decimal(low, digits)}–{decimal(high, digits)}</small>" in sure
    for name, one in told["classes"].items():
        gaps = f"{decimal(one['before']['error'])} before, {decimal(one['after']['error'])} after"
        assert (
            f"{name} <small>{one['n_held_out']} held out; calibration error {gaps}</small>" in sure
        )
    assert all(note in sure for note in told["notes"])


def test_the_report_of_a_run_explains_the_most_doubtful_image_of_the_table(finished, rows):
    page = unescape(finished.report.read_text(encoding="utf-8"))
    doubtful = min(
        (row for row in rows.values() if row["source"] == "propagated"),
        key=lambda row: row["confidence"],
    )

    for words in (["suggest"], ["explain", doubtful["id"]], ["audit"], ["certify"]):
        line = shlex.join(["voisin", words[0], str(finished.folder), *words[1:]])
        assert f"<code>{line}</code>" in page
    assert finished.explain(doubtful["id"]).attribution.predicted is not None
