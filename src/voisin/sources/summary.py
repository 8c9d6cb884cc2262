"""What the program understood of a source, to be said before any work."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.errors import InputError, InputWarning
from voisin.sources.hints import list_some
from voisin.types import UNLABELED, ImageCollection, Labels


@dataclass(frozen=True)
class Summary:
    """Counts of a source.

    Attributes
    ----------
    name : str
    n_images : int
    n_labeled : int
        Images whose label is known, in all splits.
    class_counts : dict of str to int
        Labeled images of each class, zero included.
    n_groups : int or None
        Distinct groups; None where the source has none.
    split_counts : dict of str to int
        Images of each split; empty where the source has none.
    """

    name: str
    n_images: int
    n_labeled: int
    class_counts: dict[str, int]
    n_groups: int | None
    split_counts: dict[str, int]


def summarize(images: ImageCollection) -> Summary:
    """Count what the program understood.

    Examples
    --------
    >>> from voisin.sources.opening import open_images
    >>> summary = summarize(open_images("digits"))
    >>> summary.n_images, summary.class_counts["0"], summary.split_counts
    (1797, 178, {'train': 1437, 'test': 360})
    """
    labels = images.labels[images.labels != UNLABELED]
    counts = np.bincount(labels, minlength=images.n_classes)
    splits = [] if images.splits is None else images.splits.tolist()
    return Summary(
        name=images.name,
        n_images=len(images),
        n_labeled=len(labels),
        class_counts={
            name: int(count) for name, count in zip(images.class_names, counts, strict=True)
        },
        n_groups=None if images.groups is None else len(np.unique(images.groups)),
        split_counts={
            split: splits.count(split) for split in ("train", "val", "test") if split in splits
        },
    )


def check_classes(labels: Labels, class_names: Sequence[str]) -> None:
    """Say before the work what labels cannot do: they must show two classes or more.

    A class without labels gives an `InputWarning`: nothing can be found to be of it.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        The labels to learn from, -1 where unknown.
    class_names : sequence of str

    Raises
    ------
    InputError
        If no label is known, or all are of one class.

    Examples
    --------
    >>> check_classes(np.array([0, 1, -1]), ["cat", "dog"])
    >>> check_classes(np.array([0, 0, -1]), ["cat", "dog"])
    Traceback (most recent call last):
    ...
    voisin.errors.InputError: All 2 labels are of one class, cat: label images of another too.
    """
    known = labels[labels != UNLABELED]
    if not len(known):
        message = f"None of the {len(labels)} images is labeled: label some of each class first."
        raise InputError(message)
    counts = np.bincount(known, minlength=len(class_names))
    if (counts > 0).sum() == 1:
        name = class_names[int(known[0])]
        which = (
            "There is one label, so all are" if len(known) == 1 else f"All {len(known)} labels are"
        )
        message = f"{which} of one class, {name}: label images of another too."
        raise InputError(message)
    absent = [name for name, count in zip(class_names, counts, strict=True) if not count]
    if absent:
        message = f"No image is labeled {list_some(absent)}: none will be found to be of it."
        warnings.warn(message, InputWarning, stacklevel=2)
