"""The files of a run hold what their readers expect."""

import csv
import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from voisin.evaluation.verdict import Truth, score
from voisin.project.exports import (
    result_row,
    to_json,
    write_labels,
    write_medmnist_csvs,
)
from voisin.sources.table import read_columns
from voisin.types import ImageCollection, Predictions


class NamedFiles:
    n_channels = 1

    def path(self, position):
        return f"/photographs/{position}.jpg" if position else None


def small_collection():
    return ImageCollection(
        name="small",
        reader=NamedFiles(),
        labels=np.array([0, -1, -1]),
        class_names=("cat", "dog"),
        ids=np.array(["a", "b", "c"]),
        positions=np.arange(3),
    )


def small_scores(labels=(0, 1, 1), n_classes=2):
    ids = np.array(["a", "b", "c"])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    probabilities = np.pad(probabilities, ((0, 0), (0, n_classes - 2)))
    names = ("cat", "dog", "emu")[:n_classes]
    truth = Truth(ids, np.array(labels), names)
    return score(Predictions("retrained", ids, probabilities), truth, n_resamples=50), probabilities


GIVEN, FOUND = np.array([0, -1, -1]), np.array([0, 1, -1])
PROBABILITIES = np.array([[0.8, 0.2], [0.25, 0.75], [0.5, 0.5]])


def test_labels_have_one_row_an_image_and_say_where_each_label_comes_from(tmp_path):
    write_labels(tmp_path, small_collection(), GIVEN, FOUND, PROBABILITIES)
    table = pq.read_table(tmp_path / "labels.parquet").to_pydict()

    assert table["id"] == ["a", "b", "c"]
    assert table["label"] == [0, 1, -1]
    assert table["label_name"] == ["cat", "dog", ""]
    assert table["likeliest"] == ["", "", ""]
    assert table["source"] == ["given", "propagated", "none"]
    assert table["confidence"] == [1.0, 0.75, None]
    assert table["reached"] == [True, True, False]
    assert table["probability_cat"] == [1.0, 0.25, None]
    assert table["probability_dog"] == [0.0, 0.75, None]
    assert table["evidence"] == ["label given", "labels", "no evidence"]
    assert "why" not in table
    with (tmp_path / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["label_name"], row["confidence"]) for row in rows] == [
        ("a", "cat", "1"),
        ("b", "dog", "0.75"),
        ("c", "", ""),
    ]
    assert table["path"] == [None, "/photographs/1.jpg", "/photographs/2.jpg"]


@pytest.mark.parametrize(("separator", "number"), [(",", "0.3333"), (";", "0,3333")])
def test_csv_files_open_in_excel_and_are_read_back(tmp_path, separator, number):
    images = replace(small_collection(), ids=np.array(["é;1", "b,2", "c"]))
    thirds = np.array([[1, 2], [1, 2], [0.5, 0.5]]) / 3
    write_labels(tmp_path, images, GIVEN, FOUND, thirds, csv_separator=separator)

    assert (tmp_path / "labels.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    columns = read_columns(tmp_path / "labels.csv")
    assert columns["id"] == ["é;1", "b,2", "c"]
    assert columns["probability_cat"] == ["1", number, ""]
    assert pq.read_table(tmp_path / "labels.parquet")["probability_cat"].to_pylist()[1] == 1 / 3


def test_a_label_is_written_with_its_own_probability_and_the_likeliest_class_beside_it(tmp_path):
    probabilities = np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5]])
    why = ["a 1.000", "a 0.600", ""]
    write_labels(tmp_path, small_collection(), GIVEN, FOUND, probabilities, why=why)
    table = pq.read_table(tmp_path / "labels.parquet").to_pydict()

    assert table["label"] == [0, 1, -1]
    assert table["likeliest"] == ["", "cat", ""]
    assert table["confidence"] == [1.0, 0.4, None]
    assert table["probability_cat"] == [1.0, 0.6, None]
    assert table["why"] == ["a 1.000", "a 0.600", ""]


def test_figures_that_are_not_defined_are_null_in_json():
    scores, _ = small_scores(n_classes=3)
    row = json.loads(to_json(result_row(scores)))
    assert row["recall"] == {"cat": 1.0, "dog": 0.5, "emu": None}
    assert row["accuracy"] == pytest.approx(2 / 3)
    assert row["intervals"]["accuracy"] == [None, None]  # of three images
    assert row["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_medmnist_file_is_named_and_laid_out_as_its_evaluator_reads_it(tmp_path):
    (path,) = write_medmnist_csvs(tmp_path, "dermamnist_64", "test", [small_scores()])

    # Of three images, the two dogs score 0.6 and 0.3 for "dog", the cat 0.1: an area of 1.
    assert path.name == "dermamnist_64_test_[AUC]1.000_[ACC]0.667@retrained.csv"
    assert path.read_text().splitlines() == ["0,0.9,0.1", "1,0.4,0.6", "2,0.7,0.3"]
    flag, size, split, *_ = path.name.split("_")
    assert (flag, size, split) == ("dermamnist", "64", "test")
    assert path.name.split("@")[-1].split(".")[0] == "retrained"


def test_medmnist_files_of_an_earlier_run_are_removed(tmp_path):
    for name in ("[AUC]0.5@retrained.csv", "[AUC]0.5@ceiling.csv", "half.csv.partial"):
        (tmp_path / f"dermamnist_test_{name}").write_text("")
    written = write_medmnist_csvs(tmp_path, "dermamnist", "test", [small_scores()])
    assert list(tmp_path.iterdir()) == written
