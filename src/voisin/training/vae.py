"""Train a variational autoencoder, which encodes each image as a few numbers.

Kingma & Welling, "Auto-encoding variational Bayes", 2014; Calder et al. (2020) built their
graphs of MNIST and Fashion-MNIST on such codes. It handles pixels, and must not use labels.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.inference import mixed_precision
from voisin.embedding.networks.autoencoder import N_CODES, Autoencoder
from voisin.training.self_supervised import SelfSupervisedTrainer


@dataclass(frozen=True)
class VAETraining(SelfSupervisedTrainer):
    """Train an `Autoencoder` so that it can decode each image from its codes.

    The loss of an image x of brightnesses in 0..1 is the cross entropy of its pixels, decoded to y
    from a code of ``N(m(x), s²(x))``, plus the divergence of that distribution from ``N(0, 1)``:
    ``−Σ_p [x_p log y_p + (1 − x_p) log(1 − y_p)] − ½ Σ_j (1 + log s_j² − m_j² − s_j²)``.
    Training stops early when the mean loss of 500 steps has not fallen by 0.2 % in 2,500.

    Parameters
    ----------
    steps : int, default=15000
    views_per_image : int, default=60
    batch_size : int, default=128
    learning_rate : float, default=1e-3
        All as `SelfSupervisedTrainer` says.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    steps: int = 15_000
    views_per_image: int = 60
    batch_size: int = 128
    learning_rate: float = 1e-3
    task: ClassVar[str] = "Variational autoencoder on all images"
    steps_per_round: ClassVar[int] = 500

    def build_learner(self, n_channels: int) -> Autoencoder:
        """Build an autoencoder."""
        return Autoencoder(n_channels)

    def compute_loss(self, learner: nn.Module, images: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the reconstruction loss plus the codes' divergence from N(0, 1)."""
        device = next(learner.parameters()).device
        noise = rng.standard_normal((len(images), N_CODES), dtype=np.float32)
        images = images.to(device)
        with mixed_precision(device):
            logits, mean, log_variance = learner(images, torch.from_numpy(noise).to(device))
        mean, log_variance = mean.float(), log_variance.float()
        brightness = (images.flatten(1) + 1) / 2
        reconstruction = nn.functional.binary_cross_entropy_with_logits(
            logits.float(), brightness, reduction="sum"
        )
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (reconstruction + divergence) / len(images)
