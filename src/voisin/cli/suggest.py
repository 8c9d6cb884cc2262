"""``voisin suggest``: which images to label next."""

import json
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
        typer.Option("--n", help="How many images to suggest: as many as you label in one go."),
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
        found = run.suggest(n, strategy=strategy, progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(found.as_dict(), ensure_ascii=False, indent=1) + "\n")
    for line in _table(found):
        show_line(line)
    show_line("")
    for line in found.outlook():
        show_line(line)
    show_line(f"Answers: write them into the column label of {(found.folder / TABLE).resolve()}")
    show_line(f"Pictures: {(found.folder / PAGE).resolve()}")
    again = found.folder.with_name(f"{found.folder.resolve().name}-2")
    show_line(f"Then: {run.next_command(found.folder / TABLE, again)}")


def _table(found: "Suggestions") -> list[str]:
    """Line up number, id, present label and reason."""
    ids = found.ids.tolist()
    numbers = [str(place) for place in range(1, len(ids) + 1)]
    now = [name or "–" for name in found.current]
    told = zip(numbers, ids, now, found.suggestion.reasons, strict=True)
    rows = [("", "id", "now", "why"), *told]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
