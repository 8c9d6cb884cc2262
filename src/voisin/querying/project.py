"""What to ask next of a finished project: suggestions, a forecast, a table and a page."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.labeling.cross_validation import make_folds
from voisin.labeling.registry import make_method
from voisin.project.folder import Project
from voisin.project.predictions import StatedLabels, stated_labels
from voisin.project.reopening import read_settings, reopen_in_order
from voisin.project.saved_graph import SavedGraph, load_graph
from voisin.querying.forecast import LabelForecast, forecast_changes
from voisin.querying.page import SuggestionsContent, render_suggestions
from voisin.querying.registry import DEFAULT, make_strategy
from voisin.querying.suggestion import Suggestion
from voisin.sources.columns import read_columns
from voisin.types import (
    UNLABELED,
    Fold,
    GraphData,
    ImageCollection,
    Names,
    Problem,
    Progress,
    no_progress,
)

TABLE, PAGE = "suggestions.csv", "suggestions.html"
_LABELED = "labeled already"
_COLUMNS = ("id", "path", "current", "probability", "reason", "label")


@dataclass(frozen=True, eq=False)
class Suggestions:
    """Which images to label next, and what that would change.

    Attributes
    ----------
    folder : Path
        Holds ``suggestions.csv`` and ``suggestions.html``.
    strategy : str
    ids : array of shape (n,)
        Most worth asking first.
    current : tuple of str
        The class each is given now; empty where no label reaches it.
    probabilities : array of shape (n,)
        Of that class.
    suggestion : Suggestion
    forecast : LabelForecast
    """

    folder: Path
    strategy: str
    ids: Names
    current: tuple[str, ...]
    probabilities: NDArray[np.float64]
    suggestion: Suggestion
    forecast: LabelForecast

    def as_dict(self) -> dict[str, Any]:
        """Return the suggestions and the forecast as JSON can write them."""
        rows = zip(
            self.ids.tolist(),
            self.current,
            [None if np.isnan(one) else one for one in self.probabilities.tolist()],
            self.suggestion.scores.tolist(),
            self.suggestion.reasons,
            strict=True,
        )
        names = ("id", "current", "probability", "score", "reason")
        return {
            "strategy": self.strategy,
            "suggestions": [dict(zip(names, row, strict=True)) for row in rows],
            "forecast": {**asdict(self.forecast), "little": self.forecast.little},
        }

    def outlook(self) -> list[str]:
        """Say in lines what the answers are expected to change."""
        told = self.forecast
        lines = [
            f"The {told.n_asked} answers are expected to change {told.flips:.0f} of the "
            f"{told.n_others:,} other labels (tried: {told.fewest} to {told.most}), and mean "
            f"certainty by {told.certainty_rise:+.3f}."
        ]
        if told.little:
            lines.append("That is less than one a question: you may stop asking.")
        return lines


def suggest_for_project(
    folder: str | Path,
    *,
    n: int = 20,
    strategy: str = DEFAULT,
    progress: Progress = no_progress,
) -> Suggestions:
    """Suggest which images of a project to label next, and write them down.

    ``suggestions.csv`` has the columns id, path, current, probability, reason, label: first the
    suggestions, with an empty label to be filled in, then the images labeled so far, so that the
    whole table can be given to the next run as its labels. ``suggestions.html`` shows them.

    Parameters
    ----------
    folder : str or Path
        Of a finished run.
    n : int, default=20
    strategy : str, default="mixed"
        One of `voisin.querying.registry.STRATEGIES`.
    progress : callable, optional

    Returns
    -------
    Suggestions

    Raises
    ------
    ProjectError
        If the folder holds no finished run.
    InputError
        If there is no such strategy, or nothing to ask.
    """
    chosen = make_strategy(strategy)
    folder = Path(folder)
    settings = read_settings(folder)
    _keep_answers(folder)
    evidence = load_graph(folder)
    _check_enough(n, evidence)
    problem = _problem(evidence, settings)
    method = make_method(settings.get("method", "spreading"), alpha=settings.get("alpha", 0.99))
    labeling = method.label(problem)
    current = stated_labels(folder, evidence, labeling)
    labeling = replace(labeling, calibrated=current.probabilities)
    found = chosen.suggest(problem, labeling, n, class_names=evidence.class_names)
    outlook = forecast_changes(problem, labeling, found.positions, progress=progress)
    told = _tell(folder, strategy, evidence, current, found, outlook)
    images = reopen_in_order(settings, evidence.ids, progress=progress)
    _write(told, evidence, images)
    return told


def _keep_answers(folder: Path) -> None:
    """Refuse to write over answers that an expert has given."""
    if not (folder / TABLE).is_file():
        return
    columns = read_columns(folder / TABLE)
    if not {"label", "reason"} <= set(columns):
        told = f"{folder / TABLE} is not as it was written, without a column label or reason"
        message = f"{told}: move it away, so that no answer is lost."
        raise InputError(message)
    pairs = zip(columns["label"], columns["reason"], strict=True)
    answered = sum(label != "" and reason != _LABELED for label, reason in pairs)
    if answered:
        held = "1 answer" if answered == 1 else f"{answered} answers"
        message = (
            f"{folder / TABLE} holds {held}, which new suggestions would replace: run "
            f"again with --labels {folder / TABLE}, or move the file away."
        )
        raise InputError(message)


def _check_enough(n: int, evidence: SavedGraph) -> None:
    n_left = int((evidence.labels == UNLABELED).sum())
    if n >= n_left:
        message = f"n={n}, but only {n_left} images are unlabeled: ask for fewer."
        raise InputError(message)


def _problem(evidence: SavedGraph, settings: Mapping[str, Any]) -> Problem:
    """Pose the project's problem again; what embedders learned from the labels stays learned."""
    random_state = int(settings.get("random_state", 0))
    data = GraphData(evidence.embeddings, evidence.affinity, evidence.embeddings[:0])
    held_out = make_folds(evidence.labels, evidence.groups, random_state=random_state)
    return Problem(
        data,
        evidence.labels,
        len(evidence.class_names),
        tuple(Fold(rows, data) for rows in held_out),
        class_priors=evidence.class_priors,
        random_state=random_state,
    )


def _tell(
    folder: Path,
    strategy: str,
    evidence: SavedGraph,
    current: StatedLabels,
    found: Suggestion,
    outlook: LabelForecast,
) -> Suggestions:
    rows = found.positions
    return Suggestions(
        folder=folder,
        strategy=strategy,
        ids=evidence.ids[rows],
        current=tuple(current.names[row] for row in rows.tolist()),
        probabilities=current.confidence[rows],
        suggestion=found,
        forecast=outlook,
    )


def _write(told: Suggestions, evidence: SavedGraph, images: ImageCollection | None) -> None:
    project = Project(told.folder)
    with project.locked():
        project.write_text(TABLE, _table(told, evidence, images))
        content = SuggestionsContent(
            name=told.folder.resolve().name if images is None else images.name,
            strategy=told.strategy,
            ids=told.ids,
            current=told.current,
            probabilities=told.probabilities,
            reasons=told.suggestion.reasons,
            forecast=told.forecast,
            n_labeled=int((evidence.labels != UNLABELED).sum()),
            images=None if images is None else images.take(told.suggestion.positions),
        )
        project.write_text(PAGE, render_suggestions(content))


def _table(told: Suggestions, evidence: SavedGraph, images: ImageCollection | None) -> str:
    """Write suggestions to be answered, then the labels there are."""

    def path(row: int) -> str:
        return "" if images is None else images.reader.path(int(images.positions[row])) or ""

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for i, row in enumerate(told.suggestion.positions.tolist()):
        sure = f"{told.probabilities[i]:.3f}" if told.current[i] else ""
        reason = told.suggestion.reasons[i]
        rows.writerow([told.ids[i], path(row), told.current[i], sure, reason, ""])
    for row in np.flatnonzero(evidence.labels != UNLABELED).tolist():
        name = evidence.class_names[evidence.labels[row]]
        rows.writerow([evidence.ids[row], path(row), name, "", _LABELED, name])
    return text.getvalue()
