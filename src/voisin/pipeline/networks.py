"""The stages that train the networks which embedders look through, each kept under its inputs.

The few labels and the pool's pixels are all that they are given; the hidden truth never.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voisin.embedding.specification import KINDS, parse_embedding
from voisin.pipeline.experiment import Experiment, TrainingLabels
from voisin.pipeline.stages import Stages, TrainedNetwork, rebuild_network
from voisin.pipeline.stages import retrain_simple_cnn as plainly_retrained
from voisin.project.cache import hash_of
from voisin.types import UNLABELED, Propagation

if TYPE_CHECKING:
    from voisin.training.fine_tuning import FineTuning
    from voisin.training.neighbor_contrastive import NeighborContrastiveTraining
    from voisin.training.simclr import SimCLR
    from voisin.training.vae import VAETraining

_FEWEST_EPOCHS = 5  # of a lesson of many images
_DISTILLING_EPOCHS, _DISTILLING_BATCH = 25, 32


def make_network(
    name: str, stages: Stages, experiment: Experiment, expert: TrainedNetwork | None, data_key: str
) -> Any:
    """Return a trained network by the name that a kind of embedder asks for.

    Parameters
    ----------
    name : {"expert", "augmented", "simclr", "fine-tuned", "vae", "neighbor-contrastive"}
    stages : Stages
    experiment : Experiment
    expert : TrainedNetwork, optional
        The chapter's own, for ``expert`` alone; a lesson is taught to an augmented one instead.
    data_key : str
        Of the pool's pixels.
    """
    if name == "expert" and expert is not None and experiment.lesson is None:
        return rebuild_network(expert, experiment)
    network, _ = _MAKERS["augmented" if name == "expert" else name](stages, experiment, data_key)
    return network


def retrain_network(
    stages: Stages, experiment: Experiment, propagation: Propagation, data_key: str
) -> TrainedNetwork:
    """Train a new network on the propagated labels, of the kind that the embedding looks through.

    With the chapter's plain features it is the chapter's plain network; else the images are
    changed at every look, and it learns what is thought of each image, doubts included (Hinton,
    Vinyals & Dean 2015), in place of one label.
    """
    from voisin.embedding.inference import predict

    if not _networks(stages) & {"augmented", "simclr", "fine-tuned"}:
        return plainly_retrained(stages, experiment, propagation, data_key)
    lesson = _distilled(experiment, propagation)
    network, key = train_label_network(stages, replace(experiment, lesson=lesson), data_key)
    options: dict[str, Any] = {"device": stages.settings.device, "progress": stages.progress}

    def compute(_: Path) -> Mapping[str, Any]:
        return {
            "pool": predict(network, experiment.pool_pixels, **options),
            "test": predict(network, experiment.test_pixels, **options)
            if len(experiment.test)
            else np.empty((0, experiment.n_classes)),
        }

    arrays, key = stages.recall("retrained", {"network": key}, compute)
    weights = {name: value.cpu().numpy() for name, value in network.state_dict().items()}
    architecture = type(network).__name__
    return TrainedNetwork(
        "retrained", weights, arrays["pool"], arrays["test"], key, None, architecture
    )


def _distilled(experiment: Experiment, propagation: Propagation) -> TrainingLabels:
    """Make a lesson of what was found for each image, given labels kept."""
    given = experiment.labels != UNLABELED
    targets = propagation.probabilities.copy()
    targets[given] = np.eye(experiment.n_classes)[experiment.labels[given]]
    labels = np.where(given, experiment.labels, propagation.labels)
    return TrainingLabels(labels, (given | propagation.reached).astype(np.float64), targets)


def train_label_network(stages: Stages, experiment: Experiment, data_key: str) -> tuple[Any, str]:
    """Return the network that the embedding's labels teach, taught the task's lesson, and its key.

    It is the self-taught one, tuned, where the embedding has that; else a SimpleCNN.
    """
    name = "fine-tuned" if _networks(stages) & {"fine-tuned", "simclr"} else "augmented"
    return _MAKERS[name](stages, experiment, data_key)


def _networks(stages: Stages) -> set[str]:
    return {KINDS[part.kind].network for part in parse_embedding(stages.settings.embedding)}


def _augmented(stages: Stages, experiment: Experiment, data_key: str) -> tuple[Any, str]:
    """Teach a new SimpleCNN the few labels, with images changed at every look."""
    from voisin.embedding.networks.simple_cnn import SimpleCNN
    from voisin.training.fine_tuning import FineTuning

    def new() -> Any:
        return SimpleCNN(experiment.pool_pixels.shape[-1], experiment.n_classes)

    training = FineTuning(stages.settings.orientation)
    return _taught_labels("augmented", stages, experiment, {"data": data_key}, new, training)


def _self_taught(stages: Stages, experiment: Experiment, data_key: str) -> tuple[Any, str]:
    """Let a residual network teach itself on all images of the pool."""
    from voisin.embedding.networks.residual_network import ResidualNetwork
    from voisin.training.simclr import SimCLR

    network = ResidualNetwork(experiment.pool_pixels.shape[-1])
    teaching = SimCLR(stages.settings.orientation)
    return _taught_by_itself("simclr", stages, experiment, data_key, network, teaching)


def _autoencoder(stages: Stages, experiment: Experiment, data_key: str) -> tuple[Any, str]:
    """Let an autoencoder learn to draw all images of the pool again."""
    from voisin.embedding.networks.autoencoder import Autoencoder
    from voisin.training.vae import VAETraining

    network = Autoencoder(experiment.pool_pixels.shape[-1])
    return _taught_by_itself("vae", stages, experiment, data_key, network, VAETraining())


def _neighbor_taught(stages: Stages, experiment: Experiment, data_key: str) -> tuple[Any, str]:
    """Let a perceptron learn which images of the pool are neighbors."""
    from voisin.embedding.networks.perceptron import Perceptron
    from voisin.training.neighbor_contrastive import NeighborContrastiveTraining

    network = Perceptron(experiment.pool_pixels.shape[-1])
    teaching = NeighborContrastiveTraining(stages.settings.orientation)
    return _taught_by_itself(
        "neighbor-contrastive", stages, experiment, data_key, network, teaching
    )


def _tuned(stages: Stages, experiment: Experiment, data_key: str) -> tuple[Any, str]:
    """Teach the self-taught network the few labels."""
    from voisin.embedding.networks.residual_network import ResidualClassifier
    from voisin.training.fine_tuning import FineTuning

    start, key = _self_taught(stages, experiment, data_key)

    def new() -> Any:
        network = ResidualClassifier(experiment.pool_pixels.shape[-1], experiment.n_classes)
        network.load_state_dict({**network.state_dict(), **start.state_dict()})
        return network

    training = FineTuning(stages.settings.orientation, epochs=40, learning_rate=1e-3)
    return _taught_labels("fine-tuned", stages, experiment, {"start": key}, new, training)


_MAKERS: Mapping[str, Callable[[Stages, Experiment, str], tuple[Any, str]]] = {
    "augmented": _augmented,
    "simclr": _self_taught,
    "fine-tuned": _tuned,
    "vae": _autoencoder,
    "neighbor-contrastive": _neighbor_taught,
}


def _taught_by_itself(
    name: str,
    stages: Stages,
    experiment: Experiment,
    data_key: str,
    network: Any,
    teaching: "NeighborContrastiveTraining | SimCLR | VAETraining",
) -> tuple[Any, str]:
    def train(scratch: Path) -> Any:
        return teaching.fit(
            experiment.pool_pixels,
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "lesson.pt",
            progress=stages.progress,
        )

    inputs = {"data": data_key, "teaching": repr(teaching)}
    return _kept(name, stages, inputs, network, train)


def _taught_labels(
    name: str,
    stages: Stages,
    experiment: Experiment,
    inputs: Mapping[str, Any],
    new: Callable[[], Any],
    training: "FineTuning",
) -> tuple[Any, str]:
    lesson = experiment.taught
    weights, targets = lesson.weights, lesson.targets
    labels = lesson.labels if targets is None else targets.astype(np.float32)
    rows = np.flatnonzero(weights > 0)
    training = _for_as_many(training, len(rows), int((experiment.labels != UNLABELED).sum()))
    if targets is not None:  # there is more to learn of a doubt than of a label
        epochs = max(training.epochs, _DISTILLING_EPOCHS)
        training = replace(training, epochs=epochs, batch_size=_DISTILLING_BATCH)

    def train(_: Path) -> Any:
        return training.fit(
            _with_first_weights(new, stages.settings.random_state),
            experiment.pool_pixels[rows],
            labels[rows],
            weights=weights[rows],
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            progress=stages.progress,
            task=f"Training: {name}",
        )

    inputs = {
        **inputs,
        "labels": hash_of(labels),
        "weights": hash_of(weights),
        "training": repr(training),
    }
    return _kept(name, stages, {**inputs, "n_classes": experiment.n_classes}, new(), train)


def _for_as_many(training: "FineTuning", n_images: int, n_few: int) -> "FineTuning":
    """Look at each image less often where there are more, so that it takes about as long."""
    epochs = max(_FEWEST_EPOCHS, round(training.epochs * n_few / n_images))
    return replace(training, epochs=min(training.epochs, epochs))


def _with_first_weights(new: Callable[[], Any], random_state: int) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        return new()


def _kept(
    name: str,
    stages: Stages,
    inputs: Mapping[str, Any],
    network: Any,
    train: Callable[[Path], Any],
) -> tuple[Any, str]:
    """Train once for the same inputs, and put the weights into `network`."""
    import torch

    from voisin.embedding.inference import choose_device

    def compute(scratch: Path) -> Mapping[str, Any]:
        trained = train(scratch)
        return {key: value.cpu().numpy() for key, value in trained.state_dict().items()}

    inputs = {
        **inputs,
        "random_state": stages.settings.random_state,
        "device": choose_device(stages.settings.device).type,
    }
    arrays, key = stages.recall(f"network-{name}", inputs, compute)
    network.load_state_dict(
        {name: torch.from_numpy(np.array(value)) for name, value in arrays.items()}
    )
    return network.eval(), key
