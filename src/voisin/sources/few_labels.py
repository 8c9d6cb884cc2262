"""A few labels: drawn from those known, read from the user's file; and images set aside as test.

It knows labels, groups and ids, not pixels.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError, InputWarning
from voisin.sources.classes import encode_labels
from voisin.sources.collecting import check_distinct
from voisin.sources.columns import TABLE_SUFFIXES, read_columns
from voisin.sources.hints import did_you_mean, list_some
from voisin.types import UNLABELED, ImageCollection, Indices, Labels, Names
from voisin.validation import check_count, check_in_open_interval, check_random_state


def draw_labels(
    labels: Labels,
    *,
    labels_per_class: int,
    groups: Names | None = None,
    class_names: Sequence[str] | None = None,
    random_state: int | np.random.Generator | None = None,
) -> Labels:
    """Keep a few labels of each class, drawn at random, and hide the others.

    At most one image of a group is drawn, whatever its class; the rarest class draws first.
    Each class has its own random stream: a draw does not change with the size of other classes
    (unless groups hold several classes), and fewer labels are a part of more.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        Class of each image, -1 where unknown.
    labels_per_class : int
        At least 1. A class that has fewer gives all it has, with an `InputWarning`.
    groups : array of shape (n_samples,), optional
    class_names : sequence of str, optional
        To name classes in the warning.
    random_state : int or Generator, optional

    Returns
    -------
    array of shape (n_samples,)
        The class of the images drawn, -1 elsewhere.

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
    kept = np.full_like(labels, UNLABELED)
    taken: set[Any] = set()
    short: dict[int, int] = {}
    for class_ in classes[np.argsort(counts, kind="stable")]:
        members = streams[class_].permutation(np.flatnonzero(labels == class_))
        chosen = _one_a_group(members, groups, labels_per_class, taken)
        kept[chosen] = class_
        if len(chosen) < labels_per_class:
            short[int(class_)] = len(chosen)
    _warn_of_short_classes(short, labels_per_class, class_names, has_groups=groups is not None)
    return kept


def read_label_file(path: str | Path, images: ImageCollection) -> tuple[Labels, tuple[str, ...]]:
    r"""Read the user's own labels from a table with the columns ``id`` (or ``path``), ``label``.

    Parameters
    ----------
    path : str or Path
        CSV, TSV or Parquet; images that it does not list stay unlabeled. An id is looked for as
        it is written, then without spaces around it and with ``/`` for a backslash.
    images : ImageCollection
        Its classes are the ones allowed; if it has none, the file's are taken.

    Returns
    -------
    labels : array of shape (n_images,)
    class_names : tuple of str

    Raises
    ------
    InputError
        If an id or a class does not exist, or an id occurs twice; the line says which exist.

    Examples
    --------
    >>> import tempfile
    >>> from voisin.sources.opening import open_images
    >>> path = Path(tempfile.mkdtemp()) / "labels.csv"
    >>> _ = path.write_text("id,label\ndigit-0002,1\n")
    >>> labels, class_names = read_label_file(path, open_images("digits"))
    >>> labels[:3]
    array([-1,  1, -1])
    """
    path = Path(path)
    columns = _read_label_columns(path)
    position = {id_: index for index, id_ in enumerate(images.ids.tolist())}
    values = columns["id" if "id" in columns else "path"]
    ids = [value if value in position else _as_id(value) for value in values]
    check_distinct(ids, f"id in {path}")
    unknown = [id_ for id_ in ids if id_ not in position]
    if unknown:
        message = (
            f"{path} labels {len(unknown)} ids that are not among the {len(images)} images, first "
            f"{unknown[0]!r}: ids look like {images.ids[0]}.{did_you_mean(unknown[0], position)}"
        )
        raise InputError(message)
    texts = [text.strip() for text in columns["label"]]
    codes, class_names = encode_labels(texts, images.class_names or None)
    labels = np.full(len(images), UNLABELED, dtype=np.int64)
    labels[[position[id_] for id_ in ids]] = codes
    return labels, class_names


def draw_test(
    images: ImageCollection,
    *,
    share: float,
    random_state: int | np.random.Generator | None = None,
) -> Names:
    """Set a share of the labeled images aside as test: whole groups, each class its share.

    Groups are taken at random, each if it brings the counts of the classes in the test closer
    to their share: ``|share · n − (t + g)|² < |share · n − t|²``, with n, t and g the counts of
    all images, of those taken so far and of the group.

    Parameters
    ----------
    images : ImageCollection
        Without splits, labeled throughout or in part; images without label stay in train,
        unless their group goes.
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
        If there are splits already, or the share leaves no image for the test or for train.

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
    groups, group_of = np.unique(
        images.ids if images.groups is None else images.groups, return_inverse=True
    )
    counts = np.zeros((len(groups), images.n_classes))
    np.add.at(counts, (group_of[known], images.labels[known]), 1)
    labeled_groups = np.flatnonzero(counts.any(axis=1))
    order = np.random.default_rng(random_state).permutation(labeled_groups)
    in_test = _choose_groups(counts, order, share)
    if not in_test.any() or in_test[order].all():
        message = (
            f"A test share of {share} of the {known.sum()} labeled images of {images.name}, in "
            f"{len(order)} groups, leaves none on one side: pass another (test_share; share of "
            "draw_test), or more labels."
        )
        raise InputError(message)
    return np.where(in_test[group_of], "test", "train")


def _choose_groups(counts: NDArray[np.float64], order: Indices, share: float) -> NDArray[np.bool_]:
    """Take each group, in this order, that brings the counts of the classes closer."""
    missing = share * counts.sum(axis=0)
    chosen = np.zeros(len(counts), dtype=bool)
    for group in order:
        left = missing - counts[group]
        if left @ left < missing @ missing:
            chosen[group], missing = True, left
    return chosen


def _one_a_group(members: Indices, groups: Names | None, count: int, taken: set[Any]) -> list[int]:
    """Take the first members whose groups are free, and mark these groups as taken."""
    chosen: list[int] = []
    for index in members:
        group = index if groups is None else groups[index]
        if len(chosen) < count and group not in taken:
            taken.add(group)
            chosen.append(int(index))
    return chosen


def _warn_of_short_classes(
    short: dict[int, int],
    labels_per_class: int,
    class_names: Sequence[str] | None,
    *,
    has_groups: bool,
) -> None:
    if not short:
        return
    counted = ", ".join(
        f"{class_names[class_] if class_names else f'class {class_}'} ({count})"
        for class_, count in sorted(short.items())
    )
    what = "groups of labeled images" if has_groups else "labeled images"
    message = f"Fewer than labels_per_class={labels_per_class} {what}: {counted}; all are taken."
    warnings.warn(message, InputWarning, stacklevel=3)


def _read_label_columns(path: Path) -> Mapping[str, list[str]]:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        message = f"{path} {what}: pass a table with the columns id and label."
        raise InputError(message)
    if path.suffix.lower() not in TABLE_SUFFIXES:
        message = f"{path} is no table: pass a {', '.join(TABLE_SUFFIXES)} file with id and label."
        raise InputError(message)
    columns = read_columns(path, strip=False)
    if "label" not in columns or not ("id" in columns or "path" in columns):
        message = f"{path} has the columns {list_some(columns)}: it needs label, and id or path."
        raise InputError(message)
    return columns


def _as_id(value: str) -> str:
    return value.strip().replace("\\", "/").removeprefix("./")
