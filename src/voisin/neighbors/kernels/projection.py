"""Points in fewer dimensions, the telling ones first; it knows vectors, not neighbors.

The axes are the principal ones of a sample, found by subspace iteration (Halko, Martinsson &
Tropp 2011) where there are many dimensions.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.kernels.vectors import Bfloat16Vectors, Points, Vectors
from voisin.parallel import Workers, blocks

_SAMPLE = 4_000
_FEW_DIMS = 512
_ITERATIONS = 2
_MOST_SCATTERED = 4  # times the axes wanted: beyond, products with the sample are cheaper
_BLOCK = 512


def project(cloud: Vectors, n_dims: int, generator: np.random.Generator, crew: Workers) -> Points:
    """Turn the points onto their `n_dims` principal axes, and keep their full lengths."""
    axes = principal_axes(_sample(cloud, generator), n_dims, generator)
    points = Points(
        np.empty((len(cloud), axes.shape[1]), dtype=np.float32),
        np.empty(len(cloud), dtype=np.float32),
    )

    def turn(rows: slice) -> None:
        some = cloud.project(rows, axes)
        points.vectors[rows], points.squares[rows] = some.vectors, some.squares

    crew.each(turn, blocks(len(cloud), _BLOCK))
    return points


def project_roughly(
    cloud: Vectors, n_dims: int, generator: np.random.Generator, crew: Workers
) -> Bfloat16Vectors:
    """Do as `project` in bfloat16, about the middle of the points, by the matrix unit.

    Points that have no more dimensions than wanted stay as they are turned.
    """
    sample = _sample(cloud, generator)
    middle, zero = sample.mean(axis=0), np.zeros(n_dims, dtype=np.float32)
    axes = None
    if n_dims < cloud.n_dims:
        columns = principal_axes(sample, n_dims, generator)
        short = Points(np.ascontiguousarray(columns.T), np.ones(n_dims, dtype=np.float32))
        axes = Bfloat16Vectors.of(short, np.zeros_like(middle))
    points = Bfloat16Vectors.empty(len(cloud), min(n_dims, cloud.n_dims))

    def turn(rows: slice) -> None:
        some = Bfloat16Vectors.of_cloud(cloud, rows, middle)
        if axes is not None:
            some = Bfloat16Vectors.of(some.project(axes), zero)
        points.vectors[rows], points.squares[rows] = some.vectors, some.squares
        points.slips[rows] = some.slips

    crew.each(turn, blocks(len(cloud), _BLOCK))
    return points


def _sample(cloud: Vectors, generator: np.random.Generator) -> NDArray[np.float32]:
    size = min(len(cloud), _SAMPLE)
    return cloud.points(np.sort(generator.choice(len(cloud), size, replace=False))).vectors


def principal_axes(
    sample: NDArray[np.float32], n_dims: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Orthonormal columns that keep the most of the sample's squares, the most telling first."""
    available = sample.shape[1]
    n_dims = min(n_dims, available)
    if available <= _FEW_DIMS:
        return _ascending_axes(sample)[:, ::-1][:, :n_dims].copy()
    basis = generator.standard_normal((available, n_dims), dtype=np.float32)
    scatter = sample.T @ sample if available <= _MOST_SCATTERED * n_dims else None
    for _ in range(_ITERATIONS):
        turned = scatter @ basis if scatter is not None else sample.T @ (sample @ basis)
        basis = np.linalg.qr(turned)[0]
    return np.ascontiguousarray(basis @ _ascending_axes(sample @ basis)[:, ::-1])


def _ascending_axes(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    axes: NDArray[np.float32] = np.linalg.eigh(sample.T @ sample)[1]
    return axes
