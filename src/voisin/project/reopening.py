"""A finished project opened again: its settings, and its source as they remember it."""

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from voisin.errors import ProjectError, VoisinError
from voisin.project.folder import SETTINGS
from voisin.settings import Settings
from voisin.sources.opening import open_images
from voisin.types import ImageCollection, Names, Progress, no_progress

_OURS = {one.name for one in fields(Settings)}
_OF_COMPARISONS = {"draws", "compared_labels_per_class", "labels_at_the_end"}
_SIZE = 28  # default of `open_images`


def read_settings(folder: Path) -> dict[str, Any]:
    """Read a project's ``voisin.toml``.

    Raises
    ------
    ProjectError
        If there is none, it cannot be read, or a setting in it cannot be used.
    """
    try:
        settings = tomllib.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        Settings(**{name: settings[name] for name in _OURS & settings.keys()})
    except (FileNotFoundError, NotADirectoryError) as error:
        message = f"{folder} has no {SETTINGS}: pass the folder of a finished `voisin run`."
        raise ProjectError(message) from error
    except (OSError, ValueError) as error:
        message = f"{folder / SETTINGS} cannot be read ({error}): run the project again."
        raise ProjectError(message) from error
    if "source" not in settings:
        message = f"{folder / SETTINGS} names no source: run the project again."
        raise ProjectError(message)
    return settings


def reopen_source(
    settings: Mapping[str, Any], *, progress: Progress = no_progress
) -> ImageCollection:
    """Open the source with the options that it was opened with.

    Raises
    ------
    VoisinError
        If it is gone, or was never a file.
    """
    ours = _OURS | _OF_COMPARISONS | {"schema", "source"}
    opening = {name: value for name, value in settings.items() if name not in ours}
    try:
        return open_images(str(settings.get("source", "")), **opening, progress=progress)
    except TypeError as error:  # an option that no source has
        message = f"{SETTINGS} has a setting that is not known ({error}): run the project again."
        raise ProjectError(message) from error


def next_run(settings: Mapping[str, Any], labels: Path, out: Path) -> str:
    """Return the command that runs a project again, elsewhere and from other labels.

    Settings that are the defaults are left out, and those of a comparison in the same folder.

    Examples
    --------
    >>> settings = {"source": "my images", "labels_per_class": 5, "size": 28, "embedding": "pixels"}
    >>> next_run(settings, Path("answers.csv"), Path("again"))
    "voisin run 'my images' --labels answers.csv --out again --embedding pixels"
    """
    usual = {**Settings().as_dict(), "size": _SIZE, "schema": settings.get("schema")}
    replaced = _OF_COMPARISONS | {"source", "labels", "labels_per_class"}
    words = ["voisin", "run", str(settings.get("source", ""))]
    words += ["--labels", str(labels), "--out", str(out)]
    for name, value in settings.items():
        if name in replaced or usual.get(name) == value:
            continue
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", str(value)]
    return shlex.join(words)


def reopen_in_order(
    settings: Mapping[str, Any], ids: Names, *, progress: Progress = no_progress
) -> ImageCollection | None:
    """Open the source, its images in the order of `ids`; None if it has not all of them."""
    try:
        images = reopen_source(settings, progress=progress)
    except VoisinError:
        return None
    place = {name: position for position, name in enumerate(images.ids.tolist())}
    if not all(name in place for name in ids.tolist()):
        return None
    return images.take(np.array([place[name] for name in ids.tolist()]))
