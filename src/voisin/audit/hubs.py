"""Images that are everyone's neighbor, and images that are nobody's; it knows distances alone.

Hubs: Radovanović, Nanopoulos & Ivanović 2010. Distance to the k-th neighbor as a measure of
outliers: Ramaswamy, Rastogi & Shim 2000; modified z-score: Iglewicz & Hoaglin 1993.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.graph import in_degree_skew
from voisin.types import Indices, Neighbors

MOST_SKEW = 3.0
"""Skewness of the in-degrees above which hubs dominate a graph."""

_FAR = 3.5
_NORMAL = 1.4826  # standard deviations of a normal distribution in one median absolute deviation
_TOP = 0.01


@dataclass(frozen=True, eq=False)
class Hubs:
    """How unevenly images are chosen as neighbors.

    Attributes
    ----------
    skew : float
        Skewness of how often each image is another's neighbor.
    images : array
        The hundredth of the images that is chosen most often, most often first.
    times : array
        How often each of them is.
    share : float
        Share of all choices that falls on them.
    """

    skew: float
    images: Indices
    times: NDArray[np.int64]
    share: float

    @property
    def dominate(self) -> bool:
        """Whether the graph is doubtful because of them."""
        return self.skew > MOST_SKEW


def find_hubs(neighbors: Neighbors) -> Hubs:
    """Find the images that are chosen most often as neighbors.

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
        Modified z-scores of the logarithm of their distance to the last neighbor.
    """

    images: Indices
    scores: NDArray[np.float64]


def find_outliers(neighbors: Neighbors, *, far: float = _FAR) -> Outliers:
    """Find the images whose last neighbor is much farther than is usual in the pool.

    ``z = (x − median) / (1.4826 · median |x − median|) > 3.5``, x the logarithm of the distance.

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
    images = np.flatnonzero(scores > far)
    images = images[np.argsort(-scores[images], kind="stable")]
    return Outliers(images, scores[images])
