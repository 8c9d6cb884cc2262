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
from voisin.pipeline.experiment import Experiment, TrainingLabels, capture_warnings
from voisin.project.cache import Arrays, Cache, hash_of
from voisin.report.content import StageTime
from voisin.settings import Settings
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
    log : callable
        Told when a stage is done.
    timings : list of StageTime
        Grows with each stage.
    """

    cache: Cache
    settings: Settings
    progress: Progress
    log: Callable[[str], None]
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
        self.log(f"  {stage:22}{took:>8}")
        return found.arrays, found.key

    @contextmanager
    def silent(self, stage: str) -> Iterator["Stages"]:
        """Give stages that tell nothing of themselves; their times are told together.

        What was found again counts only where all of it was, and once.
        """
        inner = replace(self, log=lambda _: None, timings=[])
        yield inner
        if inner.timings:
            computed = [one for one in inner.timings if not one.reused]
            reused = not computed
            seconds = sum(one.seconds for one in computed or set(inner.timings))
            self.timings.append(StageTime(stage, seconds, reused))
            self.log(f"  {stage:22}{'reused' if reused else f'{seconds:.1f} s':>8}")

    def timed(self, stage: str, compute: Callable[[], Result]) -> Result:
        """Run a stage that is quick enough not to be kept."""
        start = time.perf_counter()
        result = compute()
        seconds = time.perf_counter() - start
        self.timings.append(StageTime(stage, seconds, reused=False))
        self.log(f"  {stage:22}{f'{seconds:.1f} s':>8}")
        return result


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
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


def read_pixels(stages: Stages, images: ImageCollection) -> tuple[Arrays, str]:
    """Decode every image at the network's size; say which cannot be read."""
    max_unreadable = stages.settings.max_unreadable
    inputs = {
        "images": images.reader.fingerprint(),
        "positions": hash_of(images.positions),
        "size": IMAGE_SIZE,
        "max_unreadable": max_unreadable,
    }

    def compute(_: Path) -> Mapping[str, Any]:
        with capture_warnings() as notes:
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


def train_on_few_labels(stages: Stages, experiment: Experiment, data_key: str) -> TrainedNetwork:
    """Train on the labeled images alone."""
    from voisin.training.supervised import SupervisedTraining

    training = SupervisedTraining(epochs=stages.settings.epochs)
    labeled = np.flatnonzero(experiment.labels != UNLABELED)

    def train(scratch: Path) -> tuple[Any, None]:
        network = training.fit(
            experiment.pool_pixels[labeled],
            experiment.labels[labeled],
            n_classes=experiment.n_classes,
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "training.pt",
            progress=stages.progress,
            task="Training on the few labels",
        )
        return network, None

    inputs = {"data": data_key, "labels": hash_of(experiment.labels), "training": repr(training)}
    return _trained(stages, experiment, "few-labels", inputs, train)


def train_on_pseudo_labels(
    stages: Stages, experiment: Experiment, start: TrainedNetwork
) -> TrainedNetwork:
    """Grow the labels by rounds of pseudo-labels."""
    from voisin.training.pseudo_labels import PseudoLabels
    from voisin.training.supervised import SupervisedTraining

    settings = stages.settings
    method = PseudoLabels(
        settings.threshold,
        settings.quota,
        settings.rounds,
        SupervisedTraining(epochs=settings.epochs),
    )

    def train(scratch: Path) -> tuple[Any, Any]:
        network, rounds = method.fit(
            rebuild_network(start, experiment),
            experiment.pool_pixels,
            experiment.labels,
            n_classes=experiment.n_classes,
            truth=experiment.hidden,
            random_state=settings.random_state,
            device=settings.device,
            checkpoints=scratch,
            progress=stages.progress,
        )
        return network, [vars(one) for one in rounds]

    inputs = {"start": start.key, "method": repr(method), "truth": hash_of(experiment.hidden)}
    return _trained(stages, experiment, "pseudo-labels", inputs, train)


def load_expert_network(
    stages: Stages, experiment: Experiment, data_key: str, path: Path
) -> TrainedNetwork:
    """Take the user's trained network as the expert."""
    from voisin.embedding.networks.simple_cnn import load_simple_cnn

    n_channels = experiment.pool_pixels.shape[-1]
    network = load_simple_cnn(path, n_channels, experiment.n_classes, experiment.pool.class_names)
    weights = {name: hash_of(value.numpy()) for name, value in network.state_dict().items()}
    inputs = {"data": data_key, "weights": weights}
    return _trained(stages, experiment, "expert", inputs, lambda _: (network, None))


def retrain_simple_cnn(
    stages: Stages, experiment: Experiment, propagation: Propagation, data_key: str
) -> TrainedNetwork:
    """Train a new network on the propagated labels, each weighted by its certainty."""
    lesson = weighted_labels(experiment, propagation)
    return _on_all(stages, experiment, "retrained", lesson.labels, lesson.weights, data_key)


def weighted_labels(
    experiment: Experiment, propagation: Propagation, *, even: bool = False
) -> TrainingLabels:
    """Make a lesson of propagated labels, each weighted by its certainty.

    The weights are divided by the largest, so that the surest propagated label counts as much as
    a given one (as Iscen et al. 2019 do): spreading far over a graph flattens probabilities.
    With `even`, they are also divided by the weight of their class, as there.
    """
    from voisin.calibration.prior_shift import weigh_by_class
    from voisin.evaluation.metrics import certainty

    given = experiment.labels != UNLABELED
    labels = np.where(given, experiment.labels, propagation.labels)
    sure = np.where(given | ~propagation.reached, 0, certainty(propagation.probabilities))
    weights = np.where(given, 1, sure / max(sure.max(), np.finfo(float).tiny))
    if even:
        weights = weigh_by_class(labels, weights=weights)
        weights /= weights.max()
    return TrainingLabels(labels, weights)


def train_on_all_labels(stages: Stages, experiment: Experiment, data_key: str) -> TrainedNetwork:
    """Train on every label that the source knows: the best that labeling by hand could give."""
    weights = (experiment.known != UNLABELED).astype(float)
    return _on_all(stages, experiment, "ceiling", experiment.known, weights, data_key)


def _on_all(
    stages: Stages, experiment: Experiment, method: str, labels: Any, weights: Any, data_key: str
) -> TrainedNetwork:
    from voisin.training.supervised import SupervisedTraining

    training = SupervisedTraining(epochs=stages.settings.retraining_epochs)

    def train(scratch: Path) -> tuple[Any, None]:
        network = training.fit(
            experiment.pool_pixels,
            labels,
            n_classes=experiment.n_classes,
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
    return _trained(stages, experiment, method, inputs, train)


def _trained(
    stages: Stages,
    experiment: Experiment,
    method: str,
    inputs: Mapping[str, Any],
    train: Callable[[Path], tuple[Any, Any]],
) -> TrainedNetwork:
    """Train, predict pool and test, and keep all three."""
    from voisin.embedding.device import choose_device
    from voisin.embedding.inference import predict

    def compute(scratch: Path) -> Mapping[str, Any]:
        network, notes = train(scratch)
        return {
            **{f"{_WEIGHT}{k}": v.cpu().numpy() for k, v in network.state_dict().items()},
            "pool": _each(predict, network, experiment.pool_pixels, stages),
            "test": _each(predict, network, experiment.test_pixels, stages),
            "notes": np.array(json.dumps(notes)),
        }

    inputs = {
        **inputs,
        "random_state": stages.settings.random_state,
        "n_classes": experiment.n_classes,
        "device": choose_device(stages.settings.device).type,
    }
    arrays, key = stages.recall(method, inputs, compute)
    weights = {
        name.removeprefix(_WEIGHT): value
        for name, value in arrays.items()
        if name.startswith(_WEIGHT)
    }
    return TrainedNetwork(
        method, weights, arrays["pool"], arrays["test"], key, json.loads(str(arrays["notes"]))
    )


def _each(function: Callable[..., Any], network: Any, pixels: Any, stages: Stages) -> Any:
    return function(network, pixels, device=stages.settings.device, progress=stages.progress)


def rebuild_network(trained: TrainedNetwork, experiment: Experiment) -> Any:
    """Build the network of a finished stage again."""
    import torch

    from voisin.embedding.networks.simple_cnn import SimpleCNN

    network = SimpleCNN(experiment.pool_pixels.shape[-1], experiment.n_classes)
    network.load_state_dict(
        {name: torch.from_numpy(np.array(value)) for name, value in trained.weights.items()}
    )
    return network.eval()


def predictions_of(trained: TrainedNetwork, experiment: Experiment) -> Predictions:
    """Join the predictions on pool and test, each row with its image's id."""
    return Predictions(
        trained.method, all_ids(experiment), np.concatenate([trained.pool, trained.test])
    )


def all_ids(experiment: Experiment) -> Names:
    """Return the ids of pool and test, in the order of every prediction."""
    return np.concatenate([experiment.pool.ids, experiment.test.ids])
