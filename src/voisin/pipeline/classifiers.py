"""The small networks that classify 28 x 28 pixels; each is trained once, its predictions kept.

The report compares them with the labels found by the graph. One learns from the few labels alone,
one from pseudo-labels, one from the labels found, and the ceiling from every true label.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import weigh_by_class
from voisin.evaluation.metrics import certainty
from voisin.pipeline.prepare import Experiment, TrainingLabels
from voisin.pipeline.stages import Stages
from voisin.project.cache import hash_of
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import UNLABELED, Predictions, Probabilities, Propagation

if TYPE_CHECKING:
    from voisin.embedding.networks.simple_cnn import SimpleCNN


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network's weights, and what it predicts.

    Attributes
    ----------
    method : str
        Name of its predictions, such as ``few-labels``.
    weights : dict of str to array
    pool, test : arrays of shape (n_images, n_classes)
        Probabilities of the images of pool and test.
    rounds : tuple of PseudoLabelRound
        Empty for networks that were trained without pseudo-labels.
    architecture : str
    key : str
        Hash of everything that the network depends on.
    """

    method: str
    weights: dict[str, NDArray[Any]]
    pool: Probabilities
    test: Probabilities
    rounds: tuple[PseudoLabelRound, ...] = ()
    architecture: str = "SimpleCNN"
    key: str = ""

    def predictions(self, experiment: Experiment) -> Predictions:
        """Join the predictions on pool and test, each row with its image's id."""
        return Predictions(self.method, experiment.ids, np.concatenate([self.pool, self.test]))

    def rebuild(self, experiment: Experiment) -> "SimpleCNN":
        """Build the network again."""
        import torch

        from voisin.embedding.networks.simple_cnn import SimpleCNN

        network = SimpleCNN(experiment.pool_pixels.shape[-1], experiment.n_classes)
        network.load_state_dict(
            {name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()}
        )
        return network.eval()


def train_on_few_labels(stages: Stages, experiment: Experiment) -> TrainedNetwork:
    """Train on the labeled images alone."""
    labeled = np.flatnonzero(experiment.labels != UNLABELED)
    return _supervised(
        stages,
        experiment,
        "few-labels",
        {"labels": hash_of(experiment.labels)},
        stages.settings.epochs,
        (experiment.pool_pixels[labeled], experiment.labels[labeled]),
        task="Training on the few labels",
    )


def train_on_pseudo_labels(
    stages: Stages, experiment: Experiment, start: TrainedNetwork
) -> TrainedNetwork:
    """Train on the few labels and on the pseudo-labels that each round adds."""
    from voisin.training.pseudo_labels import PseudoLabels
    from voisin.training.supervised import SupervisedTraining

    settings = stages.settings
    method = PseudoLabels(
        settings.threshold,
        settings.quota,
        settings.rounds,
        SupervisedTraining(epochs=settings.epochs),
    )

    def train(scratch: Path) -> tuple[Any, tuple[PseudoLabelRound, ...]]:
        network, rounds = method.fit(
            start.rebuild(experiment),
            experiment.pool_pixels,
            experiment.labels,
            n_classes=experiment.n_classes,
            truth=experiment.hidden,
            random_state=settings.random_state,
            device=settings.device,
            checkpoints=scratch,
            progress=stages.progress,
        )
        return network, tuple(rounds)

    inputs = {"start": start.key, "method": repr(method), "truth": hash_of(experiment.hidden)}
    return _trained(stages, experiment, "pseudo-labels", inputs, train)


def load_expert_network(stages: Stages, experiment: Experiment, path: Path) -> TrainedNetwork:
    """Load the network that the user trained, as the expert network."""
    from voisin.embedding.networks.simple_cnn import load_simple_cnn

    n_channels = experiment.pool_pixels.shape[-1]
    class_names = experiment.pool.class_names
    network = load_simple_cnn(path, n_channels, experiment.n_classes, class_names)
    weights = {name: hash_of(value.numpy()) for name, value in network.state_dict().items()}
    return _trained(stages, experiment, "expert", {"weights": weights}, lambda _: (network, ()))


def retrain_simple_cnn(
    stages: Stages, experiment: Experiment, propagation: Propagation
) -> TrainedNetwork:
    """Train a new network on the propagated labels, each weighted by its certainty."""
    return _on_all(stages, experiment, "retrained", weighted_labels(experiment, propagation))


def train_on_all_labels(stages: Stages, experiment: Experiment) -> TrainedNetwork:
    """Train on every label that the source knows: an upper bound, as if all were labeled."""
    weights = (experiment.known != UNLABELED).astype(float)
    return _on_all(stages, experiment, "ceiling", TrainingLabels(experiment.known, weights))


def weighted_labels(
    experiment: Experiment, propagation: Propagation, *, balanced: bool = False
) -> TrainingLabels:
    """Return the propagated labels as training labels, each weighted by its certainty.

    Spreading far over a graph flattens probabilities. So the weights are divided by the largest:
    the surest propagated label counts as much as a given one, as in Iscen et al. 2019. With
    `balanced`, weights are also divided by the total weight of their class, as in that paper.
    """
    given = experiment.labels != UNLABELED
    labels = np.where(given, experiment.labels, propagation.labels)
    certain = np.where(given | ~propagation.reached, 0, certainty(propagation.probabilities))
    weights = np.where(given, 1, certain / max(certain.max(), np.finfo(float).tiny))
    if balanced:
        weights = weigh_by_class(labels, weights=weights)
        weights /= weights.max()
    return TrainingLabels(labels, weights)


def _on_all(
    stages: Stages, experiment: Experiment, method: str, taught: TrainingLabels
) -> TrainedNetwork:
    return _supervised(
        stages,
        experiment,
        method,
        {"labels": hash_of(taught.labels), "weights": hash_of(taught.weights)},
        stages.settings.retraining_epochs,
        (experiment.pool_pixels, taught.labels),
        weights=taught.weights,
        task=f"Training: {method}",
    )


def _supervised(
    stages: Stages,
    experiment: Experiment,
    method: str,
    inputs: Mapping[str, Any],
    epochs: int,
    data: tuple[Any, Any],
    **options: Any,
) -> TrainedNetwork:
    """Train a new SimpleCNN on pixels and labels."""
    from voisin.training.supervised import SupervisedTraining

    training, settings = SupervisedTraining(epochs=epochs), stages.settings

    def train(scratch: Path) -> tuple[Any, tuple[PseudoLabelRound, ...]]:
        network = training.fit(
            *data,
            n_classes=experiment.n_classes,
            random_state=settings.random_state,
            device=settings.device,
            checkpoint=scratch / "training.pt",
            progress=stages.progress,
            **options,
        )
        return network, ()

    return _trained(stages, experiment, method, {**inputs, "training": repr(training)}, train)


def _trained(
    stages: Stages,
    experiment: Experiment,
    method: str,
    inputs: Mapping[str, Any],
    train: Callable[[Path], tuple[Any, tuple[PseudoLabelRound, ...]]],
) -> TrainedNetwork:
    """Train, predict pool and test, and store the weights and both predictions."""
    from voisin.embedding.inference import choose_device, predict

    settings = stages.settings

    def compute(scratch: Path) -> TrainedNetwork:
        network, rounds = train(scratch)
        pool, test = (
            predict(network, pixels, device=settings.device, progress=stages.progress)
            for pixels in (experiment.pool_pixels, experiment.test_pixels)
        )
        weights = {name: value.cpu().numpy() for name, value in network.state_dict().items()}
        return TrainedNetwork(method, weights, pool, test, rounds)

    inputs = {
        "data": experiment.key,
        **inputs,
        "random_state": settings.random_state,
        "n_classes": experiment.n_classes,
        "device": choose_device(settings.device).type,
    }
    trained, key = stages.recall(method, inputs, compute, TrainedNetwork)
    return replace(trained, key=key)
