"""Harmonic functions: every unlabeled image is the mean of its neighbors.

Zhu, Ghahramani & Lafferty, "Semi-supervised learning using Gaussian fields and harmonic
functions", 2003; also known as Laplace learning.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.propagation.known_labels import (
    ClassPriors,
    LabeledNodes,
    check_class_priors,
    read_labeled_nodes,
)
from voisin.propagation.matrices import Solution, degrees_of
from voisin.propagation.result import reached_by_labels, to_propagation
from voisin.propagation.small_rows import refine_small_rows
from voisin.propagation.solvers import conjugate_gradients
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count


@dataclass(frozen=True)
class Harmonic:
    """Keep the labels, and make every other image the weighted mean of its neighbors.

    It solves ``(D_uu − W_uu) F_u = W_ul Y_l``. With few labels, nearly all images get nearly
    the same row, with spikes at the labels; Poisson learning avoids this.

    Parameters
    ----------
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        Probabilities of an image that no label reaches.
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
        labeled_nodes = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        solution, _ = solve_clamped(affinity, labeled_nodes, tol=self.tol, max_iter=self.max_iter)
        return to_propagation(solution.values, affinity, labeled_nodes, self.class_priors, solution)


def solve_clamped(
    affinity: Affinity,
    labeled_nodes: LabeledNodes,
    *,
    shift: float = 0.0,
    tol: float,
    max_iter: int,
) -> tuple[Solution, NDArray[np.float64]]:
    """Solve ``(shift · I + D_uu − W_uu) F_u = W_ul Y_l`` for the images that labels reach.

    The values of the solution have a row for every image: labeled images keep their labels, and
    images that no label reaches have zeros. An image of weight 2 counts as two images in the
    same place: the weights of its edges are doubled. Rows hold up to a factor, whose logarithms
    come second: see `refine_small_rows`.
    """
    is_reached = reached_by_labels(affinity, labeled_nodes)
    unlabeled = np.flatnonzero(is_reached & ~labeled_nodes.is_labeled)
    weights = affinity.astype(np.float64)[unlabeled]
    to_labeled = weights[:, labeled_nodes.rows] * labeled_nodes.weights
    to_unlabeled = weights[:, unlabeled]
    total = degrees_of(to_unlabeled) + degrees_of(to_labeled) + shift
    diagonal = sparse.dia_array((total[None], 0), shape=to_unlabeled.shape)
    matrix, right = (diagonal - to_unlabeled).tocsr(), to_labeled @ labeled_nodes.targets
    first = conjugate_gradients(matrix, right, tol=tol, max_iter=max_iter)
    solution, levels_of_unlabeled = refine_small_rows(to_unlabeled, total, right, first, max_iter)
    values, levels = labeled_nodes.scatter(labeled_nodes.targets), np.zeros(len(is_reached))
    values[unlabeled], levels[unlabeled] = solution.values, levels_of_unlabeled
    return replace(solution, values=values), levels
