"""A labeling by the graph alone: a propagation method, and the neighbors of new images."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import shift_priors, weigh_by_class
from voisin.propagation.attachment import attach
from voisin.propagation.spreading import LabelSpreading
from voisin.types import (
    Labeling,
    Probabilities,
    Problem,
    Propagation,
    PropagationMethod,
)


@dataclass(frozen=True)
class GraphOnly:
    """Carries the labels along the graph, each weighted by one over the number of its class.

    So all classes count as equally frequent; where the shares ``π`` of the classes are told,
    ``p_c ∝ π_c p_c`` follows (Bayes' rule for another prior).

    Parameters
    ----------
    method : PropagationMethod
    """

    method: PropagationMethod

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        found = self.method.propagate(
            problem.data.affinity,
            problem.labels,
            n_classes=problem.n_classes,
            sample_weight=weigh_by_class(problem.labels),
        )
        if problem.class_priors is not None:
            shifted = shift_priors(found.probabilities, new=problem.class_priors)
            found = replace(found, probabilities=shifted)
        new, new_reached = propagate_to_new_images(problem, found)
        start, alpha = None, None
        if isinstance(self.method, LabelSpreading):
            start, alpha = initial_scores_of(problem), self.method.alpha
        return Labeling(found, new, new_reached, self, start=start, alpha=alpha)


def propagate_to_new_images(
    problem: Problem, found: Propagation
) -> tuple[Probabilities, NDArray[np.bool_]]:
    """Give new images the mean of their neighbors; reached if one of these is."""
    near = problem.data.near
    if near is None:
        return np.empty((0, problem.n_classes)), np.empty(0, dtype=bool)
    return attach(near, found.probabilities), np.any(found.reached[near.indices], axis=1)


def initial_scores_of(problem: Problem) -> Probabilities:
    """Return the labels times their weights, and times the class shares where these are told."""
    start = np.eye(problem.n_classes)[problem.labels] * weigh_by_class(problem.labels)[:, None]
    return start if problem.class_priors is None else start * problem.class_priors
