"""The vectors that the benchmarks measure on: real ones, and a million made from them."""

import math
import os
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

FOLDER = Path(
    os.environ.get("VOISIN_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
)
N_COMPONENTS = 128
_BLOCK = 10_000


def fashion_mnist() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Fashion-MNIST, 70,000 × 784 in [0, 1], and its classes."""
    with np.load(FOLDER / "fashion_mnist.npz", allow_pickle=False) as archive:
        images = np.concatenate([archive["train_images"], archive["test_images"]])
        labels = np.concatenate([archive["train_labels"], archive["test_labels"]])
    pixels = images.reshape(len(images), -1).astype(np.float32) / np.float32(255)
    return pixels, labels.astype(np.int64).ravel()


def many_vectors(
    n_samples: int, *, random_state: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Fashion-MNIST under small affine changes, as its 128 principal components.

    Each vector is a random image, turned by up to 10°, sheared and stretched by up to 10 % and
    moved by up to 2 pixels, then projected onto the principal components of the originals.
    """
    pixels, labels = fashion_mnist()
    mean = pixels.mean(axis=0)
    centered = pixels - mean
    axes = np.linalg.eigh(centered.T @ centered)[1][:, : -N_COMPONENTS - 1 : -1].copy()
    generator = np.random.default_rng(random_state)
    chosen = generator.integers(len(pixels), size=n_samples)
    changes = _affine_changes(n_samples, generator)
    vectors = np.empty((n_samples, N_COMPONENTS), dtype=np.float32)
    for start in range(0, n_samples, _BLOCK):
        rows = slice(start, start + _BLOCK)
        moved = _warp(pixels.reshape(-1, 28, 28), chosen[rows], changes[rows])
        vectors[rows] = (moved.reshape(len(moved), -1) - mean) @ axes
    return vectors, labels[chosen]


def _affine_changes(count: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Rows of (a, b, c, d, down, right): where in the original each pixel comes from."""
    angle = generator.uniform(-10, 10, count) * math.pi / 180
    stretch = generator.uniform(0.9, 1.1, (count, 2))
    shear = generator.uniform(-0.1, 0.1, count)
    shift = generator.uniform(-2, 2, (count, 2))
    cos, sin = np.cos(angle), np.sin(angle)
    return np.column_stack(
        [
            cos * stretch[:, 0],
            (cos * shear - sin) * stretch[:, 0],
            sin * stretch[:, 1],
            (sin * shear + cos) * stretch[:, 1],
            shift,
        ]
    )


@numba.njit(cache=True)
def _warp(images, chosen, changes):
    """Bilinear interpolation about the center; zero outside."""
    size = images.shape[1]
    middle = (size - 1) / 2
    moved = np.zeros((len(chosen), size, size), dtype=np.float32)
    for i in range(len(chosen)):
        image = images[chosen[i]]
        a, b, c, d, down, right = changes[i]
        for row in range(size):
            for column in range(size):
                y = a * (row - middle) + b * (column - middle) + middle + down
                x = c * (row - middle) + d * (column - middle) + middle + right
                top, left = math.floor(y), math.floor(x)
                if 0 <= top < size - 1 and 0 <= left < size - 1:
                    v, u = y - top, x - left
                    moved[i, row, column] = (
                        (1 - v) * (1 - u) * image[top, left]
                        + (1 - v) * u * image[top, left + 1]
                        + v * (1 - u) * image[top + 1, left]
                        + v * u * image[top + 1, left + 1]
                    )
    return moved
