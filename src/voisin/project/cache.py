"""Results of stages on disk, looked up by a hash of the inputs of each stage."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from voisin.errors import ProjectError
from voisin.project.stored import load_with_notes, save
from voisin.writing import PARTIAL, going_on_without

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Recalled(Generic[T]):
    """The result of a stage, and the time that computing it took (now or in an earlier run)."""

    value: T
    key: str
    seconds: float
    reused: bool


class Cache:
    """Compute a stage once for each set of inputs.

    A result is a folder ``<stage>-<key>``, as `voisin.project.stored` saves it; the key is a hash
    of the stage's inputs.

    Parameters
    ----------
    folder : Path
        Created if absent. Half-written files of an interrupted run are removed from it.
    outer : Cache, optional
        A second cache to look results up in; new results are kept in this one only.

    Examples
    --------
    >>> import tempfile
    >>> cache = Cache(Path(tempfile.mkdtemp()))
    >>> first = cache.recall("square", {"of": 3}, lambda: {"value": np.array(9)}, dict)
    >>> again = cache.recall("square", {"of": 3}, lambda: {"value": np.array(0)}, dict)
    >>> int(again.value["value"]), again.reused
    (9, True)
    """

    def __init__(self, folder: Path, outer: "Cache | None" = None) -> None:
        self.folder = folder
        self._outer = outer
        with going_on_without(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for leftover in folder.glob(f"*{PARTIAL}"):
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def recall(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        compute: Callable[[], T],
        kind: type[T],
        *,
        spare: bool = True,
    ) -> Recalled[T]:
        """Return the stage's result; compute it only if it is not in the cache.

        Parameters
        ----------
        stage : str
            Name of the stage, and of its folder.
        inputs : mapping
            Everything that the result depends on, in types that JSON can write.
        compute : callable
            Returns the result, a dataclass or a dict of arrays.
        kind : type
            Type of the result.
        spare : bool, default=True
            Go on, with a warning, if the result cannot be written; else that is an error.
        """
        if recalled := self.find(stage, inputs, kind):
            return recalled
        key = hash_of(inputs)
        start = time.perf_counter()
        value = compute()
        seconds = time.perf_counter() - start
        with going_on_without(self.folder) if spare else nullcontext():
            self.keep(stage, inputs, value, seconds)
        shutil.rmtree(self.scratch(stage, key), ignore_errors=True)
        return Recalled(value, key, seconds, reused=False)

    def find(self, stage: str, inputs: Mapping[str, Any], kind: type[T]) -> Recalled[T] | None:
        """Return the stage's result, or None if the cache has none or a damaged one."""
        key = hash_of(inputs)
        try:
            value, notes = load_with_notes(self.folder / f"{stage}-{key[:20]}", kind)
        except ProjectError:
            return None if self._outer is None else self._outer.find(stage, inputs, kind)
        return Recalled(value, key, float(notes["seconds"]), reused=True)

    def keep(
        self, stage: str, inputs: Mapping[str, Any], value: object, seconds: float = 0.0
    ) -> None:
        """Keep a value for these inputs, in place of the one that was kept before."""
        save(self.folder / f"{stage}-{hash_of(inputs)[:20]}", value, seconds=seconds)

    def clear(self) -> None:
        """Remove all results, to make room on the disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def inner(self, name: str) -> Iterator["Cache"]:
        """Yield a cache whose results are deleted when the block ends without an error.

        It also finds the results of this cache.
        """
        inside = Cache(self.folder / f"{name}.unfinished", self)
        yield inside
        shutil.rmtree(inside.folder, ignore_errors=True)

    def scratch(self, stage: str, key: str) -> Path:
        """Folder in which an unfinished stage keeps its progress; removed when it is finished."""
        return self.folder / f"{stage}-{key[:20]}.unfinished"


def hash_of(value: Any) -> str:
    """SHA-256 of a value that JSON can write, or of an array's type, shape and bytes.

    Examples
    --------
    >>> hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1})
    True
    """
    if isinstance(value, np.ndarray):
        digest = hashlib.sha256(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).view(np.uint8).data if value.size else b"")
        return digest.hexdigest()
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
