"""Loops over candidates keep the nearest of all that they visit."""

import numpy as np
import pytest

from tests.neighbors.kernels.problems import all_distances, points_of, ranked, whole
from voisin.neighbors.kernels.expansion import expand_neighbors, rescore_rows
from voisin.neighbors.kernels.top_k import NO_ID, TopK
from voisin.neighbors.kernels.vectors import Bfloat16Vectors


@pytest.mark.parametrize("rounded", [False, True])
def test_every_row_is_compared_with_its_neighbors_neighbors(rounded):
    rng = np.random.default_rng(3)
    vectors, reach = whole(rng, 200, 32, most=255), 4
    distances = all_distances(vectors, vectors)
    ids = np.array([rng.choice(np.delete(np.arange(200), i), 6, replace=False) for i in range(200)])
    ids = np.take_along_axis(ids, np.argsort(np.take_along_axis(distances, ids, 1), axis=1), 1)
    points = points_of(vectors)
    points = Bfloat16Vectors.from_points(points, np.zeros(32, np.float32)) if rounded else points
    old = ids.astype(np.int32), np.take_along_axis(distances, ids, 1)
    new = TopK.empty(200, 6)

    for rows in ((0, 90), (90, 200)):
        expand_neighbors(
            points.elements,
            points.squared_norms,
            *old,
            *rows,
            reach,
            new.ids,
            new.squared_distances,
        )

    for row in range(200):
        visited = set(ids[row]) | {k for j in ids[row, :reach] for k in ids[j, :reach]} - {row}
        visited = np.array(sorted(visited))
        expected, expected_distances = ranked(distances[row, visited][None], visited, 6)
        np.testing.assert_array_equal(new.ids[row], expected[0])
        np.testing.assert_array_equal(new.squared_distances[row], expected_distances[0])


@pytest.mark.parametrize("n_candidates", [3, 5, 9])
def test_rescores_candidates_and_keeps_the_nearest(n_candidates):
    rng = np.random.default_rng(4)
    vectors, ones = whole(rng, 50, 7), np.ones(50, np.float32)
    ids = np.array([rng.choice(50, n_candidates, replace=False) for _ in range(8)], np.int32)
    ids[0, 1] = NO_ID
    nearest, squared = TopK.empty(8, 5).ids, TopK.empty(8, 5).squared_distances
    queries = np.arange(8) * 3

    rescore_rows(
        vectors,
        ones,
        queries,
        vectors,
        ones,
        ids,
        np.zeros(ids.shape, np.float32),
        nearest,
        squared,
    )

    for row, candidates in enumerate(ids):
        candidates = candidates[candidates != NO_ID]
        distances = all_distances(vectors[queries[row]][None], vectors[candidates])
        expected, distances = ranked(distances, candidates, 5)
        n_found = expected.shape[1]
        np.testing.assert_array_equal(nearest[row, :n_found], expected[0])
        np.testing.assert_array_equal(squared[row, :n_found], distances[0])
        assert (nearest[row, n_found:] == NO_ID).all()


def test_candidates_whose_bound_is_farther_are_not_rescored():
    vectors = np.array([[0], [1], [2], [1]], dtype=np.float32)
    ids, bounds = np.array([[1, 2, 3]], np.int32), np.array([[0, 0, 4.5]], np.float32)
    nearest, squared = TopK.empty(1, 2).ids, TopK.empty(1, 2).squared_distances
    ones = np.ones(4, np.float32)

    rescore_rows(vectors, ones, np.zeros(1, np.int64), vectors, ones, ids, bounds, nearest, squared)

    assert nearest.tolist() == [[1, 2]]
