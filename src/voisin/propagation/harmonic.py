"""Harmonic functions: every unlabeled image is the mean of its neighbors.

Zhu, Ghahramani & Lafferty, "Semi-supervised learning using Gaussian fields and harmonic
functions", 2003; also known as Laplace learning.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.propagation.gradients import conjugate_gradients
from voisin.propagation.known_labels import (
    ClassPriors,
    LabeledNodes,
    check_class_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import degrees_of
from voisin.propagation.result import reached_by_labels, to_propagation
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count


@dataclass(frozen=True)
class Harmonic:
    """Keep the labels, and make every other image the weighted mean of its neighbors.

    Solves ``(D_uu − W_uu) F_u = W_ul Y_l``. With few labels nearly all images get nearly the
    same row, with spikes at the labels: Poisson learning mends that.

    Parameters
    ----------
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        What an image gets that no label reaches.
    tol : float, default=1e-6
        Stop once the residual of every class is below this share of its right-hand side.
    max_iter : int, default=1000

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> Harmonic().propagate(path, np.array([0, -1, 1])).probabilities[1]
    array([0.75, 0.25])
    """

    class_priors: ClassPriors = "labels"
    tol: float = 1e-6
    max_iter: int = 1_000

    def __post_init__(self) -> None:
        check_class_priors(self.class_priors)
        check_count("max_iter", self.max_iter, 1)
        check_at_least("tol", self.tol, 0)

    def propagate(
        self,
        affinity: Affinity,
        labels: Labels | Probabilities,
        *,
        n_classes: int | None = None,
        sample_weight: NDArray[np.floating] | None = None,
    ) -> Propagation:
        """Give every image a distribution over the classes; see `LabelSpreading.propagate`."""
        affinity = check_affinity(affinity)
        evidence = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        asked, matrix, right = clamped_equation(affinity, evidence)
        found = conjugate_gradients(matrix, right, tol=self.tol, max_iter=self.max_iter)
        scores = evidence.spread_out(evidence.targets)
        scores[asked] = found.values
        return to_propagation(scores, affinity, evidence, self.class_priors, found)


def clamped_equation(
    affinity: Affinity, evidence: LabeledNodes, shift: float = 0.0
) -> tuple[NDArray[np.int64], sparse.csr_array, NDArray[np.float64]]:
    """Pose ``(shift · I + D_uu − W_uu) F_u = W_ul Y_l`` for the images that labels reach.

    An image of weight 2 counts as two in the same place: its edges weigh twice as much.
    """
    reached = reached_by_labels(affinity, evidence)
    asked = np.flatnonzero(reached & ~evidence.is_labeled)
    weights = affinity.astype(np.float64)[asked]
    known = weights[:, evidence.rows] * evidence.weights
    among = weights[:, asked]
    total = degrees_of(among) + degrees_of(known) + shift
    diagonal = sparse.dia_array((total[None], 0), shape=among.shape)
    return asked, (diagonal - among).tocsr(), known @ evidence.targets
