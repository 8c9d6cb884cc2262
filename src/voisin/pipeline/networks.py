"""The stages that train the networks which embedders look through, each kept under its inputs.

The few labels and the pool's pixels are all that they are given; the hidden truth never.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from voisin.pipeline.stages import Stages, Trained, network_of
from voisin.pipeline.task import Task
from voisin.project.cache import hash_of
from voisin.types import UNLABELED


def network_for(
    name: str, stages: Stages, task: Task, expert: Trained | None, data_key: str
) -> Any:
    """Return a trained network by the name that a kind of embedder asks for.

    Parameters
    ----------
    name : {"expert", "augmented", "self-taught", "tuned"}
    stages : Stages
    task : Task
    expert : Trained, optional
        The chapter's own, for ``expert`` alone.
    data_key : str
        Of the pool's pixels.
    """
    if name == "expert" and expert is not None:
        return network_of(expert, task)
    network, _ = _MAKERS[name](stages, task, data_key)
    return network


def _augmented(stages: Stages, task: Task, data_key: str) -> tuple[Any, str]:
    """Teach a new SimpleCNN the few labels, with images changed at every look."""
    from voisin.embedding.simple_cnn import SimpleCNN
    from voisin.training.fine_tuning import FineTuning

    def new() -> Any:
        return SimpleCNN(task.pool_pixels.shape[-1], task.n_classes)

    training = FineTuning(stages.settings.orientation)
    return _taught_labels("augmented", stages, task, {"data": data_key}, new, training)


def _self_taught(stages: Stages, task: Task, data_key: str) -> tuple[Any, str]:
    """Let a residual network teach itself on all images of the pool."""
    from voisin.embedding.residual_network import ResidualNetwork
    from voisin.training.self_teaching import SelfTeaching

    teaching = SelfTeaching(stages.settings.orientation)

    def train(scratch: Path) -> Any:
        return teaching.fit(
            task.pool_pixels,
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            checkpoint=scratch / "lesson.pt",
            progress=stages.progress,
        )

    inputs = {"data": data_key, "teaching": repr(teaching)}
    network = ResidualNetwork(task.pool_pixels.shape[-1])
    return _kept("self-taught", stages, inputs, network, train)


def _tuned(stages: Stages, task: Task, data_key: str) -> tuple[Any, str]:
    """Teach the self-taught network the few labels."""
    from voisin.embedding.residual_network import ResidualClassifier
    from voisin.training.fine_tuning import FineTuning

    start, key = _self_taught(stages, task, data_key)

    def new() -> Any:
        network = ResidualClassifier(task.pool_pixels.shape[-1], task.n_classes)
        network.load_state_dict({**network.state_dict(), **start.state_dict()})
        return network

    training = FineTuning(stages.settings.orientation, epochs=40, learning_rate=1e-3)
    return _taught_labels("tuned", stages, task, {"start": key}, new, training)


_MAKERS: Mapping[str, Callable[[Stages, Task, str], tuple[Any, str]]] = {
    "augmented": _augmented,
    "self-taught": _self_taught,
    "tuned": _tuned,
}


def _taught_labels(
    name: str,
    stages: Stages,
    task: Task,
    inputs: Mapping[str, Any],
    new: Callable[[], Any],
    training: Any,
) -> tuple[Any, str]:
    labeled = np.flatnonzero(task.labels != UNLABELED)

    def train(_: Path) -> Any:
        return training.fit(
            _with_first_weights(new, stages.settings.random_state),
            task.pool_pixels[labeled],
            task.labels[labeled],
            random_state=stages.settings.random_state,
            device=stages.settings.device,
            progress=stages.progress,
            task=f"Training: {name}",
        )

    inputs = {**inputs, "labels": hash_of(task.labels), "training": repr(training)}
    return _kept(name, stages, {**inputs, "n_classes": task.n_classes}, new(), train)


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

    from voisin.embedding.device import choose_device

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
