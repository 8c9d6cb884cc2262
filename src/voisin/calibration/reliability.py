"""How often probabilities are right, a class at a time; it knows no methods.

Reliability diagrams: Murphy & Winkler 1977; bins of equal count: Nguyen & O'Connor 2015.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.bootstrap import (
    UNDEFINED,
    Estimate,
    draw_bootstrap_weights,
    estimate_interval,
)
from voisin.types import Labels, Names, Probabilities

_MOST_BINS, _FEWEST = 8, 12  # bins, and images in one
_RESAMPLES = 500


@dataclass(frozen=True)
class Bin:
    """Images of similar probability for a class.

    Attributes
    ----------
    n : int
    stated : float
        Mean probability.
    true : Estimate
        Share of them that are of the class.
    """

    n: int
    stated: float
    true: Estimate


@dataclass(frozen=True, eq=False)
class ClassReliability:
    """How one class's probabilities compare with what is true.

    Attributes
    ----------
    label : int
    n_images : int
        Held-out labels of this class.
    bins : tuple of Bin
        From low to high probabilities, equally many images in each.
    error : float
        Mean gap between stated and true over the bins, by weight.
    """

    label: int
    n_images: int
    bins: tuple[Bin, ...]
    error: float


def reliability_by_class(
    probabilities: Probabilities,
    labels: Labels,
    weights: NDArray[np.float64],
    *,
    groups: Names | None = None,
    random_state: int = 0,
) -> tuple[ClassReliability, ...]:
    """Compare the probabilities of each class with how often it is true.

    Parameters
    ----------
    probabilities : array of shape (n_labels, n_classes)
    labels : array of shape (n_labels,)
    weights : array of shape (n_labels,)
        How many images of the pool each label stands for.
    groups : array of shape (n_labels,), optional
        Resampled as wholes for the intervals.
    random_state : int, default=0

    Examples
    --------
    >>> stated = np.array([[0.8, 0.2]] * 10 + [[0.2, 0.8]] * 10)
    >>> labels = np.array([0] * 8 + [1] * 2 + [1] * 8 + [0] * 2)
    >>> first = reliability_by_class(stated, labels, np.ones(20))[0]
    >>> first.n_images, first.bins[0].n, first.bins[0].true.value
    (10, 20, 0.5)
    """
    resampled = _resamples(len(labels), groups, weights, random_state)
    return tuple(
        _of_class(c, probabilities[:, c], labels == c, weights, resampled)
        for c in range(probabilities.shape[1])
    )


def calibration_error(
    probabilities: Probabilities,
    labels: Labels,
    weights: NDArray[np.float64],
    *,
    groups: Names | None = None,
    random_state: int = 0,
) -> Estimate:
    """Mean gap between the probability of the predicted class and how often it is right.

    ``Σ_b w_b |true_b − stated_b|`` over bins of equal count of the largest probability. Fewer
    images give a larger value by chance alone: read it with its interval.
    """
    if not len(labels):
        return UNDEFINED
    stated, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = _equal_bins(stated)
    resampled = _resamples(len(labels), groups, weights, random_state)
    every = np.concatenate([weights[None], resampled])
    total, gap = np.zeros(len(every)), np.zeros(len(every))
    for rows in bins:
        total += every[:, rows].sum(axis=1)
        gap += np.abs(every[:, rows] @ (right[rows] - stated[rows]))
    values = gap / np.maximum(total, 1e-300)
    return estimate_interval(float(values[0]), values[1:])


def _of_class(
    label: int,
    stated: NDArray[np.float64],
    is_class: NDArray[np.bool_],
    weights: NDArray[np.float64],
    resampled: NDArray[np.float64],
) -> ClassReliability:
    bins, gap = [], 0.0
    for rows in _equal_bins(stated):
        weight = weights[rows]
        if not weight.sum() > 0:
            continue
        mean = float(np.average(stated[rows], weights=weight))
        true = float(np.average(is_class[rows], weights=weight))
        total = resampled[:, rows].sum(axis=1)
        hits = resampled[:, rows] @ is_class[rows].astype(np.float64)
        shares = np.divide(hits, total, where=total > 0, out=np.full_like(hits, np.nan))
        bins.append(
            Bin(len(rows), mean, _not_too_narrow(estimate_interval(true, shares), len(rows)))
        )
        gap += weight.sum() * abs(true - mean)
    error = gap / weights.sum() if len(weights) else float("nan")
    return ClassReliability(label, int(is_class.sum()), tuple(bins), float(error))


def _not_too_narrow(share: Estimate, n: int) -> Estimate:
    """Widen what a bootstrap of nothing but noes (or ayes) says: Clopper & Pearson 1934."""
    if share.value <= 0:
        return Estimate(share.value, 0.0, max(share.high, 1 - 0.025 ** (1 / n)))
    if share.value >= 1:
        return Estimate(share.value, min(share.low, 0.025 ** (1 / n)), 1.0)
    return share


def _equal_bins(stated: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    if not len(stated):
        return []
    n_bins = int(np.clip(len(stated) // _FEWEST, 1, _MOST_BINS))
    return np.array_split(np.argsort(stated, kind="stable"), n_bins)


def _resamples(
    n: int, groups: Names | None, weights: NDArray[np.float64], random_state: int
) -> NDArray[np.float64]:
    if not n:
        return np.empty((0, 0))
    drawn = draw_bootstrap_weights(
        n, groups, n_resamples=_RESAMPLES, random_state=random_state, block=_RESAMPLES
    )
    return np.concatenate(list(drawn)) * weights
