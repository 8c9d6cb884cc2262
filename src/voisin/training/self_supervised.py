"""Train a network on images alone, step by step; an interrupted training resumes.

It decides the order of the images and when to stop. Subclasses define the loss and the network:
this module must not know them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.inference import choose_device, to_tensor
from voisin.errors import InputError
from voisin.training.training_loop import (
    TrainingState,
    has_stopped_falling,
    set_learning_rate,
    take_step,
)
from voisin.types import Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count

# Training stops if the mean loss falls by less than this share in five rounds of steps. Chosen by
# hand: these losses fall slowly, and it trades time against a lower loss.
_MIN_GAIN = 0.002
_RISE = 0.05  # share of steps in which the rate rises, by hand: else first steps are too large


# Takes the rows of a batch and a random generator; returns images with the channels first.
Reader: TypeAlias = Callable[[NDArray[np.int64], np.random.Generator], Tensor]


class SelfSupervisedTrainer(ABC):
    """Base class: trains a network by AdamW on batches drawn from all images, without labels.

    The learning rate rises over the first twentieth of the steps, then falls along a cosine. Each
    subclass is a frozen dataclass with these settings, which defines a network and a loss.

    Attributes
    ----------
    steps : int
        Largest number of steps, however many images there are.
    views_per_image : int
        Most times that each image is used, however few images there are.
    batch_size : int
        Two or more.
    learning_rate, weight_decay : float
    task : str
        The task that `progress` is called with.
    steps_per_round : int
        Steps between two checkpoints. The training stops early when the mean loss of a round has
        not fallen by 0.2 % in five rounds.
    """

    steps: int
    views_per_image: int
    batch_size: int
    learning_rate: float
    task: ClassVar[str]
    steps_per_round: ClassVar[int]
    weight_decay: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        check_count("steps", self.steps, 1)
        check_count("views_per_image", self.views_per_image, 1)
        check_count("batch_size", self.batch_size, 2)
        check_at_least("learning_rate", self.learning_rate, 0)

    @abstractmethod
    def build_learner(self, n_channels: int) -> nn.Module:
        """Build the network to train, with initial weights from torch's random numbers."""

    @abstractmethod
    def compute_loss(self, learner: nn.Module, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the loss of a batch of images, with values −1..1 and channels first."""

    def make_reader(self, pixels: Pixels, random_state: int) -> Reader:  # noqa: ARG002
        """Return a function that reads the images of a batch's rows; some trainers read more."""
        return lambda rows, _: to_tensor(pixels[rows])

    def extract_backbone(self, learner: nn.Module) -> nn.Module:
        """Return the part of the trained network that is kept."""
        return learner

    def fit(
        self,
        pixels: Pixels,
        *,
        random_state: int = 0,
        device: str = "auto",
        checkpoint: Path | None = None,
        progress: Progress = no_progress,
    ) -> nn.Module:
        """Train a new network.

        Parameters
        ----------
        pixels : array of shape (n_images, size, size, channels), uint8
        random_state : int, default=0
            Decides the first weights, the batches and the random numbers of the loss.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state after every round, and to resume from if it is there. It must
            belong to this very training: the same images and settings.
        progress : callable, optional
            Called after each step.

        Returns
        -------
        nn.Module
            In evaluation mode.

        Raises
        ------
        InputError
            If there are fewer than two images.
        """
        if len(pixels) < 2:
            message = f"{len(pixels)} images: a network needs two or more to train without labels."
            raise InputError(message)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            learner = self.build_learner(pixels.shape[-1])
        learner.to(choose_device(device)).train()
        optimizer = torch.optim.AdamW(learner.parameters(), weight_decay=self.weight_decay)
        state = TrainingState(learner, optimizer)
        state.resume(checkpoint)
        batch_size = min(self.batch_size, len(pixels))
        n_steps = min(self.steps, max(1, self.views_per_image * len(pixels) // batch_size))
        read = self.make_reader(pixels, random_state)
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while state.n_done < n_steps and not has_stopped_falling(state.losses, _MIN_GAIN):
                losses = []
                for step in range(state.n_done, min(state.n_done + self.steps_per_round, n_steps)):
                    rng = np.random.default_rng([random_state, step])
                    rows = np.sort(rng.choice(len(pixels), batch_size, replace=False))
                    set_learning_rate(optimizer, self.learning_rate, step, n_steps, rise=_RISE)
                    loss = self.compute_loss(learner, read(rows, rng), rng)
                    losses.append(float(take_step(optimizer, loss)))
                    progress(self.task, step + 1, n_steps)
                state.n_done += len(losses)
                state.losses.append(float(np.mean(losses)))
                state.save(checkpoint)
        progress(self.task, n_steps, n_steps)
        return self.extract_backbone(learner).eval()
