"""What a run leaves for later questions: vectors, graph and given labels of its images."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from voisin.errors import ProjectError
from voisin.project.writing import written_whole
from voisin.types import Affinity, Embeddings, Labels, Names

EVIDENCE = "evidence.npz"


@dataclass(frozen=True, eq=False)
class Evidence:
    """The images of a project as labeling methods see them.

    Attributes
    ----------
    ids : array of shape (n_samples,)
    class_names : tuple of str
    labels : array of shape (n_samples,)
        Given ones, -1 elsewhere.
    embeddings : array of shape (n_samples, n_dims)
    affinity : sparse array of shape (n_samples, n_samples)
    """

    ids: Names
    class_names: tuple[str, ...]
    labels: Labels
    embeddings: Embeddings
    affinity: Affinity


def write_evidence(folder: Path, evidence: Evidence) -> None:
    """Write ``evidence.npz``, whole or not at all."""
    affinity = evidence.affinity
    with written_whole(folder / EVIDENCE) as partial, partial.open("wb") as file:
        np.savez(
            file,
            ids=evidence.ids.astype(np.str_),
            class_names=np.array(evidence.class_names, dtype=np.str_),
            labels=evidence.labels,
            embeddings=evidence.embeddings,
            data=affinity.data,
            indices=affinity.indices,
            indptr=affinity.indptr,
        )


def read_evidence(folder: Path) -> Evidence:
    """Read what a run left.

    Raises
    ------
    ProjectError
        If there is none, or it is damaged.
    """
    path = folder / EVIDENCE
    if not path.is_file():
        message = f"{folder} has no {EVIDENCE}: pass the folder of a finished `voisin run`."
        raise ProjectError(message)
    try:
        with np.load(path, allow_pickle=False) as found:
            n_samples = len(found["ids"])
            parts = (found["data"], found["indices"], found["indptr"])
            return Evidence(
                found["ids"],
                tuple(found["class_names"].tolist()),
                found["labels"],
                found["embeddings"],
                sparse.csr_array(parts, shape=(n_samples, n_samples)),
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        message = f"{path} is damaged ({error}): run the project again."
        raise ProjectError(message) from error
