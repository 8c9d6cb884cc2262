"""Bootstrap: resample images by whole groups, and compute intervals of estimates.

This module must not know metrics: it computes intervals of any values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from voisin.types import Names


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % bootstrap interval; NaN where one is undefined."""

    value: float
    low: float
    high: float


# Fewest units, groups or images, that give an interval; by hand. Few units drawn anew repeat the
# same few values: of five, the interval is a third too narrow, and of one it has no width.
MIN_UNITS = 10
_NO_WIDTH = 1e-9  # by hand: narrower is rounding
UNDEFINED = Estimate(float("nan"), float("nan"), float("nan"))


def draw_bootstrap_weights(
    n_images: int, groups: Names | None, *, n_resamples: int, random_state: int, block: int
) -> Iterator[NDArray[np.float64]]:
    """Yield how often each image is drawn in each resample, drawing with replacement.

    Known groups are drawn as wholes, since images of one patient are not independent
    (cluster bootstrap, Field & Welsh 2007).

    Yields
    ------
    array of shape (up to `block`, n_images)
        Over all blocks, `n_resamples` rows.
    """
    rng = np.random.default_rng(random_state)
    unit = np.arange(n_images) if groups is None else np.unique(groups, return_inverse=True)[1]
    n_units = int(unit.max()) + 1
    counts = (
        np.bincount(rng.integers(n_units, size=n_units), minlength=n_units)
        for _ in range(n_resamples)
    )
    while rows := [count[unit] for count in islice(counts, block)]:
        yield np.stack(rows).astype(np.float64)


def count_units(n_images: int, groups: Names | None) -> int:
    """Count what is resampled: groups, or images that have none."""
    return n_images if groups is None else len(np.unique(groups))


def estimate_interval(value: float, resampled: NDArray[np.float64], n_units: int) -> Estimate:
    """Return the value with the 2.5th and 97.5th percentile of its resamples, without NaN.

    With fewer than `MIN_UNITS` units to resample there is no interval: its ends are NaN.

    Examples
    --------
    >>> estimate_interval(0.5, np.array([0.4, 0.6]), n_units=1)
    Estimate(value=0.5, low=nan, high=nan)
    """
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(defined) or n_units < MIN_UNITS:
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))


def widen_at_the_ends(estimate: Estimate, reach: float) -> Estimate:
    """Widen an interval of no width: where all is right, or all wrong, all resamples are alike.

    At 0 and 1 it becomes as wide as `reach`, elsewhere there is no interval.
    """
    value, low, high = estimate.value, estimate.low, estimate.high
    if not high - low < _NO_WIDTH:
        return estimate
    if value <= _NO_WIDTH:
        return Estimate(value, 0.0, reach)
    if value >= 1 - _NO_WIDTH:
        return Estimate(value, 1 - reach, 1.0)
    return Estimate(value, float("nan"), float("nan"))


def reach_of_no_mistake(n_units: int) -> float:
    """Return the largest share of mistakes that `n_units` units without one leave plausible.

    The end of Clopper and Pearson's interval (1934): ``1 − 0.025^(1/n)``.

    Examples
    --------
    >>> round(reach_of_no_mistake(12), 3)
    0.265
    """
    return float(1 - 0.025 ** (1 / n_units)) if n_units else 1.0
