"""A residual network that teaches itself on images alone, by telling them apart.

SimCLR (Chen, Kornblith, Norouzi & Hinton 2020): views of one image should get near vectors, views
of others far ones. It knows pixels, and no labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.inference import to_tensor
from voisin.embedding.networks.residual_network import N_OUTPUTS, ResidualNetwork
from voisin.embedding.precision import mixed_precision
from voisin.training.augmentation import Augmentation
from voisin.training.contrastive import ContrastiveTrainer
from voisin.types import Pixels

_VIEW_SIZE = 20  # pixels: 28 times the mean scale of a view, so that little is enlarged
_HIDDEN, _PROJECTED = 512, 128  # values of the projector, thrown away in the end


@dataclass(frozen=True)
class SimCLR(ContrastiveTrainer):
    """Teach a `ResidualNetwork` to tell two views of each image from those of the batch's others.

    Stops early when the mean loss of 25 steps has not fallen by 0.2 % in 125.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    steps : int, default=150
    looks : int, default=30
    batch_size : int, default=256
    learning_rate : float, default=1e-3
        All as `Lesson` says.
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
    task: ClassVar[str] = "Teaching a network on all images"
    round_of: ClassVar[int] = 25
    weight_decay: ClassVar[float] = 1e-4

    def start(self, n_channels: int) -> nn.Module:
        """Make a new network with its projector."""
        return _Learner(n_channels)

    def taught(self, learner: nn.Module) -> nn.Module:
        """Return the network without its projector."""
        return learner.get_submodule("network")

    def reader(
        self,
        pixels: Pixels,
        random_state: int,  # noqa: ARG002 - nothing is drawn beforehand
    ) -> Callable[[NDArray[np.int64], np.random.Generator], Tensor]:
        """Read each image twice: once for each view."""
        return lambda rows, _: to_tensor(pixels[rows]).repeat(2, 1, 1, 1)

    def augmentation(self) -> Augmentation:
        """Change images much: a part of each, in other colors and light."""
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
