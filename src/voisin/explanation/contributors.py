"""The labeled images that count most for every image, from the table of contributions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.explanation.linear_system import LinearSystem
from voisin.types import Indices, Labels

MOST_ENTRIES = 200_000_000  # of a table: 0.8 GB


@dataclass(frozen=True, eq=False)
class TopContributors:
    """The largest sources of each image's label.

    Attributes
    ----------
    images : array of shape (n_samples, n_sources)
        -1 where there are fewer.
    shares : array of shape (n_samples, n_sources)
        Of the score of the label; 0 where there are fewer.
    opinions : array of shape (n_samples,)
        Share of a classifier's opinions, 0 where the method has none.
    far : array of shape (n_samples,)
        Share of far spreading from no label in particular, 0 where the method spreads none.
    """

    images: Indices
    shares: NDArray[np.float64]
    opinions: NDArray[np.float64]
    far: NDArray[np.float64]


def table_is_cheap(n_samples: int, n_labeled: int) -> bool:
    """Tell whether the contributions of all labeled images may be computed and kept."""
    return n_samples * n_labeled <= MOST_ENTRIES


def top_contributors(flow: LinearSystem, labels: Labels, n_sources: int = 3) -> TopContributors:
    """Find the labeled images with the largest shares in the score of each image's label.

    Parameters
    ----------
    flow : LinearSystem
        With contributions.
    labels : array of shape (n_samples,)
        The class to account for, such as the one that was given; -1 to leave out.
    n_sources : int, default=3
    """
    table, labeled = flow.contributions, flow.labeled
    if table is None:
        message = "top_sources needs the contributions: pass flow.with_contributions()."
        raise ValueError(message)
    images = np.full((len(labels), n_sources), -1, dtype=np.int64)
    shares = np.zeros((len(labels), n_sources))
    opinions, far = np.zeros(len(labels)), np.zeros(len(labels))
    for c in range(flow.source.shape[1]):
        of_class = np.flatnonzero(flow.source[labeled, c] > 0)
        rows = np.flatnonzero((labels == c) & (flow.scores[:, c] > 0))
        if not len(rows):
            continue
        brought = table[rows][:, of_class] * flow.source[labeled[of_class], c]
        all_labeled = brought.sum(axis=1)
        others = flow.others(rows, c, all_labeled)
        total = np.maximum(all_labeled + others[0] + others[1], 1e-300)
        opinions[rows], far[rows] = others[0] / total, others[1] / total
        n_here = min(n_sources, len(of_class))
        best = np.argsort(-brought, axis=1, kind="stable")[:, :n_here]
        found = np.take_along_axis(brought, best, axis=1) / total[:, None]
        shares[rows, :n_here] = found
        images[rows, :n_here] = np.where(found > 0, labeled[of_class][best], -1)
    return TopContributors(images, shares, opinions, far)
