"""What an explanation needs, kept in the project's folder; it knows arrays, not what they mean."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import ProjectError
from voisin.project.cache import Arrays

EVIDENCE = "evidence"
UNFINISHED = f"{EVIDENCE}.unfinished"


def write_evidence(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write one ``.npy`` file an array under ``folder/evidence``, in place of what was there.

    Examples
    --------
    >>> import tempfile
    >>> project = Path(tempfile.mkdtemp())
    >>> write_evidence(project, {"labels": np.array([0, -1])})
    >>> read_evidence(project)["labels"].tolist()
    [0, -1]
    """
    place = folder / EVIDENCE
    partial = folder / UNFINISHED
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, array in arrays.items():
        np.save(partial / f"{name}.npy", array, allow_pickle=False)
    shutil.rmtree(place, ignore_errors=True)
    partial.replace(place)


def read_evidence(folder: Path) -> Arrays:
    """Read the arrays back, memory-mapped.

    Raises
    ------
    ProjectError
        If the folder has none, or they are damaged.
    """
    files = sorted((folder / EVIDENCE).glob("*.npy"))
    if not files:
        message = (
            f"{folder} keeps no evidence to explain a label by: pass the folder of a finished run."
        )
        raise ProjectError(message)
    try:
        return {
            path.stem: np.load(path, mmap_mode="r" if path.stat().st_size > 1 << 16 else None,
                               allow_pickle=False)
            for path in files
        }  # fmt: skip
    except (OSError, ValueError) as error:
        message = f"{folder / EVIDENCE} is damaged ({error}): run again with the same folder."
        raise ProjectError(message) from error
