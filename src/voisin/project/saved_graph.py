"""What a run leaves for later questions: vectors, graph and given labels of the pool."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import ProjectError
from voisin.project.arrays import EVIDENCE, read_arrays, write_arrays
from voisin.types import Affinity, Embeddings, ImageCollection, Labels, Names

_PARTS = ("data", "indices", "indptr")  # of a sparse array


@dataclass(frozen=True, eq=False)
class SavedGraph:
    """The images of a project as labeling methods see them.

    Attributes
    ----------
    ids : array of shape (n_samples,)
    class_names : tuple of str
    labels : array of shape (n_samples,)
        Given ones, -1 elsewhere.
    groups : array of shape (n_samples,), optional
    embeddings : array of shape (n_samples, n_dims)
    affinity : sparse array of shape (n_samples, n_samples)
    class_priors : array of shape (n_classes,), optional
        Those that the labels were found under; None where all classes count the same.
    answered : array of shape (n_samples,), optional
        Whether the method said anything of an image, by labels or a classifier's opinion.
    """

    ids: Names
    class_names: tuple[str, ...]
    labels: Labels
    groups: Names | None
    embeddings: Embeddings
    affinity: Affinity
    class_priors: NDArray[np.float64] | None = None
    answered: NDArray[np.bool_] | None = None


def save_graph(
    folder: Path,
    pool: ImageCollection,
    labels: Labels,
    embeddings: Embeddings,
    affinity: Affinity,
    class_priors: NDArray[np.float64] | None,
    answered: NDArray[np.bool_],
) -> None:
    """Write what is known of the pool."""
    arrays = {
        "ids": pool.ids.astype(np.str_),
        "class_names": np.array(pool.class_names, dtype=np.str_),
        "labels": labels,
        "embeddings": embeddings,
        "affinity_data": affinity.data,
        "affinity_indices": affinity.indices,
        "affinity_indptr": affinity.indptr,
        "answered": answered,
    }
    if pool.groups is not None:
        arrays["groups"] = pool.groups.astype(np.str_)
    if class_priors is not None:
        arrays["class_priors"] = class_priors
    write_arrays(folder, arrays)


def load_graph(folder: Path) -> SavedGraph:
    """Read what a run left.

    Raises
    ------
    ProjectError
        If there is none, or it is damaged.
    """
    found = read_arrays(folder)
    try:
        n_samples = len(found["ids"])
        parts = tuple(np.asarray(found[f"affinity_{part}"]) for part in _PARTS)
        return SavedGraph(
            found["ids"],
            tuple(found["class_names"].tolist()),
            np.asarray(found["labels"]),
            found.get("groups"),
            found["embeddings"],
            sparse.csr_array(parts, shape=(n_samples, n_samples)),
            found.get("class_priors"),
            found.get("answered"),
        )
    except (KeyError, ValueError) as error:
        message = f"{folder / EVIDENCE} is damaged ({error}): run again with the same folder."
        raise ProjectError(message) from error
