"""Make an experiment of a source: open, sort, check and read its images, draw labels, split.

Later stages see the experiment only, not the source. Nothing here may know vectors or graphs.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.cached import read_cached_images
from voisin.embedding.specification import IMAGE_SIZE
from voisin.errors import InputError, InputWarning
from voisin.evaluation.verdict import Truth
from voisin.labeling.class_prior_estimation import parse_class_priors
from voisin.labeling.registry import METHODS, takes_alpha
from voisin.pipeline.given_labels import GivenLabels
from voisin.pipeline.stages import Stages, capture_warnings
from voisin.project.cache import hash_of
from voisin.project.label_events import DISAGREEMENTS
from voisin.settings import Settings
from voisin.sources.few_labels import check_classes, draw_labels, draw_test
from voisin.sources.opening import locate_source, open_images
from voisin.sources.reading import read_images
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Labels,
    Names,
    Pixels,
    Probabilities,
    Progress,
)
from voisin.validation import list_some

_SIZED = 50  # images whose size is looked at, by hand: enough for a median


@dataclass(frozen=True, eq=False)
class TrainingLabels:
    """The labels that a network is trained on: one for each image of the pool, with its weight.

    Attributes
    ----------
    labels : array of shape (n_pool,)
    weights : array of shape (n_pool,)
        0 for an image without a label to learn; given labels have 1.
    targets : array of shape (n_pool, n_classes), optional
        Distributions over the classes, to be learned instead of the labels.
    """

    labels: Labels
    weights: NDArray[np.float64]
    targets: Probabilities | None = None


@dataclass(frozen=True, eq=False)
class Experiment:
    """The pool whose labels are to be found, a test set, and the few labels that may be seen.

    Attributes
    ----------
    pool, test : ImageCollection
        Sorted by id, so that the order of the source does not matter. Their labels are all that
        the source knows; only scores and the ceiling may use them.
    pool_pixels, test_pixels : arrays of shape (n_images, 28, 28, channels)
    labels : array of shape (n_pool,)
        The few labels that methods may see, -1 elsewhere.
    warnings : tuple of str
        Warnings that the user got.
    native_size : int
        Median of the images' longer sides, in pixels.
    taught : TrainingLabels, optional
        What the networks of embedders are trained on, if not the few labels.
    at_random : array of shape (n_pool,), optional
        The images that were drawn at random to be labeled; None if no image is known to be.
    """

    pool: ImageCollection
    test: ImageCollection
    pool_pixels: Pixels
    test_pixels: Pixels
    labels: Labels
    warnings: tuple[str, ...]
    native_size: int = IMAGE_SIZE
    taught: TrainingLabels | None = None
    at_random: NDArray[np.bool_] | None = None

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.pool.n_classes

    @property
    def ids(self) -> Names:
        """Ids of pool and test, in the order of every prediction."""
        return np.concatenate([self.pool.ids, self.test.ids])

    @property
    def hidden(self) -> Labels:
        """True labels, where known, of the images without a given label; -1 elsewhere."""
        return np.where(self.labels == UNLABELED, self.pool.labels, UNLABELED)

    @property
    def known(self) -> Labels:
        """Every known label of the pool: the few given and the hidden ones."""
        return np.where(self.labels == UNLABELED, self.pool.labels, self.labels)

    @property
    def training_labels(self) -> TrainingLabels:
        """What the networks of embedders are trained on: `taught`, by default the few labels."""
        few = (self.labels != UNLABELED).astype(float)
        return TrainingLabels(self.labels, few) if self.taught is None else self.taught

    @cached_property
    def key(self) -> str:
        """Hash of ids and pixels; labels do not change it."""
        parts = (self.pool.ids, self.pool_pixels, self.test.ids, self.test_pixels)
        return hash_of([hash_of(part) for part in parts])

    def with_labels(self, labels: Labels) -> "Experiment":
        """Return an experiment in which only these labels are known."""
        pool, test = (
            replace(images, labels=np.full(len(images), UNLABELED))
            for images in (self.pool, self.test)
        )
        return replace(self, pool=pool, test=test, labels=labels)

    def with_taught(self, labels: Labels) -> "Experiment":
        """Return an experiment in which networks are trained on these labels alone."""
        weights = (labels != UNLABELED).astype(float)
        return replace(self, taught=TrainingLabels(labels, weights))

    def truths(self) -> dict[str, Truth]:
        """Return the true labels by scope; ``test-no-leak`` only if pool and test share groups."""
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


def make_settings(options: Mapping[str, Any]) -> Settings:
    """Make the settings of a run.

    Raises
    ------
    InputError
        If there is no setting of a name, or a value is not allowed.
    """
    unknown = options.keys() - Settings.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(Settings.__dataclass_fields__)
        message = f"{min(unknown)!r} is not a setting: choose among {known}."
        raise InputError(message)
    return Settings(**options)


def warn_of_alpha(settings: Settings, methods: Sequence[str]) -> None:
    """Warn if an alpha was chosen, but none of the methods takes one."""
    if settings.alpha == Settings.alpha or any(map(takes_alpha, methods)):
        return
    takers = ", ".join(filter(takes_alpha, METHODS))
    message = (
        f"`alpha={settings.alpha}` has no effect with {', '.join(methods)}: "
        f"it is for {takers} alone."
    )
    warnings.warn(message, InputWarning, stacklevel=3)


def open_source(
    source: str | Path | ImageCollection, opening: Mapping[str, Any], progress: Progress
) -> tuple[ImageCollection, dict[str, Any]]:
    """Open the source; also return what `voisin.toml` must hold to open it again."""
    if isinstance(source, ImageCollection):
        return source, {"source": source.name}
    if opening.get("images_from") is not None:
        opening = {**opening, "images_from": str(Path(opening["images_from"]).resolve())}
    origin = {"source": locate_source(source), **opening}
    return open_images(source, **opening, progress=progress), origin


def prepare(
    stages: Stages,
    images: ImageCollection,
    notes: Sequence[str] = (),
    given: GivenLabels | None = None,
) -> Experiment:
    """Sort, check and read the images, draw the few labels, and hold a test set out.

    Errors in labels and settings are raised before the images are read, which takes long.

    Parameters
    ----------
    stages : Stages
    images : ImageCollection
        With all labels that the source knows.
    notes : sequence of str, optional
        Warnings that the user got already.
    given : GivenLabels, optional
        Labels that people gave beside the source's.

    Raises
    ------
    InputError
        If no label is known, all labels are of one class, all images are labeled already, or a
        setting does not fit the images.
    """
    settings, given = stages.settings, given or GivenLabels()
    images = images.take(np.argsort(images.ids))
    with capture_warnings() as on_labels:
        images, labels = _check_labels(images, settings, given)
    _check_settings(images, settings)

    pixels, readable, on_reading = _read_pixels(stages, images)
    images, labels = images.take(readable), labels[readable]
    with capture_warnings() as on_drawing:
        images = _with_test_split(images, settings)
        in_train, in_test = _in_split(images, "train"), _in_split(images, "test")
        pool, labels, class_names = images.take(in_train), labels[in_train], images.class_names
        if settings.labels_per_class is not None:
            labels = draw_labels(
                labels,
                labels_per_class=settings.labels_per_class,
                groups=pool.groups,
                class_names=pool.class_names,
                random_state=settings.random_state,
            )
        labels = given.over(labels, pool.ids, class_names)
        if settings.labels_per_class is None and not readable.all():
            check_classes(labels, class_names)
    images = replace(images, labels=given.over(images.labels, images.ids, class_names))
    at_random = np.isin(pool.ids, sorted(given.at_random)) if given.at_random else None
    return Experiment(
        pool=images.take(in_train),
        test=images.take(in_test),
        pool_pixels=pixels[in_train],
        test_pixels=pixels[in_test],
        labels=labels,
        warnings=(*notes, *on_labels, *on_drawing, *on_reading),
        native_size=_native_size(images),
        at_random=at_random,
    )


def _check_labels(
    images: ImageCollection, settings: Settings, given: GivenLabels
) -> tuple[ImageCollection, Labels]:
    """Return the images that a run uses, and the labels that may be seen or drawn from."""
    images = replace(images, class_names=given.class_names(images))
    labels = given.of_tables(images)
    in_train = _in_split(images, "train")
    of_people = given.over(labels, images.ids, images.class_names)
    if settings.labels is not None:
        count = int((labels[~in_train] != UNLABELED).sum())
        if count:
            names = list_some(map(str, settings.labels))
            message = f"{count} labels of {names} are of test or val images: not used for learning."
            warnings.warn(message, InputWarning, stacklevel=3)
    if given.table_disagreements:
        image, said = next(iter(given.table_disagreements.items()))
        answers = ", ".join(f"{event.answer} ({event.rater})" for event in said)
        message = (
            f"Images whose labels differ between tables or rows: {len(given.table_disagreements)}, "
            f"first {image}: {answers}. They are not used as labels until settled in "
            f"{DISAGREEMENTS} (voisin label)."
        )
        warnings.warn(message, InputWarning, stacklevel=3)
    check_classes(of_people[in_train], images.class_names)
    if settings.labels_per_class is None and (of_people[in_train] != UNLABELED).all():
        message = (
            f"All {in_train.sum()} images are labeled, so there is nothing to find: "
            "pass `labels_per_class` to hide most of them."
        )
        raise InputError(message)
    used = ~_in_split(images, "val")
    return images.take(used), labels[used]


def _check_settings(images: ImageCollection, settings: Settings) -> None:
    """Refuse class priors, a device or network weights that cannot be used for these images."""
    from voisin.embedding.inference import choose_device
    from voisin.embedding.networks.simple_cnn import load_simple_cnn

    parse_class_priors(settings.class_priors, images.class_names)
    choose_device(settings.device)
    if settings.expert_network is not None:
        n_channels = images.reader.n_channels
        load_simple_cnn(settings.expert_network, n_channels, images.n_classes, images.class_names)


def _read_pixels(
    stages: Stages, images: ImageCollection
) -> tuple[Pixels, NDArray[np.bool_], list[str]]:
    """Decode all images at the networks' size; return pixels, a mask of readable ones, notes."""
    max_unreadable = stages.settings.max_unreadable
    inputs = {
        "images": images.reader.fingerprint(),
        "positions": hash_of(images.positions),
        "size": IMAGE_SIZE,
        "max_unreadable": max_unreadable,
    }

    def compute(_: Path) -> dict[str, Any]:
        with capture_warnings() as notes:
            read = read_cached_images(
                images, size=IMAGE_SIZE, max_unreadable=max_unreadable, progress=stages.progress
            )
        return {
            "pixels": read.pixels,
            "readable": ~np.isin(images.ids, list(read.unreadable)),
            "unreadable": [f"left out {name}: {why}" for name, why in read.unreadable.items()],
            "notes": notes,
        }

    read, _ = stages.recall("read", inputs, compute, dict)
    for line in read["unreadable"]:
        stages.log(f"  {line}")
    return read["pixels"], np.asarray(read["readable"]), [*read["notes"], *read["unreadable"]]


def _native_size(images: ImageCollection) -> int:
    """Return the median of the longer sides of some of the images."""
    some = images.positions[:: max(1, len(images) // _SIZED)]
    return int(np.median([max(images.reader.load(int(position)).size) for position in some]))


def read_at(stages: Stages, experiment: Experiment, size: int) -> tuple[Pixels, Pixels]:
    """Decode pool and test at `size` pixels per side; they are kept, as decoding takes long."""
    parts = {"pool": experiment.pool, "test": experiment.test}
    inputs = {
        "data": experiment.key,
        "images": experiment.pool.reader.fingerprint(),
        "positions": [hash_of(images.positions) for images in parts.values()],
        "size": size,
    }

    def compute(_: Path) -> dict[str, Pixels]:
        return {
            name: read_images(images, size=size, max_unreadable=0, progress=stages.progress).pixels
            if len(images)
            else np.empty((0, size, size, images.reader.n_channels), dtype=np.uint8)
            for name, images in parts.items()
        }

    pixels, _ = stages.recall(f"pixels-{size}", inputs, compute, dict)
    return pixels["pool"], pixels["test"]


def _with_test_split(images: ImageCollection, settings: Settings) -> ImageCollection:
    """Hold a test set out if labels are drawn and the source has no test split."""
    has_test = images.splits is not None and (images.splits == "test").any()
    if has_test or settings.labels_per_class is None or not settings.test_share:
        return images
    images = replace(images, splits=None)
    splits = draw_test(images, share=settings.test_share, random_state=settings.random_state)
    return replace(images, splits=splits)


def _in_split(images: ImageCollection, split: str) -> NDArray[np.bool_]:
    """Tell which images are of a split; all are ``train`` where the source has no splits."""
    if images.splits is None:
        return np.full(len(images), split == "train")
    return images.splits == split
