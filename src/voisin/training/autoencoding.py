"""An autoencoder learns to draw all images again from few numbers; no label is needed.

Kingma & Welling, "Auto-encoding variational Bayes", 2014; Calder et al. (2020) built their
graphs of MNIST and Fashion-MNIST on such codes. It knows pixels, and no labels.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from voisin.embedding.autoencoder import N_CODES, Autoencoder
from voisin.embedding.device import choose_device
from voisin.embedding.precision import mixed_precision
from voisin.training.lesson import Lesson
from voisin.types import Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count

_TASK = "Teaching a network to draw the images again"
_ROUND = 500  # steps between checkpoints


@dataclass(frozen=True)
class Autoencoding:
    """Learn codes z from which each image can be drawn again.

    The loss of an image x of brightnesses in 0..1 is the cross entropy of its pixels, drawn from
    a code of ``N(m(x), s²(x))``, and the distance of that distribution from ``N(0, 1)``:
    ``−Σ_p [x_p log y_p + (1 − x_p) log(1 − y_p)] − ½ Σ_j (1 + log s_j² − m_j² − s_j²)``.
    Stops early when the mean loss of 500 steps has not fallen by 0.2 % in 2,500.

    Parameters
    ----------
    steps : int, default=15000
        At most so many, however many images there are.
    looks : int, default=60
        At most so many at each image, however few there are.
    batch_size : int, default=128
    learning_rate : float, default=1e-3

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    steps: int = 15_000
    looks: int = 60
    batch_size: int = 128
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        check_count("steps", self.steps, 1)
        check_count("looks", self.looks, 1)
        check_count("batch_size", self.batch_size, 1)
        check_at_least("learning_rate", self.learning_rate, 0)

    def fit(
        self,
        pixels: Pixels,
        *,
        random_state: int = 0,
        device: str = "auto",
        checkpoint: Path | None = None,
        progress: Progress = no_progress,
    ) -> Autoencoder:
        """Teach a new network.

        Parameters
        ----------
        pixels : array of shape (n_images, 28, 28, channels), uint8
        random_state : int, default=0
            Decides the first weights, the batches and the noise.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state every 500 steps, and to go on from if it is there. It must
            belong to this very training: the same images and settings.
        progress : callable, optional
            Told of steps.

        Returns
        -------
        Autoencoder
            In evaluation mode.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            network = Autoencoder(pixels.shape[-1])
        network.to(choose_device(device))
        lesson = Lesson(_loss, self.steps, self.looks, _ROUND, self.batch_size, self.learning_rate)
        lesson.learn(
            network,
            pixels,
            random_state=random_state,
            checkpoint=checkpoint,
            progress=progress,
            task=_TASK,
        )
        return network.eval()


def _loss(network: nn.Module, images: Tensor, chance: np.random.Generator) -> Tensor:
    place = next(network.parameters()).device
    noise = chance.standard_normal((len(images), N_CODES), dtype=np.float32)
    images = images.to(place)
    with mixed_precision(place):
        logits, mean, log_variance = network(images, torch.from_numpy(noise).to(place))
    mean, log_variance = mean.float(), log_variance.float()
    brightness = (images.flatten(1) + 1) / 2
    drawn = nn.functional.binary_cross_entropy_with_logits(
        logits.float(), brightness, reduction="sum"
    )
    distance = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    return (drawn + distance) / len(images)
