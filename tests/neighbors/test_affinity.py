"""A graph has the weights of its formulas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voisin.errors import InputError
from voisin.neighbors.affinity import SYMMETRIZE, WEIGHTS, build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.types import Neighbors


def some_neighbors(random_state=0, n_samples=40, k=5, metric="cosine"):
    vectors = np.random.default_rng(random_state).normal(size=(n_samples, 6))
    return find_neighbors(vectors.astype(np.float32), k, metric=metric)


def dense_weights(neighbors, formula):
    n_samples = len(neighbors.indices)
    directed = np.zeros((n_samples, n_samples))
    for i in range(n_samples):
        for j, d in zip(neighbors.indices[i], neighbors.distances[i], strict=True):
            directed[i, j] = formula(float(d), float(neighbors.distances[i, -1]))
    return directed


FORMULAS = {
    "binary": lambda d, r: 1,
    "cosine": lambda d, r: max(1 - d, 0) ** 3,
    "gaussian": lambda d, r: np.exp(-4 * d**2 / r**2),
}


@pytest.mark.parametrize("weights", WEIGHTS)
def test_weights_follow_their_formula(weights):
    neighbors = some_neighbors()
    directed = dense_weights(neighbors, FORMULAS[weights])

    affinity = build_affinity(neighbors, weights=weights)

    np.testing.assert_allclose(affinity.toarray(), (directed + directed.T) / 2, atol=1e-5)
    assert affinity.dtype == np.float32


@pytest.mark.parametrize(
    ("symmetrize", "combine"),
    [("mean", lambda a, b: (a + b) / 2), ("max", np.maximum), ("mutual", np.minimum)],
)
def test_both_directions_are_combined_as_asked(symmetrize, combine):
    neighbors = some_neighbors(metric="euclidean")
    directed = dense_weights(neighbors, FORMULAS["gaussian"])

    affinity = build_affinity(neighbors, weights="gaussian", symmetrize=symmetrize)

    np.testing.assert_allclose(affinity.toarray(), combine(directed, directed.T), atol=1e-5)


@pytest.mark.parametrize("symmetrize", SYMMETRIZE)
@pytest.mark.parametrize("weights", WEIGHTS)
@settings(deadline=None, max_examples=20)
@given(random_state=st.integers(0, 2**32 - 1))
def test_a_graph_is_symmetric_with_an_empty_diagonal(weights, symmetrize, random_state):
    affinity = build_affinity(some_neighbors(random_state), weights=weights, symmetrize=symmetrize)

    assert abs(affinity - affinity.T).sum() == 0
    assert (affinity.diagonal() == 0).all()
    assert affinity.nnz == 0 or affinity.data.min() > 0


def test_identical_images_are_tied_by_full_gaussian_weights():
    neighbors = Neighbors(np.array([[1], [0]]), np.zeros((2, 1), dtype=np.float32))

    assert build_affinity(neighbors, weights="gaussian").toarray().tolist() == [[0, 1], [1, 0]]


def test_refuses_cosine_weights_of_euclidean_distances():
    with pytest.raises(
        InputError, match="needs cosine distances, but these are euclidean: pass weights='gaussian'"
    ):
        build_affinity(some_neighbors(metric="euclidean"))


@pytest.mark.parametrize(
    ("indices", "n_distances", "message"),
    [
        ([[1], [5]], 1, "indices has 5, but there are 2 images"),
        ([[1], [-1]], 1, "indices has -1, but there are 2 images"),
        ([[1], [0]], 2, r"\(2, 1\) and distances \(2, 2\)"),
        ([[], []], 0, "with at least one neighbor"),
    ],
)
def test_refuses_what_is_not_the_neighbors_of_images_among_themselves(
    indices, n_distances, message
):
    distances = np.ones((2, n_distances), dtype=np.float32)

    with pytest.raises(InputError, match=message):
        build_affinity(Neighbors(np.array(indices, dtype=np.int64), distances))


def test_refuses_vectors_in_place_of_neighbors():
    with pytest.raises(InputError, match=r"neighbors is a ndarray: pass what voisin\.find_neigh"):
        build_affinity(np.ones((3, 2)))


NEAR = np.array([[1, 2], [0, 2], [0, 1]])
FAR = np.array([[1, 2], [1, 2], [1, 2]], dtype=np.float32)


@pytest.mark.parametrize("weights", ["binary", "gaussian"])
@pytest.mark.parametrize(
    ("indices", "distances", "words"),
    [
        ([[1, 2], [1, 0], [0, 1]], FAR, "Row 1 of neighbors has the image itself among its"),
        ([[1, 2], [0, 2], [0, 0]], FAR, "Row 2 of neighbors has a neighbor twice"),
        ([[1, -1], [0, 2], [0, 1]], FAR, "indices has -1, but there are 3 images"),
        ([[1, 3], [0, 2], [0, 1]], FAR, "indices has 3, but there are 3 images"),
        (NEAR.astype(float), FAR, "indices has dtype float64"),
        (NEAR, np.where(FAR > 1, np.nan, FAR), "Row 0 of neighbors has a distance that is NaN"),
        (NEAR, np.where(FAR > 1, np.inf, FAR), "Row 0 of neighbors has a distance that is NaN"),
        (NEAR, -FAR, "Row 0 of neighbors has a negative distance"),
        (NEAR, FAR[:, ::-1], "Row 0 of neighbors has distances that fall"),
        (NEAR, FAR[:, :1], r"indices has shape \(3, 2\) and distances \(3, 1\)"),
    ],
)
def test_neighbors_that_break_what_is_promised_of_them_are_refused(
    indices, distances, words, weights
):
    foreign = Neighbors(np.array(indices), distances, metric="euclidean")

    with pytest.raises(InputError, match=words):
        build_affinity(foreign, weights=weights)


def test_rounding_errors_of_another_library_are_no_fault():
    rounded = np.array([[-1e-7, 1], [1, 1 - 1e-7], [0, 0]], dtype=np.float32)

    affinity = build_affinity(Neighbors(NEAR, rounded, metric="euclidean"), weights="binary")

    np.testing.assert_array_equal(affinity.toarray(), 1 - np.eye(3))
