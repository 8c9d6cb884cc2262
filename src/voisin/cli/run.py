"""``voisin run`` and ``voisin demo``: label every image from a few labels, and write a report."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    *,
    out: Out = Path("voisin-demo"),
    chapter: Annotated[
        bool,
        typer.Option(
            "--chapter",
            help="Also label them step by step as the documentation's chapter teaches it, in half "
            "a minute, and compare.",
        ),
    ] = False,
    settings: Values,
    as_json: AsJson = False,
) -> None:
    """Run everything on the included images of digits: offline, in about 20 seconds."""
    settings |= {"ceiling": False}  # to be quick
    finished = _run("digits", out, settings, {}, as_json=as_json)
    figures = [
        ("the labels", finished, "propagated"),
        ("a network taught the given ones alone", finished, "few-labels"),
    ]
    if chapter:
        from voisin.pipeline.run import run

        with progress_bars() as progress:
            taught = run("digits", out / "chapter", progress=progress, **settings, recipe="chapter")
        figures.append(("the chapter's labels (--recipe chapter)", taught, "propagated"))
    compared = ", ".join(
        f"{name} {each.score_of(method, 'unlabeled').balanced_accuracy.value:.3f}"
        for name, each, method in figures
    )
    show_line(f"Balanced accuracy: {compared}")


def _run(source: str, out: Path, settings: Values, opening: Values, *, as_json: bool) -> "Run":
    from voisin.pipeline.run import run

    with progress_bars() as progress:
        finished = run(source, out, opening=opening, progress=progress, log=show_line, **settings)
    if as_json:
        sys.stdout.write((finished.folder / "metrics.json").read_text(encoding="utf-8"))
    return finished
