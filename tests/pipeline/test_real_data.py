"""The chapter on DermaMNIST: its figures are those measured before, and its files say the same."""

import csv
import json
import resource
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.semi_supervised import LabelSpreading

pytestmark = [pytest.mark.data, pytest.mark.slow]

MEASURED_AUC = {"few-labels": 0.84, "pseudo-labels": 0.83, "retrained": 0.87, "ceiling": 0.93}


@pytest.fixture(scope="module")
def finished(data_folder, tmp_path_factory):
    """The folder of one run, made by another process so that its memory can be told."""
    out = tmp_path_factory.mktemp("out") / "derma"
    command = [sys.executable, "-m", "voisin", "run", data_folder / "dermamnist.npz"]
    options = [
        "--labels-per-class",
        "50",
        "--embedding",
        "cnn",
        "--random-state",
        "42",
        "--out",
        out,
    ]
    subprocess.run([*map(str, command + options)], check=True)
    return out


@pytest.fixture(scope="module")
def results(finished):
    rows = json.loads((finished / "metrics.json").read_text("utf-8"))["results"]
    return {(row["method"], row["scope"]): row for row in rows}


@pytest.mark.parametrize("method", MEASURED_AUC)
def test_area_under_the_curve_is_near_the_figure_measured_before(results, method):
    # One draw of labels; draws differ by 0.01 to 0.02.
    assert results[method, "test"]["auc"] == pytest.approx(MEASURED_AUC[method], abs=0.045)


def test_propagated_labels_are_not_below_scikit_learns_on_the_same_features(
    finished, results, data_folder
):
    import pyarrow.parquet as pq

    table = pq.read_table(finished / "labels.parquet").to_pydict()
    kept = (finished / "cache").glob("embeddings-*/pool.npy")  # the folds' come later
    cached = min(kept, key=lambda path: path.stat().st_mtime_ns)
    given = np.array([source == "given" for source in table["source"]])
    labels = np.where(given, table["label"], -1)
    with np.load(data_folder / "dermamnist.npz") as file:
        truth = dict(zip(file["train_image_ids"], file["train_labels"].ravel(), strict=True))
    true = np.array([truth[name] for name in table["id"]])
    peer = LabelSpreading(kernel="knn", n_neighbors=10).fit(np.load(cached), labels)

    hidden = ~given
    areas = [
        roc_auc_score(true[hidden] == c, peer.label_distributions_[hidden, c]) for c in range(7)
    ]
    assert results["propagated", "unlabeled"]["auc"] >= np.mean(areas)


def test_medmnist_files_score_as_their_names_say(finished, data_folder):
    with np.load(data_folder / "dermamnist.npz") as file:
        truth = file["test_labels"].ravel()
    files = list((finished / "medmnist").iterdir())
    assert len(files) == 5
    for path in files:
        with path.open(newline="") as lines:
            rows = np.array(list(csv.reader(lines)), dtype=float)
        np.testing.assert_array_equal(rows[:, 0], np.arange(2005))
        scores = rows[:, 1:]
        auc = np.mean([roc_auc_score(truth == c, scores[:, c]) for c in range(7)])
        accuracy = accuracy_score(truth, scores.argmax(axis=1))
        assert f"_test_[AUC]{auc:.3f}_[ACC]{accuracy:.3f}@" in path.name


def test_images_of_lesions_seen_in_training_are_left_out_of_test_no_leak(results, data_folder):
    with np.load(data_folder / "dermamnist.npz") as file:
        apart = ~np.isin(file["test_lesion_ids"], file["train_lesion_ids"])
    assert results["retrained", "test-no-leak"]["n"] == apart.sum()


@pytest.mark.skipif(sys.platform != "linux", reason="unit of ru_maxrss")
def test_peak_memory_is_under_3_gb(finished):
    assert (finished / "report.html").is_file()
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 3_000_000
