"""What comes before any stage: settings, source, and a task whose every image can be read."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from voisin.errors import InputError, InputWarning
from voisin.labeling import METHODS, takes_alpha
from voisin.labeling.class_shares import parse_class_shares
from voisin.pipeline import stages as stage
from voisin.pipeline.embedding import make_embedders
from voisin.pipeline.settings import Settings
from voisin.pipeline.stages import Stages
from voisin.pipeline.task import check_given, make_task
from voisin.pipeline.views import Viewpoint
from voisin.project.cache import hash_of
from voisin.sources.opening import open_images
from voisin.types import ImageCollection, Progress


def make_settings(options: Mapping[str, Any]) -> Settings:
    """Make the settings of a run.

    Raises
    ------
    InputError
        If a name or a value is not one of a setting.
    """
    unknown = options.keys() - Settings.__dataclass_fields__.keys()
    if unknown:
        known = ", ".join(Settings.__dataclass_fields__)
        message = f"{min(unknown)!r} is not a setting: choose among {known}."
        raise InputError(message)
    paths = {
        name: Path(options[name]) for name in ("labels", "expert") if options.get(name) is not None
    }
    return Settings(**{**options, **paths})


def warn_of_alpha(settings: Settings, methods: Sequence[str]) -> None:
    """Warn where an alpha was asked for that none of the methods takes."""
    if settings.alpha == Settings.alpha or any(map(takes_alpha, methods)):
        return
    takers = ", ".join(filter(takes_alpha, METHODS))
    message = (
        f"alpha={settings.alpha} has no effect with {', '.join(methods)}: it is for {takers} alone."
    )
    warnings.warn(message, InputWarning, stacklevel=3)


def open_source(
    source: str | Path | ImageCollection, opening: Mapping[str, Any], progress: Progress
) -> tuple[ImageCollection, dict[str, Any]]:
    """Open the source, and say what `voisin.toml` must tell to open it again."""
    if isinstance(source, ImageCollection):
        return source, {"source": source.name}
    name = str(source)
    path = Path(source)
    origin = {"source": str(path.resolve()) if path.exists() else name, **opening}
    return open_images(source, **opening, progress=progress), origin


def prepare(stages: Stages, images: ImageCollection, notes: Sequence[str] = ()) -> Viewpoint:
    """Check and read what will be used, in the order of the ids, and set the truth apart.

    Parameters
    ----------
    stages : Stages
    images : ImageCollection
    notes : sequence of str, optional
        What the user was warned of already, for the report.
    """
    given = check_given(images, stages.settings)
    _check_network(given.images, stages.settings)
    parse_class_shares(stages.settings.class_shares, given.images.class_names)
    embedders = make_embedders(stages, images.ids)
    arrays, _ = stage.read(stages, given.images)
    task = make_task(given, arrays["readable"], arrays["pixels"], stages.settings)
    reasons = tuple(f"left out {reason}" for reason in arrays["reasons"].tolist())
    for reason in reasons:
        stages.announce(f"  {reason}")
    warnings = (*notes, *task.warnings, *arrays["notes"].tolist(), *reasons)
    task = replace(task, warnings=warnings)
    parts = (task.pool.ids, task.pool_pixels, task.test.ids, task.test_pixels)
    return Viewpoint(stages, task, embedders, hash_of([hash_of(part) for part in parts]))


def can_have_shares(viewpoint: Viewpoint) -> bool:
    """Tell whether class shares can be had as asked for: to estimate them takes held-out labels."""
    asked = viewpoint.stages.settings.class_shares
    return asked != "estimate" or bool(viewpoint.held_out_in_turn())


def check_shares(viewpoint: Viewpoint) -> None:
    """Refuse to estimate class shares from labels of which none can be held out.

    Raises
    ------
    InputError
        Before any network is trained.
    """
    if not can_have_shares(viewpoint):
        message = (
            "class_shares='estimate' needs labels to hold out, and no class has two (of different "
            "groups): label more images, or pass 'uniform' or the shares themselves."
        )
        raise InputError(message)


def _check_network(images: ImageCollection, settings: Settings) -> None:
    """Refuse a device that is not there or weights that do not fit, before any work."""
    from voisin.embedding.device import choose_device
    from voisin.embedding.simple_cnn import load_simple_cnn

    choose_device(settings.device)
    if settings.expert is not None:
        n_channels = images.reader.n_channels
        load_simple_cnn(settings.expert, n_channels, images.n_classes, images.class_names)
