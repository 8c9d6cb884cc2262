"""What a check of an audit is given, and what it returns.

This module must not know the checks.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voisin.types import (
    UNLABELED,
    Affinity,
    Labels,
    Names,
    Neighbors,
    Pixels,
    Probabilities,
)

WRONG, DOUBTFUL, WORTH_KNOWING = 3, 2, 1
"""Severities: figures or labels are wrong; labels may be wrong; for information. By convention."""


@dataclass(frozen=True, eq=False)
class AuditedImages:
    """What every check is given: the images of the graph and, after them, those set apart.

    Attributes
    ----------
    neighbors : Neighbors
        Of all images among all.
    affinity : sparse array of shape (n_graph, n_graph)
    labels : array of shape (n_graph,)
        The labels given, -1 elsewhere.
    class_names : tuple of str
    groups : array of shape (n_images,), optional
    splits : array of shape (n_images,)
        ``train`` for the images of the graph, else where they were set apart.
    pixels : array of shape (n_images, 32, 32, channels), optional
        None where the pictures are gone.
    classifier_probabilities : array of shape (n_labeled, n_classes), optional
        Out-of-fold probabilities of the labeled images by a classifier.
    graph_probabilities : array of shape (n_labeled, n_classes), optional
        The same by the graph, leaving one label out; `run_checks` adds them.
    answered : array of shape (n_graph,), optional
        Whether the method gave an image a label; None where that is not known any more.
    """

    neighbors: Neighbors
    affinity: Affinity
    labels: Labels
    class_names: tuple[str, ...]
    splits: Names
    groups: Names | None = None
    pixels: Pixels | None = None
    classifier_probabilities: Probabilities | None = None
    graph_probabilities: Probabilities | None = None
    answered: NDArray[np.bool_] | None = None

    @property
    def all_labels(self) -> Labels:
        """The labels given, of all images; -1 for all others, so for those set apart, too."""
        labels = np.full(len(self.splits), UNLABELED, dtype=np.int64)
        labels[: len(self.labels)] = self.labels
        return labels


@dataclass(frozen=True)
class Entry:
    """One image or pair of images of a finding.

    Attributes
    ----------
    image : int
    other : int
        The other image of a pair, or -1.
    score : float
        By which the entries of a finding are ordered.
    suggestion : int
        The class that it may have instead of its label, or -1.
    note : str
    """

    image: int
    other: int = -1
    score: float = np.nan
    suggestion: int = UNLABELED
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """Something not to believe, and the images that show it.

    Attributes
    ----------
    check : str
        Short name of what was found, for tables and links.
    severity : int
        `WRONG`, `DOUBTFUL` or `WORTH_KNOWING`.
    title : str
        One line.
    advice : str
        What it means, and what to do.
    entries : tuple of Entry
        Worst first; may be empty.
    """

    check: str
    severity: int
    title: str
    advice: str
    entries: tuple[Entry, ...] = field(default=(), repr=False)


def count_of(count: int, singular: str, plural: str) -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> count_of(1, "pair", "pairs"), count_of(2000, "pair", "pairs")
    ('1 pair', '2,000 pairs')
    """
    return f"{count:,} {singular if count == 1 else plural}"
