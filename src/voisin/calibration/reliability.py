"""Reliability: how often probabilities are right, over all classes and for each class.

Reliability diagrams: Murphy & Winkler 1977; bins of equal count: Nguyen & O'Connor 2015. This
module must not know how probabilities were computed or calibrated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.bootstrap import (
    UNDEFINED,
    Estimate,
    count_units,
    draw_bootstrap_weights,
    estimate_interval,
    reach_of_no_mistake,
    widen_at_the_ends,
)
from voisin.types import Labels, Names, Probabilities

_MAX_BINS, _MIN_PER_BIN = 8, 12  # by hand: few bins to read, enough images in each to count hits
_DIGITS = 9  # by hand: probabilities that differ only by rounding count as equal
_RESAMPLES = 500  # per 95 % interval; chosen by hand, for intervals that are drawn, not compared


@dataclass(frozen=True)
class Bin:
    """Images of similar probability for a class.

    Attributes
    ----------
    n : int
    stated : float
        Mean probability.
    true : Estimate
        Share of these images that belong to the class.
    """

    n: int
    stated: float
    true: Estimate


@dataclass(frozen=True, eq=False)
class ClassReliability:
    """How the stated probabilities of one class compare with its true frequency.

    Attributes
    ----------
    label : int
    n_images : int
        Held-out labels of this class.
    bins : tuple of Bin
        From low to high probabilities, about equally many images in each; equal probabilities
        are in one bin.
    error : float
        Weighted mean over the bins of the gap between stated and true.
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
    """Compare the probabilities of each class with how often images belong to it.

    Parameters
    ----------
    probabilities : array of shape (n_labels, n_classes)
    labels : array of shape (n_labels,)
    weights : array of shape (n_labels,)
        How many images of the pool each label stands for.
    groups : array of shape (n_labels,), optional
        Whole groups are resampled for the intervals.
    random_state : int, default=0

    Examples
    --------
    >>> stated = np.array([[0.8, 0.2]] * 10 + [[0.2, 0.8]] * 10)
    >>> labels = np.array([0] * 8 + [1] * 2 + [1] * 8 + [0] * 2)
    >>> first = reliability_by_class(stated, labels, np.ones(20))[0]
    >>> first.n_images, first.bins[0].n, first.bins[0].true.value
    (10, 20, 0.5)
    """
    resampled = _resample(len(labels), groups, weights, random_state)
    classes, n_units = [], count_units(len(labels), groups)
    for label in range(probabilities.shape[1]):
        stated, is_class = probabilities[:, label], labels == label
        bins, gap = [], 0.0
        for rows in _equal_bins(stated):
            weight = weights[rows]
            if not weight.sum() > 0:
                continue
            mean = float(np.average(stated[rows], weights=weight))
            true = float(np.average(is_class[rows], weights=weight))
            totals = resampled[:, rows].sum(axis=1)
            hits = resampled[:, rows] @ is_class[rows].astype(np.float64)
            shares = np.divide(hits, totals, where=totals > 0, out=np.full_like(hits, np.nan))
            reach = reach_of_no_mistake(
                count_units(len(rows), None if groups is None else groups[rows])
            )
            share = widen_at_the_ends(estimate_interval(true, shares, n_units), reach)
            bins.append(Bin(len(rows), mean, share))
            gap += weight.sum() * abs(true - mean)
        error = float(gap / weights.sum()) if len(weights) else float("nan")
        classes.append(ClassReliability(label, int(is_class.sum()), tuple(bins), error))
    return tuple(classes)


def calibration_error(
    probabilities: Probabilities,
    labels: Labels,
    weights: NDArray[np.float64],
    *,
    predicted: Labels | None = None,
    groups: Names | None = None,
    random_state: int = 0,
) -> Estimate:
    """Return the mean gap between the confidence of predictions and how often they are right.

    ``Σ_b w_b |true_b − stated_b|`` over bins of the probability of the labels `predicted` (by
    default the most probable ones) with about equal counts, which never cut equal probabilities
    apart: the order of the rows does not matter. With fewer images the value is larger by chance
    alone: read it with its interval.
    """
    if not len(labels):
        return UNDEFINED
    shown = probabilities.argmax(axis=1) if predicted is None else predicted
    stated, right = probabilities[np.arange(len(labels)), shown], shown == labels
    bins = _equal_bins(stated)
    resampled = _resample(len(labels), groups, weights, random_state)
    weightings = np.concatenate([weights[None], resampled])
    totals, gaps = np.zeros(len(weightings)), np.zeros(len(weightings))
    for rows in bins:
        totals += weightings[:, rows].sum(axis=1)
        gaps += np.abs(weightings[:, rows] @ (right[rows] - stated[rows]))
    values = gaps / np.maximum(totals, np.finfo(float).tiny)
    return estimate_interval(float(values[0]), values[1:], count_units(len(labels), groups))


def _equal_bins(stated: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Cut the rows, by ascending probability, into bins of about equal count.

    Equal probabilities are never cut apart: which of them come first says nothing, and rows in
    the order of their classes would put one class alone into each bin. So there are fewer bins
    where many rows are equal.
    """
    if not len(stated):
        return []
    n_bins = int(np.clip(len(stated) // _MIN_PER_BIN, 1, _MAX_BINS))
    rounded = stated.round(_DIGITS)
    order = np.argsort(rounded, kind="stable")
    starts = np.flatnonzero(np.diff(rounded[order], prepend=-np.inf))  # of runs of equal ones
    wanted = np.arange(1, n_bins) * len(stated) / n_bins
    cuts = np.unique(starts[abs(starts[:, None] - wanted).argmin(axis=0)])
    return np.split(order, cuts[cuts > 0])


def _resample(
    n: int, groups: Names | None, weights: NDArray[np.float64], random_state: int
) -> NDArray[np.float64]:
    if not n:
        return np.empty((0, 0))
    counts = draw_bootstrap_weights(
        n, groups, n_resamples=_RESAMPLES, random_state=random_state, block=_RESAMPLES
    )
    return np.concatenate(list(counts)) * weights
