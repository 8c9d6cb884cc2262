"""The last step of every source: checks that make parts into a collection."""

from collections.abc import Sequence

import numpy as np

from voisin.errors import InputError
from voisin.types import ImageCollection, ImageReader, Labels, Names


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
    """Make a collection of which every image of the reader is a part.

    An image with an empty group stands alone: no other image is in its group.

    Raises
    ------
    InputError
        If there is no image, ids repeat or are empty, names of classes repeat, or a text
        cannot be written as UTF-8.
    """
    if not len(ids):
        message = f"{name} holds no image: pass at least one of each class."
        raise InputError(message)
    for what, texts in [("id", ids), ("class name", class_names)]:
        check_distinct(texts, what)
    check_writable([*ids, *class_names])
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


def check_distinct(texts: Sequence[str] | Names, what: str) -> None:
    """Refuse empty and repeated texts, and name the first."""
    seen: set[str] = set()
    for row, text in enumerate(texts, start=1):
        if not text:
            message = f"The {what} of row {row} is empty: give each a text of its own."
            raise InputError(message)
        if text in seen:
            message = f"The {what} {str(text)!r} occurs more than once: give each its own."
            raise InputError(message)
        seen.add(text)


def check_writable(texts: Sequence[str]) -> None:
    """Refuse texts, such as names of files, that are not Unicode."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            message = f"The name {text!a} is not UTF-8: rename this file."
            raise InputError(message) from None
