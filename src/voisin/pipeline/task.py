"""What a run works on: readable images in a fixed order, few labels, and the truth set apart."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError, InputWarning
from voisin.evaluation.verdict import Truth
from voisin.pipeline.settings import Settings
from voisin.sources.few_labels import draw_labels, draw_test, read_label_file
from voisin.sources.summary import check_classes
from voisin.types import UNLABELED, ImageCollection, Labels, Pixels


@dataclass(frozen=True, eq=False)
class Task:
    """The pool whose labels are to be found, and the images set apart to test on.

    Attributes
    ----------
    pool, test : ImageCollection
        In the order of their ids, whatever the order of the source: it must not matter.
    pool_pixels, test_pixels : arrays of shape (n_images, 28, 28, channels)
    labels : array of shape (n_pool,)
        The few labels that methods may see, -1 elsewhere.
    hidden : array of shape (n_pool,)
        What the source knows of the others, -1 elsewhere; only the verdict and the ceiling see it.
    warnings : tuple of str
    """

    pool: ImageCollection
    test: ImageCollection
    pool_pixels: Pixels
    test_pixels: Pixels
    labels: Labels
    hidden: Labels
    warnings: tuple[str, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.pool.n_classes

    @property
    def known(self) -> Labels:
        """Every label the source knows, few and hidden together."""
        return np.where(self.labels == UNLABELED, self.hidden, self.labels)

    def truths(self) -> dict[str, Truth]:
        """Return the truth of each scope that has any."""
        test_known = self.test.labels != UNLABELED
        scopes = {"unlabeled": _truth(self.pool, self.hidden, self.hidden != UNLABELED)}
        scopes["test"] = _truth(self.test, self.test.labels, test_known)
        if self.test.groups is not None and self.pool.groups is not None:
            apart = test_known & ~np.isin(self.test.groups, self.pool.groups)
            scopes["test-no-leak"] = _truth(self.test, self.test.labels, apart)
        return {scope: truth for scope, truth in scopes.items() if len(truth.ids)}


def _truth(images: ImageCollection, labels: Labels, rows: NDArray[np.bool_]) -> Truth:
    groups = None if images.groups is None else images.groups[rows]
    return Truth(images.ids[rows], labels[rows], images.class_names, groups)


def make_task(images: ImageCollection, pixels: Pixels, settings: Settings) -> Task:
    """Draw or read the few labels, and set the truth apart.

    Parameters
    ----------
    images : ImageCollection
        Readable, in the order of their ids.
    pixels : array of shape (n_images, 28, 28, channels)
    settings : Settings

    Raises
    ------
    InputError
        If no label is known, all are of one class, or none is left to find.
    """
    with _noting_warnings() as notes:
        images = _with_test_split(images, settings)
        train, test = (_rows(images, split) for split in ("train", "test"))
        pool = images.take(train)
        labels, class_names = _few_labels(pool, settings)
        pool, test_images = (
            replace(one, class_names=class_names) for one in (pool, images.take(test))
        )
        check_classes(labels, class_names)
    _check_something_to_find(labels, settings)
    hidden = np.where(labels == UNLABELED, pool.labels, UNLABELED)
    return Task(pool, test_images, pixels[train], pixels[test], labels, hidden, tuple(notes))


def _with_test_split(images: ImageCollection, settings: Settings) -> ImageCollection:
    fully_labeled = bool((images.labels != UNLABELED).all())
    if images.splits is not None or settings.labels_per_class is None or not fully_labeled:
        return images
    if not settings.test_share:
        return images
    splits = draw_test(images, share=settings.test_share, random_state=settings.random_state)
    return replace(images, splits=splits)


def _rows(images: ImageCollection, split: str) -> NDArray[np.int64]:
    if images.splits is None:
        return np.arange(len(images) if split == "train" else 0)
    return np.flatnonzero(images.splits == split)


def _few_labels(pool: ImageCollection, settings: Settings) -> tuple[Labels, tuple[str, ...]]:
    if settings.labels is not None:
        return read_label_file(settings.labels, pool)
    if settings.labels_per_class is None:
        return pool.labels, pool.class_names
    drawn = draw_labels(
        pool.labels,
        labels_per_class=settings.labels_per_class,
        groups=pool.groups,
        random_state=settings.random_state,
    )
    return drawn, pool.class_names


def _check_something_to_find(labels: Labels, settings: Settings) -> None:
    if (labels != UNLABELED).all():
        hint = (
            "draw fewer"
            if settings.labels_per_class
            else "pass labels_per_class to hide most of them"
        )
        message = f"All {len(labels)} images are labeled, so there is nothing to find: {hint}."
        raise InputError(message)


@contextmanager
def _noting_warnings() -> Iterator[list[str]]:
    """Keep the texts of input warnings for the report, and still give the warnings."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        yield notes
    for one in caught:
        if issubclass(one.category, InputWarning):
            notes.append(str(one.message))
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
