"""Images and labels in one NPZ file, with or without splits.

========================================= =====================================================
without splits                            with splits, for ``train``, ``val``, ``test`` as `s`
========================================= =====================================================
``images`` (n, h, w) or (n, h, w, 1|3|4)  ``s_images``
``labels`` (n,) or (n, 1)                 ``s_labels``
``ids`` or ``image_ids`` (n,), optional   ``s_ids`` or ``s_image_ids``
``groups`` or ``lesion_ids``, optional    ``s_groups`` or ``s_lesion_ids``
``splits`` (n,), optional
``class_names`` (n_classes,), optional    ``class_names``, or those of the MedMNIST set that the
                                          file name begins with
========================================= =====================================================

Labels are integers, -1 where unknown, or texts, empty where unknown. NaN, which as a text is
``nan``, counts as empty, so an image with the group NaN stands alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.sources.arrays import ArrayReader, check_pixels
from voisin.sources.classes import encode_labels, name_splits
from voisin.sources.collecting import collect_images
from voisin.sources.hints import list_some
from voisin.sources.kinds import OpeningOptions, Source, SourceKind
from voisin.sources.medmnist_sets import find_set
from voisin.sources.npz_file import NpzArray, NpzFile
from voisin.types import UNLABELED, ImageCollection, Labels, Names

_SPLITS = ("train", "val", "test")
_MOST_CLASSES = 65_536
_MOST_BYTES = 16_384  # of a label, id or group: a text of 4,096 letters


@dataclass(frozen=True, eq=False)
class _Part:
    """The arrays of one split, or of all images."""

    prefix: str
    images: NpzArray
    labels: NDArray[Any]
    ids: NDArray[Any] | None
    groups: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.labels)


def open_npz(path: Path) -> ImageCollection:
    """Open an NPZ file with the keys of this module's table.

    Raises
    ------
    InputError
        If a key is missing, the line says which there are; if arrays disagree in length, hold
        Python objects, have several labels an image, or no layout of images.
    """
    file = NpzFile(path)
    parts = _read_parts(file)
    labels, class_names = _read_classes(file, parts)
    checksums = " ".join(f"{part.prefix}images {part.images.checksum}" for part in parts)
    return collect_images(
        path.stem,
        ArrayReader([part.images for part in parts], fingerprint=f"npz {checksums}"),
        ids=np.concatenate([_ids(part) for part in parts]),
        labels=labels,
        class_names=class_names,
        groups=_read_groups(file, parts),
        splits=_read_splits(file, parts),
    )


def _read_parts(file: NpzFile) -> list[_Part]:
    if "images" in file.keys:
        return [_read_part(file, "")]
    prefixes = [f"{split}_" for split in _SPLITS if f"{split}_images" in file.keys]
    if not prefixes:
        message = (
            f"{file.path} has neither images and labels, nor train_images and train_labels: "
            f"it has {list_some(file.keys)}."
        )
        raise InputError(message)
    return [_read_part(file, prefix) for prefix in prefixes]


def _read_part(file: NpzFile, prefix: str) -> _Part:
    images = file.array(f"{prefix}images")
    check_pixels(images, f"{file.path}: {prefix}images")
    n_images = images.shape[0]
    labels = _read_column(file, f"{prefix}labels", n_images)
    return _Part(
        prefix,
        images,
        labels,
        ids=_read_optional(file, prefix, ("ids", "image_ids"), n_images),
        groups=_read_optional(file, prefix, ("groups", "lesion_ids"), n_images),
    )


def _read_optional(
    file: NpzFile, prefix: str, keys: Sequence[str], n_images: int
) -> NDArray[Any] | None:
    present = [prefix + key for key in keys if prefix + key in file.keys]
    return _as_texts(_read_column(file, present[0], n_images)) if present else None


def _read_column(file: NpzFile, key: str, n_images: int) -> NDArray[Any]:
    array = file.array(key)
    if array.shape not in ((n_images,), (n_images, 1)):
        message = f"{file.path}: {key} has shape {array.shape}: pass ({n_images},), one an image."
        if len(array.shape) == 2 and array.shape[0] == n_images:
            message = (
                f"{file.path}: {key} has {array.shape[1]} columns: several labels an image are "
                f"not supported, pass one class an image, of shape ({n_images},)."
            )
        raise InputError(message)
    return _read_small(file, key).reshape(n_images)


def _read_small(file: NpzFile, key: str) -> NDArray[Any]:
    """Read an array whose entries have been counted, unless each is huge."""
    array = file.array(key)
    if array.dtype.itemsize > _MOST_BYTES:
        message = (
            f"{file.path}: {key} has entries of {array.dtype.itemsize:,} bytes, more than the "
            f"{_MOST_BYTES:,} allowed: shorten the texts."
        )
        raise InputError(message)
    return array.read()


def _as_texts(values: NDArray[Any]) -> Names:
    """Write each value as text, empty for NaN."""
    texts = values.astype(np.str_)
    return np.where(np.char.lower(texts) == "nan", "", texts)


def _ids(part: _Part) -> Names:
    if part.ids is not None:
        return part.ids
    word = part.prefix.rstrip("_") or "image"
    return np.array([f"{word}-{number:05d}" for number in range(len(part))])


def _read_groups(file: NpzFile, parts: Sequence[_Part]) -> Names | None:
    known = [part.groups for part in parts if part.groups is not None]
    if len(known) not in (0, len(parts)):
        message = f"{file.path} has groups for some splits only: pass them for all, or for none."
        raise InputError(message)
    return np.concatenate(known) if known else None


def _read_splits(file: NpzFile, parts: Sequence[_Part]) -> Names | None:
    if parts[0].prefix:
        words = [part.prefix.rstrip("_") for part in parts]
        return name_splits(np.repeat(words, [len(part) for part in parts]))
    if "splits" not in file.keys:
        return None
    return name_splits(_as_texts(_read_column(file, "splits", len(parts[0]))))


def _read_classes(file: NpzFile, parts: Sequence[_Part]) -> tuple[Labels, tuple[str, ...]]:
    given = _read_class_names(file)
    kinds = {part.labels.dtype.kind for part in parts}
    if kinds == {"U"}:
        return encode_labels(_as_texts(np.concatenate([part.labels for part in parts])), given)
    if not kinds <= set("iub"):
        found = ", ".join(sorted({str(part.labels.dtype) for part in parts}))
        message = (
            f"{file.path}: labels has dtype {found}: pass integers, -1 where unknown, "
            "or texts, empty where unknown."
        )
        raise InputError(message)
    lowest = min(int(part.labels.min()) for part in parts)
    highest = max(int(part.labels.max()) for part in parts)
    if lowest < UNLABELED or highest >= _MOST_CLASSES:
        message = (
            f"{file.path}: labels go from {lowest} to {highest}: "
            "number the classes from 0, and pass -1 where unknown."
        )
        raise InputError(message)
    labels = np.concatenate([part.labels.astype(np.int64) for part in parts])
    if given is None:
        return labels, _default_names(file, parts, highest + 1)
    if highest >= len(given):
        message = (
            f"{file.path}: labels go from {lowest} to {highest}, "
            f"but there are {len(given)} class_names: name every class."
        )
        raise InputError(message)
    return labels, given


def _read_class_names(file: NpzFile) -> tuple[str, ...] | None:
    if "class_names" not in file.keys:
        return None
    shape = file.array("class_names").shape
    if math.prod(shape) > _MOST_CLASSES:
        message = f"{file.path}: class_names has shape {shape}: pass one name a class."
        raise InputError(message)
    return tuple(str(name) for name in _read_small(file, "class_names").ravel())


def _default_names(file: NpzFile, parts: Sequence[_Part], n_classes: int) -> tuple[str, ...]:
    known = find_set(file.path.stem) if parts[0].prefix else None
    if known is not None and n_classes <= len(known.class_names):
        return known.class_names
    return tuple(str(number) for number in range(n_classes))


def _is_npz(source: Source) -> bool:
    return Path(source).suffix.lower() == ".npz" and Path(source).is_file()


def _open_npz_source(source: Source, options: OpeningOptions) -> ImageCollection:  # noqa: ARG001
    return open_npz(Path(source))


NPZ = SourceKind(
    description="FILE.npz with images and labels, or with MedMNIST's keys",
    recognizes=_is_npz,
    open=_open_npz_source,
)
