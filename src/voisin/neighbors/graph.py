"""The structure of a graph: its components, its hubs, and the order of its nodes in memory.

This module works on the edges and weights of a graph. It must not know vectors or images.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.parallel import compiled
from voisin.types import UNLABELED, Affinity, Indices, Labels, Neighbors
from voisin.validation import check_affinity

_BALL_SIZE = 1 << 14  # nodes whose rows of sixteen float32, a megabyte, fit a core's cache
# Compiles a loop when it is first used, so that importing this module does not import numba.
_compile_once: Any = cache(compiled)


@dataclass(frozen=True, eq=False)
class Components:
    """The connected components of a graph.

    Attributes
    ----------
    of_sample : array of shape (n_samples,)
        Number of the component that each sample belongs to.
    sizes : array of shape (n_components,)
    """

    of_sample: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def with_labels(self, labels: Labels) -> NDArray[np.bool_]:
        """Tell which components have a label."""
        labeled = np.zeros(len(self.sizes), dtype=bool)
        labeled[self.of_sample[labels != UNLABELED]] = True
        return labeled

    def reached(self, labels: Labels) -> NDArray[np.bool_]:
        """Tell which samples are in a component with a label."""
        return self.with_labels(labels)[self.of_sample]


def find_components(affinity: Affinity) -> Components:
    """Find the connected components, numbered by their first nodes.

    Examples
    --------
    >>> pair_and_single = sparse.csr_array([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]])
    >>> find_components(pair_and_single).sizes
    array([2, 1])
    """
    of_sample = _compile_once(_number_components)(affinity.indptr, affinity.indices)
    return Components(of_sample, np.bincount(of_sample))


def _number_components(indptr: NDArray[np.integer], indices: NDArray[np.integer]) -> Indices:
    """Return the number of each node's connected component.

    Union-find (Tarjan 1975): each edge joins the sets of its ends under the earlier root.
    """
    n_nodes = len(indptr) - 1
    parents = np.arange(n_nodes)

    def find_root(node: int) -> int:
        while parents[node] != node:
            parents[node] = parents[parents[node]]  # halve the way for the next search
            node = parents[node]
        return node

    for node in range(n_nodes):
        root = find_root(node)
        for edge in range(indptr[node], indptr[node + 1]):
            other = find_root(indices[edge])
            parents[max(root, other)] = root = min(root, other)
    count = 0
    for node in range(n_nodes):
        if parents[node] == node:
            parents[node] = count
            count += 1
        else:
            parents[node] = parents[parents[node]]
    return parents


def in_degree_skew(neighbors: Neighbors) -> float:
    """Compute the skewness of in-degrees: how often each image is a neighbor of others.

    ``E[(N − μ)³] / σ³`` (Radovanović, Nanopoulos & Ivanović 2010). It is 0 where all are chosen
    equally often; over about 3, hubs that are everyone's neighbor make the graph doubtful.

    Examples
    --------
    >>> ring = Neighbors(np.array([[1], [2], [0]]), np.ones((3, 1), dtype=np.float32))
    >>> in_degree_skew(ring)
    0.0
    """
    in_degrees = np.bincount(neighbors.indices.ravel(), minlength=len(neighbors.indices))
    centered = in_degrees - in_degrees.mean()
    deviation = np.sqrt((centered**2).mean())
    return float((centered**3).mean() / deviation**3) if deviation > 0 else 0.0


def order_nodes(affinity: Affinity) -> Indices:
    """Order the nodes so that neighbors lie together in memory: breadth first, ball by ball.

    A ball ends where its rows would no longer fit a core's cache, so that products with
    ``reorder_matrix(affinity, order)`` find most of what they read there.

    Examples
    --------
    >>> ends_first = sparse.csr_array([[0.0, 0, 1], [0, 0, 1], [1, 1, 0]])
    >>> order_nodes(ends_first)
    array([0, 2, 1])
    """
    order: Indices = _compile_once(_order_by_balls)(affinity.indptr, affinity.indices, _BALL_SIZE)
    return order


def _order_by_balls(
    indptr: NDArray[np.integer], indices: NDArray[np.integer], size: int
) -> Indices:
    """Order the nodes ball by ball: a node, its neighbors, their neighbors, up to a size.

    Each ball starts at the first node that is in no ball yet.
    """
    n_nodes = len(indptr) - 1
    order = np.empty(n_nodes, dtype=np.int64)
    placed = np.zeros(n_nodes, dtype=np.bool_)
    count = 0
    for center in range(n_nodes):
        if placed[center]:
            continue
        order[count], placed[center] = center, True
        visited, full = count, min(count + size, n_nodes)
        count += 1
        while visited < count < full:
            node = order[visited]
            visited += 1
            for edge in range(indptr[node], indptr[node + 1]):
                neighbor = indices[edge]
                if not placed[neighbor] and count < full:
                    order[count], placed[neighbor] = neighbor, True
                    count += 1
    return order


def reorder_matrix(matrix: sparse.csr_array, order: Indices) -> sparse.csr_array:
    """Compute ``matrix[order][:, order]``, but faster.

    Examples
    --------
    >>> ends_first = sparse.csr_array([[0.0, 0, 3], [0, 0, 1], [3, 1, 0]])
    >>> reorder_matrix(ends_first, np.array([0, 2, 1])).toarray()
    array([[0., 3., 0.],
           [3., 0., 1.],
           [0., 1., 0.]])
    """
    position = np.empty(len(order), dtype=matrix.indices.dtype)
    position[order] = np.arange(len(order))
    arrays = (matrix.data, position[matrix.indices], matrix.indptr)
    return sparse.csr_array(arrays, shape=matrix.shape)[order]


def as_affinity(graph: Any) -> Affinity:
    """Check and convert a graph made elsewhere: a square matrix of weights, sparse or dense.

    Parameters
    ----------
    graph : sparse or dense array of shape (n_samples, n_samples)
        Symmetric, non-negative. Its diagonal is dropped.

    Returns
    -------
    csr_array of shape (n_samples, n_samples), float32

    Raises
    ------
    InputError
        If it is not square, symmetric, finite and non-negative.

    Examples
    --------
    >>> as_affinity([[5, 1], [1, 5]]).toarray()
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    affinity = check_affinity(graph).astype(np.float32)
    affinity.eliminate_zeros()
    affinity.sum_duplicates()
    return affinity
