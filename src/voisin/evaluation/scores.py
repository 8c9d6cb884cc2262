"""The figures of one method in one scope, with their uncertainty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % bootstrap interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ReliabilityBin:
    """Predictions of similar confidence: how sure they are on average, and how often right."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Scores:
    """The verdict on one method in one scope.

    Attributes
    ----------
    method : str
        Such as ``propagated``.
    scope : str
        ``unlabeled``, ``test`` or ``test-no-leak``.
    n : int
        Images scored.
    n_unanswered : int
        Those for which the method had no evidence: they count as not found.
    auc, accuracy, macro_f1, balanced_accuracy, ece : Estimate
    recall : dict of str to Estimate
        By class name; NaN where the scope has no image of the class.
    confusion : array of shape (n_classes, n_classes)
        Counts; a row a true class, a column a predicted one; unanswered images are in none.
    reliability : tuple of ReliabilityBin
        Bins without predictions are left out.
    """

    method: str
    scope: str
    n: int
    auc: Estimate
    accuracy: Estimate
    macro_f1: Estimate
    balanced_accuracy: Estimate
    ece: Estimate
    recall: dict[str, Estimate]
    confusion: NDArray[np.int64]
    reliability: tuple[ReliabilityBin, ...]
    n_unanswered: int = 0
