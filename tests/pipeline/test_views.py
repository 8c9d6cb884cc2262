"""What a fold sees is learned without the labels it holds out."""

import numpy as np
import pytest

from tests.pipeline.test_chapter import QUICK
from voisin import Settings, open_images
from voisin.errors import InputWarning
from voisin.pipeline.preparing import prepare
from voisin.pipeline.stages import Stages
from voisin.project.cache import Cache


def viewpoint(tmp_path, **settings):
    images = open_images("digits").take(np.arange(300))
    stages = Stages(
        Cache(tmp_path),
        Settings(labels_per_class=4, random_state=3, **QUICK, **settings),
        progress=lambda *_: None,
        announce=lambda _: None,
    )
    return prepare(stages, images)


def test_a_network_is_trained_again_for_each_fold(tmp_path):
    there = viewpoint(tmp_path)
    sight = there.sight()
    problem = there.problem(sight)
    assert len(problem.folds) == 3
    for fold in problem.folds:
        assert not np.array_equal(fold.view.embeddings, sight.view.embeddings)


def test_what_a_fold_sees_does_not_change_with_the_labels_it_holds_out(tmp_path):
    first = viewpoint(tmp_path / "first")
    fold = first.problem(first.sight()).folds[0]
    labels = first.task.labels.copy()
    labels[fold.held_out] = -1
    seen = viewpoint(tmp_path / "second").knowing(labels).sight().view
    np.testing.assert_array_equal(seen.embeddings, fold.view.embeddings)


def test_vectors_that_know_no_labels_are_the_same_in_every_fold(tmp_path):
    there = viewpoint(tmp_path, embedding="pixels")
    sight = there.sight()
    problem = there.problem(sight)
    assert len(problem.folds) == 5
    assert all(fold.view is sight.view for fold in problem.folds)


def test_vectors_that_are_all_alike_are_told_of(tmp_path):
    np.save(tmp_path / "same.npy", np.ones((300, 4), dtype=np.float32))
    there = viewpoint(tmp_path / "p", embedding=f"vectors:{tmp_path / 'same.npy'}")
    with pytest.warns(InputWarning, match="All vectors are alike, so that no image is nearer"):
        there.sight()


@pytest.mark.parametrize("embedding", ["cnn", "pixels"])
def test_every_label_is_held_out_once(tmp_path, embedding):
    there = viewpoint(tmp_path, embedding=embedding)
    problem = there.problem(there.sight())
    held_out = np.concatenate([fold.held_out for fold in problem.folds])
    np.testing.assert_array_equal(np.sort(held_out), np.flatnonzero(there.task.labels >= 0))
