"""The networks whose features embedders use; each is trained once and kept.

They are trained on the pool's pixels and the few labels, never on the hidden true labels.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voisin.embedding.cached import hash_images
from voisin.embedding.specification import KINDS, parse_embedding
from voisin.embedding.vector_cache import VectorCache
from voisin.pipeline.classifiers import TrainedNetwork, retrain_simple_cnn
from voisin.pipeline.prepare import Experiment, TrainingLabels, read_at
from voisin.pipeline.stages import Stages
from voisin.project.cache import hash_of
from voisin.types import UNLABELED, Propagation

if TYPE_CHECKING:
    from voisin.training.fine_tuning import FineTuning

_FEWEST_EPOCHS = 5  # by hand: with many images, the network still sees five versions of each
_DISTILLING_EPOCHS = 25  # AUC on DermaMNIST 0.898; 15 epochs gave 0.895, and 45 gave 0.001 more
_DISTILLING_BATCH = 32  # images per step, by hand: fewer make more steps, and take longer


def make_network(
    name: str, stages: Stages, experiment: Experiment, expert: TrainedNetwork | None
) -> Any:
    """Return a trained network by the name that a kind of embedder asks for.

    Parameters
    ----------
    name : {"expert", "augmented", "simclr", "fine-tuned", "vae", "neighbor-contrastive"}
    stages : Stages
    experiment : Experiment
    expert : TrainedNetwork, optional
        Used for ``expert`` only. If the experiment has training labels beyond the few, an
        augmented network that is trained on these takes its place.
    """
    if name == "expert" and expert is not None and experiment.taught is None:
        return expert.rebuild(experiment)
    network, _ = _MAKERS["augmented" if name == "expert" else name](stages, experiment)
    return network


def retrain_network(
    stages: Stages, experiment: Experiment, propagation: Propagation
) -> TrainedNetwork:
    """Train a new network of the kind that the embedding uses, on the propagated labels.

    If the embedding uses no trained network, train a plain one on the labels. Otherwise augment
    the images, and train on the probabilities of all classes instead of one label per image
    (Hinton, Vinyals & Dean 2015).
    """
    from voisin.embedding.inference import predict

    if not _networks(stages) & {"augmented", "simclr", "fine-tuned"}:
        return retrain_simple_cnn(stages, experiment, propagation)
    taught = _probabilities_as_targets(experiment, propagation)
    network, key = train_label_network(stages, replace(experiment, taught=taught))
    options: dict[str, Any] = {"device": stages.settings.device, "progress": stages.progress}

    def compute(_: Path) -> TrainedNetwork:
        return TrainedNetwork(
            "retrained",
            {name: value.cpu().numpy() for name, value in network.state_dict().items()},
            predict(network, experiment.pool_pixels, **options),
            predict(network, experiment.test_pixels, **options)
            if len(experiment.test)
            else np.empty((0, experiment.n_classes)),
            architecture=type(network).__name__,
        )

    return stages.recall("retrained", {"network": key}, compute, TrainedNetwork)[0]


def _probabilities_as_targets(experiment: Experiment, propagation: Propagation) -> TrainingLabels:
    """Return the propagated probabilities as targets; given labels have probability 1."""
    given = experiment.labels != UNLABELED
    targets = propagation.probabilities.copy()
    targets[given] = np.eye(experiment.n_classes)[experiment.labels[given]]
    labels = np.where(given, experiment.labels, propagation.labels)
    return TrainingLabels(labels, (given | propagation.reached).astype(np.float64), targets)


def train_label_network(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Return the network of the embedding that learns from labels, and its key.

    It is the self-supervised network, fine-tuned, if the embedding uses that; else a SimpleCNN.
    """
    name = "fine-tuned" if _networks(stages) & {"fine-tuned", "simclr"} else "augmented"
    return _MAKERS[name](stages, experiment)


def _networks(stages: Stages) -> set[str]:
    return {KINDS[part.kind].network for part in parse_embedding(stages.settings.embedding)}


@cache
def _backbone() -> Any:
    """Load the backbone with the weights that come installed: once, though every fold needs it."""
    from voisin.embedding.networks.efficientnet import load_backbone

    return load_backbone()


def _tuned_backbone(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Fine-tune the backbone on the few labels, or on the labels found."""
    from voisin.embedding.networks.efficientnet import load_backbone
    from voisin.training.backbone_tuning import BackboneTuning

    taught, size = experiment.training_labels, backbone_size(stages, experiment)
    labels = taught.labels if taught.targets is None else taught.targets.astype(np.float32)
    rows = np.flatnonzero(taught.weights > 0)
    training = BackboneTuning(stages.settings.orientation)

    def train(scratch: Path) -> Any:
        return training.fit(
            load_backbone(experiment.n_classes),
            read_at(stages, experiment, size)[0][rows],
            labels[rows],
            weights=taught.weights[rows],
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "training.pt",
            progress=stages.progress,
            task="Fine-tuning the backbone",
        )

    some = experiment.pool.take(rows)
    inputs = {
        "images": [content.hex() for content in hash_images(some, VectorCache())],
        "n_channels": some.reader.n_channels,
        "size": size,
        "labels": hash_of(labels[rows]),
        "weights": hash_of(taught.weights[rows]),
        "training": repr(training),
        "n_classes": experiment.n_classes,
    }
    network = load_backbone(experiment.n_classes)
    return _recall_network("backbone-tuned", stages, inputs, network, train)


def backbone_size(stages: Stages, experiment: Experiment) -> int:
    """Return the pixels per side that the backbone gets: as set, else by the images' own."""
    from voisin.embedding.backbone import choose_size

    return stages.settings.embedding_size or choose_size(experiment.native_size)


def _augmented(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Train a new SimpleCNN on the few labels, with images changed each time they are seen."""
    from voisin.embedding.networks.simple_cnn import SimpleCNN
    from voisin.training.fine_tuning import FineTuning

    def new() -> Any:
        return SimpleCNN(experiment.pool_pixels.shape[-1], experiment.n_classes)

    training = FineTuning(stages.settings.orientation)
    return _train_on_labels("augmented", stages, experiment, {}, new, training)


def _fine_tuned(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Fine-tune the self-supervised residual network on the few labels."""
    from voisin.embedding.networks.residual_network import ResidualClassifier
    from voisin.training.fine_tuning import FineTuning

    start, key = _simclr(stages, experiment)

    def new() -> Any:
        network = ResidualClassifier(experiment.pool_pixels.shape[-1], experiment.n_classes)
        network.load_state_dict({**network.state_dict(), **start.state_dict()})
        return network

    training = FineTuning(stages.settings.orientation, epochs=40, learning_rate=1e-3)
    return _train_on_labels("fine-tuned", stages, experiment, {"start": key}, new, training)


def _simclr(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Train a residual network on all images of the pool by SimCLR."""
    from voisin.embedding.networks.residual_network import ResidualNetwork
    from voisin.training.simclr import SimCLR

    network = ResidualNetwork(experiment.pool_pixels.shape[-1])
    trainer = SimCLR(stages.settings.orientation)
    return _train_without_labels("simclr", stages, experiment, network, trainer)


def _vae(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Train an autoencoder on all images of the pool."""
    from voisin.embedding.networks.autoencoder import Autoencoder
    from voisin.training.vae import VAETraining

    network = Autoencoder(experiment.pool_pixels.shape[-1])
    return _train_without_labels("vae", stages, experiment, network, VAETraining())


def _neighbor_contrastive(stages: Stages, experiment: Experiment) -> tuple[Any, str]:
    """Train a perceptron to embed neighbors of the pool near each other."""
    from voisin.embedding.networks.perceptron import Perceptron
    from voisin.training.neighbor_contrastive import NeighborContrastiveTraining

    network = Perceptron(experiment.pool_pixels.shape[-1])
    trainer = NeighborContrastiveTraining(stages.settings.orientation)
    return _train_without_labels("neighbor-contrastive", stages, experiment, network, trainer)


_MAKERS: Mapping[str, Callable[[Stages, Experiment], tuple[Any, str]]] = {
    "backbone": lambda *_: (_backbone(), "installed"),
    "backbone-tuned": _tuned_backbone,
    "augmented": _augmented,
    "simclr": _simclr,
    "fine-tuned": _fine_tuned,
    "vae": _vae,
    "neighbor-contrastive": _neighbor_contrastive,
}  # by the names in `voisin.embedding.specification.KINDS`


def _train_without_labels(
    name: str, stages: Stages, experiment: Experiment, network: Any, trainer: Any
) -> tuple[Any, str]:
    def train(scratch: Path) -> Any:
        return trainer.fit(
            experiment.pool_pixels,
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "training.pt",
            progress=stages.progress,
        )

    inputs = {"data": experiment.key, "trainer": repr(trainer)}
    return _recall_network(name, stages, inputs, network, train)


def _train_on_labels(
    name: str,
    stages: Stages,
    experiment: Experiment,
    inputs: Mapping[str, Any],
    new: Callable[[], Any],
    training: "FineTuning",
) -> tuple[Any, str]:
    taught = experiment.training_labels
    weights, targets = taught.weights, taught.targets
    labels = taught.labels if targets is None else targets.astype(np.float32)
    rows = np.flatnonzero(weights > 0)
    # with more images, train fewer epochs, so that training takes about as long
    n_few = int((experiment.labels != UNLABELED).sum())
    epochs = max(_FEWEST_EPOCHS, round(training.epochs * n_few / len(rows)))
    training = replace(training, epochs=min(training.epochs, epochs))
    if targets is not None:  # probabilities take longer to learn than labels
        epochs = max(training.epochs, _DISTILLING_EPOCHS)
        training = replace(training, epochs=epochs, batch_size=_DISTILLING_BATCH)

    def train(_: Path) -> Any:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stages.settings.random_state)
            network = new()
        return training.fit(
            network,
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
        "images": hash_of(experiment.pool_pixels[rows]),
        "labels": hash_of(labels[rows]),
        "weights": hash_of(weights[rows]),
        "training": repr(training),
        "n_classes": experiment.n_classes,
    }
    return _recall_network(name, stages, inputs, new(), train)


def _recall_network(
    name: str,
    stages: Stages,
    inputs: Mapping[str, Any],
    network: Any,
    train: Callable[[Path], Any],
) -> tuple[Any, str]:
    """Train unless the same inputs were trained before, and load the weights into `network`."""
    import torch

    from voisin.embedding.inference import choose_device

    def compute(scratch: Path) -> dict[str, Any]:
        trained = train(scratch)
        return {key: value.cpu().numpy() for key, value in trained.state_dict().items()}

    inputs = {
        **inputs,
        "random_state": stages.settings.random_state,
        "device": choose_device(stages.settings.device).type,
    }
    weights, key = stages.recall(f"network-{name}", inputs, compute, dict)
    network.load_state_dict(
        {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    )
    return network.eval(), key
