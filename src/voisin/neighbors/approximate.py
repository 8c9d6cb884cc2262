"""Approximate neighbors from overlapping partitions; it knows vectors, not images or labels.

Random leaders part the points: each point joins the leaves of its few nearest leaders, every
leaf compares its members by one matrix product, and then neighbors of neighbors compete. The
idea of dense overlapping leaves is that of PiPNN (2026). Points are compared in their first
principal dimensions, and the best candidates measured again in full.

What was found is checked against the exact neighbors of a sample, after every step. While too
few of them were found, neighbors of neighbors compete where that may be enough; else other
leaders part the points again, a leaf each, in more dimensions if need be.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputWarning
from voisin.neighbors.exact import measured, nearest_of, search_exactly
from voisin.neighbors.kernels.pivots import members_of, nearest_leaders
from voisin.neighbors.kernels.projection import project, project_roughly
from voisin.neighbors.kernels.vectors import (
    AnyPoints,
    Bfloat16Vectors,
    Points,
    Queries,
    TopK,
    Vectors,
    laid_out,
    update_top_k_roughly,
)
from voisin.parallel import Workers, blocks
from voisin.types import Progress

_LEAF = 13  # members wanted, times the cube root of the number of points
_LEAF_ROUNDED = 20  # where products take less time
_LARGEST_LEAF = 4  # times as many as wanted
_FAN_OUT = 3
_FIRST_DIMS = 256
_LEADER_DIMS = 48
_REACH = 10
_SPARE = 4
_SPARE_ROUGH = 8  # where points are compared in fewer dimensions
_MISSED = 0.6  # of the neighbors missed, by a visit
_MISSED_AGAIN = 0.8  # by a second one
_MOST_IN_A_ROW = 2  # partings, or visits
_MOST_STEPS = 15
_CHECKED_ROWS = 1_000
_BLOCK = 2_048
_SHARES = 16  # of the visits a thread, each with a note of who was met
_LITTLE = 0.02  # of the distance from the last neighbor, that rounding may take points by
_SAME = 1 + 1e-5  # distances this close are equal, in float32


def search_by_partitions(
    cloud: Vectors,
    n_neighbors: int,
    *,
    target_recall: float,
    generator: np.random.Generator,
    crew: Workers,
    progress: Progress,
) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """Find nearly all nearest neighbors of every vector.

    Parameters
    ----------
    cloud : Vectors
    n_neighbors : int
    target_recall : float
        Share of the true neighbors to find, of 1,000 checked rows.
    generator : numpy.random.Generator
    crew : Workers
    progress : callable

    Returns
    -------
    indices, squares : array of shape (n_samples, n_neighbors)
        Nearest first, with squared distances.
    recall : float
        As measured.

    Warns
    -----
    InputWarning
        If the recall stays below the target.
    """
    from voisin.neighbors.kernels.bfloat16 import has_matrix_unit

    check = _Check.draw(cloud, n_neighbors, generator, crew)
    turn = project_roughly if has_matrix_unit() and check.bears_rounding() else project
    search = _Search(cloud, n_neighbors, turn, generator, crew, progress)
    search.part(_FAN_OUT)
    partings, visits, recall = 1, 0, 0.0  # partings since the last visit, and the reverse
    for _ in range(_MOST_STEPS):
        recall = check.recall(search.candidates(check.rows))
        if recall >= target_recall:
            return *search.finish(), recall
        missed = (_MISSED_AGAIN if visits else _MISSED) * (1 - recall)
        enough = missed <= 1 - target_recall and visits < _MOST_IN_A_ROW
        if enough or partings == _MOST_IN_A_ROW:
            search.visit()
            partings, visits = 0, visits + 1
        else:
            if visits:
                search.sharpen()
            search.part(1)
            partings, visits = partings + 1, 0
    message = (
        f"The neighbor search found {recall:.1%} of the true neighbors, not the "
        f"target_recall={target_recall:g}: pass method='exact' to have them all."
    )
    warnings.warn(message, InputWarning, stacklevel=4)
    return *search.finish(), recall


@dataclass(frozen=True, eq=False)
class _Check:
    """Rows whose exact neighbors are known."""

    cloud: Vectors
    rows: NDArray[np.int64]
    squares: NDArray[np.float32]
    crew: Workers

    @classmethod
    def draw(
        cls, cloud: Vectors, n_neighbors: int, generator: np.random.Generator, crew: Workers
    ) -> "_Check":
        count = min(len(cloud), _CHECKED_ROWS)
        rows = np.sort(generator.choice(len(cloud), count, replace=False))
        names = rows.astype(np.int32)
        _, squares = search_exactly(cloud.take(rows), names, cloud, n_neighbors, crew)
        return cls(cloud, rows, squares, crew)

    def recall(self, candidates: NDArray[np.int32]) -> float:
        """Share of candidates no farther than the last true neighbor: ties count as found."""
        n_neighbors = self.squares.shape[1]
        _, squares = measured(
            self.cloud, self.rows, self.cloud, candidates, None, n_neighbors, self.crew
        )
        return float((squares <= self.squares[:, -1:] * _SAME).mean())

    def bears_rounding(self) -> bool:
        """Tell whether bfloat16 takes points by little beside their distance from neighbors."""
        points = self.cloud.points(self.rows)
        slips = Bfloat16Vectors.of(points, points.vectors.mean(axis=0)).slips
        return bool(np.median(slips) <= _LITTLE * np.median(np.sqrt(self.squares[:, -1])))


class _Search:
    """The candidates found so far, with the points laid in memory leaf by leaf."""

    def __init__(
        self,
        cloud: Vectors,
        n_neighbors: int,
        turn: Callable[[Vectors, int, np.random.Generator, Workers], AnyPoints],
        generator: np.random.Generator,
        crew: Workers,
        progress: Progress,
    ) -> None:
        self._cloud = cloud
        self._n_neighbors = n_neighbors
        self._generator = generator
        self._crew = crew
        self._progress = progress
        self._order = np.arange(len(cloud))
        self._turn = turn
        self._n_dims = _FIRST_DIMS
        self._points = turn(cloud, self._n_dims, generator, crew)
        members = _LEAF_ROUNDED if isinstance(self._points, Bfloat16Vectors) else _LEAF
        self._leaf = round(members * len(cloud) ** (1 / 3))
        spare = _SPARE if cloud.n_dims <= _FIRST_DIMS else _SPARE_ROUGH
        self._found = TopK.empty(len(cloud), max(n_neighbors + spare, _REACH))

    def part(self, fan_out: int) -> None:
        """Part the points among new leaders, and compare the members of each leaf."""
        joined = self._join_leaves(fan_out)
        leaves = members_of(joined, int(joined.max()) + 1)

        def compare_within(members: NDArray[np.int64]) -> None:
            points, names = self._points.take(members), members.astype(np.int32)
            update_top_k_roughly(Queries(points, names, names), points, names, self._found)

        parts = [part for leaf in leaves for part in self._cut(leaf // joined.shape[1])]
        parts.sort(key=len, reverse=True)  # the longest first, so that threads end together
        self._crew.each(compare_within, parts, self._tell("Comparing within leaves"))

    def visit(self) -> None:
        """Let neighbors of neighbors compete."""
        from voisin.neighbors.kernels.expansion import visit_neighbors_of_neighbors

        points, found = self._points, self._found
        better = TopK.empty(len(points), found.ids.shape[1])

        def visit(rows: slice) -> None:
            visit_neighbors_of_neighbors(
                points.numbers,
                points.squares,
                found.ids,
                found.gaps,
                rows.start,
                rows.stop,
                _REACH,
                better.ids,
                better.gaps,
            )

        told = self._tell("Visiting neighbors of neighbors")
        size = max(_BLOCK, len(points) // (_SHARES * self._crew.count))
        self._crew.each(visit, blocks(len(points), size), told)
        self._found = better

    def sharpen(self) -> None:
        """Compare in twice as many dimensions from now on."""
        if self._n_dims >= self._cloud.n_dims:
            return
        self._n_dims *= 2
        from voisin.neighbors.kernels.expansion import remeasure

        points = self._turn(self._cloud, self._n_dims, self._generator, self._crew)
        points, found = laid_out(points, self._order, self._crew), self._found
        self._points = points
        self._crew.each(
            lambda rows: remeasure(
                points.numbers, points.squares, found.ids, rows.start, rows.stop, found.gaps
            ),
            blocks(len(points), _BLOCK),
        )

    def candidates(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Where the neighbors of some rows may be."""
        place = np.empty(len(self._order), dtype=np.int64)
        place[self._order] = np.arange(len(self._order))
        return self._named(place[rows])

    def finish(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Measure the candidates in full, and search exactly for rows with too few of them."""
        cloud, n_neighbors = self._cloud, self._n_neighbors
        indices = np.empty((len(cloud), n_neighbors), dtype=np.int32)
        squares = np.empty((len(cloud), n_neighbors), dtype=np.float32)

        def measure(rows: slice) -> None:
            asked = self._order[rows]
            indices[asked], squares[asked] = nearest_of(
                cloud, asked, cloud, self._named(rows), None, n_neighbors
            )

        told = self._tell("Measuring distances")
        self._crew.each(measure, blocks(len(cloud), _BLOCK), told)
        lonely = np.flatnonzero(indices[:, -1] < 0)
        if len(lonely):
            names = lonely.astype(np.int32)
            indices[lonely], squares[lonely] = search_exactly(
                cloud.take(lonely), names, cloud, n_neighbors, self._crew
            )
        return indices, squares

    def _join_leaves(self, fan_out: int) -> NDArray[np.int32]:
        points = self._points
        n_leaders = len(points) * fan_out // self._leaf
        if n_leaders <= fan_out:
            return np.zeros((len(points), 1), dtype=np.int32)
        leaders = np.sort(self._generator.choice(len(points), n_leaders, replace=False))
        coarse = points.shorten(_LEADER_DIMS) if isinstance(points, Points) else points
        joined = nearest_leaders(coarse, leaders, fan_out, self._generator, self._crew)
        if (self._found.ids[:, 0] >= 0).any():
            return joined
        self._order = np.argsort(joined[:, 0], kind="stable")
        self._points = laid_out(points, self._order, self._crew)
        return joined[self._order]

    def _cut(self, leaf: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Cut a leaf that is too large along the line through two of its members.

        Identical members lie in one point of the line, and are cut all the same.
        """
        largest = _LARGEST_LEAF * self._leaf
        if len(leaf) <= largest:
            return [leaf] if len(leaf) > 1 else []
        points = self._points.take(leaf)
        vectors = points.as_floats() if isinstance(points, Bfloat16Vectors) else points.vectors
        along = vectors @ (vectors[0] - vectors[len(leaf) // 2])
        order = np.argsort(along, kind="stable")
        return np.array_split(leaf[order], -(-len(leaf) // largest))

    def _named(self, rows: slice | NDArray[np.int64]) -> NDArray[np.int32]:
        """Give the candidates of some rows by their places in the cloud."""
        ids = self._found.ids[rows]
        return np.where(ids < 0, -1, self._order[ids]).astype(np.int32)

    def _tell(self, task: str) -> Callable[[int, int], None]:
        return lambda done, total: self._progress(task, done, total)
