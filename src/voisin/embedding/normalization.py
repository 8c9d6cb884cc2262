"""How pixels are scaled for a network that was trained elsewhere.

============ ======================================================================
name         value of a pixel p in 0..255
============ ======================================================================
``imagenet`` (p / 255 − mean) / std of each channel, ImageNet's: most PyTorch models
``-1..1``    p / 127.5 − 1: most TensorFlow models
``0..1``     p / 255
``0..255``   p: models that scale by themselves
============ ======================================================================
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from voisin.types import Pixels

# (mean, std) of red, green and blue, of pixels in 0..1
NORMALIZATIONS: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "-1..1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0..1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "0..255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


def normalize(pixels: Pixels, name: str) -> NDArray[np.float32]:
    """Scale pixels of shape (..., channels); gray ones by the mean over red, green and blue.

    Examples
    --------
    >>> normalize(np.array([[[0], [255]]], dtype=np.uint8), "-1..1").ravel().tolist()
    [-1.0, 1.0]
    """
    mean, std = (np.array(values, dtype=np.float32) for values in NORMALIZATIONS[name])
    if pixels.shape[-1] == 1:
        mean, std = mean.mean(keepdims=True), std.mean(keepdims=True)
    scaled: NDArray[np.float32] = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    return scaled
