"""An autoencoder learns to draw all images again from few numbers; no label is needed.

Kingma & Welling, "Auto-encoding variational Bayes", 2014; Calder et al. (2020) built their
graphs of MNIST and Fashion-MNIST on such codes. It knows pixels, and no labels.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.networks.autoencoder import N_CODES, Autoencoder
from voisin.embedding.precision import mixed_precision
from voisin.training.self_supervised import SelfSupervisedTrainer


@dataclass(frozen=True)
class VAETraining(SelfSupervisedTrainer):
    """Teach an `Autoencoder` codes z from which each image can be drawn again.

    The loss of an image x of brightnesses in 0..1 is the cross entropy of its pixels, drawn from
    a code of ``N(m(x), s²(x))``, and the distance of that distribution from ``N(0, 1)``:
    ``−Σ_p [x_p log y_p + (1 − x_p) log(1 − y_p)] − ½ Σ_j (1 + log s_j² − m_j² − s_j²)``.
    Stops early when the mean loss of 500 steps has not fallen by 0.2 % in 2,500.

    Parameters
    ----------
    steps : int, default=15000
    looks : int, default=60
    batch_size : int, default=128
    learning_rate : float, default=1e-3
        All as `SelfSupervisedTrainer` says.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    steps: int = 15_000
    looks: int = 60
    batch_size: int = 128
    learning_rate: float = 1e-3
    task: ClassVar[str] = "Teaching a network to draw the images again"
    round_of: ClassVar[int] = 500

    def start(self, n_channels: int) -> Autoencoder:
        """Make a new autoencoder."""
        return Autoencoder(n_channels)

    def loss(self, learner: nn.Module, images: Tensor, chance: np.random.Generator) -> Tensor:
        """Measure how much of the images the codes lose, and how far these lie from N(0, 1)."""
        place = next(learner.parameters()).device
        noise = chance.standard_normal((len(images), N_CODES), dtype=np.float32)
        images = images.to(place)
        with mixed_precision(place):
            logits, mean, log_variance = learner(images, torch.from_numpy(noise).to(place))
        mean, log_variance = mean.float(), log_variance.float()
        brightness = (images.flatten(1) + 1) / 2
        drawn = nn.functional.binary_cross_entropy_with_logits(
            logits.float(), brightness, reduction="sum"
        )
        distance = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (drawn + distance) / len(images)
