"""What a run leaves for an audit beside its evidence: the images set apart for the test."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voisin.errors import ProjectError
from voisin.types import Embeddings, Names
from voisin.writing import write_atomically

SET_APART = "set_apart.npz"


@dataclass(frozen=True, eq=False)
class SetApart:
    """Images outside the graph.

    Attributes
    ----------
    ids : array of shape (n_apart,)
    embeddings : array of shape (n_apart, n_dims)
    groups : array of shape (n_apart,), optional
    """

    ids: Names
    embeddings: Embeddings
    groups: Names | None = None


def write_set_apart(folder: Path, apart: SetApart) -> None:
    """Write ``set_apart.npz``, whole or not at all."""
    groups = {} if apart.groups is None else {"groups": apart.groups.astype(np.str_)}
    with write_atomically(folder / SET_APART) as partial, partial.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            ids=apart.ids.astype(np.str_),
            embeddings=np.asarray(apart.embeddings),
            **groups,
        )


def read_set_apart(folder: Path) -> SetApart | None:
    """Read what a run left; None if it left nothing.

    Raises
    ------
    ProjectError
        If the file is damaged.
    """
    path = folder / SET_APART
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            groups = found["groups"] if "groups" in found.files else None
            return SetApart(found["ids"], found["embeddings"], groups)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        message = f"{path} is damaged ({error}): run the project again."
        raise ProjectError(message) from error
