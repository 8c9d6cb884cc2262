"""Decode a collection to one array of pixels, or one image to a picture.

This module knows the readers of sources, and must not know the kinds of sources.
"""

import os
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from voisin.errors import InputError, InputWarning, UnreadableImageError
from voisin.sources.decoding import SEVERAL, FileReader
from voisin.types import ImageCollection, Indices, Pixels, Progress, no_progress
from voisin.validation import check_count, check_in_closed_interval

# Images decoded between two calls of `progress`; chosen by hand: often enough for a progress bar.
_BLOCK = 512
# Threads that decode files (Pillow releases Python's lock); chosen by hand, not measured.
_N_THREADS = min(8, os.cpu_count() or 1)
# Out of 255, chosen by hand. If no pixel is brighter, the eye sees nothing: 12-bit values in 16-bit
# arrays reach only 16, and any normal picture has brighter pixels.
_NEARLY_BLACK = 32


@dataclass(frozen=True, eq=False)
class ReadImages:
    """The images of a collection that could be read, with their pixels.

    Attributes
    ----------
    images : ImageCollection
        The images that could be read, in the collection's order.
    pixels : array of shape (n_images, size, size, channels), uint8
        One entry per image of `images`.
    unreadable : dict of str to str
        For each image that was left out, keyed by its id, the reason.
    several : tuple of str
        Ids of the images whose files hold others, too.
    """

    images: ImageCollection
    pixels: Pixels
    unreadable: dict[str, str]
    several: tuple[str, ...] = ()


def read_images(
    images: ImageCollection,
    *,
    size: int = 28,
    max_unreadable: float = 0.05,
    progress: Progress = no_progress,
    out: Pixels | None = None,
    known: Mapping[int, Pixels] | None = None,
) -> ReadImages:
    """Decode every image at ``size × size``, and leave out those that cannot be read.

    Bicubic interpolation squashes an image of another size to the square, whatever its shape, as
    the makers of MedMNIST did; an image of this size is not changed. An `InputWarning` says if all
    images are nearly black, as 12-bit values in 16-bit arrays are, or if files hold several images,
    of which only the first is read.

    Parameters
    ----------
    images : ImageCollection
    size : int, default=28
        Pixels per side.
    max_unreadable : float, default=0.05
        Share of the images, from 0 to 1, that may be left out.
    progress : callable, optional
    out : array of shape (n_images, size, size, channels), uint8, optional
        Array that receives the pixels, such as a memory map; a new array by default.
    known : mapping of int to array of shape (size, size, channels), optional
        Pixels of some images, by index, that were read at this size before.

    Returns
    -------
    ReadImages

    Raises
    ------
    InputError
        If more than `max_unreadable` of the images, or all images, cannot be read.

    Examples
    --------
    >>> from voisin.sources.opening import open_images
    >>> read_images(open_images("digits"), size=8).pixels.shape
    (1797, 8, 8, 1)
    """
    check_count("size", size, 1)
    check_in_closed_interval("max_unreadable", max_unreadable, 0, 1)
    shape = (len(images), size, size, images.reader.n_channels)
    if out is None:
        out = np.empty(shape, dtype=np.uint8)
    elif out.shape != shape or out.dtype != np.uint8:
        message = f"out has shape {out.shape} and dtype {out.dtype}: pass uint8 of shape {shape}."
        raise InputError(message)
    reasons: dict[int, str] = {}
    brightest = 0
    order = np.argsort(images.positions, kind="stable")  # archives are slow to read backwards
    several: list[int] = []
    decoded = zip(
        order.tolist(), _decode_images(images, order, size, several, known or {}), strict=True
    )
    for done, (index, pixels) in enumerate(decoded, start=1):
        if isinstance(pixels, UnreadableImageError):
            reasons[index] = str(pixels)
            if len(reasons) > max_unreadable * len(images) or len(reasons) == len(images):
                first = " ".join(list(reasons.values())[:3])
                message = (
                    f"At least {len(reasons)} of the {len(images)} images cannot be read, and no "
                    f"more than `max_unreadable={max_unreadable:g}` of them may be left out: "
                    f"{first} Mend or remove them, or allow a larger share."
                )
                raise InputError(message)
        else:
            out[index] = pixels
            brightest = max(brightest, int(pixels.max()))
        if done % _BLOCK == 0 or done == len(images):
            progress("Reading images", done, len(images))
    _warn_of_doubtful(images, several, brightest)
    unreadable = {str(images.ids[index]): reasons[index] for index in sorted(reasons)}
    of_several = tuple(images.ids[sorted(several)].tolist())
    if not unreadable:
        return ReadImages(images, out, unreadable, of_several)
    kept = np.setdiff1d(np.arange(len(images)), list(reasons))
    for row, index in enumerate(kept):  # in place, since the pixels may be larger than memory
        out[row] = out[index]
    return ReadImages(images.take(kept), out[: len(kept)], unreadable, of_several)


def _warn_of_doubtful(images: ImageCollection, several: list[int], brightest: int) -> None:
    """Warn of files with more images than are read, and of images that are nearly black."""
    if several:
        message = (
            f"Files with several pages or frames: {len(several)} of {len(images)}, first "
            f"{images.ids[min(several)]}. Only the first of each is read: if the others are images "
            "of their own, save each as a file."
        )
        warnings.warn(message, InputWarning, stacklevel=3)
    if brightest < _NEARLY_BLACK:
        message = (
            f"The images of {images.name} are nearly black: their brightest pixel is {brightest} "
            "of 255. If their values use only a part of the range, such as 12 of 16 bits, scale "
            "them to the full range first."
        )
        warnings.warn(message, InputWarning, stacklevel=3)


def load_picture(images: ImageCollection, index: int, size: int) -> Image.Image:
    """Decode one image for display: undistorted, with at most `size` pixels on its longer side.

    Raises
    ------
    UnreadableImageError
        If the image cannot be decoded.

    Examples
    --------
    >>> from voisin.sources.opening import open_images
    >>> load_picture(open_images("digits"), 0, size=4).size
    (4, 4)
    """
    picture = images.reader.load(int(images.positions[index]))
    picture.thumbnail((size, size), Image.Resampling.BICUBIC)
    return picture


def _decode_images(
    images: ImageCollection,
    order: Indices,
    size: int,
    several: list[int],
    known: Mapping[int, Pixels],
) -> Iterator[Pixels | UnreadableImageError]:
    """Decode images in the given order to squares; several threads decode files.

    Indices of files that hold several images are appended to `several`.
    """
    mode = "L" if images.reader.n_channels == 1 else "RGB"

    def decode(index: int) -> Pixels | UnreadableImageError:
        if index in known:
            return known[index]
        try:
            picture = images.reader.load(int(images.positions[index]))
        except UnreadableImageError as error:
            return error
        if SEVERAL in picture.info:
            several.append(index)
        picture = picture.convert(mode) if picture.mode != mode else picture
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.BICUBIC)
        return np.asarray(picture).reshape(size, size, -1)

    if not isinstance(images.reader, FileReader):
        yield from map(decode, order)
        return
    with ThreadPoolExecutor(_N_THREADS) as threads:
        for start in range(0, len(order), _BLOCK):
            yield from threads.map(decode, order[start : start + _BLOCK])
