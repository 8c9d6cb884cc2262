"""Read images from arrays. This module must not know files or labels.

========= =======================================
dtype     becomes
========= =======================================
uint8     unchanged
bool      0 or 255
uint16    round(value / 257)
floats    times 255 if in [0, 1]; else unreadable
========= =======================================
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from voisin.errors import InputError, UnreadableImageError
from voisin.sources.decoding import to_bytes, to_gray_or_color


class PixelArray(Protocol):
    """An array of images, of shape (n, height, width) or (n, height, width, channels)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, height, width, and perhaps channels."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __getitem__(self, row: int, /) -> NDArray[Any]:
        """Pixels of one image."""


class ArrayReader:
    """Reads images from several arrays as if they were one.

    Parameters
    ----------
    arrays : sequence of PixelArray
        Positions count through the arrays in this order.
    fingerprint : str
        Text that changes when the arrays do.

    Raises
    ------
    InputError
        If the shape or type of an array is not that of images.
    """

    def __init__(self, arrays: Sequence[PixelArray], fingerprint: str) -> None:
        for array in arrays:
            check_pixels(array)
        self._arrays = tuple(arrays)
        self._starts = np.cumsum([0] + [array.shape[0] for array in arrays])
        self._fingerprint = fingerprint

    @property
    def n_channels(self) -> int:
        """1 if every array is gray, else 3."""
        gray = all(len(array.shape) == 3 or array.shape[3] == 1 for array in self._arrays)
        return 1 if gray else 3

    def load(self, position: int) -> Image.Image:
        """Return one image, in mode ``L`` or ``RGB``.

        Raises
        ------
        UnreadableImageError
            If a float is NaN or outside [0, 1].
        """
        array_index = int(np.searchsorted(self._starts, position, side="right")) - 1
        row = int(position - self._starts[array_index])
        return to_picture(self._arrays[array_index][row], f"images[{row}]")

    def path(self, position: int) -> None:
        """Return None, since images in an array have no files of their own."""

    def fingerprint(self) -> str:
        """Text that changes when the arrays do."""
        return self._fingerprint


def to_picture(pixels: NDArray[Any], name: str = "The image") -> Image.Image:
    r"""Turn the pixels of one image into a picture; transparent pixels become white.

    Raises
    ------
    UnreadableImageError
        If a float is NaN or outside [0, 1]; the message begins with `name`.

    Examples
    --------
    >>> to_picture(np.array([[0.0, 0.4, 1.0]])).tobytes()
    b'\x00f\xff'
    """
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    elif pixels.dtype == np.uint16:
        pixels = to_bytes(pixels)
    elif pixels.dtype != np.uint8:
        if np.isnan(pixels).any():
            message = f"{name} has NaN among its {pixels.dtype} values."
            raise UnreadableImageError(message)
        if pixels.min() < 0 or pixels.max() > 1:
            message = (
                f"{name} has {pixels.dtype} values from {pixels.min():g} to {pixels.max():g}: "
                "pass uint8, or floats from 0 to 1."
            )
            raise UnreadableImageError(message)
        pixels = np.round(pixels * 255).astype(np.uint8)
    return to_gray_or_color(Image.fromarray(np.ascontiguousarray(pixels)))


def check_pixels(array: PixelArray, name: str = "images") -> None:
    """Refuse an array whose shape, type or size is not that of images."""
    shape = array.shape
    has_layout = len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3, 4))
    if 0 in shape or not has_layout:
        message = (
            f"{name} has shape {shape}: pass (n, height, width) or (n, height, width, channels)"
        )
        if len(shape) == 4 and shape[1] in (1, 3, 4):
            message += f"; the channels come first here: {name}.transpose(0, 2, 3, 1)"
        raise InputError(message + ".")
    if array.dtype not in (np.uint8, np.bool_, np.uint16) and array.dtype.kind != "f":
        message = f"{name} has dtype {array.dtype}: pass uint8, for example .astype(np.uint8)."
        raise InputError(message)
    height, width = shape[1:3]
    if Image.MAX_IMAGE_PIXELS is not None and height * width > Image.MAX_IMAGE_PIXELS:
        message = (
            f"{name} has {height} × {width} pixels per image, "
            f"more than the {Image.MAX_IMAGE_PIXELS} allowed: make them smaller first."
        )
        raise InputError(message)
