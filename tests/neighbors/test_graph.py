"""Components, hubs and the order of nodes are those of their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, stats

from tests.neighbors.problems import clusters
from voisin.errors import InputError
from voisin.neighbors.graph import (
    as_affinity,
    find_components,
    in_degree_skew,
    order_nodes,
    reorder_matrix,
)
from voisin.neighbors.search import find_neighbors

two_triangles = sparse.csr_array(np.kron(np.eye(2), np.ones((3, 3)) - np.eye(3)))


def test_components_tell_their_sizes_and_which_have_labels():
    components = find_components(two_triangles)
    labels = np.array([-1, 1, -1, -1, -1, -1])

    assert components.sizes.tolist() == [3, 3]
    assert components.with_labels(labels).tolist() == [True, False]
    assert components.reached(labels).tolist() == [True] * 3 + [False] * 3


def test_in_degree_skew_is_the_skewness_of_the_in_degrees():
    neighbors = find_neighbors(clusters(40), 5)
    in_degrees = np.bincount(neighbors.indices.ravel(), minlength=40)

    assert in_degree_skew(neighbors) == pytest.approx(stats.skew(in_degrees))


def test_the_order_brings_neighbors_together():
    path = sparse.diags_array([np.ones(199)] * 2, offsets=[-1, 1]).tocsr()
    shuffle = np.random.default_rng(0).permutation(200)
    shuffled = path[shuffle][:, shuffle].tocsr()

    order = order_nodes(shuffled)

    ordered = reorder_matrix(shuffled, order)
    assert sorted(order) == list(range(200))
    np.testing.assert_array_equal(ordered.toarray(), shuffled.toarray()[order][:, order])
    assert abs(ordered.tocoo().row - ordered.tocoo().col).max() <= 2


def test_a_ball_is_full_before_the_next_begins(monkeypatch):
    monkeypatch.setattr("voisin.neighbors.graph._BALL_SIZE", 50)
    path = sparse.diags_array([np.ones(199)] * 2, offsets=[-1, 1]).tocsr()
    shuffle = np.random.default_rng(0).permutation(200)
    shuffled = path[shuffle][:, shuffle].tocsr()

    order = order_nodes(shuffled)

    first = np.sort(shuffle[order[:50]])
    assert sorted(order) == list(range(200))
    np.testing.assert_array_equal(np.diff(first), 1)
    assert order[50] == np.setdiff1d(order, order[:50]).min()


@settings(deadline=None, max_examples=50)
@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0, 0.1))
def test_components_are_those_that_scipy_finds(seed, density):
    graph = sparse.random_array((60, 60), density=density, rng=np.random.default_rng(seed))
    graph = (graph + graph.T).tocsr()

    components = find_components(graph)

    count, expected = sparse.csgraph.connected_components(graph, directed=False)
    np.testing.assert_array_equal(components.of_sample, expected)
    assert len(components.sizes) == count


def test_an_edge_stored_in_one_direction_only_connects_too():
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
