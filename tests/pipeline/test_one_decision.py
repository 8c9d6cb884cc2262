"""One label and one probability an image: all commands on one run state the same."""

import csv
import json
import re
from html import unescape

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from voisin import open_images, open_run, run
from voisin.calibration.decision import WAYS_TO_DECIDE
from voisin.cli.app import app
from voisin.report.wording import percent

QUICK = {"epochs": 1, "rounds": 1, "retraining_epochs": 1, "ceiling": False, "device": "cpu"}
TEXT = re.compile(r"(?P<label>\d) \((?P<share>\d+)%\)")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Noisy digits of three classes that are hard to tell apart, one of them common."""
    images = open_images("digits")
    rows = np.concatenate(
        [np.flatnonzero(images.labels == c)[:n] for c, n in ((1, 170), (8, 60), (9, 40))]
    )
    pixels = np.stack([np.asarray(images.reader.load(int(i))) for i in rows]).astype(np.float64)
    noise = np.random.default_rng(0).normal(scale=70, size=pixels.shape)
    path = tmp_path_factory.mktemp("data") / "skewed.npz"
    labels = images.labels[rows].astype(str)
    np.savez(path, images=np.clip(pixels + noise, 0, 255).astype(np.uint8), labels=labels)
    return path


@pytest.fixture(scope="module", params=WAYS_TO_DECIDE)
def finished(request, source, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / request.param
    options = {"labels_per_class": 16, "embedding": "pixels", "test_share": 0.1, **QUICK}
    lines = []
    run(source, out, decide=request.param, log=lines.append, **options)
    return open_run(out), lines


@pytest.fixture
def rows(finished):
    table = pq.read_table(finished[0].folder / "labels.parquet").to_pylist()
    return {row["id"]: row for row in table}


def found_rows(rows):
    return [row for row in rows.values() if row["source"] == "propagated"]


def call(*words):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_first_lines_name_the_decision_and_count_what_it_changed(finished, rows):
    done, lines = finished
    decision = json.loads((done.folder / "metrics.json").read_text("utf-8"))["decision"]
    page = unescape(done.report.read_text("utf-8"))
    found = found_rows(rows)
    n_other = sum(row["likeliest"] != "" for row in found)

    assert decision["way"] == done.settings["decide"]
    assert decision["n_labels"] == len(found)
    assert decision["n_not_likeliest"] == n_other
    assert (n_other == 0) == (decision["way"] == "likeliest")
    confidence = np.mean([row["confidence"] for row in found])
    assert decision["mean_probability"] == pytest.approx(confidence, abs=1e-5)
    for name, of_class in decision["classes"].items():
        assert of_class["n_labels"] == sum(row["label_name"] == name for row in found)
    assert f"Decision: {decision['way']}: {decision['meaning']}" in lines
    top = page[: page.index("<main")]
    assert f"Decision <code>{decision['way']}</code>: {decision['meaning']}" in top
    if n_other:
        assert any(f"{n_other} of {len(found)} labels would be another" in line for line in lines)
        assert f"{n_other} labels would be another class" in top


def test_each_label_is_stated_with_its_own_probability(finished, rows):
    for row in found_rows(rows):
        shares = {c: row[f"probability_{c}"] for c in ("1", "8", "9")}
        assert row["confidence"] == pytest.approx(shares[row["label_name"]])
        best = max(shares, key=shares.get)
        assert row["likeliest"] == ("" if best == row["label_name"] else best)


def test_explain_suggest_certify_and_the_report_state_the_labels_of_the_table(finished, rows):
    done, _ = finished
    for row in sorted(found_rows(rows), key=lambda row: row["likeliest"])[-3:]:
        told = json.loads(call("explain", done.folder, row["id"], "--json"))
        assert told["predicted"]["label"] == row["label_name"]
        assert told["predicted"]["calibrated_probability"] == pytest.approx(row["confidence"])
        assert (told["likeliest"] or "") == row["likeliest"]
        if "; " in row["why"]:
            assert row["why"].startswith(told["predicted"]["by_contributors"]["labeled"][0]["id"])
    told = json.loads(call("suggest", done.folder, "--n", "8", "--json"))
    for one in told["suggestions"]:
        row = rows[one["id"]]
        assert one["current"] == row["label_name"]
        assert one["probability"] == pytest.approx(row["confidence"])
        first = TEXT.search(one["reason"])
        share = f"{float(row['confidence']):.0%}"
        assert (first["label"], f"{first['share']}%") == (row["label_name"], share)
    call("certify", done.folder)
    with (done.folder / "checks.csv").open(encoding="utf-8-sig", newline="") as file:
        checks = list(csv.DictReader(file))
    assert checks
    assert all(rows[check["id"]]["label_name"] == check["proposed"] for check in checks)
    assert "holds" in CliRunner().invoke(app, ["certify", str(done.folder), "--verify"]).output
    page = unescape(done.report.read_text("utf-8"))
    cards = re.findall(
        r"labeled</span> <strong>(\d)</strong>.*?probability ([^<]+)<.*?\"id\">([^<]+)<", page, re.S
    )
    assert len(cards) > 9
    for label, probability, id_ in cards:
        assert label == rows[id_]["label_name"]
        assert probability == percent(rows[id_]["confidence"])


def test_the_verdict_is_of_the_labels_of_the_table_and_test_images_are_decided_alike(
    finished, rows, source
):
    done, _ = finished
    truth = dict(
        zip(*(lambda images: (images.ids, images.labels))(open_images(source)), strict=True)
    )
    right = np.mean([row["label"] == truth[row["id"]] for row in found_rows(rows)])

    assert done.score_of("propagated", "unlabeled").accuracy.value == pytest.approx(right)
    assert {row.method for row in done.scores} == {
        "few-labels", "propagated", "retrained",
    }  # fmt: skip
    assert done.result.decision.way == done.settings["decide"]
    np.testing.assert_array_equal(
        done.result.assigned[done.result.labels < 0],
        done.result.decision.apply(done.result.stated)[done.result.labels < 0],
    )


def test_the_last_line_says_how_good_the_labels_are_expected_to_be(finished, rows):
    done, lines = finished
    document = json.loads((done.folder / "metrics.json").read_text("utf-8"))
    expected = document["expected"]
    low, high = expected["accuracy"]["interval"]
    worst = min(expected["recall"], key=lambda name: expected["recall"][name]["value"])

    assert lines[-1] == expected["text"]
    share = f"{100 * expected['accuracy']['value']:.0f} %"
    assert lines[-1].startswith(f"About {share} of these labels are right")
    assert f"for {worst} (" in lines[-1]
    assert low <= done.score_of("propagated", "unlabeled").accuracy.value <= high
    assert expected["n_held_out"] == 48
    decided = document["decision"]["mean_probability"]
    assert expected["mean_probability"]["value"] == pytest.approx(decided, abs=0.01)


def test_without_truth_the_report_says_how_many_are_expected_to_be_right(source, tmp_path):
    images = open_images(source)
    few = np.concatenate([np.flatnonzero(images.labels == c)[:16] for c in range(3)])
    images.labels[~np.isin(np.arange(len(images)), few)] = -1
    lines = []

    done = run(
        images, tmp_path / "out", embedding="pixels", log=lines.append, language="en", **QUICK
    )

    assert done.scores == ()
    expected = json.loads((done.folder / "metrics.json").read_text("utf-8"))["expected"]
    page = unescape(done.report.read_text("utf-8"))
    assert f"about {percent(expected['accuracy']['value'])} right" in page
    assert "Expected from 48 labels that were held out" in page
    assert lines[-1] == expected["text"]


def test_given_labels_stay(finished, rows):
    done, _ = finished
    given = {
        id_: label
        for id_, label in zip(done.result.ids, done.result.labels, strict=True)
        if label >= 0
    }
    assert {id_: rows[id_]["label"] for id_ in given} == given
    assert all(rows[id_]["confidence"] == 1 for id_ in given)
