"""A residual network that teaches itself on images alone; an interrupted lesson goes on.

SimCLR (Chen, Kornblith, Norouzi & Hinton 2020): views of one image should get near vectors, views
of others far ones. It knows pixels, and no labels.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.device import choose_device
from voisin.embedding.inference import to_tensor
from voisin.embedding.residual_network import N_OUTPUTS, ResidualNetwork
from voisin.errors import InputError
from voisin.training.augmentation import Augmentation
from voisin.training.checkpoint import load_checkpoint, save_checkpoint
from voisin.training.contrastive_loss import contrastive_loss
from voisin.training.precision import mixed_precision
from voisin.training.schedule import rate, set_rate
from voisin.training.stopping import has_stopped_falling
from voisin.types import Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_in_open_interval

_TASK = "Teaching a network on all images"
_VIEW_SIZE = 20  # pixels: 28 times the mean scale of a view, so that little is enlarged
_ROUND = 25  # steps between checkpoints
_SMALLEST_GAIN = 0.002  # of the loss in five rounds
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
        check_at_least("steps", self.steps, 1)
        check_at_least("looks", self.looks, 1)
        check_at_least("batch_size", self.batch_size, 2)
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
        lesson = _start(pixels.shape[-1], random_state, choose_device(device))
        if checkpoint is not None and (state := load_checkpoint(checkpoint)) is not None:
            lesson.restore(state)
        batch_size = min(self.batch_size, len(pixels))
        n_steps = min(self.steps, max(1, self.looks * len(pixels) // batch_size))
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while lesson.step < n_steps and not lesson.stalled:
                losses = []
                for step in range(lesson.step, min(lesson.step + _ROUND, n_steps)):
                    chance = np.random.default_rng([random_state, step])
                    rows = np.sort(chance.choice(len(pixels), batch_size, replace=False))
                    set_rate(lesson.optimizer, self.learning_rate * rate(step, n_steps, rise=0.05))
                    losses.append(self._learn(lesson, to_tensor(pixels[rows]), chance))
                    progress(_TASK, step + 1, n_steps)
                lesson.note(losses)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, lesson.state())
        progress(_TASK, n_steps, n_steps)
        return lesson.network.eval()

    def _learn(self, lesson: "_Lesson", images: Tensor, chance: np.random.Generator) -> float:
        """Take one step; return its loss."""
        generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
        views = self._augmentation().apply(torch.cat([images, images]), generator)
        views = views.to(lesson.device, memory_format=torch.channels_last)
        with mixed_precision(lesson.device):
            outputs = lesson.network(views)
        first, second = lesson.projector(outputs).chunk(2)
        loss = contrastive_loss(first, second, self.temperature)
        lesson.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        lesson.optimizer.step()
        return float(loss.detach())

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


@dataclass
class _Lesson:
    """The state of a lesson; all that a checkpoint must hold."""

    network: ResidualNetwork
    projector: nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    step: int = 0
    losses: list[float] = field(default_factory=list)  # one a round

    @property
    def stalled(self) -> bool:
        """Whether the loss has stopped falling."""
        return has_stopped_falling(self.losses, _SMALLEST_GAIN)

    def note(self, losses: list[float]) -> None:
        self.step += len(losses)
        self.losses.append(float(np.mean(losses)))

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "projector": self.projector.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.projector.load_state_dict(state["projector"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.losses = state["step"], state["losses"]


def _start(n_channels: int, random_state: int, device: torch.device) -> _Lesson:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(random_state)
        network = ResidualNetwork(n_channels)
        projector = nn.Sequential(
            nn.Linear(N_OUTPUTS, _HIDDEN, bias=False),
            nn.BatchNorm1d(_HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _PROJECTED, bias=False),
            nn.BatchNorm1d(_PROJECTED, affine=False),
        )
    network.to(device)
    projector.to(device)
    parameters = [*network.parameters(), *projector.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=1e-4)
    return _Lesson(network.train(), projector.train(), optimizer, device)
