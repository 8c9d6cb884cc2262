"""The whole chapter: what it leaves, and what must not change it."""

import json
import warnings

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from tests.digits import save_digits
from voisin import open_images, run
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.errors import InputError, InputWarning, ProjectError
from voisin.evaluation.metrics import macro_auc

QUICK = {"embedding": "cnn", "epochs": 2, "rounds": 1, "retraining_epochs": 2, "device": "cpu"}
METHODS = ["few-labels", "pseudo-labels", "propagated", "retrained", "ceiling"]


@pytest.fixture(scope="module")
def digits_npz(tmp_path_factory):
    """Digits with ids and groups, some of them on both sides."""
    ids = np.array([f"image-{(i * 7919) % 600:03}" for i in range(600)])
    groups = np.array([f"writer-{i // 4}" for i in range(600)])
    groups[450:470] = groups[:20]
    path = tmp_path_factory.mktemp("data") / "digits.npz"
    return save_digits(path, 450, 150, image_ids=ids, groups=groups)


def results(out):
    return json.loads((out / "metrics.json").read_text("utf-8"))["results"]


@pytest.fixture(scope="module")
def finished(digits_npz, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "digits"
    return run(digits_npz, out, labels_per_class=5, random_state=1, **QUICK)


def test_every_method_is_scored_in_every_scope_but_the_ceiling_on_what_it_has_seen(finished):
    found = {(one.method, one.scope) for one in finished.scores}
    expected = {(m, s) for m in METHODS for s in ("unlabeled", "test", "test-no-leak")}
    assert found == expected - {("ceiling", "unlabeled")}
    sizes = {one.scope: one.n for one in finished.scores}
    assert sizes == {"unlabeled": 400, "test": 150, "test-no-leak": 130}


def test_the_files_of_the_run_are_there_and_agree(finished):
    names = {path.name for path in finished.folder.iterdir()}
    assert {"report.html", "labels.parquet", "metrics.json", "model.safetensors"} <= names
    assert {"voisin.toml", "cache"} <= names
    document = json.loads((finished.folder / "metrics.json").read_text("utf-8"))
    assert document["schema"] == 1
    assert document["dataset"]["n_labeled"] == 50
    assert document["settings"]["labels_per_class"] == 5
    first = document["results"][0]
    assert first["accuracy"] == pytest.approx(
        finished.score_of(first["method"], first["scope"]).accuracy.value, abs=1e-6
    )
    labels = pq.read_table(finished.folder / "labels.parquet")
    assert labels.num_rows == 450
    assert sum(source == "given" for source in labels["source"].to_pylist()) == 50


def test_shuffling_the_test_set_changes_no_figure(digits_npz, finished, tmp_path):
    with np.load(digits_npz) as file:
        arrays = dict(file)
    order = np.random.default_rng(0).permutation(150)
    for name in arrays:
        if name.startswith("test_"):
            arrays[name] = arrays[name][order]
    shuffled = tmp_path / "digits.npz"
    np.savez(shuffled, **arrays)

    run(shuffled, tmp_path / "out", labels_per_class=5, random_state=1, **QUICK)

    assert results(tmp_path / "out") == results(finished.folder)


def test_hidden_labels_are_seen_by_the_verdict_and_the_ceiling_alone(
    digits_npz, finished, tmp_path
):
    few = finished.images.ids[finished.propagation.labels >= 0]
    labels = pq.read_table(finished.folder / "labels.parquet").to_pydict()
    given = [
        (name, label)
        for name, label, source in zip(
            labels["id"], labels["label_name"], labels["source"], strict=True
        )
        if source == "given"
    ]
    table = tmp_path / "given.csv"
    table.write_text("id,label\n" + "\n".join(f"{name},{label}" for name, label in given))
    with np.load(digits_npz) as file:
        arrays = dict(file)
    known = np.isin(arrays["train_image_ids"], [name for name, _ in given])
    scrambled = np.random.default_rng(0).permutation(arrays["train_labels"][~known])
    arrays["train_labels"][~known] = scrambled
    other = tmp_path / "digits.npz"
    np.savez(other, **arrays)

    lied_to = run(other, tmp_path / "out", labels=table, random_state=1, **QUICK)

    assert len(few)
    np.testing.assert_array_equal(
        lied_to.propagation.probabilities, finished.propagation.probabilities
    )
    for method in METHODS[:-1]:
        expected = finished.score_of(method, "test").accuracy
        assert lied_to.score_of(method, "test").accuracy == expected


def test_a_second_run_reuses_every_stage_and_ends_the_same(digits_npz, finished):
    before = results(finished.folder)
    lines = []
    run(
        digits_npz,
        finished.folder,
        labels_per_class=5,
        random_state=1,
        log=lines.append,
        **QUICK,
    )
    reused = {line.split()[0] for line in lines if line.endswith("reused")}
    assert reused == {
        *("read", "few-labels", "pseudo-labels", "embeddings-cnn", "graph", "folds", "labeling"),
        *("retrained", "ceiling", "novelty"),
    }
    assert [line.split()[0] for line in lines if line.endswith(" s")] == [
        "calibration",
        "explanations",
        "verdict",
    ]
    assert results(finished.folder) == before


def test_another_random_state_draws_other_labels(digits_npz, finished, tmp_path):
    other = run(digits_npz, tmp_path / "out", labels_per_class=5, random_state=2, **QUICK)
    drawn = [
        set(np.array(table["id"].to_pylist())[np.array(table["source"].to_pylist()) == "given"])
        for table in (pq.read_table(r.folder / "labels.parquet") for r in (finished, other))
    ]
    assert drawn[0] != drawn[1]


def test_an_expert_from_a_file_takes_the_place_of_pseudo_labels(digits_npz, finished, tmp_path):
    again = run(
        digits_npz,
        tmp_path / "out",
        labels_per_class=5,
        random_state=1,
        expert_network=finished.folder / "model.safetensors",
        ceiling=False,
        **QUICK,
    )
    assert {one.method for one in again.scores} == {
        "few-labels",
        "expert",
        "propagated",
        "retrained",
    }
    assert again.rounds == ()
    of_both = [finished.score_of("retrained", "test"), again.score_of("expert", "test")]
    accuracies = [scores.accuracy.value for scores in of_both]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.05)  # the first is calibrated


def test_images_that_come_later_get_what_the_runs_test_images_got(digits_npz, finished):
    images = open_images(digits_npz).in_split("test")

    later = finished.predict(images)

    scores = finished.score_of("propagated", "test")
    assert np.mean(later.labels == images.labels) == pytest.approx(scores.accuracy.value)
    (auc,) = macro_auc(images.labels, later.probabilities, np.ones((1, len(images))))
    assert auc == pytest.approx(scores.auc.value, abs=1e-4)


def test_without_truth_there_are_labels_and_a_report_but_no_verdict(tmp_path):
    images = open_images("digits").take(np.arange(300))
    images.labels[50:] = -1
    images = images.in_split("train")
    done = run(images, tmp_path / "out", **QUICK)
    assert done.scores == ()
    assert pq.read_table(tmp_path / "out" / "labels.parquet").num_rows == 300
    assert "verdict" in (tmp_path / "out" / "report.html").read_text("utf-8").lower()


def test_a_source_without_splits_gets_a_test_set_where_labels_are_drawn(tmp_path):
    images = open_images("digits").take(np.arange(400))
    bare = type(images)(
        "bare", images.reader, images.labels, images.class_names, images.ids, images.positions
    )
    done = run(bare, tmp_path / "out", labels_per_class=5, test_share=0.25, **QUICK)
    assert {one.scope: one.n for one in done.scores}["test"] == pytest.approx(100, abs=10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"labels_per_clas": 5},
            "'labels_per_clas' is not a setting: choose among labels_per_class",
        ),
        ({"alpha": 1.0}, r"`alpha=1.0` is outside \(0, 1\)"),
        ({"metric": "manhattan"}, "`metric='manhattan'` is not known"),
        (
            {"labels_per_class": 3, "labels": "x.csv"},
            "pass one of them, to draw labels or to bring them",
        ),
        ({}, "All 1437 images are labeled, so there is nothing to find: pass `labels_per_class`"),
        (
            {"embedding": "pixels+contrastive", "loop_rounds": 2},
            r"`loop_rounds=2` .* `embedding='pixels\+contrastive'` has none that learns from "
            "labels: add one of backbone-tuned, cnn, cnn-augmented, contrastive-tuned, or leave it",
        ),
        ({"labels_per_class": 2, "device": "tpu"}, "`device='tpu'` is not there"),
    ],
)
def test_unusable_settings_are_refused_in_one_line(tmp_path, options, words):
    with pytest.raises(InputError, match=words) as refused:
        run("digits", tmp_path / "out", **options)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("alpha", [0.5, 0.99])
def test_an_alpha_that_the_method_does_not_take_is_said_in_a_warning(tmp_path, alpha):
    wrong = {"labels_per_class": 2, "device": "tpu"}  # found out only after the warning
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for method in ("spreading", "auto"):
            with pytest.raises(InputError):
                run("digits", tmp_path / "out", alpha=alpha, method=method, **wrong)
    said = [str(one.message) for one in caught if issubclass(one.category, InputWarning)]
    expected = ["`alpha=0.5` has no effect with auto: it is for spreading alone."]
    assert said == (expected if alpha == 0.5 else [])


def test_shares_are_not_estimated_from_one_label_a_class_and_no_network_is_trained(tmp_path):
    lines = []
    options = {"labels_per_class": 1, "class_priors": "estimate", "log": lines.append}
    with pytest.raises(InputError, match="='estimate'` needs labels to hold out, and no class has"):
        run("digits", tmp_path / "out", **options, **QUICK)
    assert lines[-1].startswith("Judged on")


def test_weights_that_do_not_fit_are_refused_before_any_work(tmp_path):
    torch.save(SimpleCNN(3, 7).state_dict(), tmp_path / "skin.pth")
    lines = []
    with pytest.raises(InputError, match=r"skin.pth does not fit SimpleCNN with 1 channels"):
        run(
            "digits",
            tmp_path / "out",
            labels_per_class=2,
            expert_network=tmp_path / "skin.pth",
            log=lines.append,
        )
    assert lines[-1] == "  groups: none"  # of the source; no stage after it


def test_a_foreign_folder_is_refused_before_any_work(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ProjectError, match="not empty"):
        run("digits", tmp_path, labels_per_class=2)


def test_a_class_with_too_few_images_is_said_in_a_warning_and_in_the_report(tmp_path):
    images = open_images("digits").take(np.arange(300))
    keep = (images.labels != 9) | (np.cumsum(images.labels == 9) <= 2)
    with pytest.warns(Warning, match="9"):
        run(images.take(keep), tmp_path / "out", labels_per_class=4, **QUICK)
    document = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    assert any("9" in line for line in document["dataset"]["warnings"])


def test_no_warning_is_given_where_nothing_is_wrong(tmp_path):
    images = open_images("digits").take(np.arange(200))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = run(images, tmp_path / "out", labels_per_class=4, **QUICK)
    assert done.report.is_file()
