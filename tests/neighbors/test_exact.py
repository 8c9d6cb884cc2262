"""Exact search equals brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from voisin.errors import InputError
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors, query_neighbors


@given(
    seed=st.integers(0, 2**32 - 1),
    metric=st.sampled_from(["cosine", "euclidean"]),
    n_neighbors=st.integers(1, 9),
)
def test_finds_what_brute_force_finds(seed, metric, n_neighbors):
    vectors = np.random.default_rng(seed).normal(size=(30, 4)).astype(np.float32)
    gaps = cdist(vectors, vectors, metric)
    np.fill_diagonal(gaps, np.inf)
    expected = np.sort(gaps, axis=1)[:, :n_neighbors]

    found = find_neighbors(vectors, n_neighbors, metric=metric)

    np.testing.assert_allclose(found.distances, expected, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(gaps, found.indices, 1), expected, atol=1e-5)


@given(st.integers(0, 2**32 - 1))
def test_queries_find_what_brute_force_finds(seed):
    rng = np.random.default_rng(seed)
    queries, vectors = (rng.normal(size=(n, 4)).astype(np.float32) for n in (7, 30))
    found = query_neighbors(queries, vectors, 5)
    expected = np.sort(cdist(queries, vectors, "cosine"), axis=1)[:, :5]
    np.testing.assert_allclose(found.distances, expected, atol=1e-5)


def test_identical_vectors_are_neighbors_but_no_vector_its_own():
    vectors = np.ones((50, 3), dtype=np.float32)
    found = find_neighbors(vectors, 5)
    np.testing.assert_array_equal(found.distances, 0)
    assert not (found.indices == np.arange(50)[:, None]).any()


def test_near_duplicates_far_from_the_origin_are_told_apart():
    offsets = np.array([[0.0], [0.01], [0.03]], dtype=np.float32)
    vectors = np.hstack([np.full((3, 1), 1000, dtype=np.float32), offsets])
    found = find_neighbors(vectors, 1, metric="euclidean")
    assert found.indices.ravel().tolist() == [1, 0, 1]
    np.testing.assert_allclose(found.distances.ravel(), [0.01, 0.01, 0.02], rtol=1e-3)


@pytest.mark.parametrize("weights", ["binary", "cosine", "gaussian"])
def test_affinity_is_symmetric_non_negative_with_an_empty_diagonal(weights):
    vectors = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    affinity = build_affinity(find_neighbors(vectors, 6), weights=weights).toarray()
    np.testing.assert_array_equal(affinity, affinity.T)
    assert (affinity >= 0).all()
    assert not affinity.diagonal().any()


def test_vectors_that_are_not_finite_or_too_few_are_refused():
    vectors = np.ones((5, 2), dtype=np.float32)
    with pytest.raises(InputError, match="n_neighbors=5, but each image has 4 others"):
        find_neighbors(vectors, 5)
    vectors[[1, 3]] = np.nan
    with pytest.raises(
        InputError, match=r"NaN, infinite or huge entries .* in 2 of 5 rows, first in row 1"
    ):
        find_neighbors(vectors, 2)
    with pytest.raises(InputError, match="metric='manhattan' is not known"):
        find_neighbors(np.ones((5, 2), dtype=np.float32), 2, metric="manhattan")
