"""From a method's scores to its outcome: rows that sum to one, and which labels reach."""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.graph import find_components
from voisin.propagation.known_labels import ClassPriors, LabeledNodes, expected_priors
from voisin.propagation.solvers import Solution
from voisin.types import Affinity, Probabilities, Propagation


def to_propagation(
    scores: NDArray[np.floating],
    affinity: Affinity,
    evidence: LabeledNodes,
    class_priors: ClassPriors,
    found: Solution,
) -> Propagation:
    """Divide the scores by their row sums; where no label reaches, put the class shares.

    An image so far from all labels that nothing arrives within the solver's tolerance is not
    reached either: it must not be given the largest of the class shares.
    """
    reached = reached_by_labels(affinity, evidence) & (scores > 0).any(axis=1)
    shares = expected_priors(class_priors, evidence)
    probabilities = rows_to_one(scores, reached, shares)
    return Propagation(probabilities, reached, found.n_iter, found.residual, found.converged)


def reached_by_labels(affinity: Affinity, evidence: LabeledNodes) -> NDArray[np.bool_]:
    """Tell which images are in a connected component with a label."""
    components = find_components(affinity)
    has_label = np.zeros(len(components.sizes), dtype=bool)
    has_label[components.of_sample[evidence.rows]] = True
    return has_label[components.of_sample]


def rows_to_one(
    scores: NDArray[np.floating], reached: NDArray[np.bool_], shares: NDArray[np.float64]
) -> Probabilities:
    """Divide rows by their sums, negative rounding at zero; without evidence, put the shares."""
    positive = np.maximum(scores, 0, dtype=np.float64)
    total = positive.sum(axis=1)
    usable = reached & (total > 0)
    positive /= np.where(usable, total, 1)[:, None]
    positive[~usable] = shares
    return positive


def likelihoods(scores: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Turn scores of any sign into positive ones of the same order: ``exp(u / rms(u))``.

    Only the order of a row's classes is meant; how sure the method is must be calibrated.
    """
    unit = np.sqrt((scores**2).mean()) or 1.0
    scaled = np.where(allowed, scores / unit, -np.inf)
    scaled -= scaled.max(axis=1, keepdims=True, initial=-1e300)
    return np.exp(scaled)
