"""Keep what explanations need when a run ends, and explain a label of a finished run."""

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from voisin.errors import InputError, ProjectError, VoisinError
from voisin.explanation.attribution import (
    Attribution,
    TopContributors,
    attribute,
    table_is_cheap,
    top_contributors,
)
from voisin.explanation.linear_system import LinearSystem, PriorPropagation, linear_system_of
from voisin.explanation.page import Explanation
from voisin.neighbors.graph import find_components
from voisin.project.arrays import FLOW, read_arrays, write_arrays
from voisin.project.reopening import read_settings, reopen_source
from voisin.sources.hints import did_you_mean
from voisin.types import UNLABELED, ImageCollection, Labeling, Problem

_REASON, _FAR = "reason", "far_"


def save_explanation(
    folder: Path,
    pool: ImageCollection,
    problem: Problem,
    labeling: Labeling,
    method: str,
    stated: NDArray[np.float64] | None = None,
) -> TopContributors | None:
    """Write the flow of a labeling, or why there is none; return each image's largest sources.

    The table of contributions is computed while it has at most 200 million entries; else an
    explanation solves one equation, and there are no largest sources.
    """
    names = {"ids": pool.ids, "class_names": np.array(pool.class_names)}
    try:
        flow = linear_system_of(labeling, problem)
    except InputError as error:
        write_arrays(folder, {**names, _REASON: np.array(str(error))}, FLOW)
        return None
    if table_is_cheap(len(pool), len(flow.labeled)):
        flow = flow.with_contributions()
    kept = {**names, **_to_arrays(flow), "method": np.array(method)}
    write_arrays(folder, kept if stated is None else {**kept, "stated": stated}, FLOW)
    if flow.contributions is None:
        return None
    given = np.where(flow.labels >= 0, flow.labels, labeling.propagation.labels)
    return top_contributors(flow, given)


def is_explainable(folder: Path) -> bool:
    """Tell whether the labels of a finished run can be taken apart."""
    return _REASON not in read_arrays(folder, FLOW)


class SavedExplanation:
    """The kept evidence of a finished run.

    Parameters
    ----------
    folder : Path
        Of the project.

    Raises
    ------
    ProjectError
        If the folder has none, or its settings cannot be read.
    InputError
        If the run's method cannot be taken apart.
    """

    def __init__(self, folder: Path) -> None:
        read_settings(folder)
        arrays = read_arrays(folder, FLOW)
        if _REASON in arrays:
            raise InputError(str(arrays[_REASON]))
        try:
            self._flow = _from_arrays(arrays)
            self._ids = np.asarray(arrays["ids"])
            self._class_names = tuple(arrays["class_names"].tolist())
            self._method = str(arrays["method"])
        except KeyError as error:
            message = f"{folder} lacks {error} of its evidence: run again with the same folder."
            raise ProjectError(message) from error
        self._stated = arrays.get("stated")

    def explain(self, image: int | str, *, n_paths: int = 3) -> Explanation:
        """Explain the label of an image, by its id or its position in the pool.

        Raises
        ------
        InputError
            If there is no such image.
        """
        position = self._position(image) if isinstance(image, str) else int(image)
        explanation = attribute(self._flow, position, n_paths=n_paths)
        stated = None if self._stated is None else np.asarray(self._stated[position])
        if explanation.predicted is None or self._flow.labels[position] != UNLABELED:
            stated = None  # calibrated for images without label: one that was given is no estimate
        return Explanation(
            explanation, self._ids, self._flow.labels, self._class_names, self._method, stated,
            reached=self._is_linked(position, explanation),
        )  # fmt: skip

    def _is_linked(self, position: int, found: Attribution) -> bool:
        """Tell whether a path leads to a labeled image, even one that counts for neither class."""
        accounts = (one for one in (found.predicted, found.runner_up) if one is not None)
        if any(len(one.contributors) for one in accounts):
            return True
        return bool(find_components(self._flow.transition).reached(self._flow.labels)[position])

    def _position(self, name: str) -> int:
        found = np.flatnonzero(self._ids == name)
        if not len(found):
            message = (
                f"There is no image {name!r} in the graph.{did_you_mean(name, self._ids.tolist())} "
                "Ids are those of labels.csv."
            )
            raise InputError(message)
        return int(found[0])


def open_pictures(folder: Path) -> tuple[ImageCollection | None, str]:
    """Open the source again, or say why it cannot be.

    Raises
    ------
    ProjectError
        If the settings cannot be read.
    """
    settings = read_settings(folder)
    try:
        return reopen_source(settings), ""
    except VoisinError as error:
        return None, str(error).rstrip(".")


def _to_arrays(flow: LinearSystem) -> dict[str, NDArray[Any]]:
    arrays = {
        "indptr": flow.transition.indptr,
        "indices": flow.transition.indices,
        "weights": flow.transition.data,
        "scale": flow.scale,
        "source": flow.right_hand_side,
        "labels": flow.labels,
        "scores": flow.scores,
    }
    if flow.prior_propagation is not None:
        arrays |= {
            f"{_FAR}{name}": np.asarray(value)
            for name, value in vars(flow.prior_propagation).items()
        }
    return arrays if flow.contributions is None else {**arrays, "table": flow.contributions}


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> LinearSystem:
    n_samples = len(arrays["labels"])
    weights, indices, indptr = (np.asarray(arrays[k]) for k in ("weights", "indices", "indptr"))
    scale, source, labels, scores = (
        np.asarray(arrays[name]) for name in ("scale", "source", "labels", "scores")
    )
    graph = sparse.csr_array((weights, indices, indptr), shape=(n_samples, n_samples))
    flow = LinearSystem(graph, scale, source, labels, scores)
    table = arrays.get("table")
    if f"{_FAR}classifier_scores" in arrays:
        stretch, amount, *rest = (
            np.asarray(arrays[f"{_FAR}{one.name}"]) for one in fields(PriorPropagation)
        )
        prior = PriorPropagation(float(stretch), float(amount), *rest)
        flow = replace(flow, prior_propagation=prior)
    return flow if table is None else replace(flow, contributions=np.asarray(table))
