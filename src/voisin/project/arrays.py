"""What later questions need, kept in the project's folder; it knows arrays, not what they mean."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import ProjectError
from voisin.project.cache import Arrays

EVIDENCE = "evidence"  # of the pool: vectors, graph, given labels
FLOW = "flow"  # of the labels to each image
_UNFINISHED = ".unfinished"
FOLDERS = tuple(f"{name}{end}" for name in (EVIDENCE, FLOW) for end in ("", _UNFINISHED))


def write_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]], name: str = EVIDENCE) -> None:
    """Write one ``.npy`` file an array under ``folder/name``, in place of what was there.

    Examples
    --------
    >>> import tempfile
    >>> project = Path(tempfile.mkdtemp())
    >>> write_arrays(project, {"labels": np.array([0, -1])})
    >>> read_arrays(project)["labels"].tolist()
    [0, -1]
    """
    place = folder / name
    partial = folder / f"{name}{_UNFINISHED}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for part, array in arrays.items():
        np.save(partial / f"{part}.npy", array, allow_pickle=False)
    shutil.rmtree(place, ignore_errors=True)
    partial.replace(place)


def read_arrays(folder: Path, name: str = EVIDENCE) -> Arrays:
    """Read the arrays back, memory-mapped.

    Raises
    ------
    ProjectError
        If the folder has none, or they are damaged.
    """
    files = sorted((folder / name).glob("*.npy"))
    if not files:
        message = f"{folder} keeps no {name} of its labels: pass the folder of a finished run."
        raise ProjectError(message)
    try:
        return {
            path.stem: np.load(path, mmap_mode="r" if path.stat().st_size > 1 << 16 else None,
                               allow_pickle=False)
            for path in files
        }  # fmt: skip
    except (OSError, EOFError, ValueError) as error:
        message = f"{folder / name} is damaged ({error}): run again with the same folder."
        raise ProjectError(message) from error
