"""Run a network over many images, by batch; it knows pixels, not files or labels."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voisin.embedding.device import choose_device
from voisin.embedding.precision import mixed_precision
from voisin.types import Embeddings, Pixels, Probabilities, Progress, no_progress

_BATCH_SIZE = 512


class FeatureNetwork(Protocol):
    """A torch module that can tell what it sees before its last layer."""

    def features(self, images: Tensor) -> Tensor:
        """Return one row an image."""

    def forward(self, images: Tensor) -> Tensor:
        """Return one row an image: a score (logit) a class, where it has classes."""

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return the weights by name."""

    def to(self, device: torch.device, /) -> Any:
        """Move the weights."""

    def eval(self) -> Any:
        """Leave training mode."""


def embed(
    network: FeatureNetwork,
    pixels: Pixels,
    *,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Embeddings:
    """Turn images into vectors: the network's features before its last layer.

    In bfloat16 where the machine multiplies its matrices, two to three times as fast: features
    are rounded to about three digits there.

    Parameters
    ----------
    network : SimpleCNN, ResidualNetwork, Autoencoder or Perceptron
    pixels : array of shape (n_images, 28, 28, channels), uint8
    device : str, default="auto"
    progress : callable, optional

    Returns
    -------
    array of shape (n_images, n_features), float32
        1,568 features of a SimpleCNN, 896 of a residual network, 20 codes of an autoencoder, 64
        values of a perceptron.
    """
    place = choose_device(device)

    def features(images: Tensor) -> Tensor:
        with mixed_precision(place):
            return network.features(images).float()

    return _by_batch(network, features, pixels, device, progress, "Embedding images")


def predict(
    network: FeatureNetwork,
    pixels: Pixels,
    *,
    device: str = "auto",
    progress: Progress = no_progress,
) -> Probabilities:
    """Give each image a distribution over the classes: the softmax of the network's scores.

    Parameters
    ----------
    network : SimpleCNN or ResidualClassifier
    pixels : array of shape (n_images, 28, 28, channels), uint8
    device : str, default="auto"
    progress : callable, optional

    Returns
    -------
    array of shape (n_images, n_classes), float64
        Rows sum to 1.
    """
    scores = _by_batch(network, network.forward, pixels, device, progress, "Predicting")
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True, initial=-np.inf)
    odds = np.exp(shifted)
    return odds / odds.sum(axis=1, keepdims=True)


def to_tensor(pixels: Pixels) -> Tensor:
    """Scale pixels from 0..255 to −1..1 and put the channels first."""
    values = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    return values.float().div_(127.5).sub_(1)


@torch.inference_mode()
def _by_batch(
    network: FeatureNetwork,
    function: Callable[[Tensor], Tensor],
    pixels: Pixels,
    device: str,
    progress: Progress,
    task: str,
) -> NDArray[np.float32]:
    place = choose_device(device)
    network.to(place)
    network.eval()
    n_images = len(pixels)
    n_columns = function(torch.zeros((1, *to_tensor(pixels[:1]).shape[1:]), device=place)).shape[1]
    values = np.empty((n_images, n_columns), dtype=np.float32)
    for start in range(0, n_images, _BATCH_SIZE):
        batch = to_tensor(pixels[start : start + _BATCH_SIZE])
        batch = batch.to(place, memory_format=torch.channels_last)
        values[start : start + _BATCH_SIZE] = function(batch).cpu().numpy()
        progress(task, min(start + _BATCH_SIZE, n_images), n_images)
    return values
