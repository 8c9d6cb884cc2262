"""A graph has the weights of its formulas, and keeps them when saved and loaded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from voisin.errors import InputError
from voisin.neighbors.affinity import SYMMETRIZE, WEIGHTS, build_affinity
from voisin.neighbors.graph import (
    as_affinity,
    find_components,
    in_degree_skew,
    in_order,
    node_order,
)
from voisin.neighbors.search import find_neighbors
from voisin.neighbors.traversal import in_balls
from voisin.types import Neighbors

two_triangles = sparse.csr_array(np.kron(np.eye(2), np.ones((3, 3)) - np.eye(3)))


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
        ([[], []], 0, "with a neighbor or more"),
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


def test_components_tell_their_sizes_and_which_have_labels():
    components = find_components(two_triangles)
    labels = np.array([-1, 1, -1, -1, -1, -1])

    assert components.sizes.tolist() == [3, 3]
    assert components.with_labels(labels).tolist() == [True, False]
    assert components.reached(labels).tolist() == [True] * 3 + [False] * 3


def test_in_degree_skew_is_the_skewness_of_the_in_degrees():
    neighbors = some_neighbors()
    in_degrees = np.bincount(neighbors.indices.ravel(), minlength=40)

    assert in_degree_skew(neighbors) == pytest.approx(stats.skew(in_degrees))


def test_node_order_brings_neighbors_together():
    path = sparse.diags_array([np.ones(199)] * 2, offsets=[-1, 1]).tocsr()
    shuffle = np.random.default_rng(0).permutation(200)
    shuffled = path[shuffle][:, shuffle].tocsr()

    order = node_order(shuffled)

    ordered = in_order(shuffled, order)
    assert sorted(order) == list(range(200))
    np.testing.assert_array_equal(ordered.toarray(), shuffled.toarray()[order][:, order])
    assert abs(ordered.tocoo().row - ordered.tocoo().col).max() <= 2


def test_a_ball_is_full_before_the_next_begins():
    path = sparse.diags_array([np.ones(199)] * 2, offsets=[-1, 1]).tocsr()
    shuffle = np.random.default_rng(0).permutation(200)
    shuffled = path[shuffle][:, shuffle].tocsr()

    order = in_balls(shuffled.indptr, shuffled.indices, 50)

    first = np.sort(shuffle[order[:50]])
    assert sorted(order) == list(range(200))
    np.testing.assert_array_equal(np.diff(first), 1)
    assert order[50] == np.setdiff1d(order, order[:50]).min()


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0, 0.1))
def test_components_are_those_that_scipy_finds(seed, density):
    graph = sparse.random_array((60, 60), density=density, rng=np.random.default_rng(seed))
    graph = (graph + graph.T).tocsr()

    found = find_components(graph)

    count, expected = sparse.csgraph.connected_components(graph, directed=False)
    np.testing.assert_array_equal(found.of_sample, expected)
    assert len(found.sizes) == count


def test_an_edge_told_from_one_side_only_connects_too():
    one_way = sparse.csr_array(np.array([[0.0, 0, 0], [0, 0, 0], [1, 0, 0]]))

    assert find_components(one_way).of_sample.tolist() == [0, 1, 0]


def test_takes_a_graph_made_elsewhere_without_its_diagonal():
    affinity = as_affinity(np.array([[1.0, 2], [2, 1]]))

    assert affinity.toarray().tolist() == [[0, 2], [2, 0]]


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ([[0.0, 1]], "shape"),
        ([[0.0, 1], [2, 0]], "not symmetric"),
        ([[0.0, -1], [-1, 0]], "negative weights"),
        ([[0.0, np.nan], [np.nan, 0]], "NaN"),
        ([["a", "b"]], "cannot be read as a matrix of weights"),
    ],
)
def test_refuses_a_graph_that_cannot_carry_labels(graph, message):
    with pytest.raises(InputError, match=message):
        as_affinity(graph)
