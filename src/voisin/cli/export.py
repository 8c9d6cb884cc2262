"""``voisin export``: the classifier of a finished run as one file."""

from pathlib import Path
from typing import Annotated

import typer

from voisin.cli.options import RunFolder
from voisin.cli.screen import show_line


def export_command(
    folder: RunFolder,
    out: Annotated[
        Path,
        typer.Argument(help="File to write: .onnx for other programs, or .safetensors, weights."),
    ],
) -> None:
    """Export the classifier of a run as one file, from pixels to calibrated probabilities."""
    from voisin.pipeline.open_run import open_run

    path = open_run(folder).export(out)
    size = path.stat().st_size / 1e6
    show_line(f"Classifier: {path.resolve()} ({size:.1f} MB)")
