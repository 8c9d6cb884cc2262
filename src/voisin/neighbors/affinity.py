"""Build a symmetric weighted graph from nearest neighbors.

This module works on neighbors and their distances. It must not know vectors or labels.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import InputError
from voisin.types import Affinity, Neighbors
from voisin.validation import check_at_least, check_one_of

Distances: TypeAlias = NDArray[np.float32]

_ROUNDING = 1e-5  # relative, by hand: so far distances of other libraries may fall or be negative

# How each choice computes weights from distances (n_samples, n_neighbors) and the power.
WEIGHTS: dict[str, Callable[[Distances, float], Distances]] = {
    "binary": lambda distances, _: np.ones_like(distances),
    "cosine": lambda distances, power: np.maximum(1 - distances, 0) ** np.float32(power),
    "gaussian": lambda distances, _: np.exp(-4 * _divide_by_last(distances) ** 2),
}
# How each choice makes a graph symmetric.
SYMMETRIZE: dict[str, Callable[[sparse.csr_array], sparse.csr_array]] = {
    "mean": lambda directed: (directed + directed.T) / 2,
    "max": lambda directed: directed.maximum(directed.T),
    "mutual": lambda directed: directed.minimum(directed.T),
}


def build_affinity(
    neighbors: Neighbors,
    *,
    weights: str = "cosine",
    power: float = 3.0,
    symmetrize: str = "mean",
) -> Affinity:
    """Connect each image to its neighbors with the weights ``A``, then make them symmetric.

    ======== ====================================================================
    weights  ``A_ij`` of neighbor j of image i, at distance d
    ======== ====================================================================
    binary   1
    cosine   ``max(cos, 0)^power``, ``cos = 1 − d`` (Iscen et al. 2019)
    gaussian ``exp(−4 d² / r²)``, r the distance to i's last neighbor
    ======== ====================================================================

    ========== =====================================================
    symmetrize ``W``
    ========== =====================================================
    mean       ``(A + Aᵀ) / 2``
    max        ``max(A, Aᵀ)``
    mutual     ``min(A, Aᵀ)``: only images that are each other's neighbors
    ========== =====================================================

    Parameters
    ----------
    neighbors : Neighbors
        Cosine weights need cosine distances.
    weights : {"binary", "cosine", "gaussian"}, default="cosine"
    power : float, default=3
        Exponent of the cosine, at least 0.
    symmetrize : {"mean", "max", "mutual"}, default="mean"

    Returns
    -------
    csr_array of shape (n_samples, n_samples), float32
        Symmetric, non-negative, with an empty diagonal.

    Raises
    ------
    InputError
        If a setting is unknown, if cosine weights are asked of euclidean distances, or if the
        neighbors are not those of images among themselves: each once, nearest first, the image
        itself left out.

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
    check_one_of("symmetrize", symmetrize, SYMMETRIZE)
    check_at_least("power", power, 0)
    check_neighbors(neighbors)
    if weights == "cosine" and neighbors.metric != "cosine":
        message = (
            f"weights='cosine' needs cosine distances, but these are {neighbors.metric}: "
            "pass weights='gaussian', or find neighbors with `metric='cosine'`."
        )
        raise InputError(message)
    n_samples, n_neighbors = neighbors.indices.shape
    distances = neighbors.distances.astype(np.float32, copy=False)
    indptr = np.arange(0, n_samples * n_neighbors + 1, n_neighbors)
    small = np.int32 if 2 * indptr[-1] < np.iinfo(np.int32).max else np.int64
    directed = sparse.csr_array(
        (
            WEIGHTS[weights](distances, power).ravel(),
            neighbors.indices.ravel().astype(small),
            indptr.astype(small),
        ),
        shape=(n_samples, n_samples),
    )
    affinity = SYMMETRIZE[symmetrize](directed).astype(np.float32).tocsr()
    affinity.eliminate_zeros()
    affinity.sort_indices()
    return affinity


def _divide_by_last(distances: Distances) -> Distances:
    """Divide each row by the distance to its last neighbor; 0 if that distance is 0."""
    last = distances[:, -1:]
    return np.divide(distances, last, where=last > 0, out=np.zeros_like(distances))


def check_neighbors(neighbors: Any, n_known: int | None = None) -> None:
    """Refuse neighbors that break what `Neighbors` promises, such as those of another library.

    With `n_known` they are neighbors of new images among so many known ones, else of images among
    themselves.
    """
    if not isinstance(neighbors, Neighbors):
        message = (
            f"neighbors is a {type(neighbors).__name__}: pass what voisin.find_neighbors returns."
        )
        raise InputError(message)
    indices, distances = neighbors.indices, neighbors.distances
    if indices.shape != distances.shape or indices.ndim != 2 or not indices.shape[1]:
        message = (
            f"indices has shape {indices.shape} and distances {distances.shape}: "
            "pass two arrays of shape (n_samples, n_neighbors), with at least one neighbor."
        )
        raise InputError(message)
    if not np.issubdtype(indices.dtype, np.integer):
        message = f"indices has dtype {indices.dtype}: pass whole numbers, positions of images."
        raise InputError(message)
    n_images = len(indices) if n_known is None else n_known
    lowest, highest = indices.min(initial=0), indices.max(initial=-1)
    if lowest < 0 or highest >= n_images:
        message = (
            f"indices has {lowest if lowest < 0 else highest}, but there are {n_images} "
            f"{'' if n_known is None else 'known '}images, from 0: pass neighbors among these, "
            "without a mark for missing ones."
        )
        raise InputError(message)
    ordered, slack = np.sort(indices, axis=1), _ROUNDING * abs(distances).max(axis=1, initial=0)
    faults = {
        "a distance that is NaN or infinite: mend it": ~np.isfinite(distances).all(axis=1),
        "a negative distance: pass distances, not similarities": distances.min(axis=1) < -_ROUNDING,
        "distances that fall: sort each row, nearest first": (
            np.diff(distances) < -slack[:, None]
        ).any(axis=1),
        "a neighbor twice: pass each once": (ordered[:, 1:] == ordered[:, :-1]).any(axis=1),
    }
    if n_known is None:
        itself = (indices == np.arange(n_images)[:, None]).any(axis=1)
        faults["the image itself among its neighbors: leave it out of each row"] = itself
    for fault, rows in faults.items():
        if rows.any():
            message = f"Row {rows.argmax()} of neighbors has {fault}."
            raise InputError(message)
