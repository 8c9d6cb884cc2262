"""The matrices of a graph in which methods pose their equations; they know no labels."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.types import Affinity


def degrees_of(affinity: Affinity) -> NDArray[np.float64]:
    """Sum the weights of each image's edges, in float64.

    With sums in float32 a Laplacian would be indefinite by their rounding, and solvers diverge.
    """
    return np.asarray(affinity @ np.ones(affinity.shape[1]))


def normalize_affinity(affinity: Affinity) -> sparse.csr_array:
    """Return ``D^-1/2 W D^-1/2`` in float64, leaving isolated images at zero.

    Examples
    --------
    >>> normalize_affinity(sparse.csr_array([[0.0, 4], [4, 0]])).toarray()
    array([[0., 1.],
           [1., 0.]])
    """
    degrees = degrees_of(affinity)
    scale = np.divide(1, np.sqrt(degrees), where=degrees > 0, out=np.zeros_like(degrees))
    data = affinity.data * np.repeat(scale, np.diff(affinity.indptr))
    data *= scale[affinity.indices]
    return sparse.csr_array((data, affinity.indices, affinity.indptr), shape=affinity.shape)


def laplacian(affinity: Affinity) -> sparse.csr_array:
    """Return ``D − W`` in float64.

    Examples
    --------
    >>> laplacian(sparse.csr_array([[0.0, 4], [4, 0]])).toarray()
    array([[ 4., -4.],
           [-4.,  4.]])
    """
    degrees = sparse.dia_array((degrees_of(affinity)[None], 0), shape=affinity.shape)
    return (degrees - affinity.astype(np.float64)).tocsr()
