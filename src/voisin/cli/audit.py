"""``voisin audit``: which labels and images of a finished run not to trust."""

import json
import sys

from voisin.cli.options import AsJson, RunFolder
from voisin.cli.screen import progress_bars, show_line

_SIGNS = {3: "!!", 2: " !", 1: "  "}  # by severity
_FIRST = 3  # images shown per finding, chosen by hand: all findings should fit on a screen


def audit_command(
    folder: RunFolder,
    as_json: AsJson = False,
) -> None:
    """Find what not to trust: duplicates, leaks, suspect labels, gaps, hubs, outliers."""
    from voisin.audit.project import PAGE
    from voisin.pipeline.open_run import open_run

    with progress_bars() as progress:
        result = open_run(folder).audit(progress=progress)
    if as_json:
        sys.stdout.write(json.dumps(result.as_dict(), ensure_ascii=False, indent=1) + "\n")
    if not result.findings:
        show_line(f"Nothing suspicious among {len(result.ids):,} images.")
    for finding in result.findings:
        show_line(f"{_SIGNS[finding.severity]} {finding.title}")
        show_line(f"   {finding.advice}")
        for entry in finding.entries[:_FIRST]:
            names = [str(result.ids[i]) for i in (entry.image, entry.other) if i >= 0]
            show_line(f"     {' and '.join(names)}: {entry.note}")
        if len(finding.entries) > _FIRST:
            show_line(f"     and {len(finding.entries) - _FIRST:,} more")
    for line in result.notes:
        show_line(f"   {line}")
    show_line(f"Pictures: {(result.folder / PAGE).resolve()}")
