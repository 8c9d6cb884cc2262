"""A finished run, opened from its folder: its results, its settings, and its images.

This module must not import explanation, audit, querying or certificate, which use it.
"""

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from inspect import signature
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.decision import Decision
from voisin.calibration.scaling import Calibration
from voisin.errors import ProjectError
from voisin.evaluation.verdict import Scores
from voisin.labeling.induction import induce
from voisin.neighbors.novelty import Novelty
from voisin.project.folder import SCHEMA, SETTINGS
from voisin.project.stored import load
from voisin.settings import Settings
from voisin.sources.collection import OpeningOptions
from voisin.sources.opening import open_images
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import (
    UNLABELED,
    Affinity,
    Embeddings,
    ImageCollection,
    Induction,
    Labels,
    Names,
    Neighbors,
    Probabilities,
    Progress,
    Propagation,
    ShortRepr,
    no_progress,
)
from voisin.writing import restore_folder

RESULT = "result"  # the folder of a project that holds its `RunResult`
_OF_COMPARISONS = {"draws", "compared_labels_per_class"}  # settings that a run does not have


@dataclass(frozen=True, eq=False, repr=False)
class RunResult(ShortRepr):
    """The results of a run as arrays, stored for later questions.

    Attributes
    ----------
    ids : array of shape (n_pool,)
    class_names : tuple of str
    labels : array of shape (n_pool,)
        The labels that the run started from, -1 elsewhere.
    groups : array of shape (n_pool,), optional
    embeddings : array of shape (n_pool, n_dims)
    affinity : sparse array of shape (n_pool, n_pool)
    linked : array of shape (n_pool,)
        Whether a path in the graph leads to a labeled image.
    propagation : Propagation
        What the labeling method found, before calibration and decision.
    stated : array of shape (n_pool, n_classes)
        Calibrated probabilities; not calibrated if no label could be held out.
    is_calibrated : bool
    decision : Decision
        The rule that made labels of the stated probabilities, for other images, too.
    calibration : Calibration
        The map that made the stated probabilities of those found.
    induction : Induction, optional
        How an image outside the pool gets probabilities, before calibration; None where the
        method must label all images again.
    novelty : Novelty
        Which images are unlike all of the pool.
    class_priors : array of shape (n_classes,), optional
        Class priors that the labeling used; None if none were known before it.
    test_ids : array of shape (n_test,)
    test_embeddings : array of shape (n_test, n_dims)
    test_groups : array of shape (n_test,), optional
    scores : tuple of Scores
        Scores for each method and scope.
    rounds : tuple of PseudoLabelRound
    """

    ids: Names
    class_names: tuple[str, ...]
    labels: Labels
    groups: Names | None
    embeddings: Embeddings
    affinity: Affinity
    linked: NDArray[np.bool_]
    propagation: Propagation
    stated: Probabilities
    is_calibrated: bool
    decision: Decision
    calibration: Calibration
    induction: Induction | None
    novelty: Novelty
    class_priors: NDArray[np.float64] | None
    test_ids: Names
    test_embeddings: Embeddings
    test_groups: Names | None
    scores: tuple[Scores, ...]
    rounds: tuple[PseudoLabelRound, ...]

    @cached_property
    def stated_probabilities(self) -> Probabilities:
        """Probabilities as in ``labels.parquet``: a given label has probability 1."""
        given = self.labels != UNLABELED
        certain = np.eye(len(self.class_names))[self.labels]
        return np.where(given[:, None], certain, self.stated)

    @cached_property
    def assigned(self) -> Labels:
        """Class of each image, given or found; -1 if there is no evidence."""
        found = np.where(self.propagation.reached, self.decision.apply(self.stated), UNLABELED)
        return np.where(self.labels != UNLABELED, self.labels, found)

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the assigned class; NaN if no class is assigned."""
        rows = np.arange(len(self.assigned))
        stated = self.stated_probabilities[rows, self.assigned]
        return np.where(self.assigned == UNLABELED, np.nan, stated)

    @cached_property
    def rule_for_new(self) -> Induction:
        """The induction; where the method has none, an image is the mean of its neighbors."""
        of_neighbors = Induction(0.0, neighbor_scores=self.propagation.probabilities)
        return self.induction or of_neighbors

    def state(
        self, embeddings: Embeddings, neighbors: Neighbors
    ) -> tuple[Probabilities, NDArray[np.bool_]]:
        """Return calibrated probabilities of images outside the pool, and which have evidence.

        Parameters
        ----------
        embeddings : array of shape (n_new, n_dims)
        neighbors : Neighbors
            Of these images, in the pool.
        """
        found, reached = induce(self.rule_for_new, embeddings, neighbors, self.propagation.reached)
        if self.is_calibrated and reached.any():
            found[reached] = self.calibration.apply(found[reached])
        return found, reached


class FinishedRun:
    """The folder of a finished run, opened.

    Attributes
    ----------
    folder : Path
    settings : dict
        As ``voisin.toml`` has them, and defaults.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        self.settings = settings

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open a folder.

        Raises
        ------
        ProjectError
            If it holds no finished run, or one of another version.
        """
        folder = Path(folder)
        return cls(folder, {**Settings().as_dict(), **read_settings(folder)})

    @cached_property
    def result(self) -> RunResult:
        """All that was found, as arrays.

        Raises
        ------
        ProjectError
            If the run did not finish, or its result is damaged.
        """
        restore_folder(self.folder / RESULT)
        if not (self.folder / RESULT).is_dir():
            message = f"{self.folder} holds no finished run: pass the folder of a `voisin run`."
            raise ProjectError(message)
        return load(self.folder / RESULT, RunResult)

    @cached_property
    def images(self) -> ImageCollection:
        """The pool, in the order of its ids, opened again from the source.

        Raises
        ------
        VoisinError
            If the source is gone, or some of the images are missing from it.
        """
        return self.open_pictures(self.result.ids)

    def open_pictures(self, ids: Names, *, progress: Progress = no_progress) -> ImageCollection:
        """Open the source again and sort its images like `ids`; raises as `images` does."""
        images = reopen_source(self.settings, progress=progress)
        place = {name: position for position, name in enumerate(images.ids.tolist())}
        gone = [name for name in ids.tolist() if name not in place]
        if gone:
            message = f"The source has no image {gone[0]!r} any more."
            raise ProjectError(message)
        return images.take(np.array([place[name] for name in ids.tolist()], dtype=np.int64))

    def next_command(self, labels: Path | None = None, out: Path | None = None) -> str:
        """Return the command that runs the project again; see `next_command`."""
        return next_command(self.settings, labels, self.folder if out is None else out)


def read_settings(folder: Path) -> dict[str, Any]:
    """Read a project's ``voisin.toml``.

    Raises
    ------
    ProjectError
        If the file is missing, cannot be read, is of another version, or has a setting that
        cannot be used.
    """
    path = folder / SETTINGS
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"{folder} has no {SETTINGS}: pass the folder of a finished `voisin run`."
        raise ProjectError(message) from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read ({error}): run the project again."
        raise ProjectError(message) from error
    if settings.get("schema") != SCHEMA:
        message = f"{folder} was made by another version of voisin: run the project again."
        raise ProjectError(message)
    try:
        Settings(**{name: settings[name] for name in _names() & settings.keys()})
    except (TypeError, ValueError) as error:
        message = f"{path} cannot be read ({error}): run the project again."
        raise ProjectError(message) from error
    if "source" not in settings:
        message = f"{path} names no source: run the project again."
        raise ProjectError(message)
    return settings


def reopen_source(
    settings: Mapping[str, Any], *, progress: Progress = no_progress
) -> ImageCollection:
    """Open the source with the options of the first time.

    Raises
    ------
    VoisinError
        If the source is gone, or was passed as an object and not as a path.
    """
    ours = _names() | _OF_COMPARISONS | {"schema", "source"}
    opening = {name: value for name, value in settings.items() if name not in ours}
    unknown = opening.keys() - signature(open_images).parameters.keys()
    if unknown:
        message = f"{SETTINGS} has {min(unknown)!r}, which is no setting: run the project again."
        raise ProjectError(message)
    return open_images(str(settings["source"]), **opening, progress=progress)


def next_command(settings: Mapping[str, Any], labels: Path | None, out: Path) -> str:
    """Return the command that runs a project again, from other labels or from the same.

    It leaves out settings that have their defaults, settings of a comparison in this folder, and
    that networks were trained anew.

    Examples
    --------
    >>> settings = {"source": "my images", "labels_per_class": 5, "size": 28, "embedding": "pixels"}
    >>> next_command(settings, Path("answers.csv"), Path("again"))
    "voisin run 'my images' --labels answers.csv --out again --embedding pixels"
    """
    usual = {**Settings().as_dict(), "size": OpeningOptions.size, "schema": SCHEMA}
    replaced = _OF_COMPARISONS | {"source", "retrain"}
    words = ["voisin", "run", str(settings["source"])]
    if labels is not None:
        replaced |= {"labels", "labels_per_class"}
        words += ["--labels", str(labels)]
    words += ["--out", str(out)]
    for name, value in settings.items():
        if name in replaced or usual.get(name) == value:
            continue
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            for each in value if isinstance(value, list) else [value]:
                words += [f"--{option}", str(each)]
    return shlex.join(words)


def _names() -> set[str]:
    return {setting.name for setting in fields(Settings)}
