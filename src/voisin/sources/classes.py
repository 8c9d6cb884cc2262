"""Convert texts to classes and splits, and sort class names.

This module must not know where the texts were read from.
"""

import re
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from voisin.errors import InputError, InputWarning
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
# Texts for a missing label: what pandas, R, SQL and spreadsheets write, and people by hand. `empty`
# is not among them: it is the usual class of camera traps for images without an animal.
UNKNOWN_WORDS = {
    "na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nil", "?", "-", "-1", "unk",
    "unknown", "unsure", "skip", "unlabeled", "unlabelled",
}  # fmt: skip
_SIGNS = ({"-1", "1"}, {"-1", "+1"}, {"-", "+"})  # names of both classes, so neither is unknown
_WHOLE_FLOAT = re.compile(r"(-?[0-9]+)[.,]0+", re.ASCII)  # as pandas writes 1 where labels miss
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


def normalize_name(text: str) -> str:
    """Return a text without differences that cannot be seen: Unicode forms and extra blanks.

    Examples
    --------
    >>> normalize_name(" cafe\u0301  noir")
    'café noir'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold_name(text: str) -> str:
    """Return a normalized text in lower case, to compare names as people do."""
    return normalize_name(text).casefold()


def means_unknown(text: str) -> bool:
    """Whether a text is empty or a word for a missing label, in upper or lower case."""
    return not text or fold_name(text) in UNKNOWN_WORDS


def name_classes(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the classes among texts, normalized and sorted.

    Words of `UNKNOWN_WORDS` are none, but -1 and - are if the only other class is 1 or +.

    Examples
    --------
    >>> name_classes(["dog", "NA", " cat", "-1"]), name_classes(["1", "-1"])
    (('cat', 'dog'), ('-1', '1'))
    """
    names = {normalize_name(text) for text in texts}
    classes = {name for name in names if not means_unknown(name)}
    for pair in _SIGNS:
        if pair <= names and classes <= pair:
            classes = pair
    return sort_class_names(classes)


def find_class(text: str, class_names: Sequence[str]) -> int | None:
    """Find the number of a class by its name; None if there is none, or more than one.

    Differences in Unicode form, blanks and case do not matter, unless they tell classes apart.

    Examples
    --------
    >>> find_class("Dog ", ["cat", "dog"])
    1
    >>> find_class("DOG", ["Dog", "dog"]) is None
    True
    """
    for form in (str, normalize_name, fold_name):
        found = [number for number, name in enumerate(class_names) if form(name) == form(text)]
        if len(found) == 1:
            return found[0]
    return None


def encode_labels(
    texts: Sequence[str] | Names, class_names: Sequence[str] | None = None
) -> tuple[Labels, tuple[str, ...]]:
    """Turn each text into the number of its class; an empty text is unlabeled.

    So is a word of `UNKNOWN_WORDS` that is none of `class_names`; an `InputWarning` counts them.
    Whole numbers may be written as floats, as pandas does where labels are missing: 1.0 is 1.

    Parameters
    ----------
    texts : sequence of str
    class_names : sequence of str, optional
        All classes; by default those of `name_classes`.

    Returns
    -------
    labels : array of shape (n,)
    class_names : tuple of str

    Raises
    ------
    InputError
        If a text is not one of `class_names`; see `find_class`.

    Examples
    --------
    >>> encode_labels(["dog", "", "cat"])
    (array([ 1, -1,  0]), ('cat', 'dog'))
    """
    written, inverse, counts = np.unique(
        np.asarray(texts, dtype=np.str_), return_inverse=True, return_counts=True
    )
    names = strip_whole_floats(map(normalize_name, written.tolist()))
    if class_names is None:
        class_names = name_classes(names)
    known = {name: number for number, name in enumerate(class_names)}
    codes, unknown = [], dict[str, int]()
    for text, name, count in zip(written.tolist(), names, counts.tolist(), strict=True):
        code = known.get(text, known.get(name)) if name else UNLABELED
        code = find_class(name, class_names) if code is None else code
        if code is None and not means_unknown(name):
            message = (
                f"{text!r} is no class: there are {list_some(class_names)}."
                f"{did_you_mean(name, class_names)}"
            )
            raise InputError(message)
        if code is None and not fold_name(name).startswith("unlabel"):  # this says itself
            unknown[text] = count
        codes.append(UNLABELED if code is None else code)
    warn_of_unknown(unknown)
    return np.array(codes, dtype=np.int64)[inverse.ravel()], tuple(class_names)


def strip_whole_floats(names: Iterable[str]) -> list[str]:
    """Write whole numbers without a point if all names are such or unknown, as pandas has them.

    Examples
    --------
    >>> strip_whole_floats(["1.0", "", "2,0"]), strip_whole_floats(["1.0", "cat"])
    (['1', '', '2'], ['1.0', 'cat'])
    """
    names = list(names)
    floats = [_WHOLE_FLOAT.fullmatch(name) for name in names]
    if not all(number or means_unknown(name) for name, number in zip(names, floats, strict=True)):
        return names
    return [number[1] if number else name for name, number in zip(names, floats, strict=True)]


def warn_of_unknown(counts: Mapping[str, int]) -> None:
    """Warn of texts that were taken as unlabeled, if there are any, with how often they occur."""
    if counts:
        said = list_some(f"{text!r} ({count:,})" for text, count in counts.items())
        message = (
            f"Labels that mean 'unknown' are taken as unlabeled: {said}. If one of them is a "
            "class, give it another name."
        )
        warnings.warn(message, InputWarning, stacklevel=4)


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
            message = f"{str(text)!r} is no split: there are train, val and test."
            raise InputError(message)
        splits.append(split)
    return np.array(splits, dtype="<U5")
