"""What a graph looks like; it knows weights, not vectors.

In-degree skew as a measure of hubs: Radovanović, Nanopoulos & Ivanović 2010.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.types import UNLABELED, Affinity, Indices, Labels, Neighbors
from voisin.validation import check_affinity

_BALL = 1 << 14  # nodes: their rows of sixteen numbers, a megabyte, fit beside a core


@dataclass(frozen=True, eq=False)
class Components:
    """The connected parts of a graph.

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
    """Find the parts between which no edge runs.

    Examples
    --------
    >>> pair_and_single = sparse.csr_array([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]])
    >>> find_components(pair_and_single).sizes
    array([2, 1])
    """
    from voisin.neighbors.traversal import number_parts

    of_sample = number_parts(affinity.indptr, affinity.indices)
    return Components(of_sample, np.bincount(of_sample))


def in_degree_skew(neighbors: Neighbors) -> float:
    """Measure hubs: the skewness of how often each image is another's neighbor.

    ``E[(N − μ)³] / σ³``; 0 where all are chosen equally often, over about 3 where hubs that
    are everyone's neighbor make the graph doubtful.

    Examples
    --------
    >>> ring = Neighbors(np.array([[1], [2], [0]]), np.ones((3, 1), dtype=np.float32))
    >>> in_degree_skew(ring)
    0.0
    """
    chosen = np.bincount(neighbors.indices.ravel(), minlength=len(neighbors.indices))
    centered = chosen - chosen.mean()
    spread = np.sqrt((centered**2).mean())
    return float((centered**3).mean() / spread**3) if spread > 0 else 0.0


def node_order(affinity: Affinity) -> Indices:
    """Order the nodes so that neighbors lie together in memory: breadth first, ball by ball.

    A ball ends where its rows would no longer fit into the memory beside a core, so that
    products with ``in_order(affinity, order)`` find most of what they read there.

    Examples
    --------
    >>> ends_first = sparse.csr_array([[0.0, 0, 1], [0, 0, 1], [1, 1, 0]])
    >>> node_order(ends_first)
    array([0, 2, 1])
    """
    from voisin.neighbors.traversal import in_balls

    return in_balls(affinity.indptr, affinity.indices, _BALL)


def in_order(matrix: sparse.csr_array, order: Indices) -> sparse.csr_array:
    """Put rows and columns into another order: ``matrix[order][:, order]``, but quickly.

    Examples
    --------
    >>> ends_first = sparse.csr_array([[0.0, 0, 3], [0, 0, 1], [3, 1, 0]])
    >>> in_order(ends_first, np.array([0, 2, 1])).toarray()
    array([[0., 3., 0.],
           [3., 0., 1.],
           [0., 1., 0.]])
    """
    place = np.empty(len(order), dtype=matrix.indices.dtype)
    place[order] = np.arange(len(order))
    parts = (matrix.data, place[matrix.indices], matrix.indptr)
    return sparse.csr_array(parts, shape=matrix.shape)[order]


def as_affinity(graph: Any) -> Affinity:
    """Take a graph made elsewhere: a square matrix of weights, sparse or dense.

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
    affinity.setdiag(0)
    affinity.eliminate_zeros()
    affinity.sum_duplicates()
    return affinity
