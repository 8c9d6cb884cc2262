"""Save dataclasses of arrays to disk, and load them again.

A value is a folder: ``value.json`` with its numbers and texts, and an ``.npy`` file for each of
its arrays, read back memory-mapped and never unpickled. This module must not know any of the
classes that it saves.
"""

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from scipy import sparse

from voisin.errors import ProjectError
from voisin.writing import restore_folder, write_folder_atomically

T = TypeVar("T")
_VALUE = "value.json"
_MAPPED = 1 << 16  # bytes, by hand: below, reading costs less than a memory map's file handle
_SPARSE = ("data", "indices", "indptr")


def save(folder: Path, value: Any, *, format_number: int = 1, **notes: Any) -> None:
    """Save a dataclass or dict that holds arrays, numbers, texts and other such values.

    Parameters
    ----------
    folder : Path
        Replaced as a whole: after a crash it holds the old value or the new one.
    value : dataclass instance or dict
    format_number : int, default=1
        Version, to be raised when the meaning of the saved values changes.
    **notes
        Further entries to store beside the value, such as its computing time.

    Examples
    --------
    >>> import tempfile
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Scores:
    ...     method: str
    ...     values: np.ndarray
    >>> folder = Path(tempfile.mkdtemp()) / "scores"
    >>> save(folder, Scores("spreading", np.array([0.5, 0.9])))
    >>> load(folder, Scores)
    Scores(method='spreading', values=array([0.5, 0.9]))
    """
    with write_folder_atomically(folder) as partial:

        def write(name: str, array: Any) -> None:
            np.save(partial / f"{name}.npy", array, allow_pickle=False)

        tree = _encode(value, "", write)
        document = {"format": format_number, "value": tree, **notes}
        (partial / _VALUE).write_text(json.dumps(document), encoding="utf-8")


def load(folder: Path, kind: type[T], *, format_number: int = 1) -> T:
    """Load what `save` saved.

    Raises
    ------
    ProjectError
        If nothing was saved, or it has another format or other fields, or is damaged.
    """
    return load_with_notes(folder, kind, format_number=format_number)[0]


def load_with_notes(
    folder: Path, kind: type[T], *, format_number: int = 1
) -> tuple[T, dict[str, Any]]:
    """Load what `save` saved, and the notes beside it; raises as `load` does."""
    restore_folder(folder)
    try:
        document = json.loads((folder / _VALUE).read_text(encoding="utf-8"))
        if document["format"] != format_number:
            message = f"format {document['format']}, not {format_number}"
            raise ValueError(message)
        value = _decode(kind, document.pop("value"), folder)
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{folder} cannot be used ({error}): run again with the same folder."
        raise ProjectError(message) from error
    return value, document


def _encode(value: Any, name: str, write: Callable[[str, Any], None]) -> Any:
    """Turn a value into JSON types; pass its arrays to `write` under dotted names."""

    def part(key: str, inner: Any) -> Any:
        return _encode(inner, f"{name}.{key}" if name else key, write)

    if isinstance(value, sparse.csr_array):
        for key in _SPARSE:
            write(f"{name}.{key}", getattr(value, key))
        return {"sparse": name, "shape": list(value.shape)}
    if isinstance(value, np.ndarray):
        write(name, value)
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value):
        return {own.name: part(own.name, getattr(value, own.name)) for own in fields(value)}
    if isinstance(value, Mapping):
        return {key: part(key, inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [part(str(place), inner) for place, inner in enumerate(value)]
    return value


def _decode(hint: Any, tree: Any, folder: Path) -> Any:
    """Build a value of the type that `hint` names; arrays and numbers need no hint."""
    if get_origin(hint) in (Union, types.UnionType):
        if tree is None:
            return None
        hint = next(option for option in get_args(hint) if option is not type(None))
    if isinstance(tree, dict) and "array" in tree:
        return _read(folder, tree["array"])
    if isinstance(tree, dict) and "sparse" in tree:
        parts = tuple(_read(folder, f"{tree['sparse']}.{key}") for key in _SPARSE)
        return sparse.csr_array(parts, shape=tree["shape"])
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        if hints.keys() < tree.keys():
            message = f"{hint.__name__} has no {', '.join(sorted(tree.keys() - hints.keys()))}"
            raise ValueError(message)
        return hint(**{key: _decode(hints[key], part, folder) for key, part in tree.items()})
    if isinstance(tree, dict):
        inner = (get_args(hint) or (str, Any))[1]
        return {key: _decode(inner, part, folder) for key, part in tree.items()}
    if isinstance(tree, list):
        inner = get_args(hint) or (Any, ...)
        each = inner if inner[-1] is not ... else (inner[0],) * len(tree)
        return tuple(_decode(kind, part, folder) for kind, part in zip(each, tree, strict=True))
    return tree


def _read(folder: Path, name: str) -> Any:
    path = folder / f"{name}.npy"
    is_large = path.stat().st_size > _MAPPED
    return np.load(path, mmap_mode="r" if is_large else None, allow_pickle=False)
