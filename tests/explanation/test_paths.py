"""Paths found from both ends are as strong as SciPy's, where there are any."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from voisin.explanation.paths import strongest_path_from_both_ends


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), n_neighbors=st.integers(1, 6))
def test_no_path_is_stronger_than_the_one_found_from_both_ends(seed, n_neighbors):
    generator = np.random.default_rng(seed)
    n = 150
    rows = np.repeat(np.arange(n), n_neighbors)
    columns = generator.integers(0, n, len(rows))
    weights = generator.choice([0.001, 0.2, 0.5, 0.9], len(rows))
    graph = sparse.coo_array((weights, (rows, columns)), shape=(n, n)).tocsr()
    graph = graph.maximum(graph.T).tocsr()
    graph.data = np.minimum(graph.data, 0.9)  # an edge drawn twice
    costs = graph.copy()
    costs.data = -np.log(costs.data)
    for start, goal in generator.integers(0, n, (10, 2)).tolist():
        path = strongest_path_from_both_ends(
            graph.indptr, graph.indices, graph.data, start, goal, 10_000
        ).tolist()

        least = dijkstra(costs, indices=start)[goal]
        assert bool(path) == np.isfinite(least)
        if path:
            assert (path[0], path[-1]) == (start, goal)
            found = sum(costs[a, b] for a, b in itertools.pairwise(path))
            assert found == pytest.approx(least, abs=1e-9)
