"""Convert texts to classes and splits, and sort class names.

This module must not know where the texts were read from.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from voisin.errors import InputError
from voisin.types import UNLABELED, Labels, Names
from voisin.validation import did_you_mean, list_some

SPLITS = {  # usual spellings, by convention, and the name of each split
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)  # without other digits of Unicode, such as ²


def sort_class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Sort the distinct names: integers as numbers first, then text.

    Examples
    --------
    >>> sort_class_names(["10", "9", "cat", "9"])
    ('9', '10', 'cat')
    """

    def rank(name: str) -> tuple[bool, int, str]:
        is_integer = _INTEGER.fullmatch(name) is not None
        return not is_integer, int(name) if is_integer else 0, name

    return tuple(sorted(set(names), key=rank))


def encode_labels(
    texts: Sequence[str] | Names, class_names: Sequence[str] | None = None
) -> tuple[Labels, tuple[str, ...]]:
    """Turn each text into the number of its class; an empty text is unlabeled.

    Parameters
    ----------
    texts : sequence of str
    class_names : sequence of str, optional
        All classes; by default those that occur in `texts`, sorted.

    Returns
    -------
    labels : array of shape (n,)
    class_names : tuple of str

    Raises
    ------
    InputError
        If a text is not one of `class_names`.

    Examples
    --------
    >>> encode_labels(["dog", "", "cat"])
    (array([ 1, -1,  0]), ('cat', 'dog'))
    """
    distinct, inverse = np.unique(np.asarray(texts, dtype=np.str_), return_inverse=True)
    names: list[str] = distinct.tolist()
    if class_names is None:
        class_names = sort_class_names(name for name in names if name)
    codes = {name: number for number, name in enumerate(class_names)} | {"": UNLABELED}
    for name in names:
        if name not in codes:
            message = (
                f"{name!r} is no class: there are {list_some(class_names)}."
                f"{did_you_mean(name, class_names)}"
            )
            raise InputError(message)
    labels = np.array([codes[name] for name in names], dtype=np.int64)[inverse.ravel()]
    return labels, tuple(class_names)


def name_splits(texts: Iterable[str]) -> Names:
    """Replace each spelling of a split by ``train``, ``val`` or ``test``; empty means ``train``.

    Raises
    ------
    InputError
        If a text is not the name of a split.

    Examples
    --------
    >>> name_splits(["Train", "validation", ""])
    array(['train', 'val', 'train'], dtype='<U5')
    """
    splits = []
    for text in texts:
        split = SPLITS.get(text.lower() or "train")
        if split is None:
            message = f"{text!r} is no split: there are train, val and test."
            raise InputError(message)
        splits.append(split)
    return np.array(splits, dtype="<U5")
