"""Train a SimpleCNN on weighted labels; an interrupted training goes on where it was.

It knows pixels, targets and weights; not where the labels came from.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.device import choose_device
from voisin.embedding.inference import to_tensor
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.training.batches import check_images, split_in_batches
from voisin.training.checkpoint import load_checkpoint, save_checkpoint
from voisin.training.one_thread import one_thread
from voisin.training.stopping import has_stopped_falling
from voisin.types import Labels, Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count

_SMALLEST_GAIN = 0.01  # of the loss in five epochs


@dataclass(frozen=True)
class SupervisedTraining:
    """Train by Adam on the weighted cross-entropy ``Σ w_i H(y_i, p_i) / Σ w_i`` of each batch.

    Stops early when the loss of an epoch has not fallen by 1 % in five epochs.

    Parameters
    ----------
    epochs : int, default=20
    batch_size : int, default=32
    learning_rate : float, default=1e-3

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, 1)
        check_count("batch_size", self.batch_size, 2)
        check_at_least("learning_rate", self.learning_rate, 0)

    def fit(
        self,
        pixels: Pixels,
        labels: Labels,
        *,
        n_classes: int,
        weights: NDArray[np.floating] | None = None,
        random_state: int = 0,
        device: str = "auto",
        checkpoint: Path | None = None,
        progress: Progress = no_progress,
        task: str = "SupervisedTraining",
    ) -> SimpleCNN:
        """Train a new network.

        Parameters
        ----------
        pixels : array of shape (n_images, 28, 28, channels), uint8
        labels : array of shape (n_images,)
            All known.
        n_classes : int
        weights : array of shape (n_images,), optional
            At least 0; images of weight 0 are left out.
        random_state : int, default=0
            Decides the first weights and the order of the images.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state after each epoch, and to go on from if it is there. It must
            belong to this very training: the same images, labels and settings.
        progress : callable, optional
        task : str, default="SupervisedTraining"
            What `progress` is told.

        Returns
        -------
        SimpleCNN
            In evaluation mode.

        Raises
        ------
        InputError
            If shapes disagree, or fewer than two images have a weight.
        """
        weights = np.ones(len(labels)) if weights is None else weights
        kept = check_images(pixels, labels, weights)
        place = choose_device(device)
        run = _start(self, pixels.shape[-1], n_classes, random_state, place, checkpoint)
        inputs = _Inputs(pixels, labels, weights, kept, self.batch_size, place)
        with one_thread(), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while run.epoch < self.epochs and not run.stalled:
                loss = _one_epoch(run, inputs)
                run.epoch += 1
                run.note(loss)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, run.state())
                progress(task, run.epoch, self.epochs)
        progress(task, self.epochs, self.epochs)
        return run.network.eval()


@dataclass
class _Run:
    """The state of a training; all that a checkpoint must hold."""

    network: SimpleCNN
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    epoch: int = 0
    losses: list[float] = field(default_factory=list)

    @property
    def stalled(self) -> bool:
        """Whether the loss has stopped falling."""
        return has_stopped_falling(self.losses, _SMALLEST_GAIN)

    def note(self, loss: float) -> None:
        self.losses.append(loss)

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "epoch": self.epoch,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.epoch, self.losses = state["epoch"], state["losses"]


@dataclass(frozen=True)
class _Inputs:
    pixels: Pixels
    labels: Labels
    weights: NDArray[np.floating]
    kept: NDArray[np.int64]
    batch_size: int
    device: torch.device

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        """Read one batch; sorted rows let a memory-mapped file be read forward."""
        rows = np.sort(rows)
        images = to_tensor(self.pixels[rows]).to(self.device)
        labels = torch.from_numpy(self.labels[rows]).to(self.device)
        weights = torch.from_numpy(self.weights[rows]).float().to(self.device)
        return images, labels, weights


def _start(
    training: SupervisedTraining,
    n_channels: int,
    n_classes: int,
    random_state: int,
    device: torch.device,
    checkpoint: Path | None,
) -> _Run:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        network = SimpleCNN(n_channels, n_classes).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    run = _Run(network, optimizer, torch.Generator().manual_seed(random_state))
    if checkpoint is not None and (state := load_checkpoint(checkpoint)) is not None:
        run.restore(state)
    return run


def _one_epoch(run: _Run, inputs: _Inputs) -> float:
    """Show every image once, in a new order; return the mean loss."""
    run.network.train()
    order = inputs.kept[torch.randperm(len(inputs.kept), generator=run.generator).numpy()]
    total = 0.0
    for rows in split_in_batches(order, inputs.batch_size):
        images, labels, weights = inputs.batch(rows)
        run.optimizer.zero_grad(set_to_none=True)
        losses = nn.functional.cross_entropy(run.network(images), labels, reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        total += float(loss.detach()) * len(rows)
    return total / len(order)
