"""What a run works on: readable images in a fixed order, few labels, and the truth set apart."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError, InputWarning
from voisin.evaluation.verdict import Truth
from voisin.settings import Settings
from voisin.sources.few_labels import draw_labels, draw_test, read_label_file
from voisin.sources.summary import check_classes
from voisin.types import UNLABELED, ImageCollection, Labels, Pixels, Probabilities


@dataclass(frozen=True, eq=False)
class TrainingLabels:
    """What a network is taught of the pool: a label an image, and how much each counts.

    Attributes
    ----------
    labels : array of shape (n_pool,)
    weights : array of shape (n_pool,)
        0 where there is nothing to learn; given labels have 1.
    targets : array of shape (n_pool, n_classes), optional
        Distributions to be learned in place of the labels.
    """

    labels: Labels
    weights: NDArray[np.float64]
    targets: Probabilities | None = None


@dataclass(frozen=True, eq=False)
class Experiment:
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
    lesson : TrainingLabels, optional
        What the networks of embedders are taught, where it is more than the few labels.
    """

    pool: ImageCollection
    test: ImageCollection
    pool_pixels: Pixels
    test_pixels: Pixels
    labels: Labels
    hidden: Labels
    warnings: tuple[str, ...]
    lesson: TrainingLabels | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.pool.n_classes

    @property
    def taught(self) -> TrainingLabels:
        """What networks are taught: the few labels, unless there is another lesson."""
        few = (self.labels != UNLABELED).astype(float)
        return TrainingLabels(self.labels, few) if self.lesson is None else self.lesson

    @property
    def known(self) -> Labels:
        """Every label the source knows, few and hidden together."""
        return np.where(self.labels == UNLABELED, self.hidden, self.labels)

    def truths(self) -> dict[str, Truth]:
        """Return the truth of each scope that has any; without leaks no ``test-no-leak``."""
        test_known = self.test.labels != UNLABELED
        scopes = {"unlabeled": _truth(self.pool, self.hidden, self.hidden != UNLABELED)}
        scopes["test"] = _truth(self.test, self.test.labels, test_known)
        if self.test.groups is not None and self.pool.groups is not None:
            apart = test_known & ~np.isin(self.test.groups, self.pool.groups)
            if (apart != test_known).any():
                scopes["test-no-leak"] = _truth(self.test, self.test.labels, apart)
        return {scope: truth for scope, truth in scopes.items() if len(truth.ids)}


def _truth(images: ImageCollection, labels: Labels, rows: NDArray[np.bool_]) -> Truth:
    groups = None if images.groups is None else images.groups[rows]
    return Truth(images.ids[rows], labels[rows], images.class_names, groups)


@dataclass(frozen=True, eq=False)
class CheckedInput:
    """The images of a run with the labels that may be seen or drawn from, checked before any work.

    Attributes
    ----------
    images : ImageCollection
        With all that the source knows; images of the split ``val`` are gone.
    labels : array of shape (n_images,)
        The user's own, or the source's; -1 where unknown.
    warnings : tuple of str
    """

    images: ImageCollection
    labels: Labels
    warnings: tuple[str, ...]


def check_input(images: ImageCollection, settings: Settings) -> CheckedInput:
    """Read the user's labels and check them, before any image is read.

    Raises
    ------
    InputError
        If no label is known, all are of one class, or none is left to find.
    """
    images = images.take(np.argsort(images.ids))
    with capture_warnings() as notes:
        labels, class_names = images.labels, images.class_names
        in_train = _in_split(images, "train")
        if settings.labels is not None:
            labels, class_names = read_label_file(settings.labels, images)
            _warn_of_labels_set_apart(labels[~in_train], settings.labels)
        check_classes(labels[in_train], class_names)
    if settings.labels_per_class is None and (labels[in_train] != UNLABELED).all():
        message = (
            f"All {in_train.sum()} images are labeled, so there is nothing to find: "
            "pass labels_per_class to hide most of them."
        )
        raise InputError(message)
    used = (
        np.full(len(images), fill_value=True) if images.splits is None else images.splits != "val"
    )
    images = replace(images, class_names=class_names).take(used)
    return CheckedInput(images, labels[used], tuple(notes))


def make_experiment(
    given: CheckedInput, readable: NDArray[np.bool_], pixels: Pixels, settings: Settings
) -> Experiment:
    """Draw the few labels where that was asked for, and set the truth apart.

    Parameters
    ----------
    given : CheckedInput
    readable : array of shape (n_images,)
    pixels : array of shape (n_readable, 28, 28, channels)
    settings : Settings
    """
    with capture_warnings() as notes:
        images = _with_test_split(given.images.take(readable), settings)
        in_train, in_test = _in_split(images, "train"), _in_split(images, "test")
        pool = images.take(in_train)
        labels = given.labels[readable][in_train]
        if settings.labels_per_class is not None:
            labels = draw_labels(
                labels,
                labels_per_class=settings.labels_per_class,
                groups=pool.groups,
                class_names=pool.class_names,
                random_state=settings.random_state,
            )
        elif not readable.all():
            check_classes(labels, pool.class_names)
    return Experiment(
        pool=pool,
        test=images.take(in_test),
        pool_pixels=pixels[in_train],
        test_pixels=pixels[in_test],
        labels=labels,
        hidden=np.where(labels == UNLABELED, pool.labels, UNLABELED),
        warnings=(*given.warnings, *notes),
    )


def _with_test_split(images: ImageCollection, settings: Settings) -> ImageCollection:
    """Hold a test set out where labels are drawn from a source that brings none."""
    has_test = images.splits is not None and (images.splits == "test").any()
    if has_test or settings.labels_per_class is None or not settings.test_share:
        return images
    images = replace(images, splits=None)
    splits = draw_test(images, share=settings.test_share, random_state=settings.random_state)
    return replace(images, splits=splits)


def _in_split(images: ImageCollection, split: str) -> NDArray[np.bool_]:
    if images.splits is None:
        return np.full(len(images), split == "train")
    return images.splits == split


def _warn_of_labels_set_apart(labels: Labels, path: Path) -> None:
    count = int((labels != UNLABELED).sum())
    if count:
        message = f"{count} labels of {path} are of test or val images: not used for learning."
        warnings.warn(message, InputWarning, stacklevel=2)


@contextmanager
def capture_warnings() -> Iterator[list[str]]:
    """Keep the texts of input warnings for the report, and still give the warnings."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        yield notes
    for one in caught:
        if issubclass(one.category, InputWarning):
            notes.append(str(one.message))
        warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
