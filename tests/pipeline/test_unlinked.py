"""Images that no label reaches along the graph: every page says what their labels rest on."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from voisin import run
from voisin.neighbors.graph import find_components
from voisin.pipeline.messages import log_unreached

COUNTS = {"a": 40, "b": 40, "c": 18}  # no c is labeled


def source_of(folder):
    """A table of noisy copies of three pictures, far from one another."""
    generator = np.random.default_rng(0)
    rows = ["id,path,label"]
    for name, count in COUNTS.items():
        picture = generator.random((8, 8))
        for i in range(count):
            noisy = np.clip(picture + 0.08 * generator.standard_normal((8, 8)), 0, 1)
            Image.fromarray((255 * noisy).astype(np.uint8)).save(folder / f"{name}{i:02d}.png")
            label = name if name != "c" and i < 6 else ""
            rows.append(f"{name}{i:02d},{name}{i:02d}.png,{label}")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return folder / "table.csv"


def labeled_by(method, folder):
    told = []
    finished = run(
        source_of(folder), folder / "project", method=method, embedding="pixels", n_neighbors=6,
        epochs=1, rounds=1, retraining_epochs=1, test_share=0.0, device="cpu", ceiling=False,
        log=told.append,
    )  # fmt: skip
    rows = list(
        csv.DictReader(io.StringIO((folder / "project" / "labels.csv").read_text("utf-8-sig")))
    )
    return finished, {row["id"]: row for row in rows}, told


@pytest.mark.parametrize(
    ("method", "evidence", "audited"),
    [
        ("consensus", "classifier", "Their labels are the classifier's alone."),
        ("spreading", "no evidence", "They stay without a label."),
    ],
)
def test_an_image_that_no_label_reaches_rests_on_the_classifier_or_on_nothing(
    tmp_path, method, evidence, audited
):
    finished, rows, told = labeled_by(method, tmp_path)
    kept = finished.result
    linked = find_components(kept.affinity).reached(kept.labels)
    apart = {str(name) for name in kept.ids[~linked]}
    assert apart == {name for name in rows if name.startswith("c")}

    said = {True: evidence, False: "labels"}
    for name, row in rows.items():
        expected = "label given" if row["source"] == "given" else said[name in apart]
        assert row["evidence"] == expected
        assert row["reached"] == str(name not in apart).lower()
        assert (row["confidence"] == "") == (expected == "no evidence")

    count = "No label reaches 18 images along the graph"
    by_opinion = method == "consensus"
    assert any(count in line for line in told) == by_opinion
    assert (count in (finished.folder / "report.html").read_text("utf-8")) == by_opinion
    assert finished.explain("c00").as_dict()["evidence"] == evidence
    assert finished.explain("a30").as_dict()["evidence"] == "labels"
    assert finished.explain("a00").as_dict()["evidence"] == "label given"
    found = next(one for one in finished.audit().findings if one.check == "unlabeled-components")
    assert found.title == "No label reaches 18 images along the graph, in 1 part of it"
    assert found.advice.startswith(audited)


def test_an_image_without_evidence_is_not_counted_as_the_classifiers():
    told = []
    answered, linked = np.array([True, True, False]), np.array([True, False, False])
    (note,) = log_unreached(answered, linked, told.append)
    assert note == "No label reaches 1 image along the graph: its label is the classifier's alone."
    assert told == [f"  {note}"]
    assert log_unreached(answered, answered, told.append) == ()
