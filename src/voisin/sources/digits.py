"""The bundled digits: 1,797 images of 8 × 8, gray, that scikit-learn brings along.

The file comes in blocks by writer, so its last images, the test, show other hands.
"""

import zlib

import numpy as np

from voisin.sources.arrays import ArrayReader
from voisin.sources.collecting import collect_images
from voisin.sources.kinds import OpeningOptions, Source, SourceKind
from voisin.types import ImageCollection

_N_TEST = 360


def _is_digits(source: Source) -> bool:
    return isinstance(source, str) and source.lower() == "digits"


def _open_digits(source: Source, options: OpeningOptions) -> ImageCollection:  # noqa: ARG001
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


DIGITS = SourceKind(
    description="digits",
    recognizes=_is_digits,
    open=_open_digits,
    names=("digits",),
)
