"""What a strategy is asked, and what it answers; it knows no strategy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.types import UNLABELED, Indices, Labeling, Problem
from voisin.validation import check_count


@dataclass(frozen=True, eq=False)
class Suggestion:
    """Images to label next, the most worth asking first.

    Attributes
    ----------
    positions : array of shape (n,)
        Where the images are in the graph; each once, none labeled.
    scores : array of shape (n,)
        Worth of each when it was picked, never rising; on a scale of the strategy's own.
    reasons : tuple of str
        Why each was picked, in a few words.
    """

    positions: Indices
    scores: NDArray[np.float64]
    reasons: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.positions)


class QueryStrategy(Protocol):
    """A way to choose which images to label next."""

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),
    ) -> Suggestion:
        """Choose images whose labels would help most.

        Parameters
        ----------
        problem : Problem
            Vectors, graph and the labels so far.
        labeling : Labeling
            What a method made of them.
        n : int
            Fewer are given where fewer are without label.
        candidates : array of int, optional
            Images that may be asked for; by default all without label.
        class_names : sequence of str, optional
            For the reasons; by default ``class 0``, ``class 1``, ...

        Raises
        ------
        InputError
            If `n` is below 1, or no candidate is without label.
        """


def askable(problem: Problem, n: int, candidates: Indices | None) -> Indices:
    """Return the positions that may be asked for, ascending.

    Examples
    --------
    >>> from scipy import sparse
    >>> from voisin.types import GraphData
    >>> nothing = np.empty((0, 1), dtype=np.float32)
    >>> data = GraphData(np.zeros((3, 1), dtype=np.float32), sparse.csr_array((3, 3)), nothing)
    >>> askable(Problem(data, np.array([0, -1, -1]), 2), 1, None)
    array([1, 2])
    """
    check_count("n", n, 1)
    rows = np.flatnonzero(problem.labels == UNLABELED)
    if candidates is not None:
        rows = np.intersect1d(rows, candidates)
    if not len(rows):
        message = "No image without label may be asked for: there is nothing to suggest."
        raise InputError(message)
    return rows


def name_class(label: int, class_names: Sequence[str]) -> str:
    """Name a class, by its number where it has no name."""
    return class_names[label] if len(class_names) else f"class {label}"
