"""A network that learns from images alone, step by step; an interrupted lesson goes on.

It knows the order of the images and when to stop, not what is learned of them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.inference import to_tensor
from voisin.training.checkpoint import load_checkpoint, save_checkpoint
from voisin.training.schedule import rate, set_rate
from voisin.training.stopping import has_stopped_falling
from voisin.types import Pixels, Progress, no_progress

_SMALLEST_GAIN = 0.002  # of the loss in five rounds
_RISE = 0.05  # of the steps, in which the rate rises

LossOf: TypeAlias = Callable[[nn.Module, Tensor, np.random.Generator], Tensor]


@dataclass(frozen=True)
class Lesson:
    """Steps of AdamW on batches drawn from all images, the rate falling by a cosine.

    Parameters
    ----------
    loss_of : callable
        Of the network, a batch of images (−1..1, channels first) and what decides by chance.
    steps : int
        At most so many, however many images there are.
    looks : int
        At most so many at each image, however few there are.
    round_of : int
        Steps between two checkpoints. The lesson ends early when the mean loss of a round has
        not fallen by 0.2 % in five.
    batch_size : int
    learning_rate, weight_decay : float
    """

    loss_of: LossOf
    steps: int
    looks: int
    round_of: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0

    def learn(
        self,
        network: nn.Module,
        pixels: Pixels,
        *,
        random_state: int,
        checkpoint: Path | None = None,
        progress: Progress = no_progress,
        task: str,
    ) -> None:
        """Teach the network, from its own weights or from a checkpoint of this very lesson."""
        parameters = network.train().parameters()
        optimizer = torch.optim.AdamW(parameters, weight_decay=self.weight_decay)
        state = _State(network, optimizer)
        if checkpoint is not None and (kept := load_checkpoint(checkpoint)) is not None:
            state.restore(kept)
        batch_size = min(self.batch_size, len(pixels))
        n_steps = min(self.steps, max(1, self.looks * len(pixels) // batch_size))
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while state.step < n_steps and not state.stalled:
                losses = []
                for step in range(state.step, min(state.step + self.round_of, n_steps)):
                    chance = np.random.default_rng([random_state, step])
                    rows = np.sort(chance.choice(len(pixels), batch_size, replace=False))
                    set_rate(optimizer, self.learning_rate * rate(step, n_steps, rise=_RISE))
                    loss = self.loss_of(network, to_tensor(pixels[rows]), chance)
                    losses.append(state.descend(loss))
                    progress(task, step + 1, n_steps)
                state.note(losses)
                if checkpoint is not None:
                    save_checkpoint(checkpoint, state.kept())
        progress(task, n_steps, n_steps)


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
