"""Draw the few labels to learn from; check them; draw test splits.

This module must not know pixels.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from voisin.errors import InputError, InputWarning
from voisin.sources.classes import fold_name
from voisin.types import UNLABELED, ImageCollection, Labels, Names
from voisin.validation import (
    check_count,
    check_in_open_interval,
    check_random_state,
    list_some,
)


def draw_labels(
    labels: Labels,
    *,
    labels_per_class: int,
    groups: Names | None = None,
    class_names: Sequence[str] | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Labels:
    """Keep a few labels of each class, drawn at random, and hide the others.

    At most one image per group is drawn, whatever its class; the rarest class is drawn first.
    Each class has its own random stream: a draw does not change with the size of other classes
    (unless groups hold several classes), and a smaller draw is part of a larger one.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        Class of each image, -1 where unknown.
    labels_per_class : int
        At least 1. If a class has fewer labels, all are taken, with an `InputWarning`.
    groups : array of shape (n_samples,), optional
    class_names : sequence of str, optional
        Names of the classes for the warning.
    random_state : int or Generator, optional

    Returns
    -------
    array of shape (n_samples,)
        The class of each drawn image; -1 for all others.

    Raises
    ------
    InputError
        If no label is known.

    Examples
    --------
    >>> labels = np.array([0, 0, 0, 1, 1, 1, -1])
    >>> drawn = draw_labels(labels, labels_per_class=2, random_state=42)
    >>> np.unique(drawn, return_counts=True)
    (array([-1,  0,  1]), array([3, 2, 2]))
    """
    check_count("labels_per_class", labels_per_class, 1)
    check_random_state(random_state)
    classes, counts = np.unique(labels[labels != UNLABELED], return_counts=True)
    if not len(classes):
        message = f"None of the {len(labels)} images is labeled: there is no label to draw."
        raise InputError(message)
    streams = np.random.default_rng(random_state).spawn(int(classes.max()) + 1)
    drawn = np.full_like(labels, UNLABELED)
    drawn_groups: set[Any] = set()
    short: dict[int, int] = {}
    for class_ in classes[np.argsort(counts, kind="stable")]:
        n_drawn = 0
        for index in streams[class_].permutation(np.flatnonzero(labels == class_)):
            group = index if groups is None else groups[index]
            if n_drawn < labels_per_class and group not in drawn_groups:
                drawn_groups.add(group)
                drawn[index] = class_
                n_drawn += 1
        if n_drawn < labels_per_class:
            short[int(class_)] = n_drawn
    if short:
        counted = ", ".join(
            f"{class_names[class_] if class_names else f'class {class_}'} ({count})"
            for class_, count in sorted(short.items())
        )
        what = "labeled images" if groups is None else "groups of labeled images"
        message = (
            f"Fewer than `labels_per_class={labels_per_class}` {what}: {counted}; all are taken."
        )
        warnings.warn(message, InputWarning, stacklevel=2)
    return drawn


def draw_test(
    images: ImageCollection,
    *,
    share: float,
    random_state: int | np.random.Generator | None = None,
) -> Names:
    """Draw a test split of whole groups, with the same share of labeled images of each class.

    Groups are visited in random order. A group goes to the test split if this brings the number of
    test images per class closer to the share: ``|share · n − (t + g)|² < |share · n − t|²``. Here
    n, t and g count labeled images per class: all images, those in the test so far, and those of
    the group.

    Parameters
    ----------
    images : ImageCollection
        Images without splits; some or all must be labeled. An image without label goes where its
        group goes; groups without any label stay in train.
    share : float
        In (0, 1).
    random_state : int or Generator, optional

    Returns
    -------
    array of shape (n_images,)
        ``train`` or ``test``.

    Raises
    ------
    InputError
        If there are splits already, or the share leaves no image for test or for train.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from voisin.sources.opening import open_images
    >>> digits = replace(open_images("digits"), splits=None)
    >>> int((draw_test(digits, share=0.2, random_state=0) == "test").sum())
    359
    """
    check_in_open_interval("share", share, 0, 1)
    if images.splits is not None:
        message = f"{images.name} has splits already: leave out the share of the test."
        raise InputError(message)
    known = images.labels != UNLABELED
    groups, group_indices = np.unique(
        images.ids if images.groups is None else images.groups, return_inverse=True
    )
    counts = np.zeros((len(groups), images.n_classes))
    np.add.at(counts, (group_indices[known], images.labels[known]), 1)
    labeled_groups = np.flatnonzero(counts.any(axis=1))
    order = np.random.default_rng(random_state).permutation(labeled_groups)
    missing = share * counts.sum(axis=0)
    in_test = np.zeros(len(groups), dtype=bool)
    for group in order:
        left = missing - counts[group]
        if left @ left < missing @ missing:
            in_test[group], missing = True, left
    if not in_test.any() or in_test[order].all():
        message = (
            f"A test share of {share} of the {known.sum()} labeled images of {images.name}, in "
            f"{len(order)} groups, leaves none on one side: pass another (`test_share`; share of "
            "draw_test), or more labels."
        )
        raise InputError(message)
    return np.where(in_test[group_indices], "test", "train")


def check_classes(labels: Labels, class_names: Sequence[str]) -> None:
    """Refuse labels of fewer than two classes.

    A class without labels causes an `InputWarning`, since no image will get this class; so do
    classes whose names differ only by upper and lower case.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        The labels to learn from, -1 where unknown.
    class_names : sequence of str

    Raises
    ------
    InputError
        If no label is known, or all labels are of one class.

    Examples
    --------
    >>> check_classes(np.array([0, 1, -1]), ["cat", "dog"])
    >>> check_classes(np.array([0, 0, -1]), ["cat", "dog"])
    Traceback (most recent call last):
    ...
    voisin.errors.InputError: All 2 labels are of one class, cat: label images of another too.
    """
    folded = Counter(map(fold_name, class_names))
    alike = sorted(name for name in class_names if folded[fold_name(name)] > 1)
    if alike:
        message = (
            f"Classes differ only by upper and lower case: {list_some(alike)}. They stay apart: "
            "if they are the same, write them alike."
        )
        warnings.warn(message, InputWarning, stacklevel=2)
    known = labels[labels != UNLABELED]
    if not len(known):
        message = f"None of the {len(labels)} images is labeled: label some of each class first."
        raise InputError(message)
    counts = np.bincount(known, minlength=len(class_names))
    if (counts > 0).sum() == 1:
        subject = (
            "There is one label, so all are" if len(known) == 1 else f"All {len(known)} labels are"
        )
        message = f"{subject} of one class, {class_names[known[0]]}: label images of another too."
        raise InputError(message)
    absent = [name for name, count in zip(class_names, counts, strict=True) if not count]
    if absent:
        message = f"No image is labeled {list_some(absent)}, so no image will get such a label."
        warnings.warn(message, InputWarning, stacklevel=2)
