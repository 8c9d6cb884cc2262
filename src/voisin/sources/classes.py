"""From texts to classes: order of names, labels, splits; it knows no files and no pixels."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

from voisin.errors import InputError
from voisin.sources.hints import did_you_mean, list_some
from voisin.types import UNLABELED, Labels, Names

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)


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
        The classes there are; by default those that occur, sorted.

    Returns
    -------
    labels : array of shape (n,)
    class_names : tuple of str

    Raises
    ------
    InputError
        If a text is none of `class_names`.

    Examples
    --------
    >>> encode_labels(["dog", "", "cat"])
    (array([ 1, -1,  0]), ('cat', 'dog'))
    """
    distinct, which = np.unique(np.asarray(texts, dtype=np.str_), return_inverse=True)
    found = [str(name) for name in distinct]
    if class_names is None:
        class_names = sort_class_names(name for name in found if name)
    code = {name: number for number, name in enumerate(class_names)} | {"": UNLABELED}
    for name in found:
        if name not in code:
            message = (
                f"{name!r} is no class: there are {list_some(class_names)}."
                f"{did_you_mean(name, class_names)}"
            )
            raise InputError(message)
    codes = np.array([code[name] for name in found], dtype=np.int64)
    return codes[which.ravel()], tuple(class_names)


def name_splits(texts: Iterable[str]) -> Names:
    """Bring the names of splits to ``train``, ``val`` and ``test``; an empty one is ``train``.

    Raises
    ------
    InputError
        If one is no split.

    Examples
    --------
    >>> name_splits(["Train", "validation", ""])
    array(['train', 'val', 'train'], dtype='<U5')
    """
    return np.array([_name_split(text) for text in texts], dtype="<U5")


def _name_split(text: str) -> str:
    split = SPLITS.get(text.lower() or "train")
    if split is None:
        message = f"{text!r} is no split: there are train, val and test."
        raise InputError(message)
    return split
