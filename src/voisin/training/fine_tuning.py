"""Train a network on few labels with images changed at every look, new or taught before.

It knows pixels, labels and weights; not where the labels or the network came from.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.device import choose_device
from voisin.embedding.inference import to_tensor
from voisin.embedding.precision import mixed_precision
from voisin.training.augmentation import Augmentation
from voisin.training.batches import check_images, split_in_batches
from voisin.training.one_thread import one_thread
from voisin.training.schedule import rate, set_rate
from voisin.types import Labels, Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count, check_in_closed_interval

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class FineTuning:
    """Train by AdamW on smoothed labels, at a rate that rises shortly and falls by a cosine.

    The rate rises over the first tenth of the steps. Each look at an image shows it turned,
    mirrored, shifted and in another light.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    epochs : int, default=100
    batch_size : int, default=16
    learning_rate : float, default=3e-3
    weight_decay : float, default=0.05
    label_smoothing : float, default=0.1
        Share of each label that goes to all classes evenly.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    orientation: str = "upright"
    epochs: int = 100
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, 1)
        check_count("batch_size", self.batch_size, 2)
        check_at_least("learning_rate", self.learning_rate, 0)
        check_at_least("weight_decay", self.weight_decay, 0)
        check_in_closed_interval("label_smoothing", self.label_smoothing, 0, 1)
        self._augmentation()

    def _augmentation(self) -> Augmentation:
        return Augmentation(
            self.orientation, scale=(0.8, 1.2), shift=0.1, brightness=0.2, contrast=0.2
        )

    def fit(
        self,
        network: Network,
        pixels: Pixels,
        labels: Labels | NDArray[np.float32],
        *,
        weights: NDArray[np.floating] | None = None,
        random_state: int = 0,
        device: str = "auto",
        progress: Progress = no_progress,
        task: str = "Training",
    ) -> Network:
        """Train `network` itself further; the other parameters are those of `Training.fit`.

        Parameters
        ----------
        network : torch module
            From images to one score a class. It is changed.
        pixels : array of shape (n_images, 28, 28, channels), uint8
        labels : array of shape (n_images,) or (n_images, n_classes)
            Known wherever the weight is above 0; or distributions over the classes.
        weights : array of shape (n_images,), optional
            At least 0; images of weight 0 are left out.
        random_state : int, default=0
            Decides the order of the images and how they are changed.
        device : str, default="auto"
        progress : callable, optional
        task : str, default="Training"
            What `progress` is told.

        Returns
        -------
        torch module
            `network`, in evaluation mode.

        Raises
        ------
        InputError
            If shapes disagree, or fewer than two images have a weight.
        """
        weights = np.ones(len(labels)) if weights is None else weights
        kept = check_images(pixels, labels, weights)
        place = choose_device(device)
        network.to(place).train()
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=self.weight_decay)
        batches = _Batches(pixels, labels, weights, self._augmentation(), place)
        generator = torch.Generator().manual_seed(random_state)
        n_steps = self.epochs * len(split_in_batches(kept, self.batch_size))
        step = 0
        with one_thread(), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            for epoch in range(self.epochs):
                order = kept[torch.randperm(len(kept), generator=generator).numpy()]
                for rows in split_in_batches(order, self.batch_size):
                    set_rate(optimizer, self.learning_rate * rate(step, n_steps, rise=0.1))
                    self._learn(network, optimizer, *batches.take(rows, generator))
                    step += 1
                progress(task, epoch + 1, self.epochs)
        return network.eval()

    def _learn(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        images: Tensor,
        labels: Tensor,
        weights: Tensor,
    ) -> None:
        with mixed_precision(images.device):
            scores = network(images)
        losses = nn.functional.cross_entropy(
            scores.float(), labels, reduction="none", label_smoothing=self.label_smoothing
        )
        optimizer.zero_grad(set_to_none=True)
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@dataclass(frozen=True, eq=False)
class _Batches:
    pixels: Pixels
    labels: Labels | NDArray[np.float32]
    weights: NDArray[np.floating]
    augmentation: Augmentation
    device: torch.device

    def take(
        self, rows: NDArray[np.int64], generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Read one batch, its images changed."""
        images = self.augmentation.apply(to_tensor(self.pixels[rows]), generator)
        labels = torch.from_numpy(self.labels[rows]).to(self.device)
        weights = torch.from_numpy(self.weights[rows]).float().to(self.device)
        return images.to(self.device, memory_format=torch.channels_last), labels, weights
