"""Confusion matrices small enough to read: shares of rows, and the most frequent confusions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.bootstrap import Estimate

_LIKELY = 0.02  # see `likely_pairs`
MAX_CLASSES = 12  # rows and columns; chosen by hand, as many as fit on the page


@dataclass(frozen=True, eq=False)
class Matrix:
    """A part of a confusion matrix.

    Attributes
    ----------
    classes : tuple of int
        The classes shown, in the order of rows and columns.
    counts : array of shape (n_shown, n_shown + n_extra)
        Counts of images, with one column per class and then one per entry of `extra`.
    extra : tuple of str
        ``others``, all classes that are not shown; ``no answer``, images without evidence.
    """

    classes: tuple[int, ...]
    counts: NDArray[np.int64]
    extra: tuple[str, ...] = ()

    @property
    def shares(self) -> NDArray[np.float64]:
        """Counts divided by the images of their class; NaN for a class without images."""
        total = self.counts.sum(axis=1, keepdims=True)
        undefined = np.full(self.counts.shape, np.nan)
        return np.divide(self.counts, total, where=total > 0, out=undefined)


def count_classes(confusions: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Count the images of each class by the confusion matrices of several methods.

    A matrix lacks the images to which its method gave no answer, so the largest row sum counts.

    Examples
    --------
    >>> import numpy as np
    >>> count_classes([np.array([[3, 1], [0, 2]]), np.array([[2, 0], [1, 2]])])
    array([4, 3])
    """
    return np.max([confusion.sum(axis=1) for confusion in confusions], axis=0)


def condense(
    confusion: NDArray[np.int64], n_images: NDArray[np.int64], max_classes: int = MAX_CLASSES
) -> Matrix:
    """Keep the classes with the most images, and add up the columns of the others.

    Parameters
    ----------
    confusion : array of shape (n_classes, n_classes)
        Counts; a row a true class, a column a predicted one.
    n_images : array of shape (n_classes,)
        Images of each class; those that are missing in a row had no answer.
    max_classes : int, default=12

    Examples
    --------
    >>> import numpy as np
    >>> matrix = condense(np.array([[5, 1, 2], [0, 1, 0], [3, 0, 4]]), np.array([8, 1, 9]), 2)
    >>> matrix.extra
    ('others', 'no answer')
    >>> matrix.counts
    array([[5, 2, 1, 0],
           [3, 4, 0, 2]])
    """
    shown = np.arange(len(confusion))
    extra: dict[str, NDArray[np.int64]] = {}
    if len(confusion) > max_classes:
        shown = np.sort(np.argsort(-n_images, kind="stable")[:max_classes])
        extra["others"] = np.delete(confusion, shown, axis=1).sum(axis=1)
    unanswered = n_images - confusion.sum(axis=1)
    if unanswered.any():
        extra["no answer"] = unanswered
    columns = [confusion[:, shown], *(column[:, None] for column in extra.values())]
    return Matrix(tuple(shown.tolist()), np.hstack(columns)[shown], tuple(extra))


@dataclass(frozen=True)
class ConfusionPair:
    """A true class, the class predicted instead, the number of images, and their share."""

    truth: int
    predicted: int
    n: int
    share: float


@dataclass(frozen=True)
class ExpectedPair:
    """A true class, the class given instead, and the share of the class's images, estimated."""

    truth: int
    predicted: int
    share: Estimate


def most_frequent_pairs(
    confusion: NDArray[np.int64], n_images: NDArray[np.int64], max_pairs: int = 5
) -> tuple[ConfusionPair, ...]:
    """Return the largest counts off the diagonal, largest first, with their share of `n_images`.

    Examples
    --------
    >>> import numpy as np
    >>> most_frequent_pairs(np.array([[3, 1], [0, 4]]), np.array([4, 4]))
    (ConfusionPair(truth=0, predicted=1, n=1, share=0.25),)
    """
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:max_pairs]
    cells = (divmod(int(cell), len(wrong)) for cell in order)
    return tuple(
        ConfusionPair(t, p, int(wrong[t, p]), float(wrong[t, p] / n_images[t]))
        for t, p in cells
        if wrong[t, p]
    )


def likely_pairs(
    confusion: NDArray[np.float64], class_priors: NDArray[np.float64], max_pairs: int = 5
) -> tuple[ExpectedPair, ...]:
    """Return the confusions that held-out labels make likely, those of most images first.

    One label of ten that was mistaken may be chance, so the lower end of the interval of the share
    must be above 2 % (chosen by hand: two of ten are, and four of fifty).

    Parameters
    ----------
    confusion : array of shape (n_classes, n_classes, 3)
        Share of the images of a class (row) that are given another (column), and its interval.
    class_priors : array of shape (n_classes,)
    max_pairs : int, default=5

    Examples
    --------
    >>> import numpy as np
    >>> shares = np.zeros((2, 2, 3))
    >>> shares[0, 1] = 0.2, 0.03, 0.5
    >>> likely_pairs(shares, np.array([0.5, 0.5]))
    (ExpectedPair(truth=0, predicted=1, share=Estimate(value=0.2, low=0.03, high=0.5)),)
    """
    images = np.nan_to_num(confusion[:, :, 0] * class_priors[:, None])
    likely = np.nan_to_num(confusion[:, :, 1]) > _LIKELY
    np.fill_diagonal(likely, val=False)
    order = np.argsort(-np.where(likely, images, 0), axis=None, kind="stable")[:max_pairs]
    cells = (divmod(int(cell), len(images)) for cell in order)
    return tuple(
        ExpectedPair(t, p, Estimate(*confusion[t, p].tolist())) for t, p in cells if likely[t, p]
    )
