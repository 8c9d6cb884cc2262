"""The verdict without truth: how many labels are right, as held-out labels tell.

Labels that were drawn by class say of each class how many of its images are found (its recall), and
nothing of how common it is; so recalls are weighted by class priors. With few labels that is rough.
The mean probability of the labels shown is steadier, but may be off as a whole; both are weighted
by how sure they are (a composite estimator; Ghosh & Rao 1994). Intervals of shares are those of
Clopper & Pearson 1934, and groups count as if all their images were alike. This module must not
know how labels were found.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from voisin.evaluation.bootstrap import MIN_UNITS, UNDEFINED, Estimate, count_units
from voisin.types import Labels, Names

_NORMAL = 1.96  # half the width of a 95 % interval, in standard errors
# How far the mean probability of the labels shown is off, and how alike its errors are to those of
# the weighted recalls: measured by `benchmarks.estimates`.
_ERROR_OF_PROBABILITIES, _CORRELATION = 0.04, 0.6
_ERROR_OF_FOLDS = 0.03  # of a mean recall, since a fold has fewer labels to learn from: as above


@dataclass(frozen=True, eq=False)
class ExpectedVerdict:
    """How good the labels found are expected to be, with 95 % intervals.

    Attributes
    ----------
    n_labels : int
        Number of labels held out in turn.
    accuracy : Estimate
        Share of the labels found that are right.
    balanced_accuracy : Estimate
        Mean of the recalls.
    recall : tuple of Estimate
        One per class; undefined for a class of which no label was held out.
    confusion : array of shape (n_classes, n_classes, 3)
        Share of the images of a class (row) that are given a class (column), and its interval.
    """

    n_labels: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    recall: tuple[Estimate, ...]
    confusion: NDArray[np.float64]


def expect_verdict(
    truth: Labels,
    decided: Labels,
    class_priors: NDArray[np.float64],
    covariance: NDArray[np.float64],
    confidence: Estimate,
    groups: Names | None = None,
) -> ExpectedVerdict:
    """Estimate how many labels are right from labels that were decided without being seen.

    ``A = Σ_c π_c R_c`` with recalls R has the variance ``s² = Σ_c π_c² v_c + Rᵀ Σ R``, where
    ``v_c = p (1 − p) / n`` for ``p = (n R_c + 1) / (n + 2)``. The mean probability m of the labels
    has the variance ``t²``, of its own interval and of what the benchmark found. The share right
    is ``(t² A + s² m) / (s² + t²)``.

    Parameters
    ----------
    truth, decided : arrays of shape (n_labels,)
        The held-out labels, and what was decided for their images.
    class_priors : array of shape (n_classes,)
        π, among the images that were labeled by decision.
    covariance : array of shape (n_classes, n_classes)
        Σ, of the errors of the class priors.
    confidence : Estimate
        Mean probability of the labels found.
    groups : array of shape (n_labels,), optional

    Examples
    --------
    >>> truth = np.repeat([0, 1], 50)
    >>> decided = np.where(np.arange(100) % 5, truth, 1 - truth)
    >>> sure = Estimate(0.8, 0.78, 0.82)
    >>> found = expect_verdict(truth, decided, np.array([0.9, 0.1]), np.zeros((2, 2)), sure)
    >>> round(found.accuracy.value, 3), round(found.recall[0].low, 3)
    (0.8, 0.663)
    """
    n_classes, class_priors = len(class_priors), class_priors / class_priors.sum()
    confusion = np.full((n_classes, n_classes, 3), np.nan)
    sizes = np.zeros(n_classes)
    for c in np.unique(truth):
        rows = truth == c
        sizes[c] = _effective_size(int(rows.sum()), None if groups is None else groups[rows])
        shares = np.bincount(decided[rows], minlength=n_classes) / rows.sum()
        confusion[c] = np.column_stack([shares, *_bounds(shares, sizes[c])])
    recalls = confusion[np.arange(n_classes), np.arange(n_classes)]
    seen = sizes > 0
    values = np.where(seen, recalls[:, 0], recalls[seen, 0].mean())
    smoothed = (sizes * values + 1) / (sizes + 2)
    variances = np.where(seen, smoothed * (1 - smoothed) / np.maximum(sizes, 1), 1 / 12)
    shares_right = float(class_priors @ values)
    variance = float(class_priors**2 @ variances + values @ covariance @ values)
    has_interval = count_units(len(truth), groups) >= MIN_UNITS
    return ExpectedVerdict(
        n_labels=len(truth),
        accuracy=_combine(shares_right, variance, confidence) if has_interval else UNDEFINED,
        balanced_accuracy=_normal(
            values[seen].mean(),
            float(np.hypot(variances[seen].sum() ** 0.5 / seen.sum(), _ERROR_OF_FOLDS)),
        )
        if has_interval
        else UNDEFINED,
        recall=tuple(Estimate(*recall) for recall in recalls.tolist()),
        confusion=confusion,
    )


def unknown_priors_covariance(possible: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the covariance of class priors of which all are equally plausible.

    Examples
    --------
    >>> unknown_priors_covariance(np.array([True, True])).round(3)
    array([[ 0.083, -0.083],
           [-0.083,  0.083]])
    """
    even = possible / possible.sum()
    return (np.diag(even) - np.outer(even, even)) / (possible.sum() + 1)


def _combine(shares_right: float, variance: float, confidence: Estimate) -> Estimate:
    """Weight the recalls' estimate and the mean probability by how sure they are."""
    own = (confidence.high - confidence.low) / (2 * _NORMAL)
    error = float(np.hypot(np.nan_to_num(own), _ERROR_OF_PROBABILITIES))
    weight = error**2 / (error**2 + variance)
    value = weight * shares_right + (1 - weight) * confidence.value
    parts = np.array([weight * variance**0.5, (1 - weight) * error])
    spread = parts @ parts + 2 * _CORRELATION * parts.prod()
    return _normal(float(value), float(spread) ** 0.5)


def _normal(value: float, error: float) -> Estimate:
    low, high = np.clip([value - _NORMAL * error, value + _NORMAL * error], 0, 1).tolist()
    return Estimate(float(value), low, high)


def _effective_size(n: int, groups: Names | None) -> float:
    """Return how many independent images n images stand for: ``n² / Σ_g n_g²``."""
    if groups is None:
        return float(n)
    counts = np.unique(groups, return_counts=True)[1]
    return float(n**2 / (counts**2).sum())


def _bounds(
    shares: NDArray[np.float64], n: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    hits = np.clip(shares * n, 0, n)
    low = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-9), n - hits + 1, 0.025), 0)
    high = np.where(hits < n, betaincinv(hits + 1, np.maximum(n - hits, 1e-9), 0.975), 1)
    return low, high
