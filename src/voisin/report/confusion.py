"""A confusion matrix made readable: few enough classes, shares of rows, the worst confusions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_CLASSES = 12


@dataclass(frozen=True, eq=False)
class Matrix:
    """A part of a confusion matrix.

    Attributes
    ----------
    classes : tuple of int
        Rows, and columns in the same order.
    counts : array of shape (n_shown, n_shown) or (n_shown, n_shown + 1)
        With a last column for all classes that are not shown.
    """

    classes: tuple[int, ...]
    counts: NDArray[np.int64]

    @property
    def shares(self) -> NDArray[np.float64]:
        """Counts divided by the sum of their row; NaN for a class without images."""
        total = self.counts.sum(axis=1, keepdims=True)
        undefined = np.full(self.counts.shape, np.nan)
        return np.divide(self.counts, total, where=total > 0, out=undefined)


def condense(confusion: NDArray[np.int64], max_classes: int = MAX_CLASSES) -> Matrix:
    """Keep the classes with the most images, and add up the columns of the others.

    Parameters
    ----------
    confusion : array of shape (n_classes, n_classes)
        Counts; a row a true class, a column a predicted one.
    max_classes : int, default=12

    Examples
    --------
    >>> import numpy as np
    >>> condense(np.array([[5, 1, 2], [0, 1, 0], [3, 0, 4]]), 2).counts
    array([[5, 2, 1],
           [3, 4, 0]])
    """
    if len(confusion) <= max_classes:
        return Matrix(tuple(range(len(confusion))), confusion)
    shown = np.sort(np.argsort(-confusion.sum(axis=1), kind="stable")[:max_classes])
    rows = confusion[shown]
    others = np.delete(rows, shown, axis=1).sum(axis=1, keepdims=True)
    return Matrix(tuple(shown.tolist()), np.hstack([rows[:, shown], others]))


@dataclass(frozen=True)
class Mixup:
    """Images of one class that were given another: how many, and which share of their class."""

    truth: int
    predicted: int
    n: int
    share: float


def most_frequent_mixups(confusion: NDArray[np.int64], max_mixups: int = 5) -> tuple[Mixup, ...]:
    """List the largest counts off the diagonal, largest first.

    Examples
    --------
    >>> import numpy as np
    >>> most_frequent_mixups(np.array([[3, 1], [0, 4]]))
    (Mixup(truth=0, predicted=1, n=1, share=0.25),)
    """
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:max_mixups]
    cells = (divmod(int(cell), len(wrong)) for cell in order)
    return tuple(
        Mixup(t, p, int(wrong[t, p]), float(wrong[t, p] / confusion[t].sum()))
        for t, p in cells
        if wrong[t, p]
    )
