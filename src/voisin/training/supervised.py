"""Train a SimpleCNN on weighted labels; an interrupted training resumes from its checkpoint.

It handles pixels, labels and weights, and must not know where the labels came from.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from voisin.embedding.inference import choose_device, to_tensor
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.training.training_loop import (
    TrainingImages,
    TrainingState,
    has_stopped_falling,
    take_step,
    use_one_thread,
    weighted_cross_entropy,
)
from voisin.types import Labels, Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count

# Training stops if the loss falls by less than this share in five epochs. Chosen by hand: it
# trades time against a lower loss.
_MIN_GAIN = 0.01


@dataclass(frozen=True)
class SupervisedTraining:
    """Train by Adam on the weighted cross-entropy ``Σ w_i H(y_i, p_i) / Σ w_i`` of each batch.

    Training stops early when the loss of an epoch has not fallen by 1 % in five epochs.

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
        task: str = "Training",
    ) -> SimpleCNN:
        """Train a new network.

        Parameters
        ----------
        pixels : array of shape (n_images, 28, 28, channels), uint8
        labels : array of shape (n_images,)
            Must be known for each image with a weight above 0.
        n_classes : int
        weights : array of shape (n_images,), optional
            At least 0, and 1 by default; images of weight 0 are left out.
        random_state : int, default=0
            Decides the first weights and the order of the images.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state after each epoch, and to resume from if it is there. It must
            belong to this very training: the same images, labels and settings.
        progress : callable, optional
        task : str, default="Training"
            The task that `progress` is called with.

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
        images = TrainingImages(pixels, labels, weights)
        torch_device = choose_device(device)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            network = SimpleCNN(pixels.shape[-1], n_classes).to(torch_device)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        generator = torch.Generator().manual_seed(random_state)
        state = TrainingState(network, optimizer, generator)
        state.resume(checkpoint)
        with use_one_thread(), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while state.n_done < self.epochs and not has_stopped_falling(state.losses, _MIN_GAIN):
                network.train()
                total = 0.0
                for batch in images.shuffle(self.batch_size, generator):
                    rows = np.sort(batch)  # so that a memory-mapped file is read forward
                    scores = network(to_tensor(pixels[rows]).to(torch_device))
                    loss = weighted_cross_entropy(scores, *images.load_targets(rows, torch_device))
                    total += float(take_step(optimizer, loss)) * len(rows)
                state.n_done += 1
                state.losses.append(total / len(images.kept))
                state.save(checkpoint)
                progress(task, state.n_done, self.epochs)
        progress(task, self.epochs, self.epochs)
        return network.eval()
