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
