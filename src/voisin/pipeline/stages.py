"""The stages of the chapter, each computed once for its inputs and found again after a crash."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from voisin import __version__
from voisin.pipeline.settings import Settings
from voisin.pipeline.task import Lesson, Task, noting_warnings
from voisin.project.cache import Arrays, Cache, hash_of
from voisin.report.content import StageTime
from voisin.sources.reading import read_images
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Names,
    Predictions,
    Probabilities,
    Progress,
    Propagation,
)

IMAGE_SIZE = 28  # what SimpleCNN looks at
Result = TypeVar("Result")
_WEIGHT = "weight."  # names the arrays of a stage that are a network's weights


@dataclass(frozen=True, eq=False)
class Stages:
    """Where stages find their results, and what they tell.

    Attributes
    ----------
    cache : Cache
    settings : Settings
    progress : callable
    announce : callable
        Told when a stage is done.
    timings : list of StageTime
        Grows with each stage.
    """

    cache: Cache
    settings: Settings
    progress: Progress
    announce: Callable[[str], None]
    timings: list[StageTime] = field(default_factory=list)

    def recall(
        self, stage: str, inputs: Mapping[str, Any], compute: Callable[[Path], Mapping[str, Any]]
    ) -> tuple[Arrays, str]:
        """Return a stage's arrays and key; `compute` is given a folder for unfinished work."""
        inputs = {"stage": stage, "versions": _versions(), **inputs}
        scratch = self.cache.scratch(stage, hash_of(inputs))
        found = self.cache.recall(stage, inputs, lambda: compute(scratch))
        self.timings.append(StageTime(stage, found.seconds, found.reused))
        took = "reused" if found.reused else f"{found.seconds:.1f} s"
        self.announce(f"  {stage:22}{took:>8}")
        return found.arrays, found.key

    @contextmanager
    def silent(self, stage: str) -> Iterator["Stages"]:
        """Give stages that tell nothing of themselves; their times are told together.

        What was found again counts only where all of it was, and once.
        """
        inner = replace(self, announce=lambda _: None, timings=[])
        yield inner
        if inner.timings:
            computed = [one for one in inner.timings if not one.reused]
            reused = not computed
            seconds = sum(one.seconds for one in computed or set(inner.timings))
            self.timings.append(StageTime(stage, seconds, reused))
            self.announce(f"  {stage:22}{'reused' if reused else f'{seconds:.1f} s':>8}")

    def timed(self, stage: str, compute: Callable[[], Result]) -> Result:
        """Run a stage that is quick enough not to be kept."""
        start = time.perf_counter()
        result = compute()
        seconds = time.perf_counter() - start
        self.timings.append(StageTime(stage, seconds, reused=False))
        self.announce(f"  {stage:22}{f'{seconds:.1f} s':>8}")
        return result


@dataclass(frozen=True, eq=False)
class Trained:
    """A network's weights, its predictions on pool and test, and the key of all that."""

    method: str
    weights: Arrays
    pool: Probabilities
    test: Probabilities
    key: str
    notes: Any = None
    architecture: str = "SimpleCNN"


def _versions() -> list[str]:
    """Return the versions that a result may depend on."""
    return [__version__, *(version(name) for name in ("numpy", "torch", "pillow"))]


def read(stages: Stages, images: ImageCollection) -> tuple[Arrays, str]:
    """Decode every image at the network's size; say which cannot be read."""
    max_unreadable = stages.settings.max_unreadable
    inputs = {
        "images": images.reader.fingerprint(),
        "positions": hash_of(images.positions),
        "size": IMAGE_SIZE,
        "max_unreadable": max_unreadable,
    }

    def compute(_: Path) -> Mapping[str, Any]:
        with noting_warnings() as notes:
            found = read_images(
                images, size=IMAGE_SIZE, max_unreadable=max_unreadable, progress=stages.progress
            )
        readable = ~np.isin(images.ids, list(found.unreadable))
        reasons = [f"{name}: {reason}" for name, reason in found.unreadable.items()]
        return {
            "pixels": found.pixels,
            "readable": readable,
            "reasons": np.array(reasons, str),
            "notes": np.array(notes, str),
        }

    return stages.recall("read", inputs, compute)


def few_labels(stages: Stages, task: Task, data_key: str) -> Trained:
    """Train on the labeled images alone."""
    from voisin.training.classifier import Training

    training = Training(epochs=stages.settings.epochs)
    labeled = np.flatnonzero(task.labels != UNLABELED)

    def train(scratch: Path) -> tuple[Any, None]:
        network = training.fit(
            task.pool_pixels[labeled],
            task.labels[labeled],
            n_classes=task.n_classes,
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "training.pt",
            progress=stages.progress,
            task="Training on the few labels",
        )
        return network, None

    inputs = {"data": data_key, "labels": hash_of(task.labels), "training": repr(training)}
    return _trained(stages, task, "few-labels", inputs, train)


def pseudo_labels(stages: Stages, task: Task, start: Trained) -> Trained:
    """Grow the labels by rounds of pseudo-labels."""
    from voisin.training.classifier import Training
    from voisin.training.pseudo_labels import PseudoLabels

    settings = stages.settings
    method = PseudoLabels(
        settings.threshold, settings.quota, settings.rounds, Training(epochs=settings.epochs)
    )

    def train(scratch: Path) -> tuple[Any, Any]:
        network, rounds = method.fit(
            network_of(start, task),
            task.pool_pixels,
            task.labels,
            n_classes=task.n_classes,
            truth=task.hidden,
            random_state=settings.random_state,
            device=settings.device,
            checkpoints=scratch,
            progress=stages.progress,
        )
        return network, [vars(one) for one in rounds]

    inputs = {"start": start.key, "method": repr(method), "truth": hash_of(task.hidden)}
    return _trained(stages, task, "pseudo-labels", inputs, train)


def loaded_expert(stages: Stages, task: Task, data_key: str, path: Path) -> Trained:
    """Take the user's trained network as the expert."""
    from voisin.embedding.simple_cnn import load_simple_cnn

    n_channels = task.pool_pixels.shape[-1]
    network = load_simple_cnn(path, n_channels, task.n_classes, task.pool.class_names)
    weights = {name: hash_of(value.numpy()) for name, value in network.state_dict().items()}
    inputs = {"data": data_key, "weights": weights}
    return _trained(stages, task, "expert", inputs, lambda _: (network, None))


def retrained(stages: Stages, task: Task, propagation: Propagation, data_key: str) -> Trained:
    """Train a new network on the propagated labels, each weighted by its certainty."""
    lesson = lesson_of(task, propagation)
    return _on_all(stages, task, "retrained", lesson.labels, lesson.weights, data_key)


def lesson_of(task: Task, propagation: Propagation, *, even: bool = False) -> Lesson:
    """Make a lesson of propagated labels, each weighted by its certainty.

    The weights are divided by the largest, so that the surest propagated label counts as much as
    a given one (as Iscen et al. 2019 do): spreading far over a graph flattens probabilities.
    With `even`, they are also divided by the weight of their class, as there.
    """
    from voisin.evaluation.certainty import certainty

    given = task.labels != UNLABELED
    labels = np.where(given, task.labels, propagation.labels)
    sure = np.where(given | ~propagation.reached, 0, certainty(propagation.probabilities))
    weights = np.where(given, 1, sure / max(sure.max(), np.finfo(float).tiny))
    if even:
        mass = np.bincount(labels[weights > 0], weights[weights > 0], minlength=task.n_classes)
        weights = weights * np.where(labels >= 0, 1 / np.maximum(mass, 1e-9)[labels], 0)
        weights /= weights.max()
    return Lesson(labels, weights)


def ceiling(stages: Stages, task: Task, data_key: str) -> Trained:
    """Train on every label that the source knows: the best that labeling by hand could give."""
    weights = (task.known != UNLABELED).astype(float)
    return _on_all(stages, task, "ceiling", task.known, weights, data_key)


def _on_all(
    stages: Stages, task: Task, method: str, labels: Any, weights: Any, data_key: str
) -> Trained:
    from voisin.training.classifier import Training

    training = Training(epochs=stages.settings.retraining_epochs)

    def train(scratch: Path) -> tuple[Any, None]:
        network = training.fit(
            task.pool_pixels,
            labels,
            n_classes=task.n_classes,
            weights=weights,
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "training.pt",
            progress=stages.progress,
            task=f"Training: {method}",
        )
        return network, None

    inputs = {
        "data": data_key,
        "labels": hash_of(labels),
        "weights": hash_of(weights),
        "training": repr(training),
    }
    return _trained(stages, task, method, inputs, train)


def _trained(
    stages: Stages,
    task: Task,
    method: str,
    inputs: Mapping[str, Any],
    train: Callable[[Path], tuple[Any, Any]],
) -> Trained:
    """Train, predict pool and test, and keep all three."""
    from voisin.embedding.device import choose_device
    from voisin.embedding.inference import predict

    def compute(scratch: Path) -> Mapping[str, Any]:
        network, notes = train(scratch)
        return {
            **{f"{_WEIGHT}{k}": v.cpu().numpy() for k, v in network.state_dict().items()},
            "pool": _each(predict, network, task.pool_pixels, stages),
            "test": _each(predict, network, task.test_pixels, stages),
            "notes": np.array(json.dumps(notes)),
        }

    inputs = {
        **inputs,
        "random_state": stages.settings.random_state,
        "n_classes": task.n_classes,
        "device": choose_device(stages.settings.device).type,
    }
    arrays, key = stages.recall(method, inputs, compute)
    weights = {
        name.removeprefix(_WEIGHT): value
        for name, value in arrays.items()
        if name.startswith(_WEIGHT)
    }
    return Trained(
        method, weights, arrays["pool"], arrays["test"], key, json.loads(str(arrays["notes"]))
    )


def _each(function: Callable[..., Any], network: Any, pixels: Any, stages: Stages) -> Any:
    return function(network, pixels, device=stages.settings.device, progress=stages.progress)


def network_of(trained: Trained, task: Task) -> Any:
    """Build the network of a finished stage again."""
    import torch

    from voisin.embedding.simple_cnn import SimpleCNN

    network = SimpleCNN(task.pool_pixels.shape[-1], task.n_classes)
    network.load_state_dict(
        {name: torch.from_numpy(np.array(value)) for name, value in trained.weights.items()}
    )
    return network.eval()


def predictions(trained: Trained, task: Task) -> Predictions:
    """Join the predictions on pool and test, each row with its image's id."""
    return Predictions(trained.method, ids_of(task), np.concatenate([trained.pool, trained.test]))


def ids_of(task: Task) -> Names:
    """Return the ids of pool and test, in the order of every prediction."""
    return np.concatenate([task.pool.ids, task.test.ids])
