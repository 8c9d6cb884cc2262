"""Some vectors compared with others by one matrix product; it knows points, not partitions."""

import threading
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.parallel import Workers, blocks

_READ_ROWS = 8192
_COPIED_ROWS = 2048
_MOST_ROWS = 512  # of one product, so that it stays in a core's cache
_GROUPS = 64  # scores are compared so many at once
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

    @property
    def numbers(self) -> NDArray[np.float32]:
        """The vectors for the loops of `visiting`."""
        return self.vectors

    def shorten(self, n_dims: int) -> "Points":
        """Keep the first dimensions, with the lengths within them."""
        vectors = np.ascontiguousarray(self.vectors[:, :n_dims])
        return Points(vectors, np.einsum("ij,ij->i", vectors, vectors))


@dataclass(frozen=True, eq=False)
class Vectors:
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

    def take(self, rows: NDArray[np.integer]) -> "Vectors":
        """Keep the vectors at `rows`, with the same offset."""
        return Vectors(self.vectors[rows], self.scales[rows], self.offset)

    def centered_as(self, other: "Vectors") -> "Vectors":
        """Take the offset of another cloud, so that the two can be compared."""
        return Vectors(self.vectors, self.scales, other.offset)

    def points(self, rows: slice | NDArray[np.integer]) -> Points:
        """Compute the points at `rows`."""
        scales = self.scales[rows]
        vectors = self.vectors[rows] - self.offset
        vectors *= scales[:, None]
        squares = np.einsum("ij,ij->i", vectors, vectors)
        squares[scales == 0] = 1
        return Points(vectors, squares)

    def in_float64(
        self, rows: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Compute the points at `rows` and their squares, where rounding would matter."""
        scales = self.scales[rows].astype(np.float64)
        vectors = (self.vectors[rows].astype(np.float64) - self.offset) * scales[:, None]
        squares = np.einsum("ij,ij->i", vectors, vectors)
        squares[scales == 0] = 1
        return vectors, squares

    def project(self, rows: slice | NDArray[np.integer], axes: NDArray[np.float32]) -> Points:
        """Compute the points at `rows` along orthonormal axes, with their full lengths."""
        if self.offset.any():
            points = self.points(rows)
            return Points(points.vectors @ axes, points.squares)
        vectors = (self.vectors[rows] @ axes) * self.scales[rows][:, None]
        return Points(vectors, np.ones(len(vectors), dtype=np.float32))


def as_vectors(vectors: NDArray[np.floating], metric: str) -> Vectors:
    """Prepare vectors for a metric, by blocks, so that those on disk stay there."""
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    n_samples, n_dims = vectors.shape
    if metric == "euclidean":
        some = vectors[:: max(1, n_samples // 10_000)]
        offset = some.mean(axis=0, dtype=np.float64).astype(np.float32)
        return Vectors(vectors, np.ones(n_samples, dtype=np.float32), offset)
    lengths = np.empty(n_samples, dtype=np.float32)
    for rows in blocks(n_samples, _READ_ROWS):
        lengths[rows] = np.linalg.norm(vectors[rows], axis=1)
    scales = np.divide(1, lengths, where=lengths > 0, out=np.zeros_like(lengths))
    return Vectors(vectors, scales, np.zeros(n_dims, dtype=np.float32))


@dataclass(frozen=True, eq=False)
class TopK:
    """The best found so far: `ids` and `gaps` of shape (n_rows, width), ascending.

    Threads may add to the same rows: a row is `held` while one of them writes it.
    """

    ids: NDArray[np.int32]
    gaps: NDArray[np.float32]
    held: NDArray[np.uint8]

    @classmethod
    def empty(cls, n_rows: int, width: int) -> "TopK":
        """Fill a table with nobody, infinitely far away."""
        return cls(
            np.full((n_rows, width), -1, dtype=np.int32),
            np.full((n_rows, width), np.inf, dtype=np.float32),
            np.zeros(n_rows, dtype=np.uint8),
        )


@dataclass(frozen=True, eq=False)
class Bfloat16Vectors:
    """Points in bfloat16 about some middle, and how far rounding took each."""

    vectors: NDArray[np.uint16]
    squares: NDArray[np.float32]
    slips: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.squares)

    @classmethod
    def empty(cls, n_points: int, n_dims: int) -> "Bfloat16Vectors":
        """Make room for points."""
        from voisin.neighbors.kernels.bfloat16 import padded

        return cls(
            np.empty((n_points, padded(n_dims)), dtype=np.uint16),
            np.empty(n_points, dtype=np.float32),
            np.empty(n_points, dtype=np.float32),
        )

    @classmethod
    def of(cls, points: Points, middle: NDArray[np.float32]) -> "Bfloat16Vectors":
        """Round the points about a middle."""
        own = np.einsum("ij,ij->i", points.vectors, points.vectors)
        rests = np.maximum(points.squares - own, 0)
        ones, zeros = np.ones_like(own), np.zeros_like(middle)
        return cls._round(points.vectors, ones, zeros, rests, middle)

    @classmethod
    def of_cloud(
        cls, cloud: Vectors, rows: slice, middle: NDArray[np.float32]
    ) -> "Bfloat16Vectors":
        """Round the points of a cloud about a middle, in one go."""
        scales = cloud.scales[rows]
        rests = (scales == 0).astype(np.float32)
        return cls._round(cloud.vectors[rows], scales, cloud.offset, rests, middle)

    @classmethod
    def _round(
        cls,
        vectors: NDArray[np.float32],
        scales: NDArray[np.float32],
        offset: NDArray[np.float32],
        rests: NDArray[np.float32],
        middle: NDArray[np.float32],
    ) -> "Bfloat16Vectors":
        from voisin.neighbors.kernels.bfloat16 import round_points

        new = cls.empty(*vectors.shape)
        round_points(vectors, scales, offset, rests, middle, new.vectors, new.squares, new.slips)
        return new

    def take(self, rows: slice | NDArray[np.integer]) -> "Bfloat16Vectors":
        """Keep the points at `rows`, in that order."""
        return Bfloat16Vectors(self.vectors[rows], self.squares[rows], self.slips[rows])

    @property
    def numbers(self) -> NDArray[np.uint32]:
        """The vectors for the loops of `visiting`: two dimensions each."""
        return self.vectors.view(np.uint32)

    def as_floats(self) -> NDArray[np.float32]:
        """Give the rounded vectors."""
        return (self.vectors.astype(np.uint32) << 16).view(np.float32)

    def project(self, axes: "Bfloat16Vectors") -> Points:
        """Compute the points along axes, with their full lengths, by the matrix unit."""
        from voisin.neighbors.kernels.bfloat16 import multiply

        vectors = np.empty((len(self.vectors), len(axes.vectors)), dtype=np.float32)
        multiply(self.vectors, axes.vectors, vectors)
        return Points(vectors, self.squares)


AnyPoints: TypeAlias = Points | Bfloat16Vectors


def laid_out(points: AnyPoints, order: NDArray[np.int64], crew: Workers) -> AnyPoints:
    """Lay points in another order in memory."""
    old = vars(points)
    new = {name: np.empty_like(numbers) for name, numbers in old.items()}

    def copy(rows: slice) -> None:
        for name, numbers in old.items():
            np.take(numbers, order[rows], axis=0, out=new[name][rows], mode="clip")

    crew.each(copy, blocks(len(points), _COPIED_ROWS))
    return type(points)(**new)


@dataclass(frozen=True, eq=False)
class Queries:
    """Points that look for their nearest targets, and where in a table the answers go.

    Attributes
    ----------
    points : Points or Bfloat16Vectors
    ids : array of shape (n_queries,)
        A target of the same id is left out.
    rows : array of shape (n_queries,)
    """

    points: AnyPoints
    ids: NDArray[np.int32]
    rows: NDArray[np.int32]


def update_top_k(
    queries: Queries, targets: AnyPoints, target_ids: NDArray[np.int32], table: TopK
) -> None:
    """Let the targets compete for each query's row of the table, itself excluded.

    Rounded queries meet rounded targets, by the processor's matrix unit.
    """
    from voisin.neighbors.kernels.top_k import keep_best, multiply_and_keep

    asked, ids, rows = queries.points, queries.ids, queries.rows
    best = table.ids, table.gaps, table.held
    if isinstance(targets, Bfloat16Vectors) and isinstance(asked, Bfloat16Vectors):
        multiply_and_keep(
            asked.vectors,
            asked.squares,
            targets.vectors,
            targets.squares,
            ids,
            rows,
            target_ids,
            table.ids,
            table.gaps,
            table.held,
        )
        return
    halves, n_targets = targets.squares / 2, len(targets)
    for some in blocks(len(ids), _MOST_ROWS):
        scores = _scratch(len(ids[some]), -(-n_targets // _GROUPS) * _GROUPS)
        np.matmul(asked.vectors[some], targets.vectors.T, out=scores[:, :n_targets])
        scores[:, :n_targets] -= halves
        scores[:, n_targets:] = -np.inf
        keep_best(scores, asked.squares[some], ids[some], rows[some], target_ids, *best)


def update_top_k_roughly(
    queries: Queries, targets: AnyPoints, target_ids: NDArray[np.int32], table: TopK
) -> None:
    """Do as `update_top_k`, in bfloat16 where the processor has a unit for it.

    Vectors are rounded about the middle of the targets, so that what rounding does to gaps is
    small beside the targets' spread.
    """
    from voisin.neighbors.kernels.bfloat16 import has_matrix_unit

    if has_matrix_unit() and isinstance(targets, Points) and isinstance(queries.points, Points):
        middle = targets.vectors.mean(axis=0)
        rounded = Bfloat16Vectors.of(targets, middle)
        own = queries.points is targets
        asked = rounded if own else Bfloat16Vectors.of(queries.points, middle)
        queries, targets = Queries(asked, queries.ids, queries.rows), rounded
    update_top_k(queries, targets, target_ids, table)


def _scratch(n_rows: int, n_columns: int) -> NDArray[np.float32]:
    """Memory of this thread, used again: fresh pages cost as much as the product."""
    size = n_rows * n_columns
    if getattr(_own, "memory", np.empty(0)).size < size:
        _own.memory = np.empty(size, dtype=np.float32)
    memory: NDArray[np.float32] = _own.memory
    return memory[:size].reshape(n_rows, n_columns)
