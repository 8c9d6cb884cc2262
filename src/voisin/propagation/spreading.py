"""Label spreading: pull each image's class scores towards its neighbors' scores.

Zhou, Bousquet, Lal, Weston & Schölkopf, "Learning with local and global consistency", 2004.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.propagation.solvers import fixed_point
from voisin.types import UNLABELED, Affinity, Labels, Probabilities, Propagation
from voisin.validation import (
    check_affinity,
    check_at_least,
    check_in_open_interval,
    check_partial_labels,
)


@dataclass(frozen=True)
class LabelSpreading:
    """Spread the known labels over the graph.

    Solves ``(I − alpha S) F = (1 − alpha) Y`` by the iteration
    ``F ← alpha S F + (1 − alpha) Y``, where ``Y`` is the one-hot encoding of the known labels
    and ``S = D^-1/2 W D^-1/2`` the normalized affinity; then each row is divided by its sum.

    Parameters
    ----------
    alpha : float, default=0.9
        Share of an image's score taken from its neighbors, in (0, 1).
    tol : float, default=1e-6
        Stop once no score changes by more than this share of the largest.
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
    tol: float = 1e-6
    max_iter: int = 1_000

    def __post_init__(self) -> None:
        check_in_open_interval("alpha", self.alpha, 0, 1)
        check_at_least("max_iter", self.max_iter, 1)
        check_at_least("tol", self.tol, 0)

    def propagate(
        self, affinity: Affinity, labels: Labels, *, n_classes: int | None = None
    ) -> Propagation:
        """Give every image a distribution over the classes.

        Parameters
        ----------
        affinity : sparse array of shape (n_samples, n_samples)
            Symmetric, non-negative weights ``W`` with an empty diagonal.
        labels : array of shape (n_samples,)
            Class of each image from 0, or -1 where it is unknown.
        n_classes : int, optional
            Number of classes; by default one more than the largest label.

        Returns
        -------
        Propagation
            An image that no label reaches gets the classes' shares among the labels.

        Raises
        ------
        InputError
            If the shapes disagree, no image is labeled, or the graph is not symmetric.
        """
        check_affinity(affinity)
        check_partial_labels(labels, affinity.shape[0], n_classes)
        known = one_hot(labels, n_classes or int(labels.max()) + 1)
        smoother = normalize(affinity)

        def step(scores: NDArray[np.float64]) -> NDArray[np.float64]:
            return self.alpha * (smoother @ scores) + (1 - self.alpha) * known

        found = fixed_point(step, known, tol=self.tol, max_iter=self.max_iter)
        reached = reached_by_labels(affinity, labels)
        probabilities = rows_to_one(found.values, reached, known.sum(axis=0))
        return Propagation(probabilities, reached, found.n_iter, found.residual, found.converged)


def one_hot(labels: Labels, n_classes: int) -> Probabilities:
    """Return 1 at each known label's class, and rows of zeros where the label is unknown."""
    known = np.zeros((len(labels), n_classes))
    rows = np.flatnonzero(labels != UNLABELED)
    known[rows, labels[rows]] = 1
    return known


def normalize(affinity: Affinity) -> Affinity:
    """Return ``D^-1/2 W D^-1/2`` in float64, leaving isolated images at zero."""
    degrees = np.asarray(affinity.sum(axis=1), dtype=np.float64)
    scale = np.divide(1, np.sqrt(degrees), where=degrees > 0, out=np.zeros_like(degrees))
    diagonal = sparse.dia_array((scale[None], 0), shape=affinity.shape)
    return (diagonal @ affinity.astype(np.float64) @ diagonal).tocsr()


def reached_by_labels(affinity: Affinity, labels: Labels) -> NDArray[np.bool_]:
    """Tell which images are in a connected component with a label."""
    n_components, component = sparse.csgraph.connected_components(affinity, directed=False)
    has_label = np.zeros(n_components, dtype=bool)
    has_label[component[labels != UNLABELED]] = True
    return has_label[component]


def rows_to_one(
    scores: NDArray[np.float64], reached: NDArray[np.bool_], prior: NDArray[np.float64]
) -> Probabilities:
    """Divide rows by their sums; rows without evidence become the prior."""
    total = scores.sum(axis=1, keepdims=True)
    usable = reached[:, None] & (total > 0)
    fallback = np.broadcast_to(prior / prior.sum(), scores.shape).copy()
    return np.divide(scores, total, where=usable, out=fallback)
