"""Give new images the labels of their neighbors in the graph, without solving again."""

import numpy as np

from voisin.errors import InputError
from voisin.types import Neighbors, Probabilities


def attach(
    neighbors: Neighbors, probabilities: Probabilities, *, power: float = 3.0
) -> Probabilities:
    """Average the probabilities of each new image's known neighbors.

    ``p_i = Σ_j w_ij p_j / Σ_j w_ij`` with ``w_ij = max(cos, 0)^power`` for cosine distances and
    ``w_ij = 1`` for euclidean ones; where all weights are zero, the plain mean.

    Parameters
    ----------
    neighbors : Neighbors
        Of the new images among the known ones, as `voisin.query_neighbors` finds them.
    probabilities : array of shape (n_known, n_classes)
    power : float, default=3

    Returns
    -------
    array of shape (n_new, n_classes)

    Examples
    --------
    >>> import numpy as np
    >>> near = Neighbors(np.array([[0, 1]]), np.zeros((1, 2), dtype=np.float32))
    >>> attach(near, np.array([[1.0, 0.0], [0.5, 0.5]]))
    array([[0.75, 0.25]])
    """
    if (highest := neighbors.indices.max(initial=-1)) >= len(probabilities):
        message = (
            f"neighbors has image {highest}, but probabilities {len(probabilities)} rows, from 0: "
            "pass one row a known image."
        )
        raise InputError(message)
    weights = np.ones(neighbors.distances.shape)
    if neighbors.metric == "cosine":
        weights = np.maximum(1 - neighbors.distances.astype(np.float64), 0) ** power
    weights[~weights.any(axis=1)] = 1
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ik,ikc->ic", weights, probabilities[neighbors.indices])
