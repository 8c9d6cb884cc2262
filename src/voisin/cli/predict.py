"""``voisin predict``: label new images as a finished run labeled its own."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voisin.cli.options import AsJson, RunFolder
from voisin.cli.screen import progress_bars, show_line, show_table
from voisin.report.wording import percent

_SHOWN = 10  # images on the screen, by hand: the file has all


def predict_command(
    folder: RunFolder,
    new: Annotated[list[str], typer.Argument(help="New images: files, or folders of them.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the results, .csv, .parquet or .json (default: predictions.csv in the "
            "folder)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Label new images as a run labeled its own, and tell which are unlike anything it has seen."""
    from voisin.pipeline.open_run import open_run
    from voisin.prediction.predictions import SUFFIXES, check_suffix

    path = out or folder / "predictions.csv"
    check_suffix(path, SUFFIXES)
    run = open_run(folder)
    with progress_bars() as progress:
        found = run.predict(new, progress=progress)
    found.write(path, csv_separator=run.settings["csv_separator"])
    rows = found.rows()
    if as_json:
        sys.stdout.write(json.dumps({"predictions": rows}, ensure_ascii=False, indent=1) + "\n")
    table = [
        (
            row["id"],
            row["label"] or "–",
            "–" if row["probability"] is None else percent(row["probability"]),
            "unlike anything seen" if row["unlike"] else row["problem"] and "unreadable",
            row["nearest_1"],
        )
        for row in rows[:_SHOWN]
    ]
    show_table("", ("image", "label", "probability", "", "nearest labeled image"), table)
    if len(rows) > _SHOWN:
        show_line(f"... and {len(rows) - _SHOWN:,} more")
    for line in found.summary():
        show_line(line)
    show_line(f"Table: {path.resolve()}")
