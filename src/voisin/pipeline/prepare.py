"""What comes before any stage: settings, source, and a task whose every image can be read."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from voisin.errors import InputError, InputWarning
from voisin.labeling.class_prior_estimation import parse_class_priors
from voisin.labeling.registry import METHODS, takes_alpha
from voisin.pipeline import stages as stage
from voisin.pipeline.context import Context
from voisin.pipeline.embed import make_embedders
from voisin.pipeline.experiment import check_input, make_experiment
from voisin.pipeline.stages import Stages
from voisin.project.cache import hash_of
from voisin.settings import Settings
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


def prepare(stages: Stages, images: ImageCollection, notes: Sequence[str] = ()) -> Context:
    """Check and read what will be used, in the order of the ids, and set the truth apart.

    Parameters
    ----------
    stages : Stages
    images : ImageCollection
    notes : sequence of str, optional
        What the user was warned of already, for the report.
    """
    given = check_input(images, stages.settings)
    _check_network(given.images, stages.settings)
    parse_class_priors(stages.settings.class_priors, given.images.class_names)
    embedders = make_embedders(stages, images.ids)
    arrays, _ = stage.read_pixels(stages, given.images)
    experiment = make_experiment(given, arrays["readable"], arrays["pixels"], stages.settings)
    reasons = tuple(f"left out {reason}" for reason in arrays["reasons"].tolist())
    for reason in reasons:
        stages.log(f"  {reason}")
    warnings = (*notes, *experiment.warnings, *arrays["notes"].tolist(), *reasons)
    experiment = replace(experiment, warnings=warnings)
    parts = (
        experiment.pool.ids,
        experiment.pool_pixels,
        experiment.test.ids,
        experiment.test_pixels,
    )
    return Context(stages, experiment, embedders, hash_of([hash_of(part) for part in parts]))


def can_have_shares(context: Context) -> bool:
    """Tell whether class shares can be had as asked for: to estimate them takes held-out labels."""
    asked = context.stages.settings.class_priors
    return asked != "estimate" or bool(context.held_out_in_turn())


def check_shares(context: Context) -> None:
    """Refuse to estimate class shares from labels of which none can be held out.

    Raises
    ------
    InputError
        Before any network is trained.
    """
    if not can_have_shares(context):
        message = (
            "class_priors='estimate' needs labels to hold out, and no class has two (of different "
            "groups): label more images, or pass 'uniform' or the shares themselves."
        )
        raise InputError(message)


def _check_network(images: ImageCollection, settings: Settings) -> None:
    """Refuse a device that is not there or weights that do not fit, before any work."""
    from voisin.embedding.inference import choose_device
    from voisin.embedding.networks.simple_cnn import load_simple_cnn

    choose_device(settings.device)
    if settings.expert is not None:
        n_channels = images.reader.n_channels
        load_simple_cnn(settings.expert, n_channels, images.n_classes, images.class_names)
