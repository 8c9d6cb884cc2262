"""Label spreading: pull each image's class scores towards its neighbors' scores.

Zhou, Bousquet, Lal, Weston & Schölkopf, "Learning with local and global consistency", 2004.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.propagation.known_labels import ClassPriors, check_class_priors, read_labeled_nodes
from voisin.propagation.matrices import normalize_affinity
from voisin.propagation.result import to_propagation
from voisin.propagation.small_rows import refine_small_rows
from voisin.propagation.solvers import chebyshev
from voisin.types import Affinity, Labels, Probabilities, Propagation
from voisin.validation import check_affinity, check_at_least, check_count, check_in_open_interval


@dataclass(frozen=True)
class LabelSpreading:
    """Spread the known labels over the graph.

    Solves ``(I − alpha S) F = (1 − alpha) Y``, where ``Y`` holds the known labels times their
    weights and ``S = D^-1/2 W D^-1/2``; then each row is divided by its sum.

    Parameters
    ----------
    alpha : float, default=0.9
        Share of an image's score taken from its neighbors, in (0, 1).
    class_priors : "labels", "uniform" or sequence of float, default="labels"
        Probabilities of an image that no label reaches.
    tol : float, default=1e-6
        Stop once the residual of every class is below this share of its right-hand side.
    max_iter : int, default=1000
        Stop after this many iterations, with a `ConvergenceWarning`.

    Raises
    ------
    InputError
        If a setting is out of range.

    Examples
    --------
    A path of three images, labeled at its two ends.

    >>> import numpy as np
    >>> from scipy import sparse
    >>> path = sparse.csr_array([[0.0, 3, 0], [3, 0, 1], [0, 1, 0]])
    >>> LabelSpreading().propagate(path, np.array([0, -1, 1])).labels
    array([0, 0, 1])
    """

    alpha: float = 0.9
    class_priors: ClassPriors = "labels"
    tol: float = 1e-6
    max_iter: int = 1_000

    def __post_init__(self) -> None:
        check_in_open_interval("alpha", self.alpha, 0, 1)
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
        """Give every image a distribution over the classes.

        Parameters
        ----------
        affinity : sparse array of shape (n_samples, n_samples)
            Symmetric, non-negative weights ``W``; the diagonal does not count.
        labels : array of shape (n_samples,) or (n_samples, n_classes)
            Class of each image from 0, or -1 where it is unknown; or soft labels, rows of
            zeros where unknown.
        n_classes : int, optional
            Number of classes; by default one more than the largest label.
        sample_weight : array of shape (n_samples,), optional
            How much each label counts; 1 by default.

        Returns
        -------
        Propagation
            An image that no label reaches gets the class priors.

        Raises
        ------
        InputError
            If the shapes disagree, no image is labeled, or the graph is not symmetric.
        """
        affinity = check_affinity(affinity)
        labeled_nodes = read_labeled_nodes(labels, affinity.shape[0], n_classes, sample_weight)
        right = labeled_nodes.scatter(
            (1 - self.alpha) * labeled_nodes.weights[:, None] * labeled_nodes.targets
        )
        smoother = normalize_affinity(affinity)
        first = chebyshev(smoother, self.alpha, right, tol=self.tol, max_iter=self.max_iter)
        solution, _ = refine_small_rows(
            self.alpha * smoother, np.ones(len(right)), right, first, self.max_iter
        )
        return to_propagation(solution.values, affinity, labeled_nodes, self.class_priors, solution)
