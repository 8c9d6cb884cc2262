"""``voisin suggest``: which images to label next."""

import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from voisin.cli.options import AsJson, RunFolder
from voisin.cli.screen import progress_bars, show_line
from voisin.querying.registry import DEFAULT, STRATEGIES

if TYPE_CHECKING:
    from voisin.querying.project import Suggestions


def suggest_command(
    folder: RunFolder,
    n: Annotated[
        int,
        typer.Option("--n", help="Number of images to suggest: as many as you will label at once."),
    ] = 20,
    strategy: Annotated[
        str, typer.Option(help=f"Rule by which images are chosen: {', '.join(STRATEGIES)}.")
    ] = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Suggest which images to label next, and forecast how many labels that would change."""
    from voisin.pipeline.open_run import open_run
    from voisin.querying.project import PAGE, TABLE

    run = open_run(folder)
    with progress_bars() as progress:
        suggestions = run.suggest(n, strategy=strategy, progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(suggestions.as_dict(), ensure_ascii=False, indent=1) + "\n")
    for line in _table(suggestions):
        show_line(line)
    show_line("")
    for line in suggestions.outlook():
        show_line(line)
    show_line(f"To answer by clicks: {(suggestions.folder / PAGE).resolve()}")
    show_line(f"Or write into the column label of {(suggestions.folder / TABLE).resolve()}")
    take_in = ("voisin", "label", str(folder), str(suggestions.folder / TABLE))
    show_line(f"Then: {shlex.join(take_in)}")


def _table(suggestions: "Suggestions") -> list[str]:
    """Align the columns number, id, current label and reason."""
    ids = suggestions.ids.tolist()
    numbers = [str(place) for place in range(1, len(ids) + 1)]
    current = [name or "–" for name in suggestions.current]
    body = zip(numbers, ids, current, suggestions.suggestion.reasons, strict=True)
    rows = [("", "id", "now", "why"), *body]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
