"""Show a finished run in a few lines, and in a notebook with pictures of its labels."""

import json

import numpy as np

from voisin.errors import VoisinError
from voisin.project.finished_run import FinishedRun, RunResult
from voisin.report.language import choose_language
from voisin.report.page import environment
from voisin.report.pictures import read_picture
from voisin.types import UNLABELED, ImageCollection, Indices

_SHOWN, _SIZE = 8, 56  # pictures in a row, and pixels of their longer side, by eye: one row fits


def describe_run(run: FinishedRun) -> list[str]:
    """Say in three lines how many images, labels and classes, how good, and where."""
    try:
        result = run.result
    except VoisinError as error:
        return [f"<Run in {run.folder}: {error}>"]
    classes = f"{len(result.class_names)} classes"
    given = int((result.labels != UNLABELED).sum())
    lines = [f"Run of {run.settings['source']}: {len(result.ids):,} images, {given:,} labels given"]
    lines[0] += f", {classes}"
    return [*lines, *filter(None, [_expected(run)]), f"Report: {run.folder / 'report.html'}"]


def render_run(run: FinishedRun) -> str:
    """Render the same lines as HTML, with the surest and the most doubtful images.

    Without the source of the images, the lines stand alone.
    """
    language = choose_language(run.settings["language"])
    try:
        result, images = run.result, run.images
        rows = [
            (language("Surest"), _cards(result, images, _surest(result))),
            (language("Most doubtful"), _cards(result, images, _by_confidence(result)[:_SHOWN])),
        ]
    except VoisinError:
        rows = []
    template = environment(language).get_template("run_view.html")
    return template.render(lines=describe_run(run), rows=[row for row in rows if row[1]])


def _expected(run: FinishedRun) -> str:
    try:
        document = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
        return str(document["expected"]["text"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the view must not fail where a file is gone


def _by_confidence(result: RunResult) -> Indices:
    """Positions of the images whose label was found, the most doubtful first."""
    found = np.flatnonzero((result.labels == UNLABELED) & (result.assigned != UNLABELED))
    return found[np.argsort(result.confidence[found], kind="stable")]


def _surest(result: RunResult) -> Indices:
    """Positions of the surest image of each class, the surest first."""
    falling = _by_confidence(result)[::-1]
    _, first = np.unique(result.assigned[falling], return_index=True)
    return falling[np.sort(first)[:_SHOWN]]


def _cards(
    result: RunResult, images: ImageCollection, positions: Indices
) -> list[dict[str, object]]:
    return [
        {
            "id": result.ids[i],
            "label": result.class_names[result.assigned[i]],
            "confidence": float(result.confidence[i]),
            "picture": read_picture(images, i, _SIZE),
        }
        for i in positions.tolist()
    ]
