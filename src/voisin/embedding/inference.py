"""Run a network over many images, batch by batch, and choose device and precision.

It handles pixels, and must not know files, labels or particular networks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voisin.errors import InputError
from voisin.parallel import available_cores
from voisin.types import Embeddings, Pixels, Probabilities, Progress, no_progress

T = TypeVar("T")

# Images per batch, chosen by hand: enough to keep all cores busy, while the feature maps of the
# largest network (64 channels of 28 × 28) take about 100 MB each.
_BATCH_SIZE = 512


class FeatureNetwork(Protocol):
    """A torch module that can return the values before its last layer."""

    def features(self, images: Tensor) -> Tensor:
        """Return one row per image."""

    def forward(self, images: Tensor) -> Tensor:
        """Return one row per image: one score (logit) per class, if the network has classes."""

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

    It runs in bfloat16 if the machine has matrix products for it, which takes a half to a third
    of the time; features are then rounded to about three digits.

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
    torch_device = choose_device(device)

    def features(images: Tensor) -> Tensor:
        with mixed_precision(torch_device):
            return network.features(images).float()

    return _run_by_batch(network, features, pixels, torch_device, progress, "Embedding images")


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
    torch_device = choose_device(device)
    scores = _run_by_batch(network, network.forward, pixels, torch_device, progress, "Predicting")
    shifted = scores.astype(np.float64) - scores.max(axis=1, keepdims=True, initial=-np.inf)
    odds = np.exp(shifted)
    return odds / odds.sum(axis=1, keepdims=True)


def run_in_threads(function: Callable[[Any], T], parts: Sequence[Any]) -> list[T]:
    """Call a function of tensors for each part, each call within one of the cores.

    Cores then never wait for one another within a call, which on a busy machine takes several
    times as long, and results do not depend on their number.
    """

    def call(part: Any) -> T:
        torch.set_num_threads(1)  # holds for the thread that calls it
        return function(part)

    n_threads = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(available_cores()) as threads:
            return list(threads.map(call, parts))
    finally:
        torch.set_num_threads(n_threads)


def to_tensor(pixels: Pixels) -> Tensor:
    """Scale pixels from 0..255 to −1..1 and put the channels first."""
    values = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    return values.float().div_(127.5).sub_(1)


def choose_device(device: str = "auto") -> torch.device:
    """Return the torch device of a name, if this machine has it.

    ``auto`` prefers CUDA, then MPS (Apple's GPU), then the processor.

    Raises
    ------
    InputError
        If the name is unknown, or the machine has no such device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    names = [name for name in available if available[name]]
    if device == "auto":
        return torch.device(names[0])
    if not re.fullmatch(rf"({'|'.join(names)})(:\d+)?", device):
        message = (
            f"`device={device!r}` is not there: this machine has {', '.join(names)}; "
            "or pass 'auto'."
        )
        raise InputError(message)
    return torch.device(device)


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Run convolutions and matrix products in bfloat16 where the machine has instructions for it.

    Processors with AMX tiles and CUDA GPUs from compute capability 8 have; others emulate bfloat16
    and are slower with it, so everything stays float32 there.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=_has_bfloat16(device))


def describe_rounding(device: torch.device) -> str:
    """Name all that decides how a device rounds: torch's version, and the instructions used."""
    if device.type == "cuda":
        instructions = torch.cuda.get_device_name(device)
    else:
        instructions = torch.backends.cpu.get_cpu_capability()
    return f"{torch.__version__} {device.type} {instructions} {_has_bfloat16(device)}"


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # torch has no public name
    return device.type == "cpu" and has_tiles is not None and bool(has_tiles())


@torch.inference_mode()
def _run_by_batch(
    network: FeatureNetwork,
    function: Callable[[Tensor], Tensor],
    pixels: Pixels,
    device: torch.device,
    progress: Progress,
    task: str,
) -> NDArray[np.float32]:
    network.to(device)
    network.eval()
    n_images = len(pixels)
    n_columns = function(torch.zeros((1, *to_tensor(pixels[:1]).shape[1:]), device=device)).shape[1]
    values = np.empty((n_images, n_columns), dtype=np.float32)
    for start in range(0, n_images, _BATCH_SIZE):
        batch = to_tensor(pixels[start : start + _BATCH_SIZE])
        batch = batch.to(device, memory_format=torch.channels_last)
        values[start : start + _BATCH_SIZE] = function(batch).cpu().numpy()
        progress(task, min(start + _BATCH_SIZE, n_images), n_images)
    return values
