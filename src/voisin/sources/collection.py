"""How a source becomes a collection of images: the interface of a kind, and the final checks.

Every kind of source is a subclass of `SourceKind` in a file of its own, whose `open` ends in
`collect_images`. This module must not import any of them, nor anything that decodes pixels.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np

from voisin.errors import InputError
from voisin.types import (
    UNLABELED,
    ImageCollection,
    ImageReader,
    Labels,
    Names,
    Progress,
    no_progress,
)
from voisin.validation import check_distinct

Source: TypeAlias = str | Path


@dataclass(frozen=True)
class Columns:
    """The columns of a table that a user named; None takes the usual name, if it exists."""

    id: str | None = None
    path: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class OpeningOptions:
    """The options of `open_images`; a kind of source reads those that concern it."""

    size: int = 28
    columns: Columns = field(default_factory=Columns)
    cache_folder: Path | None = None
    progress: Progress = no_progress


class SourceKind(ABC):
    """A kind of source, such as folders or tables.

    Attributes
    ----------
    description : str
        How a user writes such a source; shown in the error that lists all kinds.
    names : tuple of str
        Names that can be opened in place of a path.
    has_columns : bool
        Whether a user may name columns of such a source.
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

    An image whose group is empty gets a group of its own.

    Raises
    ------
    InputError
        If there is no image, if ids or class names repeat or are empty, or if one of them cannot
        be written as UTF-8.
    """
    if not len(ids):
        message = f"{name} holds no image: pass at least one of each class."
        raise InputError(message)
    check_distinct(ids, "id")
    check_distinct(class_names, "class name")
    for text in [*ids, *class_names]:
        try:
            text.encode()
        except UnicodeEncodeError:
            message = f"The name {text!a} is not UTF-8: rename this file."
            raise InputError(message) from None
    if groups is not None:
        groups = [group or f"alone: {id_}" for group, id_ in zip(groups, ids, strict=True)]
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


@dataclass(frozen=True)
class Summary:
    """Counts of a collection, shown to the user before the work starts.

    Attributes
    ----------
    name : str
    n_images : int
    n_labeled : int
        Images whose label is known, in all splits.
    class_counts : dict of str to int
        Labeled images of each class, zero included.
    n_groups : int or None
        Distinct groups; None if the source has none.
    split_counts : dict of str to int
        Images of each split; empty if the source has none.
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
