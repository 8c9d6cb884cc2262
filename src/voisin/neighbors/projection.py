"""Points in fewer dimensions, the telling ones first; it knows vectors, not neighbors.

The axes are the principal ones of a sample, found by subspace iteration (Halko, Martinsson &
Tropp 2011) where there are many dimensions.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.neighbors.tiles import Cloud, Points, Rounded
from voisin.parallel import Workers, blocks

_SAMPLE = 4_000
_FEW_DIMS = 512
_ITERATIONS = 2
_MOST_SCATTERED = 4  # times the axes wanted: beyond, products with the sample are cheaper
_BLOCK = 512


def project(cloud: Cloud, n_dims: int, generator: np.random.Generator, crew: Workers) -> Points:
    """Turn the points onto their `n_dims` principal axes, and keep their full lengths.

    Fewer dimensions are a rough picture in any case: it is then taken in bfloat16, about the
    middle of the points, where the processor has a unit for it.
    """
    from voisin.neighbors.half_precision import has_matrix_unit

    size = min(len(cloud), _SAMPLE)
    sample = np.sort(generator.choice(len(cloud), size, replace=False))
    some = cloud.points(sample).vectors
    axes = principal_axes(some, n_dims, generator)
    rough = has_matrix_unit() and axes.shape[1] < cloud.n_dims
    middle = some.mean(axis=0)
    short = Points(np.ascontiguousarray(axes.T), np.ones(axes.shape[1], dtype=np.float32))
    rounded_axes = Rounded.of(short, np.zeros_like(middle)) if rough else None
    vectors = np.empty((len(cloud), axes.shape[1]), dtype=np.float32)
    squares = np.empty(len(cloud), dtype=np.float32)

    def turn(rows: slice) -> None:
        if rounded_axes is None:
            points = cloud.project(rows, axes)
        else:
            points = Rounded.of(cloud.points(rows), middle).project(rounded_axes)
        vectors[rows], squares[rows] = points.vectors, points.squares

    crew.each(turn, blocks(len(cloud), _BLOCK))
    return Points(vectors, squares)


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
