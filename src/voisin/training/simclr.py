"""SimCLR: train a residual network to recognize two views of one image among other images.

Chen, Kornblith, Norouzi & Hinton, "A simple framework for contrastive learning of visual
representations", 2020. Its loss and `ContrastiveTrainer` are also used by
`voisin.training.neighbor_contrastive`. It handles pixels, and must not use labels.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.inference import mixed_precision, to_tensor
from voisin.embedding.networks.residual_network import N_OUTPUTS, ResidualNetwork
from voisin.training.augmentation import Augmentation
from voisin.training.self_supervised import Reader, SelfSupervisedTrainer
from voisin.types import Pixels
from voisin.validation import check_in_open_interval

_VIEW_SIZE = 20  # pixels per side: 28 times a view's mean scale, so that little is enlarged
# Sizes of the two layers of the projector, which is dropped after training: 128 as in the paper;
# 512 by hand, as training should take minutes only.
_HIDDEN, _PROJECTED = 512, 128


def contrastive_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    r"""Return the mean over all 2 n views of their normalized temperature-scaled cross-entropy.

    With s the cosine, and j(i) the other view of the image that view i shows,

        ℓ_i = − log ( exp(s(z_i, z_j(i)) / τ) / Σ_{k ≠ i} exp(s(z_i, z_k) / τ) )

    Parameters
    ----------
    first, second : tensors of shape (n, n_dims)
        Row i of either is a view of image i.
    temperature : float
        Above 0; the lower, the more the most similar of the other images count.

    Examples
    --------
    >>> apart = torch.eye(2)
    >>> round(float(contrastive_loss(apart, apart, temperature=1.0)), 3)  # log(1 + 2 / e)
    0.551
    """
    views = nn.functional.normalize(torch.cat([first, second]), dim=1)
    similarities = views @ views.T / temperature
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    other = torch.arange(len(views), device=views.device).roll(len(first))
    return nn.functional.cross_entropy(similarities.masked_fill(itself, -torch.inf), other)


class ContrastiveTrainer(SelfSupervisedTrainer):
    """Base class: compares the two halves of a batch, after each image is augmented separately.

    Attributes
    ----------
    orientation : str
        How images may lie, as `Augmentation` says.
    temperature : float
        Temperature of `contrastive_loss`.
    """

    orientation: str
    temperature: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_in_open_interval("temperature", self.temperature, 0, math.inf)
        self.make_augmentation()  # raises now if the orientation is wrong

    @abstractmethod
    def make_augmentation(self) -> Augmentation:
        """Return how images are augmented."""

    def compute_loss(self, learner: nn.Module, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Compare each image of the first half with its counterpart in the second."""
        device = next(learner.parameters()).device
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        views = self.make_augmentation().apply(images, generator)
        first, second = learner(views.to(device, memory_format=torch.channels_last)).chunk(2)
        return contrastive_loss(first.float(), second.float(), self.temperature)


@dataclass(frozen=True)
class SimCLR(ContrastiveTrainer):
    """Train a `ResidualNetwork` to recognize each image's other view among all views of a batch.

    Training stops early when the mean loss of 25 steps has not fallen by 0.2 % in 125.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    steps : int, default=150
    views_per_image : int, default=30
    batch_size : int, default=256
    learning_rate : float, default=1e-3
        All as `SelfSupervisedTrainer` says.
    temperature : float, default=0.2
        Of `contrastive_loss`.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    orientation: str = "upright"
    steps: int = 150
    views_per_image: int = 30
    batch_size: int = 256
    learning_rate: float = 1e-3
    temperature: float = 0.2
    task: ClassVar[str] = "SimCLR on all images"
    steps_per_round: ClassVar[int] = 25
    weight_decay: ClassVar[float] = 1e-4

    def build_learner(self, n_channels: int) -> nn.Module:
        """Build a residual network with a projector."""
        return _ProjectedNetwork(n_channels)

    def extract_backbone(self, learner: nn.Module) -> nn.Module:
        """Return the network without its projector."""
        return learner.get_submodule("network")

    def make_reader(self, pixels: Pixels, random_state: int) -> Reader:  # noqa: ARG002
        """Read each image twice: once for each view."""
        return lambda rows, _: to_tensor(pixels[rows]).repeat(2, 1, 1, 1)

    def make_augmentation(self) -> Augmentation:
        """Change images strongly: crop them, and change colors and light."""
        return Augmentation(
            self.orientation,
            scale=(0.45, 1.0),
            stretch=0.28,
            brightness=0.2,
            contrast=0.2,
            saturation=0.2,
            hue=0.02,  # small, as color tells classes of skin and cells apart
            size=_VIEW_SIZE,
        )


class _ProjectedNetwork(nn.Module):
    """The network, and the projector that is dropped after training."""

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
        """Return the projection of each view."""
        with mixed_precision(views.device):
            outputs = self.network(views)
        projected: Tensor = self.projector(outputs)
        return projected
