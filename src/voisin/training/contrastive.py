"""A lesson that brings two views near and all others of the batch away from them.

It knows views, not what makes two of them belong together.
"""

import math
from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from voisin.training.augmentation import Augmentation
from voisin.training.contrastive_loss import contrastive_loss
from voisin.training.self_supervised import SelfSupervisedTrainer
from voisin.validation import check_in_open_interval


class ContrastiveTrainer(SelfSupervisedTrainer):
    """Compares the first half of what is read with the second, each image changed by itself.

    Attributes
    ----------
    orientation : str
        How images may lie, as `Augmentation` says.
    temperature : float
        Of `contrastive_loss`.
    """

    orientation: str
    temperature: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_in_open_interval("temperature", self.temperature, 0, math.inf)
        self.augmentation()

    @abstractmethod
    def augmentation(self) -> Augmentation:
        """Say how images are changed."""

    def loss(self, learner: nn.Module, images: Tensor, chance: np.random.Generator) -> Tensor:
        """Compare each image of the first half with its counterpart in the second."""
        place = next(learner.parameters()).device
        generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
        views = self.augmentation().apply(images, generator)
        first, second = learner(views.to(place, memory_format=torch.channels_last)).chunk(2)
        return contrastive_loss(first.float(), second.float(), self.temperature)
