"""A row keeps the lowest of all gaps, whoever adds them, in whatever order."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from voisin.neighbors.kernels.expansion import measure, visit_neighbors_of_neighbors
from voisin.neighbors.kernels.top_k import keep_best
from voisin.neighbors.kernels.vectors import Bfloat16Vectors, Points, Queries, TopK, update_top_k

NOBODY = -1


def whole(rng, *shape, most=8):
    """Whole numbers, whose products are exact, so that the order of sums does not matter."""
    return rng.integers(-most, most + 1, shape).astype(np.float32)


def points_of(vectors):
    return Points(vectors, (vectors**2).sum(axis=1))


def ranked(gaps, ids, width):
    """Ids and gaps of the lowest of each row, ties by id."""
    order = np.array([np.lexsort((ids, row))[:width] for row in gaps])
    return ids[order], np.take_along_axis(gaps, order, 1)


def all_gaps(queries, targets):
    return ((queries[:, None] - targets[None]) ** 2).sum(axis=2)


@pytest.mark.parametrize("n_targets", [5, 64, 100, 1_000])
@pytest.mark.parametrize("width", [1, 14, 40])
def test_keeps_the_lowest_gaps_of_all(n_targets, width):
    rng = np.random.default_rng(0)
    queries, targets = whole(rng, 70, 6), whole(rng, n_targets, 6)
    strangers, rows = np.full(70, -5, np.int32), np.arange(70, dtype=np.int32)
    names = rng.permutation(n_targets).astype(np.int32)
    table = TopK.empty(70, width)

    update_top_k(Queries(points_of(queries), strangers, rows), points_of(targets), names, table)

    ids, gaps = ranked(all_gaps(queries, targets), names, width)
    np.testing.assert_array_equal(table.ids[:, : ids.shape[1]], ids)
    np.testing.assert_array_equal(table.gaps[:, : ids.shape[1]], gaps)
    assert (table.ids[:, ids.shape[1] :] == NOBODY).all()


@pytest.mark.parametrize("width", [3, 14, 40])
def test_who_comes_twice_stands_once_with_the_lower_gap(width):
    rng = np.random.default_rng(1)
    scores = np.full((2, 1, 128), -np.inf, dtype=np.float32)
    scores[:, 0, :100] = rng.integers(-30, -2, (2, 100))
    names, zero = np.arange(100, dtype=np.int32), np.zeros(1, np.int32)
    table = TopK.empty(1, width)

    for some in scores:
        own = np.zeros(1, np.float32)
        keep_best(some, own, zero - 5, zero, names, table.ids, table.gaps, table.held)

    lowest = -2 * scores[:, :, :100].max(axis=0)
    ids, gaps = ranked(lowest, names, width)
    np.testing.assert_array_equal(table.ids, ids)
    np.testing.assert_array_equal(table.gaps, gaps)


def test_many_equal_gaps_keep_the_first_ids():
    table, names = TopK.empty(1, 14), np.arange(3_000, dtype=np.int32)[::-1].copy()
    one = points_of(np.ones((1, 4), np.float32))
    many = points_of(np.ones((3_000, 4), np.float32))

    update_top_k(Queries(one, np.full(1, 7, np.int32), np.zeros(1, np.int32)), many, names, table)

    assert table.ids[0].tolist() == [i for i in range(15) if i != 7]


def test_threads_that_share_a_row_find_what_one_finds():
    rng = np.random.default_rng(2)
    queries = whole(rng, 1_000, 5)
    asked = Queries(
        points_of(queries), np.full(1_000, -5, np.int32), np.zeros(1_000, dtype=np.int32)
    )
    targets, table = whole(rng, 64 * 64, 5), TopK.empty(1, 300)

    def add(start):
        names = np.arange(start, start + 64, dtype=np.int32)
        update_top_k(asked, points_of(targets[names]), names, table)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(0, len(targets), 64)))

    lowest = all_gaps(queries, targets).min(axis=0)[None]
    ids, gaps = ranked(lowest, np.arange(len(targets)), 300)
    np.testing.assert_array_equal(table.ids, ids)
    np.testing.assert_array_equal(table.gaps, gaps)
    assert not table.held.any()


@pytest.mark.parametrize("rounded", [False, True])
def test_everybody_meets_the_neighbors_of_their_neighbors(rounded):
    rng = np.random.default_rng(3)
    vectors, reach = whole(rng, 200, 32, most=255), 4
    gaps = all_gaps(vectors, vectors)
    ids = np.array([rng.choice(np.delete(np.arange(200), i), 6, replace=False) for i in range(200)])
    ids = np.take_along_axis(ids, np.argsort(np.take_along_axis(gaps, ids, 1), axis=1), 1)
    points = points_of(vectors)
    points = Bfloat16Vectors.of(points, np.zeros(32, np.float32)) if rounded else points
    known = ids.astype(np.int32), np.take_along_axis(gaps, ids, 1)
    better = TopK.empty(200, 6)

    for some in ((0, 90), (90, 200)):
        visit_neighbors_of_neighbors(
            points.numbers, points.squares, *known, *some, reach, better.ids, better.gaps
        )

    for row in range(200):
        met = set(ids[row]) | {k for j in ids[row, :reach] for k in ids[j, :reach]} - {row}
        met = np.array(sorted(met))
        expected, expected_gaps = ranked(gaps[row, met][None], met, 6)
        np.testing.assert_array_equal(better.ids[row], expected[0])
        np.testing.assert_array_equal(better.gaps[row], expected_gaps[0])


@pytest.mark.parametrize("n_candidates", [3, 5, 9])
def test_measures_candidates_and_keeps_the_nearest(n_candidates):
    rng = np.random.default_rng(4)
    vectors, ones = whole(rng, 50, 7), np.ones(50, np.float32)
    ids = np.array([rng.choice(50, n_candidates, replace=False) for _ in range(8)], np.int32)
    ids[0, 1] = NOBODY
    nearest, squares = TopK.empty(8, 5).ids, TopK.empty(8, 5).gaps
    asked = np.arange(8) * 3

    measure(
        vectors, ones, asked, vectors, ones, ids, np.zeros(ids.shape, np.float32), nearest, squares
    )

    for row, some in enumerate(ids):
        some = some[some != NOBODY]
        expected, gaps = ranked(all_gaps(vectors[asked[row]][None], vectors[some]), some, 5)
        n_found = expected.shape[1]
        np.testing.assert_array_equal(nearest[row, :n_found], expected[0])
        np.testing.assert_array_equal(squares[row, :n_found], gaps[0])
        assert (nearest[row, n_found:] == NOBODY).all()


def test_candidates_bound_to_be_farther_are_not_measured():
    vectors = np.array([[0], [1], [2], [1]], dtype=np.float32)
    ids, bounds = np.array([[1, 2, 3]], np.int32), np.array([[0, 0, 4.5]], np.float32)
    nearest, squares = TopK.empty(1, 2).ids, TopK.empty(1, 2).gaps
    ones = np.ones(4, np.float32)

    measure(vectors, ones, np.zeros(1, np.int64), vectors, ones, ids, bounds, nearest, squares)

    assert nearest.tolist() == [[1, 2]]
