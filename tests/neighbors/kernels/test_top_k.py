"""A row keeps the nearest of all targets, in whatever order and from whichever thread they come."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.neighbors.kernels.problems import all_distances, points_of, ranked, whole
from voisin.neighbors.kernels.top_k import NO_ID, Queries, TopK, update_rows, update_top_k


@pytest.mark.parametrize("n_targets", [5, 64, 100, 1_000])
@pytest.mark.parametrize("width", [1, 14, 40])
def test_keeps_the_smallest_distances_of_all(n_targets, width):
    rng = np.random.default_rng(0)
    queries, targets = whole(rng, 70, 6), whole(rng, n_targets, 6)
    no_target, rows = np.full(70, -5, np.int32), np.arange(70, dtype=np.int32)
    target_ids = rng.permutation(n_targets).astype(np.int32)
    top_k = TopK.empty(70, width)

    update_top_k(
        Queries(points_of(queries), no_target, rows), points_of(targets), target_ids, top_k
    )

    ids, distances = ranked(all_distances(queries, targets), target_ids, width)
    np.testing.assert_array_equal(top_k.ids[:, : ids.shape[1]], ids)
    np.testing.assert_array_equal(top_k.squared_distances[:, : ids.shape[1]], distances)
    assert (top_k.ids[:, ids.shape[1] :] == NO_ID).all()


@pytest.mark.parametrize("width", [3, 14, 40])
def test_a_target_that_comes_twice_is_kept_once_at_the_smaller_distance(width):
    rng = np.random.default_rng(1)
    scores = np.full((2, 1, 128), -np.inf, dtype=np.float32)
    scores[:, 0, :100] = rng.integers(-30, -2, (2, 100))
    target_ids, zero = np.arange(100, dtype=np.int32), np.zeros(1, np.int32)
    top_k = TopK.empty(1, width)

    for block in scores:
        norms = np.zeros(1, np.float32)
        best = top_k.ids, top_k.squared_distances, top_k.locks
        update_rows(block, norms, zero - 5, zero, target_ids, *best)

    smallest = -2 * scores[:, :, :100].max(axis=0)
    ids, distances = ranked(smallest, target_ids, width)
    np.testing.assert_array_equal(top_k.ids, ids)
    np.testing.assert_array_equal(top_k.squared_distances, distances)


def test_of_many_equal_distances_the_first_ids_are_kept():
    top_k, target_ids = TopK.empty(1, 14), np.arange(3_000, dtype=np.int32)[::-1].copy()
    query = points_of(np.ones((1, 4), np.float32))
    targets = points_of(np.ones((3_000, 4), np.float32))

    queries = Queries(query, np.full(1, 7, np.int32), np.zeros(1, np.int32))
    update_top_k(queries, targets, target_ids, top_k)

    assert top_k.ids[0].tolist() == [i for i in range(15) if i != 7]


def test_threads_that_share_a_row_find_what_one_thread_finds():
    rng = np.random.default_rng(2)
    queries = whole(rng, 1_000, 5)
    same_row = Queries(
        points_of(queries), np.full(1_000, -5, np.int32), np.zeros(1_000, dtype=np.int32)
    )
    targets, top_k = whole(rng, 64 * 64, 5), TopK.empty(1, 300)

    def add(start):
        target_ids = np.arange(start, start + 64, dtype=np.int32)
        update_top_k(same_row, points_of(targets[target_ids]), target_ids, top_k)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(0, len(targets), 64)))

    smallest = all_distances(queries, targets).min(axis=0)[None]
    ids, distances = ranked(smallest, np.arange(len(targets)), 300)
    np.testing.assert_array_equal(top_k.ids, ids)
    np.testing.assert_array_equal(top_k.squared_distances, distances)
    assert not top_k.locks.any()
