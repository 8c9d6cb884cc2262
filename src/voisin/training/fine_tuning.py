"""Train a network, new or trained before, on augmented images with few labels.

It handles pixels, labels and weights, and must not know where the labels or the network came from.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from voisin.embedding.inference import choose_device, mixed_precision, to_tensor
from voisin.training.augmentation import Augmentation
from voisin.training.training_loop import (
    TrainingImages,
    set_learning_rate,
    split_in_batches,
    take_step,
    use_one_thread,
    weighted_cross_entropy,
)
from voisin.types import Labels, Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count, check_in_closed_interval

Network = TypeVar("Network", bound=nn.Module)

_RISE = 0.1  # share of steps in which the rate rises, by hand: else first steps are too large


@dataclass(frozen=True)
class FineTuning:
    """Train by AdamW on smoothed labels; the learning rate rises, then falls along a cosine.

    The rate rises over the first tenth of the steps. Images are turned, mirrored, shifted
    and changed in light, anew in each epoch.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    epochs : int, default=100
    batch_size : int, default=16
    learning_rate : float, default=3e-3
    weight_decay : float, default=0.05
    label_smoothing : float, default=0.1
        Share of each label that is spread evenly over all classes.

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
        self.make_augmentation()  # raises now if the orientation is wrong

    def make_augmentation(self) -> Augmentation:
        """Change images a little: a shift, a turn, another size and light."""
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
        """Train `network` in place.

        Parameters
        ----------
        network : torch module
            Maps images to one score per class. Its weights are changed.
        pixels : array of shape (n_images, 28, 28, channels), uint8
        labels : array of shape (n_images,) or (n_images, n_classes)
            Labels, known for each weight above 0; or distributions over the classes.
        weights : array of shape (n_images,), optional
            At least 0, and 1 by default; images of weight 0 are left out.
        random_state : int, default=0
            Decides the order of the images and how they are augmented.
        device : str, default="auto"
        progress : callable, optional
        task : str, default="Training"
            The task that `progress` is called with.

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
        images = TrainingImages(pixels, labels, weights)
        augmentation = self.make_augmentation()
        torch_device = choose_device(device)
        network.to(torch_device).train()
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=self.weight_decay)
        generator = torch.Generator().manual_seed(random_state)
        n_steps = self.epochs * len(split_in_batches(images.kept, self.batch_size))
        step = 0
        with use_one_thread(), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            for epoch in range(self.epochs):
                for rows in images.shuffle(self.batch_size, generator):
                    set_learning_rate(optimizer, self.learning_rate, step, n_steps, rise=_RISE)
                    views = augmentation.apply(to_tensor(pixels[rows]), generator)
                    views = views.to(torch_device, memory_format=torch.channels_last)
                    with mixed_precision(torch_device):
                        scores = network(views)
                    targets = images.load_targets(rows, torch_device)
                    loss = weighted_cross_entropy(scores.float(), *targets, self.label_smoothing)
                    take_step(optimizer, loss)
                    step += 1
                progress(task, epoch + 1, self.epochs)
        return network.eval()
