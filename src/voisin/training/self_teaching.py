"""A residual network that teaches itself on images alone, by telling them apart.

SimCLR (Chen, Kornblith, Norouzi & Hinton 2020): views of one image should get near vectors, views
of others far ones. It knows pixels, and no labels.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.device import choose_device
from voisin.embedding.precision import mixed_precision
from voisin.embedding.residual_network import N_OUTPUTS, ResidualNetwork
from voisin.errors import InputError
from voisin.training.augmentation import Augmentation
from voisin.training.contrastive_loss import contrastive_loss
from voisin.training.lesson import Lesson
from voisin.types import Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count, check_in_open_interval

_TASK = "Teaching a network on all images"
_VIEW_SIZE = 20  # pixels: 28 times the mean scale of a view, so that little is enlarged
_ROUND = 25  # steps between checkpoints
_HIDDEN, _PROJECTED = 512, 128  # values of the projector, thrown away in the end


@dataclass(frozen=True)
class SelfTeaching:
    """Learn by AdamW to tell two views of each image from the views of the batch's others.

    Each step sees a batch drawn from all images; the rate rises over the first twentieth of the
    steps, and falls by a cosine. Stops early when the mean loss of 25 steps has not fallen by
    0.2 % in 125.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    steps : int, default=150
        At most so many, however many images there are.
    looks : int, default=30
        At most so many at each image, however few there are.
    batch_size : int, default=256
    learning_rate : float, default=1e-3
    temperature : float, default=0.2
        Of `contrastive_loss`.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    orientation: str = "upright"
    steps: int = 150
    looks: int = 30
    batch_size: int = 256
    learning_rate: float = 1e-3
    temperature: float = 0.2

    def __post_init__(self) -> None:
        check_count("steps", self.steps, 1)
        check_count("looks", self.looks, 1)
        check_count("batch_size", self.batch_size, 2)
        check_at_least("learning_rate", self.learning_rate, 0)
        check_in_open_interval("temperature", self.temperature, 0, math.inf)
        self._augmentation()

    def fit(
        self,
        pixels: Pixels,
        *,
        random_state: int = 0,
        device: str = "auto",
        checkpoint: Path | None = None,
        progress: Progress = no_progress,
    ) -> ResidualNetwork:
        """Teach a new network.

        Parameters
        ----------
        pixels : array of shape (n_images, size, size, channels), uint8
        random_state : int, default=0
            Decides the first weights, the batches and the views.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state every 25 steps, and to go on from if it is there. It must
            belong to this very training: the same images and settings.
        progress : callable, optional
            Told of steps.

        Returns
        -------
        ResidualNetwork
            In evaluation mode.

        Raises
        ------
        InputError
            If there are fewer than two images.
        """
        if len(pixels) < 2:
            message = f"{len(pixels)} images: a network needs two or more to teach itself."
            raise InputError(message)
        place = choose_device(device)
        learner = _start(pixels.shape[-1], random_state).to(place)
        lesson = Lesson(
            self._loss, self.steps, self.looks, _ROUND, self.batch_size, self.learning_rate, 1e-4
        )
        lesson.learn(
            learner,
            pixels,
            random_state=random_state,
            checkpoint=checkpoint,
            progress=progress,
            task=_TASK,
        )
        return learner.network.eval()

    def _loss(self, learner: nn.Module, images: Tensor, chance: np.random.Generator) -> Tensor:
        """Compare two views of each image with those of the others."""
        place = next(learner.parameters()).device
        generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
        views = self._augmentation().apply(torch.cat([images, images]), generator)
        first, second = learner(views.to(place, memory_format=torch.channels_last)).chunk(2)
        return contrastive_loss(first, second, self.temperature)

    def _augmentation(self) -> Augmentation:
        return Augmentation(
            self.orientation,
            scale=(0.45, 1.0),
            stretch=0.28,
            brightness=0.2,
            contrast=0.2,
            saturation=0.2,
            hue=0.02,  # little: color tells much of skin and cells
            size=_VIEW_SIZE,
        )


class _Learner(nn.Module):
    """The network, and the projector that is thrown away in the end."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.network = ResidualNetwork(n_channels)
        self.projector = nn.Sequential(
            nn.Linear(N_OUTPUTS, _HIDDEN, bias=False),
            nn.BatchNorm1d(_HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _PROJECTED, bias=False),
            nn.BatchNorm1d(_PROJECTED, affine=False),
        )

    def forward(self, views: Tensor) -> Tensor:
        """Return what is compared of each view."""
        with mixed_precision(views.device):
            outputs = self.network(views)
        projected: Tensor = self.projector(outputs)
        return projected


def _start(n_channels: int, random_state: int) -> _Learner:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        return _Learner(n_channels)
