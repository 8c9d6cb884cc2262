"""What a fold sees is learned without the labels it holds out."""

import numpy as np
import pytest

from tests.pipeline.test_run import QUICK
from voisin import Settings, open_images
from voisin.errors import InputWarning
from voisin.pipeline.context import Context
from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache


def context(tmp_path, **settings):
    images = open_images("digits").take(np.arange(300))
    stages = Stages(
        Cache(tmp_path),
        Settings(**{"labels_per_class": 4, "random_state": 3, **QUICK, **settings}),
        progress=lambda *_: None,
        log=lambda _: None,
    )
    return Context.of(stages, images)


def test_a_network_is_trained_again_for_each_fold(tmp_path):
    there = context(tmp_path)
    graph_data = there.graph_data()
    problem = there.problem(graph_data)
    assert len(problem.folds) == 5
    for fold in problem.folds:
        assert not np.array_equal(fold.data.embeddings, graph_data.data.embeddings)


def test_what_a_fold_sees_does_not_change_with_the_labels_it_holds_out(tmp_path):
    first = context(tmp_path / "first")
    fold = first.problem(first.graph_data()).folds[0]
    labels = first.experiment.labels.copy()
    labels[fold.held_out] = -1
    seen = context(tmp_path / "second").with_labels(labels).graph_data().data
    np.testing.assert_array_equal(seen.embeddings, fold.data.embeddings)


def test_vectors_that_know_no_labels_are_the_same_in_every_fold(tmp_path):
    there = context(tmp_path, embedding="pixels")
    graph_data = there.graph_data()
    problem = there.problem(graph_data)
    assert len(problem.folds) == 5
    assert all(fold.data is graph_data.data for fold in problem.folds)


def test_vectors_that_are_all_alike_are_told_of(tmp_path):
    np.save(tmp_path / "same.npy", np.ones((300, 4), dtype=np.float32))
    there = context(tmp_path / "p", embedding=f"vectors:{tmp_path / 'same.npy'}")
    with pytest.warns(InputWarning, match="All vectors are alike, so that no image is nearer"):
        there.graph_data()


@pytest.mark.parametrize("embedding", ["cnn", "pixels"])
def test_every_label_is_held_out_once(tmp_path, embedding):
    there = context(tmp_path, embedding=embedding)
    problem = there.problem(there.graph_data())
    held_out = np.concatenate([fold.held_out for fold in problem.folds])
    np.testing.assert_array_equal(np.sort(held_out), np.flatnonzero(there.experiment.labels >= 0))


@pytest.mark.parametrize(("labels_per_class", "n_folds"), [(4, 5), (19, 5), (20, 3)])
def test_networks_are_trained_for_fewer_folds_where_these_leave_labels_enough(
    tmp_path, labels_per_class, n_folds
):
    there = context(tmp_path, labels_per_class=labels_per_class)

    assert len(there.held_out_in_turn()) == n_folds
