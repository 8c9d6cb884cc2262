"""What an audit looks at, and what it may find; it knows arrays and words, no checks."""

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
"""How much a finding matters: figures or labels are wrong; labels may be; for information."""


@dataclass(frozen=True, eq=False)
class AuditedImages:
    """What an audit looks at.

    Attributes
    ----------
    neighbors : Neighbors
        Of the images of the graph and, after them, the images set apart, all among all.
    affinity : sparse array of shape (n_graph, n_graph)
    labels : array of shape (n_graph,)
        The labels given, -1 elsewhere.
    class_names : tuple of str
    groups : array of shape (n_images,), optional
    splits : array of shape (n_images,)
        ``train`` for the images of the graph, else where they were set apart.
    pixels : array of shape (n_images, 32, 32, channels), optional
        None where the pictures are gone.
    witness : array of shape (n_labeled, n_classes), optional
        A classifier's out-of-fold probabilities of the labeled images.
    answered : array of shape (n_graph,), optional
        Whether the method said anything of an image; None where that is not known any more.
    """

    neighbors: Neighbors
    affinity: Affinity
    labels: Labels
    class_names: tuple[str, ...]
    splits: Names
    groups: Names | None = None
    pixels: Pixels | None = None
    witness: Probabilities | None = None
    answered: NDArray[np.bool_] | None = None

    @property
    def everywhere(self) -> Labels:
        """The labels given, -1 for all others, those set apart too."""
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
        What it is ordered by.
    suggestion : int
        The class that speaks against its label, or -1.
    note : str
    """

    image: int
    other: int = -1
    score: float = np.nan
    suggestion: int = UNLABELED
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """Something not to believe.

    Attributes
    ----------
    check : str
        Its short name.
    severity : int
        3: figures or labels are wrong; 2: labels may be; 1: for information.
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
