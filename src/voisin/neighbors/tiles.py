"""Some vectors compared with others by one matrix product; it knows points, not partitions."""

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import blocks

_READ_ROWS = 8192
_MOST_ROWS = 512  # of one product, so that it stays in a core's cache
_own = threading.local()


@dataclass(frozen=True, eq=False)
class Points:
    """Vectors with their squared lengths.

    The lengths may be those of longer vectors, of which these are a projection: the gap
    ``|t|² − 2 q·t`` then takes what the projection left out for orthogonal.
    """

    vectors: NDArray[np.float32]
    squares: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.squares)

    def take(self, rows: slice | NDArray[np.integer]) -> "Points":
        """Keep the points at `rows`, in that order."""
        return Points(self.vectors[rows], self.squares[rows])

    def shorten(self, n_dims: int) -> "Points":
        """Keep the first dimensions, with the lengths within them."""
        vectors = np.ascontiguousarray(self.vectors[:, :n_dims])
        return Points(vectors, np.einsum("ij,ij->i", vectors, vectors))


@dataclass(frozen=True, eq=False)
class Cloud:
    """Raw vectors, possibly on disk, and how they become points.

    The point of ``x`` is ``scale · (x − offset)``: a unit vector for the cosine, a centered one
    for the euclidean distance. A zero vector has no direction: its scale is 0 and its square
    counts as 1, which puts it at cosine distance 1 from every other.
    """

    vectors: NDArray[np.float32]
    scales: NDArray[np.float32]
    offset: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def n_dims(self) -> int:
        """Length of the vectors."""
        return self.vectors.shape[1]

    def take(self, rows: NDArray[np.integer]) -> "Cloud":
        """Keep the vectors at `rows`, with the same offset."""
        return Cloud(self.vectors[rows], self.scales[rows], self.offset)

    def centered_as(self, other: "Cloud") -> "Cloud":
        """Take the offset of another cloud, so that the two can be compared."""
        return Cloud(self.vectors, self.scales, other.offset)

    def points(self, rows: slice | NDArray[np.integer]) -> Points:
        """Compute the points at `rows`."""
        scales = self.scales[rows]
        vectors = self.vectors[rows] - self.offset
        vectors *= scales[:, None]
        squares = np.einsum("ij,ij->i", vectors, vectors)
        squares[scales == 0] = 1
        return Points(vectors, squares)

    def project(self, rows: slice | NDArray[np.integer], axes: NDArray[np.float32]) -> Points:
        """Compute the points at `rows` along orthonormal axes, with their full lengths."""
        if self.offset.any():
            points = self.points(rows)
            return Points(points.vectors @ axes, points.squares)
        vectors = (self.vectors[rows] @ axes) * self.scales[rows][:, None]
        return Points(vectors, np.ones(len(vectors), dtype=np.float32))


def cloud_of(vectors: NDArray[np.floating], metric: str) -> Cloud:
    """Prepare vectors for a metric, by blocks, so that those on disk stay there."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    n_samples, n_dims = vectors.shape
    if metric == "euclidean":
        some = vectors[:: max(1, n_samples // 10_000)]
        offset = some.mean(axis=0, dtype=np.float64).astype(np.float32)
        return Cloud(vectors, np.ones(n_samples, dtype=np.float32), offset)
    lengths = np.empty(n_samples, dtype=np.float32)
    for rows in blocks(n_samples, _READ_ROWS):
        lengths[rows] = np.linalg.norm(vectors[rows], axis=1)
    scales = np.divide(1, lengths, where=lengths > 0, out=np.zeros_like(lengths))
    return Cloud(vectors, scales, np.zeros(n_dims, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class Table:
    """The best found so far: `ids` and `gaps` of shape (n, slots, width), ascending.

    Nothing above a row's limit can be among the best of all its slots.
    """

    ids: NDArray[np.int32]
    gaps: NDArray[np.float32]
    limits: NDArray[np.float32]

    @classmethod
    def empty(cls, n_rows: int, n_slots: int, width: int) -> "Table":
        """Fill a table with nobody, infinitely far away."""
        return cls(
            np.full((n_rows, n_slots, width), -1, dtype=np.int32),
            np.full((n_rows, n_slots, width), np.inf, dtype=np.float32),
            np.full(n_rows, np.inf, dtype=np.float32),
        )


@dataclass(frozen=True, eq=False)
class Queries:
    """Points that look for their nearest targets, and where in a table the answers go.

    Attributes
    ----------
    points : Points
    ids : array of shape (n_queries,)
        A target of the same id is left out.
    rows, slots : array of shape (n_queries,)
    """

    points: Points
    ids: NDArray[np.int32]
    rows: NDArray[np.int32]
    slots: NDArray[np.int32]


def compare(queries: Queries, targets: Points, target_ids: NDArray[np.int32], table: Table) -> None:
    """Let the targets compete for each query's slot of the table, itself excluded."""
    from voisin.neighbors.best_k import keep_best

    for some in blocks(len(queries.ids), _MOST_ROWS):
        products = _scratch(len(queries.ids[some]), len(targets))
        np.matmul(queries.points.vectors[some], targets.vectors.T, out=products)
        keep_best(
            products,
            queries.ids[some],
            queries.points.squares[some],
            queries.rows[some],
            queries.slots[some],
            target_ids,
            targets.squares,
            table.limits,
            table.ids,
            table.gaps,
        )


def compare_roughly(
    queries: Queries, targets: Points, target_ids: NDArray[np.int32], table: Table
) -> None:
    """Do as `compare`, in bfloat16 where the processor has a unit for it.

    Vectors are rounded about the middle of the targets, so that what rounding does to gaps is
    small beside the targets' spread.
    """
    from voisin.neighbors.half_precision import has_matrix_unit

    if not has_matrix_unit():
        compare(queries, targets, target_ids, table)
        return
    middle = targets.vectors.mean(axis=0)
    rounded = Rounded.of(targets, middle)
    own = queries.points is targets
    asked = rounded if own else Rounded.of(queries.points, middle)
    compare_rounded(asked, queries, rounded, target_ids, table)


@dataclass(frozen=True, eq=False)
class Rounded:
    """Points in bfloat16 about some middle, and how far rounding took each."""

    vectors: NDArray[np.uint16]
    squares: NDArray[np.float32]
    slips: NDArray[np.float32]

    @classmethod
    def of(cls, points: Points, middle: NDArray[np.float32]) -> "Rounded":
        """Round the points about a middle."""
        from voisin.neighbors.half_precision import padded, round_points

        n_points, n_dims = points.vectors.shape
        rounded = cls(
            np.empty((n_points, padded(n_dims)), dtype=np.uint16),
            np.empty(n_points, dtype=np.float32),
            np.empty(n_points, dtype=np.float32),
        )
        round_points(
            points.vectors, points.squares, middle, rounded.vectors, rounded.squares, rounded.slips
        )
        return rounded

    def project(self, axes: "Rounded") -> Points:
        """Compute the points along axes, with their full lengths, by the matrix unit."""
        from voisin.neighbors.half_precision import multiply

        vectors = np.empty((len(self.vectors), len(axes.vectors)), dtype=np.float32)
        multiply(self.vectors, axes.vectors, vectors)
        return Points(vectors, self.squares)


def compare_rounded(
    asked: Rounded,
    queries: Queries,
    targets: Rounded,
    target_ids: NDArray[np.int32],
    table: Table,
) -> None:
    """Do as `compare` with rounded points, by the processor's matrix unit."""
    from voisin.neighbors.best_k import multiply_and_keep

    multiply_and_keep(
        asked.vectors,
        asked.squares,
        targets.vectors,
        targets.squares,
        queries.ids,
        queries.rows,
        queries.slots,
        target_ids,
        table.limits,
        table.ids,
        table.gaps,
    )


def _scratch(n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Memory of this thread, used again: fresh pages cost as much as the product."""
    size = n_rows * n_columns
    if getattr(_own, "memory", np.empty(0)).size < size:
        _own.memory = np.empty(size, dtype=np.float32)
    memory: NDArray[np.float32] = _own.memory
    return memory[:size].reshape(n_rows, n_columns)
