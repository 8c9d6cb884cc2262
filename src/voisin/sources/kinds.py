"""What a kind of source offers to `open_images`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from voisin.types import ImageCollection, Progress, no_progress


@dataclass(frozen=True)
class Columns:
    """Names of a table's columns; None takes the usual name where there is one."""

    id: str | None = None
    path: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class OpeningOptions:
    """What a user may ask of a source."""

    size: int = 28
    columns: Columns = field(default_factory=Columns)
    cache_folder: Path | None = None
    progress: Progress = no_progress


Source: TypeAlias = str | Path


@dataclass(frozen=True)
class SourceKind:
    """A kind of source.

    Attributes
    ----------
    description : str
        How a user writes such a source, for the line that lists all kinds.
    recognizes : callable
        Whether a source is of this kind; the first kind that says so opens it.
    open : callable
        Makes the collection.
    names : tuple of str, optional
        Sources that have a name instead of a path.
    has_columns : bool, default=False
        Whether the options of columns mean anything here.
    """

    description: str
    recognizes: Callable[[Source], bool]
    open: Callable[[Source, OpeningOptions], ImageCollection]
    names: tuple[str, ...] = ()
    has_columns: bool = False
