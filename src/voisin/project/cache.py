"""Results of stages on disk, found again by what they were computed from."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.writing import PARTIAL

Arrays = dict[str, NDArray[Any]]
_META = "stage.json"


@dataclass(frozen=True, eq=False)
class Recalled:
    """The arrays of a stage, and how long they took to compute (in this run or before)."""

    arrays: Arrays
    key: str
    seconds: float
    reused: bool


class Cache:
    """Compute a stage once for each set of inputs.

    A result is a folder ``<stage>-<key>`` of ``.npy`` files, written beside and renamed; the key
    is a hash of the stage's inputs. Arrays are read back memory-mapped, and never unpickled.

    Parameters
    ----------
    folder : Path
        Made if absent. What an interrupted run left half-written in it is removed.
    outer : Cache, optional
        What it holds is found here too; what is computed is kept here.

    Examples
    --------
    >>> import tempfile
    >>> cache = Cache(Path(tempfile.mkdtemp()))
    >>> once = cache.recall("square", {"of": 3}, lambda: {"value": np.array(9)})
    >>> again = cache.recall("square", {"of": 3}, lambda: {})
    >>> int(again.arrays["value"]), again.reused
    (9, True)
    """

    def __init__(self, folder: Path, outer: "Cache | None" = None) -> None:
        self.folder = folder
        self._outer = outer
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"*{PARTIAL}"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()

    def recall(
        self, stage: str, inputs: Mapping[str, Any], compute: Callable[[], Mapping[str, Any]]
    ) -> Recalled:
        """Return the stage's arrays, computing them only if they are not there.

        Parameters
        ----------
        stage : str
            Name of the stage, and of its folder.
        inputs : mapping
            All that the result depends on, as JSON can write it.
        compute : callable
            Returns arrays by name.
        """
        if found := self.find(stage, inputs):
            return found
        key = hash_of(inputs)
        place = self.folder / f"{stage}-{key[:20]}"
        start = time.perf_counter()
        arrays = {name: np.asarray(value) for name, value in compute().items()}
        seconds = time.perf_counter() - start
        _write(place, arrays, seconds)
        shutil.rmtree(self.scratch(stage, key), ignore_errors=True)
        return Recalled(arrays, key, seconds, reused=False)

    def find(self, stage: str, inputs: Mapping[str, Any]) -> Recalled | None:
        """Return the stage's arrays if they are there."""
        key = hash_of(inputs)
        found = _read(self.folder / f"{stage}-{key[:20]}")
        if found is None:
            return None if self._outer is None else self._outer.find(stage, inputs)
        return Recalled(found[0], key, found[1], reused=True)

    @contextmanager
    def inner(self, name: str) -> Iterator["Cache"]:
        """Give a cache for what is worth keeping only until the block ends well.

        It finds what this one holds, too.
        """
        inside = Cache(self.folder / f"{name}.unfinished", self)
        yield inside
        shutil.rmtree(inside.folder, ignore_errors=True)

    def scratch(self, stage: str, key: str) -> Path:
        """Folder for what an unfinished stage needs to go on; removed once it is finished."""
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


def _read(place: Path) -> tuple[Arrays, float] | None:
    """Read a finished stage; a damaged one is as good as none."""
    try:
        meta = json.loads((place / _META).read_text(encoding="utf-8"))
        arrays = {
            name: np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in meta["arrays"]
        }
        return arrays, float(meta["seconds"])
    except (OSError, EOFError, ValueError, KeyError):
        return None


def _write(place: Path, arrays: Arrays, seconds: float) -> None:
    partial = place.with_name(place.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(partial / f"{name}.npy", array, allow_pickle=False)
    meta = {"arrays": sorted(arrays), "seconds": seconds}
    (partial / _META).write_text(json.dumps(meta), encoding="utf-8")
    shutil.rmtree(place, ignore_errors=True)
    partial.replace(place)
