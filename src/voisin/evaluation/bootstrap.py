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
    """A value with its 95 % bootstrap interval; NaN if it is undefined."""

    value: float
    low: float
    high: float


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


def estimate_interval(value: float, resampled: NDArray[np.float64]) -> Estimate:
    """Return the value with the 2.5th and 97.5th percentile of its resamples, without NaN."""
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(defined):
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))
