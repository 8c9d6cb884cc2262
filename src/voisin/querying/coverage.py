"""Coverage: ask for images that are similar to many unlabeled images.

Yehuda, Dekel, Hacohen & Weinshall, "Active learning through a covering lens", 2022; this module
uses edges of the graph instead of their balls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.querying.strategy import Suggestion, find_askable
from voisin.types import UNLABELED, Indices, Labeling, Problem


@dataclass(frozen=True)
class CoverageStrategy:
    """Suggest the images that together cover the most other images.

    Image i covers its neighbor j by ``k_ij = w_ij / max_i w_ij``, and itself by 1. The coverage of
    j is the largest ``k_ij`` of labeled or picked images i. Each pick is the image with the largest
    gain, ``Σ_j max(0, k_ij − covered_j)``. The labeling is not used.
    """

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - all strategies have the same arguments
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Choose images that cover many others; see `QueryStrategy.suggest`."""
        rows = find_askable(problem, n, candidates)
        affinity = problem.data.affinity
        closest = affinity.max(axis=0).toarray().ravel().astype(np.float64)
        scale = np.divide(1, closest, where=closest > 0, out=np.zeros_like(closest))
        ones = sparse.dia_array((np.ones((1, len(scale))), 0), shape=affinity.shape)
        diagonal = sparse.dia_array((scale[None], 0), shape=affinity.shape)
        cover = (affinity.astype(np.float64) @ diagonal + ones).tocsr()  # k
        covered = _best_cover(cover, np.flatnonzero(problem.labels != UNLABELED))
        taken = np.ones(cover.shape[0], dtype=bool)
        taken[rows] = False
        picked, gains = [], []
        for _ in range(min(n, len(rows))):
            newly_covered = np.maximum(cover.data - covered[cover.indices], 0)
            gain = np.add.reduceat(newly_covered, cover.indptr[:-1])  # no row is empty: k_ii = 1
            i = int(np.where(taken, -1, gain).argmax())
            taken[i] = True
            picked.append(i)
            gains.append(gain[i])
            covered = np.maximum(covered, _best_cover(cover, np.array([i])))
        reasons = (f"stands for {gain:.1f} images not covered by a label" for gain in gains)
        return Suggestion(np.array(picked), np.array(gains), tuple(reasons))


def _best_cover(cover: sparse.csr_array, rows: Indices) -> NDArray[np.float64]:
    """Return the largest coverage of each image by any of `rows`."""
    if not len(rows):
        return np.zeros(cover.shape[1])
    return np.asarray(cover[rows].max(axis=0).toarray()).ravel()
