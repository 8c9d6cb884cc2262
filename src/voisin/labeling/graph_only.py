"""Labeling by the graph alone: a propagation method, and the neighbors of new images.

This module must not know classifiers.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import shift_priors, weigh_by_class
from voisin.labeling.induction import induce
from voisin.propagation.spreading import LabelSpreading
from voisin.types import (
    Induction,
    Labeling,
    Labels,
    Probabilities,
    Problem,
    PropagationMethod,
)


@dataclass(frozen=True)
class GraphOnly:
    """Propagates labels along the graph, each weighted by one over the number in its class.

    So all classes count as equally frequent. Without weights, a class with many labels would win
    nearly every image, since its mass in the graph grows with its labels (Iscen et al. 2019). If
    class priors ``π`` are given, ``p_c ∝ π_c p_c`` follows (Bayes' rule for another prior).

    Parameters
    ----------
    method : PropagationMethod
    """

    method: PropagationMethod

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        propagation = self.method.propagate(
            problem.data.affinity,
            problem.labels,
            n_classes=problem.n_classes,
            sample_weight=weigh_labels(problem.labels),
        )
        if problem.class_priors is not None:
            shifted = shift_priors(propagation.probabilities, new=problem.class_priors)
            propagation = replace(propagation, probabilities=shifted)
        induction = Induction(0.0, neighbor_scores=propagation.probabilities)
        data = problem.data
        new, new_reached = induce(
            induction, data.new_embeddings, data.new_neighbors, propagation.reached
        )
        start, alpha = None, None
        if isinstance(self.method, LabelSpreading):
            start, alpha = initial_scores_of(problem), self.method.alpha
        return Labeling(
            propagation,
            new,
            new_reached,
            self,
            initial_scores=start,
            alpha=alpha,
            induction=induction,
        )


def weigh_labels(labels: Labels) -> NDArray[np.float64]:
    """Weigh each label by one over the number in its class, scaled so that the least weight is 1.

    The scale matters to the methods that compare these weights with those of edges: harmonic,
    Poisson MBO and reweighted. With equally many labels per class, all weights are 1.

    Examples
    --------
    >>> weigh_labels(np.array([0, 0, 1, -1]))
    array([1., 1., 2., 0.])
    """
    weights = weigh_by_class(labels)
    return np.asarray(weights / weights[weights > 0].min())


def initial_scores_of(problem: Problem) -> Probabilities:
    """Return the labels times their weights, and times the class priors if these are given."""
    start = np.eye(problem.n_classes)[problem.labels] * weigh_labels(problem.labels)[:, None]
    return start if problem.class_priors is None else start * problem.class_priors
