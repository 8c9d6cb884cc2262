"""Find hubs, which are neighbors of very many images, and outliers, far from all images.

Hubs: Radovanović, Nanopoulos & Ivanović 2010. Distance to the k-th neighbor as a measure of
outliers: Ramaswamy, Rastogi & Shim 2000; modified z-score: Iglewicz & Hoaglin 1993.
This module must not know labels or pictures.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.audit.findings import (
    DOUBTFUL,
    WORTH_KNOWING,
    AuditedImages,
    Entry,
    Finding,
    count_of,
)
from voisin.neighbors.graph import in_degree_skew
from voisin.types import Indices, Neighbors, Progress

_MAX_SKEW = 3.0  # skewness of in-degrees, chosen by hand: above it, hubs dominate the graph
_MAX_SCORE = 3.5  # modified z-score above which Iglewicz & Hoaglin (1993) call a value an outlier
_NORMAL = 1.4826  # standard deviation of a normal distribution / its median absolute deviation
_TOP = 0.01  # share of the images that count as hubs, by convention


@dataclass(frozen=True, eq=False)
class Hubs:
    """The images with the largest in-degrees: they are neighbors of most others.

    Attributes
    ----------
    skew : float
        Skewness of the in-degrees of all images.
    images : array
        The 1 % of the images with the largest in-degrees, largest first.
    times : array
        In-degree of each hub: the number of images of which it is a neighbor.
    share : float
        Share of the hubs in the sum of all in-degrees.
    """

    skew: float
    images: Indices
    times: NDArray[np.int64]
    share: float

    @property
    def dominate(self) -> bool:
        """Whether the in-degrees are so skewed that hubs dominate the graph."""
        return self.skew > _MAX_SKEW


def find_hubs(neighbors: Neighbors) -> Hubs:
    """Find the images with the largest in-degrees.

    Examples
    --------
    >>> star = Neighbors(np.array([[1], [0], [0], [0]]), np.ones((4, 1), dtype=np.float32))
    >>> hubs = find_hubs(star)
    >>> hubs.images, hubs.times, hubs.share
    (array([0]), array([3]), 0.75)
    """
    times = np.bincount(neighbors.indices.ravel(), minlength=len(neighbors.indices))
    n_top = max(1, round(_TOP * len(times)))
    images = np.argsort(-times, kind="stable")[:n_top]
    share = float(times[images].sum() / times.sum())
    return Hubs(in_degree_skew(neighbors), images, times[images], share)


@dataclass(frozen=True, eq=False)
class Outliers:
    """Images far from all others, farthest first.

    Attributes
    ----------
    images : array
    scores : array
        Modified z-scores; the values are logarithms of the distance to the last neighbor.
    """

    images: Indices
    scores: NDArray[np.float64]


def find_outliers(neighbors: Neighbors, *, max_score: float = _MAX_SCORE) -> Outliers:
    """Find the images whose last neighbor is much farther than is usual in the pool.

    ``z = (x − median) / (1.4826 · median |x − median|) > 3.5``, where x is the log distance.

    Examples
    --------
    >>> distances = np.array([[1.0], [1.1], [0.9], [1.05], [9.0]], dtype=np.float32)
    >>> find_outliers(Neighbors(np.array([[1], [0], [0], [0], [0]]), distances)).images
    array([4])
    """
    radius = neighbors.distances[:, -1].astype(np.float64)
    logs = np.log(np.maximum(radius, np.finfo(np.float32).tiny))
    middle = np.median(logs)
    spread = _NORMAL * np.median(np.abs(logs - middle))
    scores = (logs - middle) / spread if spread > 0 else np.zeros_like(logs)
    images = np.flatnonzero(scores > max_score)
    images = images[np.argsort(-scores[images], kind="stable")]
    return Outliers(images, scores[images])


def check_outliers(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for images far from all others."""
    outliers = find_outliers(images.neighbors)
    if not len(outliers.images):
        return []
    title = f"{count_of(len(outliers.images), 'image is', 'images are')} far from all others"
    advice = (
        "There is little evidence for their labels: they may be of no known class, damaged, or of "
        "another origin. Look at them before you use their labels."
    )
    entries = tuple(
        Entry(image, score=score, note=f"{score:.1f} deviations too far")
        for image, score in zip(outliers.images.tolist(), outliers.scores.tolist(), strict=True)
    )
    return [Finding("outliers", DOUBTFUL, title, advice, entries)]


def check_hubs(images: AuditedImages, _: Progress) -> list[Finding]:
    """Look for hubs that dominate the graph."""
    hubs = find_hubs(images.neighbors)
    if not hubs.dominate:
        return []
    title = f"Hubs dominate the graph: 1 % of the images are {hubs.share:.0%} of all neighbors"
    advice = (
        f"The skewness is {hubs.skew:.1f}, above {_MAX_SKEW:g}: a wrong label on a hub travels "
        "far. Check the labels of hubs, or try another embedding or metric."
    )
    entries = tuple(
        Entry(image, score=float(times), note=f"neighbor of {times:,} images")
        for image, times in zip(hubs.images.tolist(), hubs.times.tolist(), strict=True)
    )
    return [Finding("hubs", WORTH_KNOWING, title, advice, entries)]
