"""The interface of query strategies, and the simplest strategy: random choice.

This module must not know the other strategies.
"""

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
    """Images to label next, the most useful first.

    Attributes
    ----------
    positions : array of shape (n,)
        Positions in the graph; each occurs once, and none is labeled.
    scores : array of shape (n,)
        Utility of each image when it was picked, never rising; each strategy has its own scale.
    reasons : tuple of str
        For each image, in a few words, why it was picked.
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
            The result of a labeling method for this problem.
        n : int
            Number of images; fewer are returned if fewer have no label.
        candidates : array of int, optional
            Images that may be suggested; by default, all images without label.
        class_names : sequence of str, optional
            Names of the classes in the reasons; by default ``class 0``, ``class 1``, ...

        Raises
        ------
        InputError
            If `n` is below 1, or all candidates are labeled.
        """


def find_askable(problem: Problem, n: int, candidates: Indices | None) -> Indices:
    """Return the positions of the images that may be suggested, ascending.

    Examples
    --------
    >>> from scipy import sparse
    >>> from voisin.types import GraphData
    >>> nothing = np.empty((0, 1), dtype=np.float32)
    >>> data = GraphData(np.zeros((3, 1), dtype=np.float32), sparse.csr_array((3, 3)), nothing)
    >>> find_askable(Problem(data, np.array([0, -1, -1]), 2), 1, None)
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
    """Return the name of a class, or its number if it has no name."""
    return class_names[label] if len(class_names) else f"class {label}"


@dataclass(frozen=True)
class RandomChoice:
    """Suggest images at random, all with the same probability: the baseline of all strategies.

    The draw depends on ``problem.random_state`` and on the number of labels, so that asking twice
    gives the same images, and the next batch has other images.
    """

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - all strategies have the same arguments
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Draw images; see `QueryStrategy.suggest`."""
        rows = find_askable(problem, n, candidates)
        n_labeled = int((problem.labels != UNLABELED).sum())
        rng = np.random.default_rng([problem.random_state, n_labeled])
        picked = rng.permutation(rows)[:n]
        return Suggestion(picked, np.ones(len(picked)), ("drawn at random",) * len(picked))
