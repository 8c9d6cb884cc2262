"""``voisin run`` and ``voisin demo``: label every image from a few labels, and write a report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from voisin.cli.options import AsJson, Out, Source, Values, with_settings
from voisin.cli.screen import progress_bars, show_line

if TYPE_CHECKING:
    from voisin.pipeline.open_run import Run


@with_settings("run")
def run_command(
    source: Source,
    *,
    out: Out = Path("voisin-run"),
    settings: Values,
    opening: Values,
    as_json: AsJson = False,
) -> None:
    """Label all images from a few labels, and report how accurate the result is."""
    _run(source, out, settings, opening, as_json=as_json)


@with_settings("demo", labels_per_class=5, random_state=42, effort="quick")
def demo_command(
    *, out: Out = Path("voisin-demo"), settings: Values, as_json: AsJson = False
) -> None:
    """Run everything on the included images of digits: offline, in under a minute."""
    finished = _run("digits", out, settings, {}, as_json=as_json)
    from voisin.pipeline.run import run

    with progress_bars() as progress:
        settings |= {"recipe": "chapter"}
        chapter = run("digits", out / "chapter", progress=progress, **settings)
    ours, theirs = (
        each.score_of("propagated", "unlabeled").balanced_accuracy.value
        for each in (finished, chapter)
    )
    show_line(
        f"Balanced accuracy of the labels is {ours:.3f}; step by step as the documentation's "
        f"chapter teaches it, {theirs:.3f} (--recipe chapter): {chapter.report.resolve()}"
    )


def _run(source: str, out: Path, settings: Values, opening: Values, *, as_json: bool) -> "Run":
    from voisin.pipeline.run import run

    with progress_bars() as progress:
        finished = run(source, out, opening=opening, progress=progress, log=show_line, **settings)
    if as_json:
        sys.stdout.write((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    return finished
