"""Rounding keeps 8 significant bits; the matrix unit multiplies the rounded vectors."""

import numpy as np
import pytest

from voisin.neighbors.kernels.instructions import (
    TILE_DIMS,
    has_matrix_unit,
    multiply_bfloat16,
)
from voisin.neighbors.kernels.vectors import round_points

NEEDS_UNIT = pytest.mark.skipif(not has_matrix_unit(), reason="this processor has no matrix unit")


def rounded(vectors, scales=1, offset=0, left_out=0, center=0):
    n_points, n_dims = vectors.shape
    padded = -(-n_dims // TILE_DIMS) * TILE_DIMS
    bits = np.full((n_points, padded), 7, dtype=np.uint16)
    squared_norms, errors = np.empty((2, n_points), dtype=np.float32)
    scales, left_out = (np.full(n_points, value, np.float32) for value in (scales, left_out))
    offset, center = (np.full(n_dims, value, np.float32) for value in (offset, center))
    round_points(vectors, scales, offset, left_out, center, bits, squared_norms, errors)
    return bits, squared_norms, errors


def values(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def noise(n_points, n_dims, random_state=0):
    return np.random.default_rng(random_state).normal(size=(n_points, n_dims)).astype(np.float32)


def test_rounds_to_the_nearest_number_of_8_bits_and_ties_to_even():
    vectors = np.array([[1, 1 + 1 / 256, 1 + 3 / 256, -1.001, 3e-30, 0]], dtype=np.float32)

    bits, _, _ = rounded(vectors)

    assert values(bits)[0, :4].tolist() == [1, 1, 1 + 4 / 256, -1]
    np.testing.assert_allclose(values(bits)[0, :6], vectors[0], rtol=2**-8)
    assert not bits[0, 5:].any()


def test_the_rounding_error_is_the_distance_that_rounding_moved_each_point():
    vectors, center = noise(50, 70), noise(1, 70, 1)[0]

    bits, _, errors = rounded(vectors, center=center)

    moved = np.linalg.norm(values(bits)[:, :70] - (vectors - center), axis=1)
    np.testing.assert_allclose(errors, moved, rtol=1e-3)
    assert (errors <= np.linalg.norm(vectors - center, axis=1) * 2**-8).all()


def test_rounds_scaled_and_centered_vectors():
    vectors, offset, center = noise(20, 40), noise(1, 40, 1)[0], noise(1, 40, 2)[0]

    bits, _, _ = rounded(vectors, scales=0.5, offset=offset, center=center)

    points = 0.5 * (vectors - offset) - center
    np.testing.assert_allclose(values(bits)[:, :40], points, rtol=2**-8, atol=1e-6)


def test_squared_norms_are_those_of_the_rounded_points_and_of_what_a_projection_left_out():
    vectors = noise(50, 40)

    bits, squared_norms, _ = rounded(vectors, left_out=3)

    np.testing.assert_allclose(squared_norms, (values(bits) ** 2).sum(axis=1) + 3, rtol=1e-5)


@NEEDS_UNIT
@pytest.mark.parametrize("shape", [(1, 1, 1), (31, 33, 45), (64, 32, 64), (70, 100, 800)])
def test_the_matrix_unit_multiplies_as_float32_does(shape):
    n_left, n_right, n_dims = shape
    left, right = rounded(noise(n_left, n_dims))[0], rounded(noise(n_right, n_dims, 1))[0]
    products = np.empty((n_left, n_right), dtype=np.float32)

    multiply_bfloat16(left, right, products)

    expected = values(left).astype(np.float64) @ values(right).T
    np.testing.assert_allclose(products, expected, atol=1e-5 * n_dims)
