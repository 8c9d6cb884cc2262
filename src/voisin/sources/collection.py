"""The interface of all kinds of sources, and the checks of the collection of images they return.

Every kind of source is a subclass of `SourceKind` in its own file; its `open` ends with a call of
`collect_images`. This module must not import any of them, nor anything that decodes pixels.
"""

import os
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np

from voisin.errors import InputError, InputWarning
from voisin.sources.classes import means_unknown
from voisin.types import (
    UNLABELED,
    ImageCollection,
    ImageReader,
    Labels,
    Names,
    Progress,
    no_progress,
)
from voisin.validation import check_distinct, list_some

Source: TypeAlias = str | Path


@dataclass(frozen=True)
class Columns:
    """The names of table columns that a user chose; None means the usual name, if it exists."""

    id: str | None = None
    path: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class OpeningOptions:
    """The options of `open_images`; each kind of source uses only some of them."""

    size: int = 28
    columns: Columns = field(default_factory=Columns)
    images_from: Path | None = None
    cache_folder: Path | None = None
    progress: Progress = no_progress


class SourceKind(ABC):
    """A kind of source, such as folders or tables.

    Attributes
    ----------
    description : str
        How a user names such a source; the error that lists all kinds shows it.
    names : tuple of str
        Names that a user can pass instead of a path.
    has_columns : bool
        Whether such a source has columns that a user can choose.
    """

    description: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ()
    has_columns: ClassVar[bool] = False

    @abstractmethod
    def recognizes(self, source: Source) -> bool:
        """Whether `source` is of this kind; the first kind that recognizes a source opens it."""

    @abstractmethod
    def open(self, source: Source, options: OpeningOptions) -> ImageCollection:
        """Make a collection of the images in `source`."""


def collect_images(
    name: str,
    reader: ImageReader,
    ids: Sequence[str] | Names,
    labels: Labels,
    class_names: Sequence[str],
    *,
    groups: Sequence[str] | Names | None = None,
    splits: Names | None = None,
) -> ImageCollection:
    """Make a collection of all images of the reader, in its order.

    An image with an empty group, or a word for an unknown one, gets its own group.

    Raises
    ------
    InputError
        If there is no image, or an id or a class name is empty, occurs twice, or cannot be
        written as UTF-8.
    """
    if not len(ids):
        message = f"{name} holds no image: pass at least one of each class."
        raise InputError(message)
    check_distinct(ids, "id")
    check_distinct(class_names, "class name")
    for text in [*ids, *class_names]:
        check_name(text)
    if groups is not None:
        unknown = sorted({str(group) for group in groups if group and means_unknown(group)})
        if unknown:
            message = (
                f"Groups that mean 'unknown' are taken as none: {list_some(unknown)}. Each of "
                "their images stands alone."
            )
            warnings.warn(message, InputWarning, stacklevel=3)
        groups = [
            f"alone: {id_}" if means_unknown(group) else group
            for group, id_ in zip(groups, ids, strict=True)
        ]
    return ImageCollection(
        name=name,
        reader=reader,
        labels=labels,
        class_names=tuple(class_names),
        ids=np.asarray(ids, dtype=np.str_),
        positions=np.arange(len(ids), dtype=np.int64),
        groups=None if groups is None else np.asarray(groups, dtype=np.str_),
        splits=splits,
    )


def check_name(name: str) -> None:
    """Refuse a name or path that Python could not decode, and so cannot be written as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(explain_name(str(name))) from None


def explain_name(name: str) -> str:
    """Say what is wrong with a name of a file: it is not UTF-8, or the locale is not."""
    encoding = sys.getfilesystemencoding()
    try:
        right = os.fsencode(name).decode("utf-8")
    except UnicodeEncodeError:  # the name is right, but the system's encoding lacks its letters
        right = name
    except UnicodeDecodeError:
        return f"The name {name!a} is not UTF-8: rename this file."
    return (
        f"The name {right!a} cannot be used, because Python takes names of files for {encoding} "
        "here: set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8."
    )


@dataclass(frozen=True)
class Summary:
    """Counts of a collection, shown to the user before the work starts.

    Attributes
    ----------
    name : str
    n_images : int
    n_labeled : int
        Number of images with a known label, in all splits.
    class_counts : dict of str to int
        Number of labeled images of each class; it may be 0.
    n_groups : int or None
        Number of distinct groups; None if the source has no groups.
    split_counts : dict of str to int
        Number of images in each split; empty if the source has no splits.
    """

    name: str
    n_images: int
    n_labeled: int
    class_counts: dict[str, int]
    n_groups: int | None
    split_counts: dict[str, int]


def summarize(images: ImageCollection) -> Summary:
    """Count the images, labels, groups and splits of a collection.

    Examples
    --------
    >>> from voisin.sources.opening import open_images
    >>> summary = summarize(open_images("digits"))
    >>> summary.n_images, summary.class_counts["0"], summary.split_counts
    (1797, 178, {'train': 1437, 'test': 360})
    """
    labels = images.labels[images.labels != UNLABELED]
    counts = np.bincount(labels, minlength=images.n_classes).tolist()
    splits = [] if images.splits is None else images.splits.tolist()
    return Summary(
        name=images.name,
        n_images=len(images),
        n_labeled=len(labels),
        class_counts=dict(zip(images.class_names, counts, strict=True)),
        n_groups=None if images.groups is None else len(np.unique(images.groups)),
        split_counts={
            split: splits.count(split) for split in ("train", "val", "test") if split in splits
        },
    )
