"""Show how far a long task is: as bars in a terminal, as an element in a notebook, or as lines.

This module must not know the tasks.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from voisin.types import AskedProgress, Progress, no_progress

if TYPE_CHECKING:
    from rich.console import Console

_EVERY = 0.2  # seconds between two pictures in a notebook, by hand: each is a message to a browser
_TENTHS = 10  # lines of a task where there is neither terminal nor notebook, by hand


@contextmanager
def show_progress(
    asked: AskedProgress = None, console: "Console | None" = None
) -> Iterator[Progress]:
    """Yield the callback to report progress to.

    Parameters
    ----------
    asked : callable, bool or None
        A callback is yielded as it is. By default progress is shown where a person looks: in a
        terminal or a notebook. True also writes lines where there is neither; False shows nothing.
    console : rich.console.Console, optional
        Where the bars are drawn; by default on standard error.

    Examples
    --------
    >>> with show_progress(lambda *args: print(*args)) as progress:
    ...     progress("Embedding", 1, 2)
    Embedding 1 2
    """
    if callable(asked):
        yield asked
    elif asked is False:
        yield no_progress
    elif display := _notebook_display():
        with _in_notebook(display) as progress:
            yield progress
    elif sys.stderr.isatty():
        with _bars(console) as progress:
            yield progress
    else:
        yield _lines() if asked else no_progress


def _notebook_display() -> Callable[..., Any] | None:
    """Return IPython's `display` if this is a notebook's kernel."""
    if "IPython" not in sys.modules:
        return None
    from IPython import display, get_ipython

    return display.display if hasattr(get_ipython(), "kernel") else None


@contextmanager
def _in_notebook(display: Callable[..., Any]) -> Iterator[Progress]:
    """Draw the task at hand into one place of the output, and empty it at the end."""
    place = display(_Html(""), display_id=True)
    started: dict[str, float] = {}
    drawn = 0.0

    def show(task: str, done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        start = started.setdefault(task, now)
        if done >= total:
            started.pop(task)
        if now - drawn < _EVERY:
            return
        drawn = now
        left = (
            f", {(now - start) * (total - done) / done:.0f} s left" if done and now > start else ""
        )
        place.update(
            _Html(
                f'<div>{escape(task)} <progress value="{done}" max="{total}"></progress> '
                f"{done:,} of {total:,}{left}</div>"
            )
        )

    try:
        yield show
    finally:
        place.update(_Html(""))


class _Html:
    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return self._text


@contextmanager
def _bars(console: "Console | None") -> Iterator[Progress]:
    """Draw one bar for each task."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    class SpeedColumn(ProgressColumn):
        """Shows how many units of a task are done per second, once that is known."""

        def render(self, task: Task) -> Text:
            """Write the speed."""
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.3g}/s", style="progress.data.speed")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        SpeedColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Bars(*columns, console=console or Console(stderr=True), transient=True) as bars:
        drawn: dict[str, TaskID] = {}

        def show(task: str, done: int, total: int) -> None:
            if task not in drawn:
                drawn[task] = bars.add_task(task, total=total)
            bars.update(drawn[task], completed=done, total=total)
            if done >= total:
                bars.remove_task(drawn.pop(task))

        yield show


def _lines() -> Progress:
    """Write a line for each tenth of a task."""
    told: dict[str, int] = {}

    def show(task: str, done: int, total: int) -> None:
        tenth = _TENTHS * done // max(total, 1)
        if told.get(task) != tenth:
            sys.stderr.write(f"{task}: {done:,} of {total:,}\n")
            told[task] = tenth
        if done >= total:
            told.pop(task, None)

    return show
