"""Turn scores into probabilities, for images of the graph and for new images.

`to_propagation` makes the result of a method from the solution of its equation. `attach` gives
new images the probabilities of their neighbors. This module must not know how scores are computed.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.affinity import check_neighbors
from voisin.neighbors.graph import find_components
from voisin.propagation.known_labels import ClassPriors, LabeledNodes, expected_priors
from voisin.propagation.matrices import Solution
from voisin.types import Affinity, Neighbors, Probabilities, Propagation


def to_propagation(
    scores: NDArray[np.floating],
    affinity: Affinity,
    labeled_nodes: LabeledNodes,
    class_priors: ClassPriors,
    solution: Solution,
) -> Propagation:
    """Divide the scores by their row sums; rows that no label reaches become the class priors."""
    reached = reached_by_labels(affinity, labeled_nodes)
    probabilities = rows_to_one(scores, reached, expected_priors(class_priors, labeled_nodes))
    return Propagation(
        probabilities, reached, solution.n_iter, solution.residual, solution.converged
    )


def reached_by_labels(affinity: Affinity, labeled_nodes: LabeledNodes) -> NDArray[np.bool_]:
    """Tell which images are in a connected component with a label."""
    components = find_components(affinity)
    has_label = np.zeros(len(components.sizes), dtype=bool)
    has_label[components.of_sample[labeled_nodes.rows]] = True
    return has_label[components.of_sample]


def rows_to_one(
    scores: NDArray[np.floating], reached: NDArray[np.bool_], class_priors: NDArray[np.float64]
) -> Probabilities:
    """Divide rows by their sums; rows without a label or with sum 0 become the class priors.

    Scores below 0, which are rounding errors, count as 0.
    """
    positive = np.maximum(scores, 0, dtype=np.float64)
    total = positive.sum(axis=1)
    usable = reached & (total > 0)
    positive /= np.where(usable, total, 1)[:, None]
    positive[~usable] = class_priors
    return positive


def likelihoods(scores: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Turn scores of any sign into positive scores of the same order: ``exp(u / rms(u))``.

    Only the order of a row's classes has a meaning: calibrate them before use as probabilities.
    Classes that are not allowed get 0.
    """
    unit = np.sqrt((scores**2).mean()) or 1.0
    scaled = np.where(allowed, scores / unit, -np.inf)
    scaled -= scaled.max(axis=1, keepdims=True, initial=-1e300)  # finite if no class is allowed
    return np.exp(scaled)


def attach(
    neighbors: Neighbors, probabilities: Probabilities, *, power: float = 3.0
) -> Probabilities:
    """Average the probabilities of each new image's neighbors in the graph, without solving again.

    ``p_i = Σ_j w_ij p_j / Σ_j w_ij`` with ``w_ij = max(cos, 0)^power`` for cosine distances and
    ``w_ij = 1`` for euclidean ones; if all weights are zero, it is the plain mean.

    Parameters
    ----------
    neighbors : Neighbors
        Neighbors of the new images among the known images, as `voisin.query_neighbors` finds them.
    probabilities : array of shape (n_known, n_classes)
    power : float, default=3

    Returns
    -------
    array of shape (n_new, n_classes)

    Raises
    ------
    InputError
        If a neighbor is none of the known images or comes twice, or a distance is no number.

    Examples
    --------
    >>> import numpy as np
    >>> near = Neighbors(np.array([[0, 1]]), np.zeros((1, 2), dtype=np.float32))
    >>> attach(near, np.array([[1.0, 0.0], [0.5, 0.5]]))
    array([[0.75, 0.25]])
    """
    check_neighbors(neighbors, len(probabilities))
    weights = weights_of(neighbors, power)
    return np.einsum("ik,ikc->ic", weights, probabilities[neighbors.indices])


def weights_of(neighbors: Neighbors, power: float = 3.0) -> NDArray[np.float64]:
    """Return the weight of each neighbor in the mean that `attach` takes; rows sum to one."""
    weights = np.ones(neighbors.distances.shape)
    if neighbors.metric == "cosine":
        weights = np.maximum(1 - neighbors.distances.astype(np.float64), 0) ** power
    weights[~weights.any(axis=1)] = 1
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
