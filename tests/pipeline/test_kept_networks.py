"""When few labels were added, the networks stay, and no label is judged by one that saw it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from voisin import Settings, open_images, run
from voisin.pipeline.context import Context
from voisin.pipeline.kept_networks import keep_networks, remember_taught
from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache
from voisin.project.folder import Project
from voisin.training import fine_tuning
from voisin.training.fine_tuning import FineTuning
from voisin.types import no_progress

N_IMAGES = 200
ORDER = np.random.default_rng(0).permutation(N_IMAGES)


@pytest.fixture(autouse=True)
def taught(monkeypatch):
    """Teach for one epoch only; give the number of labels of each network that was taught."""
    counts = []

    class Watched(FineTuning):
        def fit(self, network, pixels, labels, **options):
            counts.append(len(labels))
            return super().fit(network, pixels, labels, **options)

    monkeypatch.setattr(fine_tuning, "FineTuning", partial(Watched, epochs=1))
    return counts


@pytest.fixture(scope="module")
def images():
    return open_images("digits").take(np.arange(N_IMAGES))


def given(images, n_labels):
    is_given = np.isin(images.positions, ORDER[:n_labels])
    return replace(images, labels=np.where(is_given, images.labels, -1))


def context_of(images, folder, n_labels, **settings):
    """Prepare a run in which the first labels of a random order are given."""
    options = {"embedding": "cnn-augmented", "orientation": "fixed", "device": "cpu", **settings}
    stages = Stages(Cache(folder), Settings(**options), no_progress, lambda _: None)
    return Context.of(stages, given(images, n_labels))


def first_run(images, folder, **settings):
    context = context_of(images, folder, 80, **settings)
    graph_data = context.graph_data()
    problem = context.problem(graph_data)
    remember_taught(context)
    return context, problem


def test_few_more_labels_train_no_network_and_change_no_vector(images, tmp_path, taught):
    _, before = first_run(images, tmp_path)
    n_taught = len(taught)

    context, note = keep_networks(context_of(images, tmp_path, 100))
    after = context.problem(context.graph_data())

    assert note.startswith("networks taught 80 labels in an earlier run are kept, and 20 labels")
    assert len(taught) == n_taught
    np.testing.assert_array_equal(after.data.embeddings, before.data.embeddings)
    assert (after.labels >= 0).sum() == 100


def test_a_label_is_held_out_from_networks_that_never_saw_it(images, tmp_path):
    first, before = first_run(images, tmp_path)
    context, _ = keep_networks(context_of(images, tmp_path, 100))
    after = context.problem(context.graph_data())

    known = first.experiment.labels >= 0
    assert len(after.folds) == len(before.folds)
    for old, new in zip(before.folds, after.folds, strict=True):
        np.testing.assert_array_equal(new.data.embeddings, old.data.embeddings)
        assert set(new.held_out[known[new.held_out]]) <= set(old.held_out)
    held_out = np.concatenate([fold.held_out for fold in after.folds])
    assert len(set(held_out)) == len(held_out)
    assert set(np.flatnonzero((after.labels >= 0) & ~known)) <= set(held_out)


def test_networks_are_kept_when_an_image_is_added(images, tmp_path, taught):
    first_run(images.take(images.positions != ORDER[-1]), tmp_path)
    n_taught = len(taught)

    context, note = keep_networks(context_of(images, tmp_path, 81))
    context.problem(context.graph_data())

    assert note
    assert len(taught) == n_taught
    assert (context.experiment.training_labels.labels >= 0).sum() == 80
    assert context.experiment.labels[ORDER[80]] == images.labels[ORDER[80]]


@pytest.mark.parametrize(
    ("n_labels", "settings"),
    [
        (80, {}),  # none is new: everything is found as it is
        (101, {}),  # more than a quarter
        (70, {}),  # some are gone
        (90, {"retrain": True}),
        (90, {"random_state": 1}),
        (90, {"loop_rounds": 1}),
    ],
)
def test_otherwise_networks_are_taught_all_labels(images, tmp_path, n_labels, settings):
    remember_taught(context_of(images, tmp_path, 80))

    context, note = keep_networks(context_of(images, tmp_path, n_labels, **settings))

    assert note == ""
    assert (context.experiment.training_labels.labels >= 0).sum() == n_labels


def test_a_corrected_label_teaches_the_networks_anew(images, tmp_path):
    remember_taught(context_of(images, tmp_path, 80))
    labels = images.labels.copy()
    labels[ORDER[3]] = (labels[ORDER[3]] + 1) % 10
    corrected = replace(images, labels=labels)

    assert keep_networks(context_of(corrected, tmp_path, 90))[1] == ""


def test_vectors_that_depend_on_no_label_leave_nothing_to_keep(images, tmp_path):
    context = context_of(images, tmp_path, 80, embedding="pixels")
    remember_taught(context)

    assert list(tmp_path.glob("taught*")) == []


def test_a_run_says_that_it_kept_networks_and_not_how_long_teaching_takes(images, tmp_path):
    with Project(tmp_path / "out").locked() as cache:
        first_run(images, cache.folder, embedding="auto", effort="quick")
    lines = []

    finished = run(
        given(images, 90),
        tmp_path / "out",
        effort="quick",
        orientation="fixed",
        device="cpu",
        method="spreading",
        log=lines.append,
    )

    said = "networks taught 80 labels in an earlier run are kept, and 10 labels more enter the"
    assert [line for line in lines if said in line]
    assert not [line for line in lines if line.startswith("Effort")]
    assert said in finished.report.read_text()
