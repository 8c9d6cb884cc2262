"""Decode a collection to one array of pixels; it knows readers, not where they read from."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image

from voisin.errors import InputError, InputWarning, UnreadableImageError
from voisin.sources.files import FileReader
from voisin.types import ImageCollection, Pixels, Progress, no_progress
from voisin.validation import check_count, check_in_closed_interval

_BLOCK = 512  # images decoded between two calls of progress
_N_THREADS = min(8, os.cpu_count() or 1)
_TASK = "Reading images"
_BLACK = 32  # of 255: where no pixel is brighter, the eye sees nothing
_Decoded: TypeAlias = Pixels | UnreadableImageError


@dataclass(frozen=True, eq=False)
class ReadImages:
    """What was read of a collection.

    Attributes
    ----------
    images : ImageCollection
        The images that could be read, in the collection's order.
    pixels : array of shape (n_images, size, size, channels), uint8
        One row an image of `images`.
    unreadable : dict of str to str
        Why, by the id of each image that was left out.
    """

    images: ImageCollection
    pixels: Pixels
    unreadable: dict[str, str]


def read_images(
    images: ImageCollection,
    *,
    size: int = 28,
    max_unreadable: float = 0.05,
    progress: Progress = no_progress,
    out: Pixels | None = None,
) -> ReadImages:
    """Decode every image at ``size × size``; those that cannot be read are left out.

    An image of another size is squashed to the square by bicubic interpolation, whatever its
    shape, as the makers of MedMNIST did; one of this size is left as it is. If all are nearly
    black, as 12 bits in arrays of 16 are, an `InputWarning` says so.

    Parameters
    ----------
    images : ImageCollection
    size : int, default=28
        Pixels a side.
    max_unreadable : float, default=0.05
        Share of the images, from 0 to 1, that may be left out.
    progress : callable, optional
    out : array of shape (n_images, size, size, channels), uint8, optional
        Where to put the pixels, such as a memory map; a new array by default.

    Returns
    -------
    ReadImages

    Raises
    ------
    InputError
        If more than `max_unreadable` of the images cannot be read, or none can.

    Examples
    --------
    >>> from voisin.sources.opening import open_images
    >>> read_images(open_images("digits"), size=8).pixels.shape
    (1797, 8, 8, 1)
    """
    check_count("size", size, 1)
    check_in_closed_interval("max_unreadable", max_unreadable, 0, 1)
    mode = "L" if images.reader.n_channels == 1 else "RGB"
    pixels = _allocate((len(images), size, size, images.reader.n_channels), out)
    unreadable: dict[int, str] = {}
    brightest = 0
    order = np.argsort(images.positions, kind="stable")  # some readers only go forward quickly

    def decode(index: int) -> _Decoded:
        try:
            return _squash(images.reader.load(int(images.positions[index])), mode, size)
        except UnreadableImageError as error:
            return error

    in_turn = zip(order, _decode_in_turn(images, order, decode), strict=True)
    for done, (index, decoded) in enumerate(in_turn, start=1):
        if isinstance(decoded, UnreadableImageError):
            unreadable[int(index)] = str(decoded)
            _check_share(images, unreadable, max_unreadable)
        else:
            pixels[index] = decoded
            brightest = max(brightest, int(decoded.max()))
        if done % _BLOCK == 0 or done == len(order):
            progress(_TASK, done, len(order))
    _warn_of_black(images, brightest)
    return _leave_out(images, pixels, dict(sorted(unreadable.items())))


def load_picture(images: ImageCollection, index: int, size: int) -> Image.Image:
    """Decode one image for the eye: its shape is kept, its longer side has at most `size` pixels.

    Raises
    ------
    UnreadableImageError
        If it cannot be decoded.

    Examples
    --------
    >>> from voisin.sources.opening import open_images
    >>> load_picture(open_images("digits"), 0, size=4).size
    (4, 4)
    """
    picture = images.reader.load(int(images.positions[index]))
    picture.thumbnail((size, size), Image.Resampling.BICUBIC)
    return picture


def _allocate(shape: tuple[int, int, int, int], out: Pixels | None) -> Pixels:
    if out is None:
        return np.empty(shape, dtype=np.uint8)
    if out.shape != shape or out.dtype != np.uint8:
        message = f"out has shape {out.shape} and dtype {out.dtype}: pass uint8 of shape {shape}."
        raise InputError(message)
    return out


def _decode_in_turn(
    images: ImageCollection, order: Iterable[int], decode: Callable[[int], _Decoded]
) -> Iterator[_Decoded]:
    """Decode in this order: files by several threads, block by block."""
    if not isinstance(images.reader, FileReader):
        yield from map(decode, order)
        return
    order = list(order)
    with ThreadPoolExecutor(_N_THREADS) as threads:
        for start in range(0, len(order), _BLOCK):
            yield from threads.map(decode, order[start : start + _BLOCK])


def _squash(picture: Image.Image, mode: str, size: int) -> Pixels:
    picture = picture.convert(mode) if picture.mode != mode else picture
    if picture.size != (size, size):
        picture = picture.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture).reshape(size, size, -1)


def _check_share(
    images: ImageCollection, unreadable: dict[int, str], max_unreadable: float
) -> None:
    if len(unreadable) <= max_unreadable * len(images) and len(unreadable) < len(images):
        return
    first = " ".join(list(unreadable.values())[:3])
    message = (
        f"At least {len(unreadable)} of the {len(images)} images cannot be read, and no more than "
        f"max_unreadable={max_unreadable:g} of them may be left out: {first} "
        "Mend or remove them, or allow a larger share."
    )
    raise InputError(message)


def _warn_of_black(images: ImageCollection, brightest: int) -> None:
    if brightest >= _BLACK:
        return
    message = (
        f"The images of {images.name} are nearly black: their brightest pixel is {brightest} of "
        "255. If their values use a part of the range only, such as 12 of 16 bits, scale them to "
        "the full range first."
    )
    warnings.warn(message, InputWarning, stacklevel=3)


def _leave_out(images: ImageCollection, pixels: Pixels, unreadable: dict[int, str]) -> ReadImages:
    reasons = {str(images.ids[index]): reason for index, reason in unreadable.items()}
    if not unreadable:
        return ReadImages(images, pixels, reasons)
    kept = np.setdiff1d(np.arange(len(images)), list(unreadable))
    for row, index in enumerate(kept):  # in place: pixels may be larger than memory
        pixels[row] = pixels[index]
    return ReadImages(images.take(kept), pixels[: len(kept)], reasons)
