"""What a run says is recomputed from its files; what a result depends on is in its key."""

import json
import shutil
import tomllib

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.pipeline.test_run import QUICK, results
from voisin import Settings, compare, open_images, run
from voisin.embedding.inference import predict
from voisin.embedding.networks.simple_cnn import load_simple_cnn
from voisin.errors import InputError
from voisin.evaluation.metrics import certainty
from voisin.prediction.model import load_model
from voisin.training.supervised import SupervisedTraining

SETTINGS = {"labels_per_class": 4, "random_state": 1, **QUICK}


def write_digits(path, n_train=200, n_test=80, change=None):
    images = open_images("digits")
    pixels = np.stack([np.asarray(images.reader.load(i).resize((28, 28))) for i in range(280)])
    order = np.random.default_rng(5).permutation(280)  # ids do not follow the file
    arrays = {"train": np.arange(n_train), "test": np.arange(n_train, n_train + n_test)}
    content = {}
    for split, rows in arrays.items():
        content[f"{split}_images"] = pixels[rows]
        content[f"{split}_labels"] = images.labels[rows]
        content[f"{split}_image_ids"] = np.array([f"image-{order[i]:03}" for i in rows])
    if change:
        change(content)
    np.savez(path, **content)
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data") / "digits.npz")


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    return run(source, tmp_path_factory.mktemp("out") / "first", **SETTINGS)


def by_id(source, split):
    with np.load(source) as file:
        ids = file[f"{split}_image_ids"].tolist()
        return ids, file[f"{split}_images"], dict(zip(ids, file[f"{split}_labels"], strict=True))


def test_the_written_model_scores_on_the_files_test_images_as_the_run_says(source, finished):
    _, pixels, truth = by_id(source, "test")
    path = finished.folder / "model.safetensors"
    model, network = load_model(path), load_simple_cnn(path, 1, 10)
    calibrated = model.calibration.apply(predict(network, pixels[..., None]))
    predicted = model.decision.apply(calibrated)
    expected = np.mean(predicted == np.array(list(truth.values())))
    assert finished.score_of("retrained", "test").accuracy.value == pytest.approx(expected)


def test_the_written_labels_score_on_the_files_hidden_labels_as_the_run_says(source, finished):
    *_, truth = by_id(source, "train")
    table = pq.read_table(finished.folder / "labels.parquet").to_pydict()
    hits = [
        label == truth[name]
        for name, label, origin in zip(table["id"], table["label"], table["source"], strict=True)
        if origin != "given"
    ]
    found = finished.score_of("propagated", "unlabeled")
    assert (found.n, found.accuracy.value) == (len(hits), pytest.approx(np.mean(hits)))


def test_retraining_weighs_each_label_by_its_certainty_relative_to_the_surest(
    source, tmp_path, monkeypatch
):
    seen = {}

    def spy(self, pixels, labels, **options):
        seen[options["task"]] = (labels, options.get("weights"))
        return fit(self, pixels, labels, **options)

    fit = SupervisedTraining.fit
    monkeypatch.setattr(SupervisedTraining, "fit", spy)
    done = run(source, tmp_path / "out", **SETTINGS)
    labels, weights = seen["Training: retrained"]
    sure = certainty(done.propagation.probabilities)
    given = done.result.labels >= 0

    np.testing.assert_array_equal(labels[given], done.result.labels[given])
    np.testing.assert_array_equal(labels[~given], done.propagation.labels[~given])
    np.testing.assert_array_equal(weights[given], 1)
    np.testing.assert_allclose(weights[~given], sure[~given] / sure[~given].max())


@pytest.fixture
def project(finished, tmp_path):
    """A copy of the finished project, to run again with something changed."""
    return shutil.copytree(finished.folder, tmp_path / "project")


def computed_again(source, project, **changes):
    lines = []
    run(source, project, log=lines.append, **{**SETTINGS, **changes})
    return {line.split()[0] for line in lines if line.endswith(" s")} - {
        "verdict",
        "calibration",
        "explanations",
    }


TRAINED = {"few-labels", "pseudo-labels", "retrained", "ceiling"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "spreading", "alpha": 0.8}, {"labeling", "retrained"}),
        ({"n_neighbors": 5}, {"graph", "folds", "labeling", "retrained"}),
        (
            {"threshold": 0.2},
            {"pseudo-labels", "embeddings-cnn", "graph", "folds", "labeling", "retrained"},
        ),
        ({"retraining_epochs": 3}, {"retrained", "ceiling"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_changed_setting_computes_again_what_depends_on_it(source, project, changes, expected):
    assert computed_again(source, project, **changes) <= expected
    assert computed_again(source, project, **changes) == set()


def test_another_random_state_trains_again(source, project):
    assert computed_again(source, project, random_state=2) >= TRAINED


def test_other_labels_for_the_same_images_are_propagated_again(source, finished, project, tmp_path):
    table = pq.read_table(finished.folder / "labels.parquet").to_pydict()
    given = [
        [name, label]
        for name, label, origin in zip(table["id"], table["label"], table["source"], strict=True)
        if origin == "given"
    ]
    given[0][1] = (given[0][1] + 1) % 10
    few = tmp_path / "few.csv"
    few.write_text("id,label\n" + "\n".join(f"{name},{label}" for name, label in given))
    again = computed_again(source, project, labels=few, labels_per_class=None)
    assert again >= {"few-labels", "pseudo-labels", "labeling", "retrained"}


def test_changed_images_are_read_and_trained_on_again(project, tmp_path):
    def invert(content):
        content["train_images"] = 255 - content["train_images"]

    changed = write_digits(tmp_path / "digits.npz", change=invert)
    assert computed_again(changed, project) >= {"read", "embeddings-cnn"} | TRAINED


def test_images_without_evidence_are_counted_and_never_silently_of_class_0(tmp_path):
    images = open_images("digits").take(np.arange(300))
    done = run(
        images,
        tmp_path / "out",
        **{**SETTINGS, "labels_per_class": 1, "n_neighbors": 1, "ceiling": False},
        method="spreading",
    )
    unreached = ~done.propagation.reached
    assert unreached.any()
    table = pq.read_table(tmp_path / "out" / "labels.parquet").to_pydict()
    assert [label for label, out in zip(table["label"], unreached, strict=True) if out] == [
        -1
    ] * unreached.sum()
    (row,) = [
        row
        for row in results(tmp_path / "out")
        if (row["method"], row["scope"]) == ("propagated", "unlabeled")
    ]
    assert row["n_unanswered"] == unreached.sum()


def test_a_class_whose_only_labeled_image_is_unreadable_is_said(tmp_path):
    folder = tmp_path / "pictures"
    rng = np.random.default_rng(0)
    for name in [f"cat/{i}.png" for i in range(25)] + [f"unlabeled/{i}.png" for i in range(25)]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (9, 9), dtype=np.uint8)).save(folder / name)
    (folder / "dog").mkdir()
    (folder / "dog" / "0.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match="are of one class, cat"):
        run(folder, tmp_path / "out", **QUICK)


def test_settings_are_written_with_the_results_so_that_they_tell_how_these_were_made(
    source, finished, tmp_path
):
    document = json.loads((finished.folder / "metrics.json").read_text("utf-8"))
    settings = tomllib.loads((finished.folder / "voisin.toml").read_text("utf-8"))
    assert settings["source"] == str(source.resolve())
    assert settings["n_neighbors"] == document["settings"]["n_neighbors"]
    with pytest.raises(ValueError, match="is not a file"):
        run(source, tmp_path / "out", expert_network=tmp_path / "none.pth", **SETTINGS)
    assert not (tmp_path / "out" / "voisin.toml").exists()


def test_a_class_with_many_labels_does_not_take_the_others(tmp_path):
    images = open_images("digits").take(np.arange(700))
    given = [*np.flatnonzero(images.labels == 1)[:50]]
    for c in (0, 2, 3, 4, 5, 6, 7, 8, 9):
        given += [*np.flatnonzero(images.labels == c)[:6]]
    few = tmp_path / "few.csv"
    few.write_text("id,label\n" + "\n".join(f"{images.ids[i]},{images.labels[i]}" for i in given))
    done = run(images, tmp_path / "out", labels=few, **{**QUICK, "embedding": "pixels"})
    assert done.score_of("propagated", "unlabeled").balanced_accuracy.value > 0.8


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"labels": np.zeros(9)}, r"`labels` is a ndarray: pass the path of a table \(id, label\)"),
        ({"labels_per_class": 2.5}, r"`labels_per_class=2.5` is no whole number: pass 1 or more"),
        ({"random_state": 1.5}, r"`random_state=1.5` is no whole number: pass 0 or more"),
    ],
)
def test_settings_of_another_kind_are_refused(setting, message):
    with pytest.raises(InputError, match=message):
        Settings(**setting)


def test_a_comparison_at_a_bare_number_of_labels_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"`labels_per_class=5` is no sequence: pass one, such as"):
        compare(open_images("digits"), tmp_path / "out", labels_per_class=5)
