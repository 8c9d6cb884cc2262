"""Where labels are too few, scattered or absent; it knows labels and a graph, not images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.graph import find_components
from voisin.types import UNLABELED, Affinity, Labels, Probabilities

FEW = 5
"""Labels of a class, fewer than which are too few."""

_SCATTERED = 0.5
_LEAST_LABELS = 5


@dataclass(frozen=True)
class ClassCoverage:
    """How well the labels of a class cover it.

    Attributes
    ----------
    label : int
    n_labels : int
    agreement : float
        Share of its labels that the others would have found; NaN where that cannot be told.
    """

    label: int
    n_labels: int
    agreement: float

    @property
    def has_too_few(self) -> bool:
        """Whether there are fewer labels than one can learn a class from."""
        return self.n_labels < FEW

    @property
    def is_scattered(self) -> bool:
        """Whether most of its labels lie among those of other classes."""
        return self.n_labels >= _LEAST_LABELS and self.agreement < _SCATTERED


def class_coverage(
    labels: Labels, left_out: Probabilities, n_classes: int
) -> tuple[ClassCoverage, ...]:
    """Count the labels of each class, and how many of them the others would have found.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    left_out : array of shape (n_labeled, n_classes)
        What is said of each labeled image without its label, as `leave_one_out` gives it.
    n_classes : int

    Examples
    --------
    >>> said = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    >>> class_coverage(np.array([0, 0, -1, 1]), said, 2)[0]
    ClassCoverage(label=0, n_labels=2, agreement=0.5)
    """
    own = labels[labels != UNLABELED]
    said = np.isfinite(left_out.sum(axis=1))
    found = np.where(said[:, None], left_out, 0).argmax(axis=1) == own
    agreement = [
        float(found[said & (own == c)].mean()) if (said & (own == c)).any() else np.nan
        for c in range(n_classes)
    ]
    counts = np.bincount(own, minlength=n_classes).tolist()
    return tuple(ClassCoverage(c, counts[c], agreement[c]) for c in range(n_classes))


@dataclass(frozen=True, eq=False)
class UnlabeledComponents:
    """Parts of the graph without any label.

    Attributes
    ----------
    members : tuple of arrays
        Positions of the images of each, largest first.
    """

    members: tuple[NDArray[np.int64], ...]

    @property
    def n_images(self) -> int:
        """Images that no label can reach."""
        return sum(map(len, self.members))


def unlabeled_components(affinity: Affinity, labels: Labels) -> UnlabeledComponents:
    """Find the connected parts that no label can reach.

    Examples
    --------
    >>> from scipy import sparse
    >>> two_pairs = sparse.csr_array(sparse.block_diag([np.eye(2)[::-1]] * 2))
    >>> unlabeled_components(two_pairs, np.array([0, -1, -1, -1])).members
    (array([2, 3]),)
    """
    components = find_components(affinity)
    lonely = np.flatnonzero(~components.with_labels(labels))
    order = np.argsort(components.of_sample, kind="stable")
    starts = np.concatenate([[0], np.cumsum(components.sizes)])
    members = [order[starts[c] : starts[c + 1]] for c in lonely]
    return UnlabeledComponents(tuple(sorted(members, key=lambda part: (-len(part), part[0]))))
