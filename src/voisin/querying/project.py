"""Suggest what to label next in a finished project; write a forecast, a table and a page."""

import shlex
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.calibrate import FEWEST_AT_RANDOM
from voisin.errors import InputError, VoisinError
from voisin.labeling.cross_validation import make_folds
from voisin.labeling.registry import make_method
from voisin.project.cache import hash_of
from voisin.project.exports import csv_text
from voisin.project.finished_run import FinishedRun
from voisin.project.folder import Project
from voisin.project.label_events import Agreement, LabelEvents
from voisin.querying.forecast import LabelForecast, forecast_changes
from voisin.querying.page import SuggestionsContent, render_suggestions
from voisin.querying.registry import DEFAULT, make_strategy
from voisin.querying.strategy import Suggestion
from voisin.report.answering import Questions
from voisin.report.language import choose_language
from voisin.sources.table import read_columns
from voisin.types import (
    AT_RANDOM,
    UNLABELED,
    Fold,
    GraphData,
    ImageCollection,
    Names,
    Problem,
    Progress,
    ShortRepr,
    no_progress,
)

TABLE, PAGE = "suggestions.csv", "suggestions.html"
_COLUMNS = ("id", "path", "current", "probability", "reason", "drawn", "label")


@dataclass(frozen=True, eq=False, repr=False)
class Suggestions(ShortRepr):
    """The images to label next, and the expected changes.

    Attributes
    ----------
    folder : Path
        Holds ``suggestions.csv`` and ``suggestions.html``.
    strategy : str
    ids : array of shape (n,)
        Ids of the suggested images, the most useful first.
    current : tuple of str
        Present class of each image; empty if no label reaches it.
    probabilities : array of shape (n,)
        Present probability of that class.
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
        """Return the suggestions and the forecast as a dictionary for JSON."""
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
            "forecast": {**asdict(self.forecast), "may_stop": self.forecast.may_stop},
        }

    def outlook(self) -> list[str]:
        """Describe the expected changes, one line of text per item."""
        expected = self.forecast
        if self.strategy == AT_RANDOM:
            n = expected.n_asked
            enough = "" if n >= FEWEST_AT_RANDOM else f", from {FEWEST_AT_RANDOM} answers on"
            return [
                f"With all {n} answered, the next run takes from them how common each class is"
                f"{enough}: a share of 50 % with a standard error of {50 / n**0.5:.0f} points, one "
                f"of 10 % with {30 / n**0.5:.0f}."
            ]
        lines = [
            f"The {expected.n_asked} answers are expected to change {expected.flips:.0f} of the "
            f"{expected.n_others:,} other labels (tried: {expected.fewest} to {expected.most}), "
            f"and mean certainty by {expected.certainty_rise:+.3f}."
        ]
        if expected.may_stop:
            lines.append(
                "That is less than one per question: an answer mends little beside its own image. "
                "Whether the labels are good enough, the last line of the run says."
            )
        return lines


def suggest_images(
    run: FinishedRun,
    *,
    n: int = 20,
    strategy: str = DEFAULT,
    progress: Progress = no_progress,
) -> Suggestions:
    """Suggest which images of a run to label next, and write the table and the page.

    Raises
    ------
    InputError
        If the strategy is unknown, or too few images are unlabeled.
    """
    chosen, result, settings = make_strategy(strategy), run.result, run.settings
    said = LabelEvents(run.folder).agreement()
    answered = [*said.answers, *said.disagreements]
    _keep_answers(run, answered)
    askable = np.flatnonzero((result.labels == UNLABELED) & ~np.isin(result.ids, answered))
    if n >= len(askable):
        message = f"`n={n}`, but only {len(askable)} images are unlabeled: ask for fewer."
        raise InputError(message)
    problem = _problem(run)
    method = make_method(settings["method"], alpha=settings["alpha"])
    labeling = replace(
        method.label(problem), calibrated=result.stated_probabilities, decided=result.assigned
    )
    suggestion = chosen.suggest(
        problem, labeling, n, candidates=askable, class_names=result.class_names
    )
    rows = suggestion.positions
    names = (*result.class_names, "")
    suggestions = Suggestions(
        folder=run.folder,
        strategy=strategy,
        ids=result.ids[rows],
        current=tuple(names[label] for label in result.assigned[rows].tolist()),
        probabilities=result.confidence[rows],
        suggestion=suggestion,
        forecast=forecast_changes(
            problem,
            labeling,
            rows,
            calibration=result.calibration,
            decision=result.decision,
            progress=progress,
        ),
    )
    images = None
    with suppress(VoisinError):
        images = run.images
    _write(suggestions, run, images, said)
    return suggestions


def _keep_answers(run: FinishedRun, answered: Sequence[str]) -> None:
    """Refuse to write over answers that are neither stored nor labels that the run had."""
    path = run.folder / TABLE
    if not path.is_file():
        return
    columns = read_columns(path)
    if not {"id", "label"} <= set(columns):
        message = (
            f"{path} is not as it was written, without a column id or label: move it away, so "
            "that no answer is lost."
        )
        raise InputError(message)
    given = {*run.result.ids[run.result.labels != UNLABELED].tolist(), *answered}
    pairs = zip(columns["id"], columns["label"], strict=True)
    n_answers = sum(label != "" and id_ not in given for id_, label in pairs)
    if n_answers:
        answers = "1 answer" if n_answers == 1 else f"{n_answers} answers"
        message = (
            f"{path} holds {answers}, which new suggestions would replace: take them in by "
            f"`{shlex.join(['voisin', 'label', str(run.folder), str(path)])}`, or move it away."
        )
        raise InputError(message)


def _problem(run: FinishedRun) -> Problem:
    """Rebuild the run's problem; embeddings learned from labels are not learned again."""
    result, random_state = run.result, int(run.settings["random_state"])
    data = GraphData(result.embeddings, result.affinity, result.embeddings[:0])
    held_out = make_folds(result.labels, result.groups, random_state=random_state)
    return Problem(
        data,
        result.labels,
        len(result.class_names),
        tuple(Fold(rows, data) for rows in held_out),
        class_priors=result.class_priors,
        random_state=random_state,
    )


def _write(
    suggestions: Suggestions,
    run: FinishedRun,
    images: ImageCollection | None,
    said: Agreement,
) -> None:
    """Write the table, and the page on which it can be filled in."""
    new = sorted(set(said.labels.values()) - set(run.result.class_names))
    project = Project(suggestions.folder)
    with project.locked():
        text = _table(suggestions, run, images, said.at_random)
        project.write_text(TABLE, text)
        content = SuggestionsContent(
            name=suggestions.folder.resolve().name if images is None else images.name,
            strategy=suggestions.strategy,
            current=suggestions.current,
            probabilities=suggestions.probabilities,
            reasons=suggestions.suggestion.reasons,
            forecast=suggestions.forecast,
            n_labeled=int((run.result.labels != UNLABELED).sum()),
            questions=Questions(
                file=TABLE,
                text=text,
                csv_separator=str(run.settings["csv_separator"]),
                n_asked=len(suggestions.ids),
                answer_column="label",
                class_names=(*run.result.class_names, *new),
                images=None if images is None else images.take(suggestions.suggestion.positions),
                key=hash_of([TABLE, str(run.folder.resolve()), text]),
                command=shlex.join(["voisin", "label", str(run.folder.resolve()), TABLE]),
            ),
            language=choose_language(run.settings["language"]),
        )
        project.write_text(PAGE, render_suggestions(content))


def _table(
    suggestions: Suggestions,
    run: FinishedRun,
    images: ImageCollection | None,
    at_random: Collection[str],
) -> str:
    """Write suggestions to be answered, then the labels there are."""

    def path(row: int) -> str:
        return "" if images is None else images.reader.path(int(images.positions[row])) or ""

    rows: list[Sequence[object]] = [_COLUMNS]
    for i, row in enumerate(suggestions.suggestion.positions.tolist()):
        probability = float(suggestions.probabilities[i]) if suggestions.current[i] else ""
        reason = suggestions.suggestion.reasons[i]
        rows.append(
            [
                suggestions.ids[i],
                path(row),
                suggestions.current[i],
                probability,
                reason,
                suggestions.strategy,
                "",
            ]
        )
    for row in np.flatnonzero(run.result.labels != UNLABELED).tolist():
        name = run.result.class_names[run.result.labels[row]]
        drawn = AT_RANDOM if run.result.ids[row] in at_random else ""
        rows.append([run.result.ids[row], path(row), name, "", "labeled already", drawn, name])
    return csv_text(rows, str(run.settings["csv_separator"]))
