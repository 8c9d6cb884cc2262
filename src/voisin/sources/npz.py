"""Open an NPZ file with images and labels, with or without splits.

========================================= =====================================================
without splits                            with splits, for ``train``, ``val``, ``test`` as `s`
========================================= =====================================================
``images`` (n, h, w) or (n, h, w, 1|3|4)  ``s_images``
``labels`` (n,) or (n, 1)                 ``s_labels``
``ids`` or ``image_ids`` (n,), optional   ``s_ids`` or ``s_image_ids``
``groups`` or ``lesion_ids``, optional    ``s_groups`` or ``s_lesion_ids``
``splits`` (n,), optional
``class_names`` (n_classes,), optional    ``class_names``, optional
========================================= =====================================================

Labels are integers, -1 where unknown, or texts, empty where unknown. NaN and the
text ``nan`` count as empty, so an image with the group NaN gets its own group. This module must not
know which sets of images exist.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.sources.arrays import ArrayReader, check_pixels
from voisin.sources.classes import encode_labels, name_splits
from voisin.sources.collection import OpeningOptions, Source, SourceKind, collect_images
from voisin.sources.npz_file import NpzFile
from voisin.types import UNLABELED, ImageCollection, Labels, Names
from voisin.validation import list_some

_SPLITS = ("train", "val", "test")  # the order in which the collection holds them
# Both limits are chosen by hand, far above normal use, so that a wrong or hostile file causes an
# error before it fills the memory.
_MAX_CLASSES = 65_536
_MAX_ENTRY_BYTES = 16_384  # size of one label, id or group: a text of 4,096 letters


class NpzSource(SourceKind):
    """An NPZ file with the keys of this module's table."""

    description = "FILE.npz with images and labels, or with MedMNIST's keys"

    def recognizes(self, source: Source) -> bool:
        """Whether the source is a file that ends in ``.npz``."""
        return Path(source).suffix.lower() == ".npz" and Path(source).is_file()

    def open(self, source: Source, options: OpeningOptions) -> ImageCollection:  # noqa: ARG002
        """Make a collection of the file's images."""
        return open_npz(Path(source))


def open_npz(path: Path, default_class_names: tuple[str, ...] = ()) -> ImageCollection:
    """Open an NPZ file with the keys of this module's table.

    Parameters
    ----------
    path : Path
    default_class_names : tuple of str, optional
        Class names for a file with splits, integer labels and no ``class_names``, if there are
        enough for all classes; otherwise, the numbers become the names.

    Raises
    ------
    InputError
        If a key is missing (the message lists the keys), or if arrays disagree in length, hold
        Python objects, have several labels per image, or have no shape of images.
    """
    file = NpzFile(path)
    has_splits = "images" not in file.keys
    prefixes = [f"{split}_" for split in _SPLITS if f"{split}_images" in file.keys]
    if has_splits and not prefixes:
        message = (
            f"{path} has neither images and labels, nor train_images and train_labels: "
            f"it has {list_some(file.keys)}."
        )
        raise InputError(message)
    parts = [_Part(file, prefix) for prefix in (prefixes if has_splits else [""])]
    labels, class_names = _read_classes(file, parts, default_class_names if has_splits else ())
    groups = [part.groups for part in parts if part.groups is not None]
    if len(groups) not in (0, len(parts)):
        message = f"{path} has groups for some splits only: pass them for all, or for none."
        raise InputError(message)
    splits = None
    if has_splits:
        splits = np.repeat([part.split for part in parts], [len(part.labels) for part in parts])
    elif "splits" in file.keys:
        splits = _as_texts(_read_column(file, "splits", len(labels)))
    checksums = " ".join(f"{part.key} {part.images.checksum}" for part in parts)
    return collect_images(
        path.stem,
        ArrayReader([part.images for part in parts], fingerprint=f"npz {checksums}"),
        ids=np.concatenate([part.ids for part in parts]),
        labels=labels,
        class_names=class_names,
        groups=np.concatenate(groups) if groups else None,
        splits=None if splits is None else name_splits(splits),
    )


class _Part:
    """The arrays of one split, or of all images; `prefix` is the start of their keys."""

    def __init__(self, file: NpzFile, prefix: str) -> None:
        self.key = f"{prefix}images"
        self.split = prefix.rstrip("_")
        self.images = file.array(self.key)
        check_pixels(self.images, f"{file.path}: {self.key}")
        n_images = self.images.shape[0]
        self.labels = _read_column(file, f"{prefix}labels", n_images)

        def read_texts(*keys: str) -> Names | None:
            """Read the array of the first key that exists."""
            present = next((prefix + key for key in keys if prefix + key in file.keys), None)
            return None if present is None else _as_texts(_read_column(file, present, n_images))

        ids = read_texts("ids", "image_ids")
        self.groups = read_texts("groups", "lesion_ids")
        default_ids = [f"{self.split or 'image'}-{number:05d}" for number in range(n_images)]
        self.ids = np.array(default_ids) if ids is None else ids


def _read_classes(
    file: NpzFile, parts: Sequence[_Part], default_names: tuple[str, ...]
) -> tuple[Labels, tuple[str, ...]]:
    """Return the labels of all parts together, and the class names."""
    class_names = None
    if "class_names" in file.keys:
        shape = file.array("class_names").shape
        if math.prod(shape) > _MAX_CLASSES:
            message = f"{file.path}: class_names has shape {shape}: pass one name per class."
            raise InputError(message)
        class_names = tuple(str(name) for name in _read_small(file, "class_names").ravel())
    kinds = {part.labels.dtype.kind for part in parts}
    if kinds == {"U"}:
        texts = _as_texts(np.concatenate([part.labels for part in parts]))
        return encode_labels(texts, class_names)
    if not kinds <= set("iub"):
        dtypes = ", ".join(sorted({str(part.labels.dtype) for part in parts}))
        message = (
            f"{file.path}: labels has dtype {dtypes}: pass integers, -1 where unknown, "
            "or texts, empty where unknown."
        )
        raise InputError(message)
    lowest = min(int(part.labels.min()) for part in parts)
    highest = max(int(part.labels.max()) for part in parts)
    if lowest < UNLABELED or highest >= _MAX_CLASSES:
        message = (
            f"{file.path}: labels go from {lowest} to {highest}: "
            "number the classes from 0, and pass -1 where unknown."
        )
        raise InputError(message)
    labels = np.concatenate([part.labels.astype(np.int64) for part in parts])
    if class_names is None:
        if highest < len(default_names):
            return labels, default_names
        return labels, tuple(str(number) for number in range(highest + 1))
    if highest >= len(class_names):
        message = (
            f"{file.path}: labels go from {lowest} to {highest}, "
            f"but there are {len(class_names)} class_names: name every class."
        )
        raise InputError(message)
    return labels, class_names


def _read_column(file: NpzFile, key: str, n_images: int) -> NDArray[Any]:
    """Read an array with one entry per image, of shape (n_images,) or (n_images, 1)."""
    shape = file.array(key).shape
    if shape not in ((n_images,), (n_images, 1)):
        message = f"{file.path}: {key} has shape {shape}: pass ({n_images},), one per image."
        if len(shape) == 2 and shape[0] == n_images:
            message = (
                f"{file.path}: {key} has {shape[1]} columns: several labels per image are "
                f"not supported, pass one class per image, of shape ({n_images},)."
            )
        raise InputError(message)
    return _read_small(file, key).reshape(n_images)


def _read_small(file: NpzFile, key: str) -> NDArray[Any]:
    """Read an array whose length was checked; refuse huge entries."""
    array = file.array(key)
    if array.dtype.itemsize > _MAX_ENTRY_BYTES:
        message = (
            f"{file.path}: {key} has entries of {array.dtype.itemsize:,} bytes, more than the "
            f"{_MAX_ENTRY_BYTES:,} allowed: shorten the texts."
        )
        raise InputError(message)
    return array.read()


def _as_texts(values: NDArray[Any]) -> Names:
    """Convert each value to text; NaN becomes empty."""
    texts = values.astype(np.str_)
    return np.where(np.char.lower(texts) == "nan", "", texts)
