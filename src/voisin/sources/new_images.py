"""Open what a user passes as new images: files, folders, tables, arrays or pictures, or several."""

from collections.abc import Iterable, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from voisin.errors import InputError
from voisin.sources.arrays import ArrayReader
from voisin.sources.collection import collect_images
from voisin.sources.decoding import IMAGE_SUFFIXES, FileReader, to_gray_or_color
from voisin.sources.opening import open_images
from voisin.types import UNLABELED, ImageCollection, ImageReader

NewImages: TypeAlias = (
    str | Path | ImageCollection | NDArray[Any] | Image.Image | Sequence["NewImages"]
)


def open_new_images(given: NewImages) -> list[ImageCollection]:
    """Open new images; their labels, if they have any, are not looked at.

    Parameters
    ----------
    given : str, Path, array, picture, ImageCollection, or a sequence of these
        A path is an image file, or anything that `open_images` opens. An array is one image of
        shape (height, width) or (height, width, 3), or several, (n, height, width[, channels]).

    Returns
    -------
    list of ImageCollection
        In the order given; files that follow one another are one collection.

    Raises
    ------
    InputError
        If there is nothing, or a file or folder does not exist or holds no image.

    Examples
    --------
    >>> [len(images) for images in open_new_images([np.zeros((4, 8, 8)), np.zeros((8, 8, 3))])]
    [4, 1]
    """
    if isinstance(given, ImageCollection):
        return [given]
    if isinstance(given, Image.Image):
        given = np.asarray(to_gray_or_color(given))
    if isinstance(given, np.ndarray):
        return [_of_array(given)]
    if isinstance(given, str | Path):
        if Path(given).is_dir() and not any(map(_is_image_file, Path(given).rglob("*"))):
            message = f"{given} holds no image: pass image files, or folders of them."
            raise InputError(message)
        return [_of_files([given]) if _is_image_file(given) else open_images(given)]
    if not len(given):
        message = "There is no image to label: pass files, folders or arrays."
        raise InputError(message)
    opened: list[ImageCollection] = []
    for are_files, group in groupby(given, _is_image_file):
        some = list(group)
        opened += [_of_files(some)] if are_files else chain(*map(open_new_images, some))
    return opened


def _is_image_file(given: Any) -> bool:
    is_path = isinstance(given, str | Path)
    return is_path and Path(given).suffix.lower() in IMAGE_SUFFIXES and not Path(given).is_dir()


def _of_files(given: Iterable[Any]) -> ImageCollection:
    paths = list(dict.fromkeys(str(path) for path in given))
    missing = [path for path in paths if not Path(path).exists()]
    if missing:
        message = f"{missing[0]} does not exist: pass image files, or folders of them."
        raise InputError(message)
    return _collect("files", FileReader(Path(), tuple(paths)), paths)


def _of_array(array: NDArray[Any]) -> ImageCollection:
    is_one = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    arrays = array[None] if is_one else array
    reader = ArrayReader([arrays], "")
    return _collect("arrays", reader, [f"image-{n}" for n in range(1, len(arrays) + 1)])


def _collect(name: str, reader: ImageReader, ids: Sequence[str]) -> ImageCollection:
    return collect_images(name, reader, ids, np.full(len(ids), UNLABELED), ())
