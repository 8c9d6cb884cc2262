"""Vectors unlike all known ones."""

import numpy as np
import pytest

from voisin.neighbors.novelty import fit_novelty, is_novel
from voisin.neighbors.search import VectorIndex, query_neighbors


def cloud(n, seed=0, around=3.0):
    return np.random.default_rng(seed).normal(around, 1, (n, 8)).astype(np.float32)


def test_the_threshold_is_the_quantile_of_distances_among_the_known_ones():
    known = cloud(300)
    unit = known / np.linalg.norm(known, axis=1, keepdims=True)
    to_others = np.sort(1 - unit @ unit.T, axis=1)[:, 10]  # the first is the vector itself

    assert fit_novelty([known]).threshold == pytest.approx(np.quantile(to_others, 0.98), abs=1e-5)


def test_few_of_the_same_kind_and_nearly_all_others_are_flagged():
    known = cloud(500)
    novelty = fit_novelty([known])

    assert is_novel(novelty, [cloud(500, seed=1)]).mean() < 0.06
    assert is_novel(novelty, [cloud(100, seed=2, around=-3.0)]).all()


def test_directions_that_no_known_image_has_are_seen_though_no_axis_holds_them():
    plane = np.zeros((400, 300), dtype=np.float32)
    plane[:, :10] = np.random.default_rng(0).normal(2, 1, (400, 10))
    novelty = fit_novelty([plane])
    turned = plane[:50] + np.eye(300, dtype=np.float32)[299] * 8

    assert novelty.axes.shape == (300, 20)
    assert is_novel(novelty, [turned]).all()


def test_several_kinds_of_vectors_count_alike_whatever_their_lengths():
    near, far = cloud(200), cloud(200, seed=1)
    few, many = fit_novelty([near, far]), fit_novelty([near, 1000 * far])

    assert few.threshold == pytest.approx(many.threshold, abs=1e-4)
    assert is_novel(few, [near[:20], -far[:20]]).all()


def test_images_of_one_patient_do_not_make_those_of_others_look_far():
    centers = np.repeat(cloud(40), 15, axis=0)
    known = centers + cloud(600, seed=1, around=0.0) / 100
    patients = np.repeat(np.arange(40), 15).astype(str)

    alone, apart = fit_novelty([known]), fit_novelty([known], patients)

    new = cloud(300, seed=2)
    assert is_novel(alone, [new]).mean() > 0.9
    assert is_novel(apart, [new]).mean() < 0.2


def test_two_vectors_are_enough_and_where_all_are_of_one_patient_none_is_flagged():
    assert fit_novelty([cloud(2)]).n_neighbors == 1
    one = fit_novelty([cloud(20)], np.full(20, "patient"))
    assert not is_novel(one, [-cloud(20)]).any()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_an_index_finds_what_a_single_query_finds(metric):
    known, new = cloud(50), cloud(5, seed=1)
    index = VectorIndex(known, metric)

    for _ in range(2):
        found, expected = index.query(new, 3), query_neighbors(new, known, 3, metric=metric)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.distances, expected.distances)
