"""How stages run: each is computed once for its inputs, timed, and reused after a crash."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from voisin import __version__
from voisin.errors import InputWarning
from voisin.project.cache import Cache, hash_of
from voisin.report.content import StageTime
from voisin.settings import Settings
from voisin.types import Progress

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Stages:
    """Where stages find their results, and how they report progress.

    Attributes
    ----------
    cache : Cache
    settings : Settings
    progress : callable
    log : callable
        Called with one line of text when a stage is done.
    timings : list of StageTime
        Grows with each stage.
    """

    cache: Cache
    settings: Settings
    progress: Progress
    log: Callable[[str], None]
    timings: list[StageTime] = field(default_factory=list)

    def recall(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        compute: Callable[[Path], T],
        kind: type[T],
    ) -> tuple[T, str]:
        """Return a stage's result and key; `compute` gets a folder for unfinished work."""
        versions = [__version__, *(version(name) for name in ("numpy", "torch", "pillow"))]
        inputs = {"stage": stage, "versions": versions, **inputs}
        scratch = self.cache.scratch(stage, hash_of(inputs))
        result = self.cache.recall(stage, inputs, lambda: compute(scratch), kind)
        self._note(StageTime(stage, result.seconds, result.reused))
        return result.value, result.key

    @contextmanager
    def silent(self, stage: str) -> Iterator["Stages"]:
        """Return stages that log nothing themselves; at the end, log their total time in one line.

        The times of reused stages count only if no stage was computed, and then once each.
        """
        inner = replace(self, log=lambda _: None, timings=[])
        yield inner
        if inner.timings:
            computed = [time for time in inner.timings if not time.reused]
            seconds = sum(time.seconds for time in computed or set(inner.timings))
            self._note(StageTime(stage, seconds, reused=not computed))

    def timed(self, stage: str, compute: Callable[[], T]) -> T:
        """Run and time a stage that is too quick to be worth storing."""
        start = time.perf_counter()
        result = compute()
        self._note(StageTime(stage, time.perf_counter() - start, reused=False))
        return result

    def _note(self, timing: StageTime) -> None:
        self.timings.append(timing)
        took = "reused" if timing.reused else f"{timing.seconds:.1f} s"
        self.log(f"  {timing.stage:22}{took:>8}")


@contextmanager
def capture_warnings() -> Iterator[list[str]]:
    """Collect the texts of input warnings for the report, and issue the warnings afterwards."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        yield texts
    for warning in caught:
        if issubclass(warning.category, InputWarning):
            texts.append(str(warning.message))
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
