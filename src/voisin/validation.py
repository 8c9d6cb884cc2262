"""Check arguments of the caller, and help to write error messages that list names.

Each error says what was passed, what was expected and what to do. The checks handle settings,
arrays and texts; this module must not import anything that knows images, files or methods.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import InputError, MissingDependencyError, VoisinError
from voisin.types import UNLABELED, Names

# Rows checked at a time. Chosen by hand: even at 2,048 dimensions a block's copy of absolute values
# takes 64 MB, and the loop over so few blocks costs nothing.
_ROWS_PER_BLOCK = 8_192
# Float32 holds about 1e-38 to 3e38. Squared distances of entries within these bounds, summed over
# thousands of dimensions, stay inside that range with some orders of magnitude to spare.
_LARGEST, _SMALLEST = 1e15, 1e-15
# Chosen by hand: finding the most similar among more names takes seconds.
_MAX_CHOICES = 10_000


def check_in_open_interval(name: str, value: float, low: float, high: float) -> None:
    """Refuse a setting outside ``(low, high)``."""
    _check_number(name, value)
    if not low < value < high:
        message = f"`{name}={value}` is outside ({low:g}, {high:g})."
        raise InputError(message)


def check_in_closed_interval(name: str, value: float, low: float, high: float) -> None:
    """Refuse a setting outside ``[low, high]``."""
    _check_number(name, value)
    if not low <= value <= high:
        message = f"`{name}={value}` is outside [{low:g}, {high:g}]."
        raise InputError(message)


def check_at_least(name: str, value: float, low: float) -> None:
    """Refuse a setting below `low`."""
    _check_number(name, value)
    if not value >= low:
        message = f"`{name}={value}` is too small: pass {low:g} or more."
        raise InputError(message)


def check_count(name: str, value: int, low: int) -> None:
    """Refuse a setting that is not a whole number, or is below `low`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        message = f"`{name}={value!r}` is no whole number: pass {low} or more."
        raise InputError(message)
    check_at_least(name, value, low)


def check_random_state(random_state: int | np.random.Generator | None) -> None:
    """Refuse a random state that is not None, a Generator, or a whole number from 0."""
    if not (random_state is None or isinstance(random_state, np.random.Generator)):
        check_count("random_state", random_state, 0)


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        message = f"`{name}={value!r}` is no number: pass one."
        raise InputError(message)


def check_one_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Refuse a setting that is none of `choices`."""
    choices = tuple(choices)
    if value not in choices:
        message = f"`{name}={value!r}` is not known: choose one of {', '.join(choices)}."
        raise InputError(message)


def check_finite_rows(
    name: str, array: NDArray[np.floating], numbers: Sequence[int] | None = None
) -> None:
    """Refuse vectors whose distances float32 cannot hold.

    These are vectors with NaN, infinite or huge entries, and arrays with tiny entries only. The
    error says how many rows are bad, and names the first by its position, or by its number in
    `numbers` if the caller numbers the rows otherwise.
    """
    starts = range(0, len(array), _ROWS_PER_BLOCK)  # by blocks: the array may be on disk
    blocks = (array[start : start + _ROWS_PER_BLOCK] for start in starts)
    maxima = [np.abs(block).max(axis=1, initial=0).astype(np.float64) for block in blocks]
    largest = np.concatenate([np.empty(0), *maxima])
    bad = np.flatnonzero(~(largest <= _LARGEST))
    if len(bad):
        first = bad[0] if numbers is None else numbers[bad[0]]
        message = (
            f"{name} has NaN, infinite or huge entries (beyond {_LARGEST:g}) in {len(bad)} of "
            f"{len(array)} rows, first in row {first}: leave these rows out or mend them."
        )
        raise InputError(message)
    if 0 < largest.max(initial=0) < _SMALLEST:
        message = (
            f"{name} has no entry beyond {largest.max():.1g}, too small for distances in float32: "
            "multiply all by the same number."
        )
        raise InputError(message)


def check_embeddings(embeddings: Any) -> None:
    """Refuse embeddings that are not a matrix of finite floats, one row per image."""
    check_plain_array("embeddings", embeddings)
    if not isinstance(embeddings, np.ndarray):
        message = (
            f"embeddings is a {type(embeddings).__name__}: "
            "pass an array, such as numpy.asarray(embeddings, dtype=numpy.float32)."
        )
        raise InputError(message)
    if embeddings.ndim != 2 or not embeddings.shape[1]:
        message = f"embeddings has shape {embeddings.shape}: pass (n_samples, n_dims), n_dims > 0."
        raise InputError(message)
    if not np.issubdtype(embeddings.dtype, np.floating):
        message = f"embeddings has dtype {embeddings.dtype}: pass float32."
        raise InputError(message)
    check_finite_rows("embeddings", embeddings)


def check_plain_array(name: str, array: Any) -> None:
    """Refuse arrays of two kinds that behave otherwise than arrays do: masked ones and matrices."""
    if isinstance(array, np.ma.MaskedArray):
        message = f"{name} is a masked array: leave out or fill what is masked, and pass an array."
        raise InputError(message)
    if isinstance(array, np.matrix):
        message = f"{name} is a numpy.matrix: pass numpy.asarray({name})."
        raise InputError(message)


def check_affinity(graph: Any) -> sparse.csr_array:
    """Convert a graph, sparse or dense, to a CSR array, and refuse unusable weights.

    The matrix must be square, symmetric, finite and non-negative. Its diagonal and weights of 0
    that are stored are left out: they are no edges.
    """
    try:
        affinity = sparse.csr_array(graph)
    except (TypeError, ValueError) as error:
        message = f"The graph cannot be read as a matrix of weights ({error}): pass numbers."
        raise InputError(message) from error
    if affinity.ndim != 2 or affinity.shape[0] != affinity.shape[1]:
        message = f"affinity has shape {affinity.shape}: pass one row and one column per image."
        raise InputError(message)
    if not np.isfinite(affinity.data).all():
        message = "affinity has NaN or infinite weights: mend or drop these edges."
        raise InputError(message)
    if affinity.nnz and affinity.data.min() < 0:
        message = (
            f"affinity has negative weights (lowest {affinity.data.min():g}): pass weights >= 0."
        )
        raise InputError(message)
    if not affinity.data.all() or affinity.diagonal().any():
        affinity = affinity.copy()  # the caller's graph stays as it is
        rows = np.repeat(np.arange(affinity.shape[0]), np.diff(affinity.indptr))
        affinity.data[affinity.indices == rows] = 0
        affinity.eliminate_zeros()
    # W x = Wᵀ x for one random x shows that W is symmetric (up to rounding: the tolerance is some
    # hundred float32 roundings), far quicker than W − Wᵀ, which is computed only if they differ.
    probe = np.random.default_rng(0).standard_normal(affinity.shape[0], dtype=np.float32)
    forward, backward = affinity @ probe, affinity.T @ probe
    if np.allclose(forward, backward, rtol=1e-5, atol=1e-5 * abs(forward).max(initial=0)):
        return affinity
    gap = abs(affinity - affinity.T)
    if gap.nnz and gap.data.max() > 1e-4 * affinity.data.max():
        message = (
            f"affinity is not symmetric (largest gap {gap.data.max():g}): "
            "pass (affinity + affinity.T) / 2."
        )
        raise InputError(message)
    return affinity


def check_partial_labels(
    labels: NDArray[Any], n_samples: int, n_classes: int | None = None
) -> None:
    """Refuse labels that do not fit the graph, or that are all unknown."""
    check_plain_array("labels", labels)
    if labels.shape != (n_samples,):
        message = (
            f"labels has shape {labels.shape}, but this graph has {n_samples} nodes: "
            "pass one label per node, -1 where unknown."
        )
        raise InputError(message)
    if not np.issubdtype(labels.dtype, np.integer):
        message = f"labels has dtype {labels.dtype}: pass integers, -1 where unknown."
        raise InputError(message)
    if (labels == UNLABELED).all():
        message = f"None of the {n_samples} samples is labeled: label one of each class first."
        raise InputError(message)
    if labels.min() < UNLABELED:
        message = f"labels has {labels.min()}: classes count from 0, and -1 means unknown."
        raise InputError(message)
    if n_classes is not None and labels.max() >= n_classes:
        message = f"labels has class {labels.max()}, but there are {n_classes} classes, from 0."
        raise InputError(message)


def check_installed(what: str, libraries: Iterable[str], extra: str) -> None:
    """Raise an error that says how to install those of `libraries` that are missing.

    `what` is the feature that needs them; `extra` is the extra of voisin that installs them.
    """
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        message = f"{what} needs {' and '.join(missing)}: pip install 'voisin[{extra}]'"
        raise MissingDependencyError(message)


def check_distinct(texts: Sequence[str] | Names, what: str) -> None:
    """Refuse empty and repeated texts; the error names the first one."""
    seen: set[str] = set()
    for row, text in enumerate(texts, start=1):
        if not text:
            message = f"The {what} of row {row} is empty: give each a text of its own."
            raise InputError(message)
        if text in seen:
            message = f"The {what} {str(text)!r} occurs more than once: give each its own."
            raise InputError(message)
        seen.add(text)


@contextmanager
def refuse_damage(message: str) -> Iterator[None]:
    """Raise `InputError` with a message for whatever a library raises on a damaged file.

    Libraries raise almost any error then. Those of this package and of the system, such as missing
    rights, pass as they are.

    Examples
    --------
    >>> with refuse_damage("x.npz is damaged: copy it again."):
    ...     raise NotImplementedError("compression method")
    Traceback (most recent call last):
    ...
    voisin.errors.InputError: x.npz is damaged: copy it again.
    """
    try:
        yield
    except (VoisinError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError(message) from error


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Suggest the choice most similar to `word`; empty if none is similar or there are too many.

    Examples
    --------
    >>> did_you_mean("lable", ["path", "label"])
    ' Did you mean label?'
    >>> did_you_mean("xyz", ["path", "label"])
    ''
    """
    choices = tuple(choices)
    if len(choices) > _MAX_CHOICES:
        return ""
    by_lowercase = {choice.lower(): choice for choice in choices}
    similar = difflib.get_close_matches(word.lower(), by_lowercase, n=1)
    return f" Did you mean {by_lowercase[similar[0]]}?" if similar else ""


def list_some(names: Iterable[str], limit: int = 20) -> str:
    """Join names with commas, and count those beyond the limit.

    Examples
    --------
    >>> list_some(["a", "b", "c", "d"], limit=2)
    'a, b and 2 more'
    >>> list_some([])
    'none'
    """
    names = list(names)
    shown = ", ".join(names[:limit]) or "none"
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
