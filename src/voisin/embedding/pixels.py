"""``pixels``: principal components of the pixels, computed from the pool.

It needs no network, and must not use labels.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.registry import EmbedderOptions
from voisin.embedding.specification import IMAGE_SIZE
from voisin.errors import InputError
from voisin.sources.reading import read_images
from voisin.types import Embeddings, ImageCollection, Pixels, Progress, no_progress

_DEFAULT_COMPONENTS = 64  # chosen by hand, between detail and the time of a neighbor search
_TASK = "Principal components"  # name of the task, for progress


@dataclass(frozen=True)
class PixelPCA:
    """Computes the directions in which the pool's pixels vary most.

    Parameters
    ----------
    n_components : int, optional
        By default 64, or as many as the pool allows.
    """

    n_components: int | None = None

    def __post_init__(self) -> None:
        if self.n_components is not None and self.n_components < 1:
            message = f"pixels:{self.n_components} is too few: ask for 1 component or more."
            raise InputError(message)

    @property
    def input_size(self) -> int:
        """28."""
        return IMAGE_SIZE

    def fingerprint(self) -> str:
        """Return a text of the settings."""
        return repr(self)

    def fit(
        self,
        pool: ImageCollection,
        *,
        scratch: Path,  # noqa: ARG002 - a fit is quick, so nothing is kept to resume it
        progress: Progress = no_progress,
    ) -> "FittedPixelPCA":
        """Compute mean and components of the pool.

        Raises
        ------
        InputError
            If more components are asked for than there are images or pixel values.
        """
        progress(_TASK, 0, 1)
        fitted = self.fit_pixels(_read(pool))
        progress(_TASK, 1, 1)
        return fitted

    def fit_pixels(self, pixels: Pixels) -> "FittedPixelPCA":
        """Compute mean and components of pixels; raises as `fit` does."""
        from sklearn.decomposition import PCA

        values = _flatten(pixels)
        max_components = min(values.shape)
        if self.n_components is not None and self.n_components > max_components:
            message = (
                f"pixels:{self.n_components} asks for more components than {len(pixels)} images of "
                f"{values.shape[1]} values have: ask for at most {max_components}."
            )
            raise InputError(message)
        n_components = self.n_components or min(_DEFAULT_COMPONENTS, max_components)
        pca = PCA(n_components, svd_solver="covariance_eigh").fit(values)
        return FittedPixelPCA(pca.mean_, pca.components_)


@dataclass(frozen=True, eq=False)
class FittedPixelPCA:
    """Projects centered pixels onto components: y = C (x − mean).

    Attributes
    ----------
    mean : array of shape (n_values,)
    components : array of shape (n_components, n_values)
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]

    @property
    def input_size(self) -> int:
        """28."""
        return IMAGE_SIZE

    def fingerprint(self) -> str:
        """Return a digest of mean and components."""
        content = self.mean.tobytes() + self.components.tobytes()
        return f"pixels {self.components.shape} {hashlib.sha256(content).hexdigest()}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Return the components of each image."""
        vectors = ((_flatten(_read(images)) - self.mean) @ self.components.T).astype(np.float32)
        progress("Embedding: pixels", len(images), len(images))
        return vectors


def _read(images: ImageCollection) -> Pixels:
    return read_images(images, size=IMAGE_SIZE, max_unreadable=0).pixels


def _flatten(pixels: Pixels) -> NDArray[np.float32]:
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(127.5) - np.float32(1)


def make(argument: str, options: EmbedderOptions) -> PixelPCA:  # noqa: ARG001
    """Make the embedder; the argument is its number of components."""
    if not argument:
        return PixelPCA()
    if not argument.isdecimal():
        message = f"pixels:{argument} is not a number of components: write pixels:64, for example."
        raise InputError(message)
    return PixelPCA(int(argument))
