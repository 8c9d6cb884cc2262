"""A network that learns from images alone, step by step; an interrupted lesson goes on.

It knows the order of the images and when to stop, not what is learned of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.device import choose_device
from voisin.embedding.inference import to_tensor
from voisin.errors import InputError
from voisin.training.checkpoint import load_checkpoint, save_checkpoint
from voisin.training.schedule import rate, set_rate
from voisin.training.stopping import has_stopped_falling
from voisin.types import Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count

_SMALLEST_GAIN = 0.002  # of the loss in five rounds
_RISE = 0.05  # of the steps, in which the rate rises


class SelfSupervisedTrainer(ABC):
    """Steps of AdamW on batches drawn from all images, without any label.

    The rate rises over the first twentieth of the steps, and falls by a cosine. A lesson is a
    frozen dataclass of the settings below, and says where to start and what the loss is.

    Attributes
    ----------
    steps : int
        At most so many, however many images there are.
    looks : int
        At most so many at each image, however few there are.
    batch_size : int
        Two or more.
    learning_rate, weight_decay : float
    task : str
        What the caller of `progress` is told.
    round_of : int
        Steps between two checkpoints. The lesson ends early when the mean loss of a round has
        not fallen by 0.2 % in five.
    """

    steps: int
    looks: int
    batch_size: int
    learning_rate: float
    task: ClassVar[str]
    round_of: ClassVar[int]
    weight_decay: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        check_count("steps", self.steps, 1)
        check_count("looks", self.looks, 1)
        check_count("batch_size", self.batch_size, 2)
        check_at_least("learning_rate", self.learning_rate, 0)

    @abstractmethod
    def start(self, n_channels: int) -> nn.Module:
        """Make what learns, with first weights of torch's random numbers."""

    @abstractmethod
    def loss(self, learner: nn.Module, images: Tensor, chance: np.random.Generator) -> Tensor:
        """Judge a batch of images, −1..1, channels first."""

    def reader(
        self,
        pixels: Pixels,
        random_state: int,  # noqa: ARG002 - for those that draw something beforehand
    ) -> Callable[[NDArray[np.int64], np.random.Generator], Tensor]:
        """Return what reads the images of a batch's rows; some lessons read more than these."""
        return lambda rows, _: to_tensor(pixels[rows])

    def taught(self, learner: nn.Module) -> nn.Module:
        """Return what is kept of what has learned."""
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
        """Teach a new network.

        Parameters
        ----------
        pixels : array of shape (n_images, size, size, channels), uint8
        random_state : int, default=0
            Decides the first weights, the batches and what the loss draws by chance.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state after every round, and to go on from if it is there. It must
            belong to this very lesson: the same images and settings.
        progress : callable, optional
            Told of steps.

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
            message = f"{len(pixels)} images: a network needs two or more to teach itself."
            raise InputError(message)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            learner = self.start(pixels.shape[-1])
        learner.to(choose_device(device)).train()
        self._learn(learner, pixels, random_state, checkpoint, progress)
        return self.taught(learner).eval()

    def _learn(
        self,
        learner: nn.Module,
        pixels: Pixels,
        random_state: int,
        checkpoint: Path | None,
        progress: Progress,
    ) -> None:
        optimizer = torch.optim.AdamW(learner.parameters(), weight_decay=self.weight_decay)
        state = _State(learner, optimizer)
        if checkpoint is not None and (kept := load_checkpoint(checkpoint)) is not None:
            state.restore(kept)
        batch_size = min(self.batch_size, len(pixels))
        n_steps = min(self.steps, max(1, self.looks * len(pixels) // batch_size))
        read = self.reader(pixels, random_state)
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while state.step < n_steps and not state.stalled:
                losses = []
                for step in range(state.step, min(state.step + self.round_of, n_steps)):
                    chance = np.random.default_rng([random_state, step])
                    rows = np.sort(chance.choice(len(pixels), batch_size, replace=False))
                    set_rate(optimizer, self.learning_rate * rate(step, n_steps, rise=_RISE))
                    images = read(rows, chance)
                    losses.append(state.descend(self.loss(learner, images, chance)))
                    progress(self.task, step + 1, n_steps)
                state.note(losses)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, state.kept())
        progress(self.task, n_steps, n_steps)


@dataclass
class _State:
    """The state of a lesson; all that a checkpoint must hold."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    step: int = 0
    losses: list[float] = field(default_factory=list)  # one a round

    @property
    def stalled(self) -> bool:
        """Whether the loss has stopped falling."""
        return has_stopped_falling(self.losses, _SMALLEST_GAIN)

    def descend(self, loss: Tensor) -> float:
        """Take one step; return the loss before."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return float(loss.detach())

    def note(self, losses: list[float]) -> None:
        self.step += len(losses)
        self.losses.append(float(np.mean(losses)))

    def kept(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.losses = state["step"], state["losses"]
