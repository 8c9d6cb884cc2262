"""The input of an audit's checks (`AuditedImages`) and their output (`Finding`).

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
    """The input of every check: the images of the graph and, after them, the held-out images.

    Attributes
    ----------
    neighbors : Neighbors
        Neighbors of every image, searched among all images.
    affinity : sparse array of shape (n_graph, n_graph)
    labels : array of shape (n_graph,)
        The given labels; -1 for an image without one.
    class_names : tuple of str
    groups : array of shape (n_images,), optional
    splits : array of shape (n_images,)
        ``train`` for the images of the graph, else the split that the image is held out in.
    pixels : array of shape (n_images, 32, 32, channels), optional
        None if no picture can be read any more; black where one file could not be read.
    classifier_probabilities : array of shape (n_labeled, n_classes), optional
        Out-of-fold probabilities of the labeled images by a classifier.
    graph_probabilities : array of shape (n_labeled, n_classes), optional
        The same from label spreading without the image's own label; `run_checks` adds them.
    answered : array of shape (n_graph,), optional
        Whether the method gave the image a label; None if that is not known any more.
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
        """The given labels of all images; -1 without one, and for every held-out image."""
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
        The entries of a finding are ordered by it.
    suggestion : int
        The class that the image may have instead of its label, or -1.
    note : str
    """

    image: int
    other: int = -1
    score: float = np.nan
    suggestion: int = UNLABELED
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """A problem in the data, and the images that show it.

    Attributes
    ----------
    check : str
        Short name of what was found, for tables and links.
    severity : int
        `WRONG`, `DOUBTFUL` or `WORTH_KNOWING`.
    title : str
        One line.
    advice : str
        What the finding means, and what to do.
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
