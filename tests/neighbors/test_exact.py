"""Exact neighbors are those that a plain computation of all distances finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.neighbors.problems import METRICS, all_distances, clusters, share_found
from voisin.neighbors.search import find_neighbors, query_neighbors


@METRICS
@settings(deadline=None, max_examples=25)
@given(random_state=st.integers(0, 2**32 - 1), n_samples=st.integers(12, 200), k=st.integers(1, 11))
def test_exact_neighbors_are_the_nearest_of_all(metric, random_state, n_samples, k):
    vectors = clusters(n_samples, random_state=random_state)

    found = find_neighbors(vectors, k, metric=metric)

    distances = all_distances(vectors, vectors, metric)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :k], atol=1e-5)
    np.testing.assert_allclose(
        np.take_along_axis(distances, found.indices, 1), found.distances, atol=1e-5
    )


@METRICS
def test_exact_search_crosses_the_borders_of_its_blocks(metric):
    vectors = clusters(2_500, n_dims=8)

    found = find_neighbors(vectors, 10, metric=metric)

    assert share_found(found, vectors, metric) == 1


@METRICS
@pytest.mark.parametrize("flat", [True, False], ids=["few telling dimensions", "noise"])
def test_exact_search_of_long_vectors_is_exact(metric, flat):
    vectors = clusters(1_500, n_dims=720, n_clusters=1)
    if flat:
        vectors *= np.linspace(1, 0, 720, dtype=np.float32) ** 6
    vectors[[10, 11]] = 0

    found = find_neighbors(vectors, 10, metric=metric)

    assert share_found(found, vectors, metric) == 1


@METRICS
def test_queries_find_the_nearest_of_the_others(metric):
    vectors, queries = clusters(300), clusters(40, random_state=1)

    found = query_neighbors(queries, vectors, 5, metric=metric)

    distances = all_distances(queries, vectors, metric)
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :5])
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :5], atol=1e-5)


def test_equal_distances_keep_the_order_of_the_samples():
    vectors = np.ones((100, 3), dtype=np.float32)

    found = find_neighbors(vectors, 3, metric="euclidean")

    assert found.indices[:4].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert (found.distances == 0).all()


def test_zero_vectors_do_not_crowd_out_neighbors():
    vectors = clusters(52, n_dims=3, n_clusters=1)
    vectors[:40] = 0

    found = find_neighbors(vectors, 2)

    assert share_found(found, vectors, "cosine") == 1


def test_near_duplicates_far_from_the_origin_are_told_apart():
    line = np.array([[1000.0, 0], [1000, 0.01], [1000, 0.03], [1000, 0.07]], dtype=np.float32)

    found = find_neighbors(line, 1, metric="euclidean")

    assert found.indices.ravel().tolist() == [1, 0, 1, 2]
    np.testing.assert_allclose(found.distances.ravel(), [0.01, 0.01, 0.02, 0.04], rtol=1e-3)


@METRICS
def test_neighbors_closer_than_rounding_tells_are_told_apart(metric):
    vectors = 1 + clusters(400) / 1_000

    found = find_neighbors(vectors, 10, metric=metric)

    distances = all_distances(vectors, vectors, "euclidean")
    np.fill_diagonal(distances, np.inf)
    if metric == "euclidean":
        np.testing.assert_allclose(found.distances, np.sort(distances)[:, :10], rtol=1e-3)
    assert share_found(found, vectors, metric) == 1


@pytest.mark.parametrize("noise", [3e-3, 3e-4])
def test_near_copies_are_told_from_one_another(noise):
    generator = np.random.default_rng(0)
    photos = generator.normal(size=(20, 64)) / 8
    vectors = photos.repeat(50, axis=0) + noise * generator.normal(size=(1000, 64)) / 8
    vectors = vectors.astype(np.float32)
    distances = np.linalg.norm(vectors[:, None].astype(np.float64) - vectors, axis=2)
    np.fill_diagonal(distances, np.inf)
    last = np.sort(distances, axis=1)[:, 9:10]

    found = find_neighbors(vectors, 10, metric="euclidean", method="exact")

    kept = np.take_along_axis(distances, found.indices, axis=1)
    assert (kept <= last * (1 + 1e-5)).mean() == 1


def test_identical_vectors_are_neighbors_but_no_vector_its_own():
    vectors = np.ones((50, 3), dtype=np.float32)

    found = find_neighbors(vectors, 5)

    np.testing.assert_array_equal(found.distances, 0)
    assert not (found.indices == np.arange(50)[:, None]).any()


def nearest_in_order(queries, vectors, k):
    """What a plain computation finds for whole numbers, whose squares are exact."""
    squares = ((queries[:, None].astype(np.int64) - vectors[None]) ** 2).sum(axis=2)
    if queries is vectors:
        np.fill_diagonal(squares, squares.max() + 1)
    return np.argsort(squares, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize(("n_values", "n_dims", "unit"), [(3, 6, 1), (4, 4, 85), (2, 40, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_many_equal_distances_the_first_samples_are_taken(n_values, n_dims, unit, dtype):
    whole = np.random.default_rng(0).integers(0, n_values, (1_200, n_dims)) * unit
    vectors = whole.astype(dtype)

    found = find_neighbors(vectors, 10, metric="euclidean")
    asked = query_neighbors(vectors[:300], vectors[300:], 10, metric="euclidean")

    np.testing.assert_array_equal(found.indices, nearest_in_order(whole, whole, 10))
    np.testing.assert_array_equal(asked.indices, nearest_in_order(whole[:300], whole[300:], 10))


@METRICS
def test_what_is_stated_as_equally_far_is_in_the_order_of_the_samples(metric):
    whole = np.random.default_rng(0).integers(0, 3, (1_200, 5)).astype(np.float32)

    found = find_neighbors(whole / 3, 10, metric=metric)

    equal = np.diff(found.distances, axis=1) == 0
    assert equal.any()
    assert (np.diff(found.indices, axis=1)[equal] > 0).all()
    assert share_found(found, whole / 3, metric) == 1


@METRICS
@pytest.mark.parametrize("offset", [1e5, 1e7])
def test_float64_keeps_its_digits_however_far_from_zero(metric, offset):
    vectors = np.random.default_rng(0).normal(size=(500, 4)) + offset

    found = find_neighbors(vectors, 5, metric=metric)
    asked = query_neighbors(vectors[:50], vectors[50:], 5, metric=metric)

    for queries, others, one in ((vectors, vectors, found), (vectors[:50], vectors[50:], asked)):
        units = queries, others
        if metric == "cosine":
            units = tuple(rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in units)
        exact = ((units[0][:, None] - units[1][None]) ** 2).sum(axis=2)
        if queries is others:
            np.fill_diagonal(exact, np.inf)
        expected = np.sort(exact, axis=1)[:, :5]
        got = np.take_along_axis(exact, one.indices, axis=1)
        np.testing.assert_allclose(got, expected, rtol=1e-3 if metric == "cosine" else 1e-6)


@pytest.mark.parametrize("size", [1e6, 1e10, 1e12])
def test_beside_one_huge_row_the_others_have_their_true_neighbors(size):
    vectors = np.random.default_rng(0).normal(size=(400, 32)).astype(np.float32)
    vectors[7] *= size

    found = find_neighbors(vectors, 10, metric="euclidean")

    distances = all_distances(vectors, vectors, "euclidean")
    np.fill_diagonal(distances, np.inf)
    got = np.take_along_axis(distances, found.indices, axis=1)
    np.testing.assert_allclose(got, np.sort(distances, axis=1)[:, :10], rtol=1e-6)


@pytest.mark.parametrize(("gap", "dtype"), [(1e4, np.float32), (1e9, np.float64)])
@pytest.mark.parametrize("method", ["exact", "partitions"])
def test_clusters_far_apart_keep_the_neighbors_within(gap, dtype, method):
    generator = np.random.default_rng(1)
    centers = generator.normal(size=(20, 16)) * gap
    vectors = (centers[generator.integers(20, size=3_000)]).astype(dtype)
    vectors += generator.normal(size=vectors.shape).astype(dtype)

    found = find_neighbors(vectors, 10, metric="euclidean", method=method, random_state=0)

    recall = share_found(found, vectors, "euclidean")
    assert found.recall == pytest.approx(recall, abs=0.02)
    assert recall >= (0.95 if method == "partitions" else 1)
