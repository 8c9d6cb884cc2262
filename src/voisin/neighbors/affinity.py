"""From neighbors to a symmetric weighted graph; it knows distances, not vectors or labels."""

import numpy as np
from scipy import sparse

from voisin.types import Affinity, Neighbors
from voisin.validation import check_at_least, check_one_of

WEIGHTS = ("binary", "cosine", "gaussian")


def build_affinity(
    neighbors: Neighbors, *, weights: str = "cosine", power: float = 3.0
) -> Affinity:
    """Tie each image to its neighbors, with the mean of both directions: ``W = (A + Aᵀ) / 2``.

    ======== ====================================================================
    weights  weight of neighbor j of image i, at distance d
    ======== ====================================================================
    binary   1
    cosine   ``max(cos, 0)^power``, ``cos = 1 − d`` (Iscen et al. 2019)
    gaussian ``exp(−4 d² / r²)``, r the distance to i's last neighbor
    ======== ====================================================================

    Parameters
    ----------
    neighbors : Neighbors
        Cosine weights need cosine distances.
    weights : {"binary", "cosine", "gaussian"}, default="cosine"
    power : float, default=3
        Exponent of the cosine, at least 0.

    Returns
    -------
    csr_array of shape (n_samples, n_samples), float32
        Symmetric, non-negative, with an empty diagonal.

    Raises
    ------
    InputError
        If a setting is unknown, or cosine weights are asked of euclidean distances.

    Examples
    --------
    >>> import numpy as np
    >>> one_way = Neighbors(np.array([[1], [0], [1]]), np.zeros((3, 1), dtype=np.float32))
    >>> build_affinity(one_way).toarray()
    array([[0. , 1. , 0. ],
           [1. , 0. , 0.5],
           [0. , 0.5, 0. ]], dtype=float32)
    """
    check_one_of("weights", weights, WEIGHTS)
    check_at_least("power", power, 0)
    if weights == "cosine":
        check_one_of("the metric of cosine weights", neighbors.metric, ["cosine"])
    strengths = _strengths(neighbors, weights, power)
    n_samples, n_neighbors = neighbors.indices.shape
    directed = sparse.csr_array(
        (
            strengths.ravel(),
            neighbors.indices.ravel(),
            np.arange(0, n_samples * n_neighbors + 1, n_neighbors),
        ),
        shape=(n_samples, n_samples),
    )
    affinity = ((directed + directed.T) / 2).astype(np.float32).tocsr()
    affinity.eliminate_zeros()
    affinity.sort_indices()
    return affinity


def _strengths(neighbors: Neighbors, weights: str, power: float) -> np.ndarray:
    distances = neighbors.distances
    if weights == "cosine":
        return np.maximum(1 - distances, 0) ** power
    if weights == "gaussian":
        radius = distances[:, -1:]
        scaled = np.divide(distances, radius, where=radius > 0, out=np.zeros_like(distances))
        return np.exp(-4 * scaled**2)
    return np.ones_like(distances)
