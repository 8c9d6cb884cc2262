"""Print lines, tables, warnings and progress bars, all on standard error."""

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voisin.cli.options import SHARED_OPTIONS, name_options
from voisin.progress import show_progress
from voisin.types import Progress

_console = Console(stderr=True, highlight=False, soft_wrap=True)


def show_line(line: str) -> None:
    """Print one line, without interpreting any markup in it."""
    _console.print(line, markup=False)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; align its first column to the left, the others to the right."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    room = _console.options.update(max_width=1_000)
    needed = _console.measure(table, options=room).maximum
    wide = max(
        needed, _console.width
    )  # let the terminal wrap lines that are too long; do not cut them
    Console(stderr=True, highlight=False, width=wide).print(table, soft_wrap=False)


def format_p_value(value: float) -> str:
    """Write a p-value with three digits, or a dash if it is NaN."""
    if math.isnan(value):
        return "–"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,  # noqa: ARG001
    lineno: int,  # noqa: ARG001
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    """Print the package's own warnings in one line each; ignore all others."""
    if category.__module__.startswith("voisin"):
        show_line(f"Warning: {name_options(str(message), SHARED_OPTIONS)}")


def progress_bars() -> AbstractContextManager[Progress]:
    """Draw progress where the lines go, so that both keep clear of one another."""
    return show_progress(console=_console)
