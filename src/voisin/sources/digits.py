"""The bundled digits: 1,797 gray images of 8 × 8 pixels that come with scikit-learn."""

import zlib

import numpy as np

from voisin.sources.arrays import ArrayReader
from voisin.sources.collection import OpeningOptions, Source, SourceKind, collect_images
from voisin.types import ImageCollection

# The last fifth, by convention. The file is sorted by writer, so the writers of these test images
# are not those of the training images.
_N_TEST = 360


class DigitsSource(SourceKind):
    """The word ``digits``."""

    description = "digits"
    names = ("digits",)

    def recognizes(self, source: Source) -> bool:
        """Whether the source is the word ``digits``, in upper or lower case."""
        return isinstance(source, str) and source.lower() == "digits"

    def open(self, source: Source, options: OpeningOptions) -> ImageCollection:  # noqa: ARG002
        """Make a collection of scikit-learn's digits, scaled from 0–16 to 0–255."""
        from sklearn.datasets import load_digits

        bundled = load_digits()
        pixels = np.round(bundled.images * (255 / 16)).astype(np.uint8)
        n_images = len(pixels)
        return collect_images(
            "digits",
            ArrayReader([pixels], fingerprint=f"digits {zlib.crc32(pixels.tobytes()):08x}"),
            ids=[f"digit-{number:04d}" for number in range(1, n_images + 1)],
            labels=bundled.target.astype(np.int64),
            class_names=[str(digit) for digit in range(10)],
            splits=np.repeat(["train", "test"], [n_images - _N_TEST, _N_TEST]),
        )
