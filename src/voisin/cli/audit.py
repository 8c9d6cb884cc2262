"""``voisin audit``: what not to believe of a finished run."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voisin.cli.screen import progress_bars, show_line

_SIGNS = {3: "!!", 2: " !", 1: "  "}
_FIRST = 3


def audit_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as one JSON object.")
    ] = False,
) -> None:
    """Find what not to believe: duplicates, leaks, suspect labels, gaps, hubs, outliers."""
    from voisin.audit.project import PAGE
    from voisin.pipeline.open_run import open_run

    with progress_bars() as progress:
        found = open_run(folder).audit(progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(found.as_dict(), ensure_ascii=False, indent=1) + "\n")
    if not found.findings:
        show_line(f"Nothing suspicious among {len(found.ids):,} images.")
    for finding in found.findings:
        show_line(f"{_SIGNS[finding.severity]} {finding.title}")
        show_line(f"   {finding.advice}")
        for entry in finding.entries[:_FIRST]:
            names = [str(found.ids[i]) for i in (entry.image, entry.other) if i >= 0]
            show_line(f"     {' and '.join(names)}: {entry.note}")
        if len(finding.entries) > _FIRST:
            show_line(f"     and {len(finding.entries) - _FIRST:,} more")
    for line in found.notes:
        show_line(f"   {line}")
    show_line(f"Pictures: {(found.folder / PAGE).resolve()}")
