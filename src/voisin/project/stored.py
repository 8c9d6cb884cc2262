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
_MAPPED = 1 << 16  # bytes; a smaller array is read at once: a map costs a page and a file handle
_ARRAY, _SPARSE = "__array__", "__sparse__"  # keys of what is in files of its own
_SPARSE_PARTS = ("data", "indices", "indptr")


def save(folder: Path, value: Any, **notes: Any) -> None:
    """Save a dataclass or a dict of arrays, numbers and texts, or of more of its kind.

    A field whose metadata say ``stored=False`` is left out and comes back as None. A dataclass may
    have a class attribute ``FORMAT``, raised when its fields change their meaning; 1 without it.

    Parameters
    ----------
    folder : Path
        Replaced as a whole: after a crash it holds the old value or the new one.
    value : dataclass instance or dict
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

        def write(name: str, array: Any) -> str:
            while (partial / f"{name}.npy").exists():
                name += "_"
            np.save(partial / f"{name}.npy", array, allow_pickle=False)
            return name

        tree = _encode(value, "", write)
        document = {"format": _format_of(type(value)), "value": tree, **notes}
        (partial / _VALUE).write_text(json.dumps(document), encoding="utf-8")


def load(folder: Path, kind: type[T]) -> T:
    """Load what `save` saved.

    Raises
    ------
    ProjectError
        If nothing was saved, or it has another format or other fields, or is damaged.
    """
    return load_with_notes(folder, kind)[0]


def load_with_notes(folder: Path, kind: type[T]) -> tuple[T, dict[str, Any]]:
    """Load what `save` saved, and the notes beside it; raises as `load` does."""
    restore_folder(folder)
    try:
        document = json.loads((folder / _VALUE).read_text(encoding="utf-8"))
        if document["format"] != _format_of(kind):
            message = f"format {document['format']}, not {_format_of(kind)}"
            raise ValueError(message)
        value = _decode(kind, document.pop("value"), folder)
    except Exception as error:  # of damaged files, NumPy and JSON's reader raise many kinds
        message = f"{folder} cannot be used ({error}): run again with the same folder."
        raise ProjectError(message) from error
    return value, document


def _format_of(kind: type) -> int:
    return int(getattr(kind, "FORMAT", 1))


def _encode(value: Any, name: str, write: Callable[[str, Any], str]) -> Any:
    """Turn a value into what JSON can write; its arrays are written under dotted names."""

    def part(key: str, inner: Any) -> Any:
        return _encode(inner, f"{name}.{key}" if name else key, write)

    if isinstance(value, sparse.csr_array):
        files = {key: write(f"{name}.{key}", getattr(value, key)) for key in _SPARSE_PARTS}
        return {_SPARSE: files, "shape": list(value.shape)}
    if isinstance(value, np.ndarray):
        return {_ARRAY: write(name, value)}
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value):
        stored = (field for field in fields(value) if field.metadata.get("stored", True))
        return {field.name: part(field.name, getattr(value, field.name)) for field in stored}
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
        hint = next(one for one in get_args(hint) if one is not type(None))
    if isinstance(tree, dict) and _ARRAY in tree:
        return _read(folder, tree[_ARRAY])
    if isinstance(tree, dict) and _SPARSE in tree:
        parts = tuple(_read(folder, tree[_SPARSE][key]) for key in _SPARSE_PARTS)
        return sparse.csr_array(parts, shape=tree["shape"])
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        stored = {field.name: field.metadata.get("stored", True) for field in fields(hint)}
        expected = {name for name, is_stored in stored.items() if is_stored}
        if not isinstance(tree, dict) or tree.keys() != expected:
            message = f"its fields are not those of {hint.__name__}"
            raise ValueError(message)
        left_out = dict.fromkeys(stored.keys() - expected)
        return hint(
            **{name: _decode(hints[name], part, folder) for name, part in tree.items()}, **left_out
        )
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
