"""Vectors as the search compares them: scaled, in fewer dimensions, or rounded to bfloat16.

The search computes squared distances as ``|q|² + |t|² − 2 q·t``, so vectors are kept together with
their squared norms. The cosine distance is half the squared distance of unit vectors, which
serves both metrics with one search. Principal axes of many dimensions are found by subspace
iteration (Halko, Martinsson & Tropp 2011).

This module must not know which vectors are compared with which. Import it late, since numba takes
a while to import.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.instructions import TILE_DIMS, Bits, Floats, multiply_bfloat16, widen
from voisin.parallel import Workers, blocks, compiled

# Chosen by hand: small enough for a core's cache, large enough for NumPy's overhead not to count.
_BLOCK = 8_192  # rows whose norms are computed at once
_COPY_BLOCK = 2_048  # rows copied at once
_PROJECTION_BLOCK = 512  # rows projected at once
# Chosen by hand: more rows cost time and change the center or the axes little.
_CENTER_SAMPLE = 1_000  # rows for the center
_AXES_SAMPLE = 4_000  # rows for the principal axes
# Chosen by hand: up to so many dimensions an eigendecomposition of all axes is quick enough.
_FEW_DIMS = 512
_ITERATIONS = 2  # one or two usually suffice (Halko et al. 2011)
# Most dimensions an axis for which the scatter matrix pays: with n rows, d dimensions and k axes it
# takes n·d² operations, and the products with the sample that it replaces 2·_ITERATIONS·n·d·k.
_MAX_SCATTER_RATIO = 2 * _ITERATIONS


@dataclass(frozen=True, eq=False)
class Points:
    """Vectors with their squared norms: in float32, or in float64 where that is too coarse.

    The norms may be those of longer vectors that these are a projection of. The squared distance
    ``|q|² + |t|² − 2 q·t`` then treats what the projection left out as orthogonal.
    """

    vectors: NDArray[np.floating]
    squared_norms: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.squared_norms)

    def take(self, rows: slice | NDArray[np.integer]) -> "Points":
        """Keep the points at `rows`, in that order."""
        return Points(self.vectors[rows], self.squared_norms[rows])

    @property
    def elements(self) -> NDArray[np.floating]:
        """The vectors as the compiled loops read them."""
        return self.vectors

    def truncate(self, n_dims: int) -> "Points":
        """Keep the first dimensions, with the norms within them."""
        vectors = np.ascontiguousarray(self.vectors[:, :n_dims])
        return Points(vectors, np.einsum("ij,ij->i", vectors, vectors))


@dataclass(frozen=True, eq=False)
class Vectors:
    """The vectors of a dataset, possibly on disk, and how they become points.

    The point of ``x`` is ``scale · (x − offset)``: a unit vector for the cosine, a centered one
    for the euclidean distance. A zero vector has no direction: its scale is 0 and its squared norm
    counts as 1, which puts it at cosine distance 1 from every other.

    Attributes
    ----------
    raw : array of shape (n_samples, n_dims)
        In float32; of vectors in float64, their differences from `center`.
    scales, offset : array of shape (n_samples,), array of shape (n_dims,)
    given : array of shape (n_samples, n_dims)
        The vectors as they came, by whose differences distances are computed.
    given_scales : array of shape (n_samples,)
        In float64.
    center : array of shape (n_dims,)
        What was subtracted in all, in float64.
    """

    raw: NDArray[np.float32]
    scales: NDArray[np.float32]
    offset: NDArray[np.float32]
    given: NDArray[np.floating]
    given_scales: NDArray[np.float64]
    center: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def n_dims(self) -> int:
        """Length of the vectors."""
        return self.raw.shape[1]

    def take(self, rows: NDArray[np.integer]) -> "Vectors":
        """Keep the vectors at `rows`, with the same offset."""
        raw = self.raw[rows]
        given = raw if self.given is self.raw else self.given[rows]
        scales, given_scales = self.scales[rows], self.given_scales[rows]
        return Vectors(raw, scales, self.offset, given, given_scales, self.center)

    def points(self, rows: slice | NDArray[np.integer]) -> Points:
        """Compute the points at `rows`."""
        scales = self.scales[rows]
        vectors = self.raw[rows] - self.offset
        vectors *= scales[:, None]
        squared_norms = np.einsum("ij,ij->i", vectors, vectors)
        squared_norms[scales == 0] = 1
        return Points(vectors, squared_norms)

    def points_in_float64(self, rows: slice | NDArray[np.integer]) -> Points:
        """Compute the points at `rows` where float32 is too coarse."""
        scales = self.given_scales[rows]
        vectors = (self.given[rows].astype(np.float64) - self.center) * scales[:, None]
        squared_norms = np.einsum("ij,ij->i", vectors, vectors)
        squared_norms[scales == 0] = 1
        return Points(vectors, squared_norms)

    def project(self, rows: slice | NDArray[np.integer], axes: NDArray[np.floating]) -> Points:
        """Compute the points at `rows` along orthonormal axes, with their full norms.

        They are in float64 if the axes are.
        """
        if axes.dtype == np.float64:
            points = self.points_in_float64(rows)
            return Points(points.vectors @ axes, points.squared_norms)
        if self.offset.any():
            points = self.points(rows)
            return Points(points.vectors @ axes, points.squared_norms)
        vectors = (self.raw[rows] @ axes) * self.scales[rows][:, None]
        return Points(vectors, np.ones(len(vectors), dtype=np.float32))


def prepare_vectors(
    vectors: NDArray[np.floating], metric: str, like: Vectors | None = None
) -> Vectors:
    """Prepare vectors for a metric, block by block, so that those on disk stay there.

    Those of float64 are centered before they become float32, which holds seven digits: else an
    offset, such as that of times in seconds, would be all that is left. The center of euclidean
    vectors is a median, near which most of them lie even if a few are very far away.

    Parameters
    ----------
    vectors : array of shape (n_samples, n_dims)
    metric : str
    like : Vectors, optional
        Other vectors, with which these will be compared: their center is taken.
    """
    if vectors.dtype != np.float64:
        vectors = vectors.astype(np.float32, copy=False)
    given = np.ascontiguousarray(vectors)
    n_samples, n_dims = given.shape
    zeros = np.zeros(n_dims, dtype=np.float32)
    if metric == "euclidean":
        sample = given[:: max(1, n_samples // _CENTER_SAMPLE)]
        center = np.median(sample, axis=0) if like is None else like.center
        ones, offset = np.ones(n_samples), center.astype(np.float32)
        if given.dtype == np.float32 and np.array_equal(offset, center):
            center = offset.astype(np.float64)
            return Vectors(given, ones.astype(np.float32), offset, given, ones, center)
        raw = np.empty(given.shape, dtype=np.float32)
        for rows in blocks(n_samples, _BLOCK):
            raw[rows] = given[rows] - center
        return Vectors(raw, ones.astype(np.float32), zeros, given, ones, center)
    norms = np.empty(n_samples)
    for rows in blocks(n_samples, _BLOCK):
        norms[rows] = np.linalg.norm(given[rows].astype(np.float64), axis=1)
    scales = np.divide(1, norms, where=norms > 0, out=np.zeros_like(norms))
    raw = given.astype(np.float32, copy=False)
    return Vectors(raw, scales.astype(np.float32), zeros, given, scales, zeros.astype(np.float64))


@dataclass(frozen=True, eq=False)
class Bfloat16Vectors:
    """Points rounded to bfloat16 about a center.

    Attributes
    ----------
    bits : array of shape (n_points, n_dims), uint16
        Padded by zeros to a multiple of `TILE_DIMS` dimensions.
    squared_norms : array of shape (n_points,)
    rounding_errors : array of shape (n_points,)
        Distance by which rounding moved each point.
    """

    bits: NDArray[np.uint16]
    squared_norms: NDArray[np.float32]
    rounding_errors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.squared_norms)

    @classmethod
    def empty(cls, n_points: int, n_dims: int) -> "Bfloat16Vectors":
        """Allocate room for points."""
        return cls(
            np.empty((n_points, -(-n_dims // TILE_DIMS) * TILE_DIMS), dtype=np.uint16),
            np.empty(n_points, dtype=np.float32),
            np.empty(n_points, dtype=np.float32),
        )

    @classmethod
    def from_points(cls, points: Points, center: NDArray[np.float32]) -> "Bfloat16Vectors":
        """Round points about a center."""
        within = np.einsum("ij,ij->i", points.vectors, points.vectors)
        left_out = np.maximum(points.squared_norms - within, 0)
        ones, zeros = np.ones_like(within), np.zeros_like(center)
        return cls._round(points.vectors, ones, zeros, left_out, center)

    @classmethod
    def from_vectors(
        cls, vectors: Vectors, rows: slice, center: NDArray[np.float32]
    ) -> "Bfloat16Vectors":
        """Compute the points at `rows` and round them about a center, in one pass."""
        raw, scales = vectors.raw[rows], vectors.scales[rows]
        left_out = (scales == 0).astype(np.float32)  # the squared norm of zero vectors counts as 1
        return cls._round(raw, scales, vectors.offset, left_out, center)

    @classmethod
    def _round(
        cls, raw: Floats, scales: Floats, offset: Floats, left_out: Floats, center: Floats
    ) -> "Bfloat16Vectors":
        new = cls.empty(*raw.shape)
        outputs = new.bits, new.squared_norms, new.rounding_errors
        round_points(raw, scales, offset, left_out, center, *outputs)
        return new

    def take(self, rows: slice | NDArray[np.integer]) -> "Bfloat16Vectors":
        """Keep the points at `rows`, in that order."""
        return Bfloat16Vectors(
            self.bits[rows], self.squared_norms[rows], self.rounding_errors[rows]
        )

    @property
    def elements(self) -> NDArray[np.uint32]:
        """The vectors as the compiled loops read them: two dimensions an element."""
        return self.bits.view(np.uint32)

    def as_floats(self) -> NDArray[np.float32]:
        """Widen the rounded vectors to float32."""
        return (self.bits.astype(np.uint32) << 16).view(np.float32)

    def project(self, axes: "Bfloat16Vectors") -> Points:
        """Compute the points along axes, with their full norms, by the matrix unit."""
        vectors = np.empty((len(self.bits), len(axes.bits)), dtype=np.float32)
        multiply_bfloat16(self.bits, axes.bits, vectors)
        return Points(vectors, self.squared_norms)


@compiled
def round_points(
    vectors: Floats,
    scales: Floats,
    offset: Floats,
    left_out: Floats,
    center: Floats,
    rounded: Bits,
    squared_norms: Floats,
    rounding_errors: Floats,
) -> None:
    """Round each number of ``scale · (x − offset) − center`` to the nearest bfloat16, ties to even.

    Parameters
    ----------
    vectors : array of shape (n_points, n_dims)
    scales : array of shape (n_points,)
    offset : array of shape (n_dims,)
    left_out : array of shape (n_points,)
        Squared norms of what a projection left out, added to those of the rounded vectors.
    center : array of shape (n_dims,)
    rounded : array of shape (n_points, padded n_dims), written
    squared_norms : array of shape (n_points,), written
    rounding_errors : array of shape (n_points,), written
        Distance by which rounding moved each point.
    """
    n_dims = vectors.shape[1]
    moved = np.empty(n_dims, np.float32)
    bits = moved.view(np.uint32)
    for row in range(len(vectors)):
        squared_norm, squared_error = np.float32(0), np.float32(0)
        for axis in range(n_dims):
            moved[axis] = scales[row] * (vectors[row, axis] - offset[axis]) - center[axis]
        for axis in range(n_dims):
            half = np.uint32(0x7FFF) + ((bits[axis] >> np.uint32(16)) & np.uint32(1))
            rounded[row, axis] = np.uint16((bits[axis] + half) >> np.uint32(16))
        for axis in range(n_dims):
            value = widen(rounded[row, axis])
            squared_norm += value * value
            squared_error += (value - moved[axis]) * (value - moved[axis])
        rounded[row, n_dims:] = 0
        squared_norms[row] = left_out[row] + squared_norm
        rounding_errors[row] = np.sqrt(squared_error)


AnyPoints: TypeAlias = Points | Bfloat16Vectors


def reorder_points(points: AnyPoints, order: NDArray[np.int64], pool: Workers) -> AnyPoints:
    """Copy points in another order."""
    old = vars(points)
    new = {name: np.empty_like(array) for name, array in old.items()}

    def copy(rows: slice) -> None:
        for name, array in old.items():
            np.take(array, order[rows], axis=0, out=new[name][rows], mode="clip")

    pool.each(copy, blocks(len(points), _COPY_BLOCK))
    return type(points)(**new)


def project(
    vectors: Vectors,
    n_dims: int,
    generator: np.random.Generator,
    pool: Workers,
    dtype: type[np.floating] = np.float32,
) -> Points:
    """Project the points onto their `n_dims` principal axes, and keep their full norms."""
    axes = principal_axes(_draw_sample(vectors, generator), n_dims, generator).astype(dtype)
    points = Points(
        np.empty((len(vectors), axes.shape[1]), dtype=dtype), np.empty(len(vectors), dtype=dtype)
    )

    def project_block(rows: slice) -> None:
        new = vectors.project(rows, axes)
        points.vectors[rows], points.squared_norms[rows] = new.vectors, new.squared_norms

    pool.each(project_block, blocks(len(vectors), _PROJECTION_BLOCK))
    return points


def project_in_bfloat16(
    vectors: Vectors, n_dims: int, generator: np.random.Generator, pool: Workers
) -> Bfloat16Vectors:
    """Do as `project` in bfloat16, about the mean of the points, by the matrix unit.

    Points that have no more dimensions than wanted are rounded, but not projected.
    """
    sample = _draw_sample(vectors, generator)
    center, zero = sample.mean(axis=0), np.zeros(n_dims, dtype=np.float32)
    axes = None
    if n_dims < vectors.n_dims:
        columns = principal_axes(sample, n_dims, generator)
        rows_of_axes = Points(np.ascontiguousarray(columns.T), np.ones(n_dims, dtype=np.float32))
        axes = Bfloat16Vectors.from_points(rows_of_axes, np.zeros_like(center))
    points = Bfloat16Vectors.empty(len(vectors), min(n_dims, vectors.n_dims))

    def project_block(rows: slice) -> None:
        new = Bfloat16Vectors.from_vectors(vectors, rows, center)
        if axes is not None:
            new = Bfloat16Vectors.from_points(new.project(axes), zero)
        points.bits[rows], points.squared_norms[rows] = new.bits, new.squared_norms
        points.rounding_errors[rows] = new.rounding_errors

    pool.each(project_block, blocks(len(vectors), _PROJECTION_BLOCK))
    return points


def _draw_sample(vectors: Vectors, generator: np.random.Generator) -> NDArray[np.float32]:
    size = min(len(vectors), _AXES_SAMPLE)
    return vectors.points(np.sort(generator.choice(len(vectors), size, replace=False))).vectors


def principal_axes(
    sample: NDArray[np.float32], n_dims: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Find orthonormal columns that keep most of the sample's squares, the largest share first."""
    available = sample.shape[1]
    n_dims = min(n_dims, available)
    if available <= _FEW_DIMS:
        return _eigenvectors(sample)[:, ::-1][:, :n_dims].copy()
    basis = generator.standard_normal((available, n_dims), dtype=np.float32)
    scatter = sample.T @ sample if available <= _MAX_SCATTER_RATIO * n_dims else None
    for _ in range(_ITERATIONS):
        product = scatter @ basis if scatter is not None else sample.T @ (sample @ basis)
        basis = np.linalg.qr(product)[0]
    return np.ascontiguousarray(basis @ _eigenvectors(sample @ basis)[:, ::-1])


def _eigenvectors(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find the eigenvectors of the scatter matrix, by ascending eigenvalue."""
    eigenvectors: NDArray[np.float32] = np.linalg.eigh(sample.T @ sample)[1]
    return eigenvectors
