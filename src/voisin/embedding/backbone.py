"""``backbone`` and ``backbone-tuned``: features of EfficientNet-Lite0, as it comes or fine-tuned.

The network comes ready; this module must not know how it was trained.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from voisin.embedding.inference import (
    choose_device,
    describe_rounding,
    mixed_precision,
    run_in_threads,
    to_tensor,
)
from voisin.embedding.networks.efficientnet import EfficientNetLite0, load_backbone
from voisin.embedding.registry import EmbedderOptions, embed_by_batch, fill_batch
from voisin.embedding.specification import SMALL_SIDE
from voisin.parallel import blocks
from voisin.sources.reading import read_images
from voisin.types import Embeddings, ImageCollection, Pixels, Progress, no_progress

_BATCH_SIZE = 256  # images read at once: by hand
# Images of one core at once: with 16, 4.9 ms an image on two cores at 160 pixels; 8 and 32 took 5.0
# and 5.6, as larger feature maps leave the processor's cache.
_AT_ONCE = 16
DEFAULT_SIZE = 160  # waste photographs: AUC 0.926, and 0.917 with 128 pixels (benchmarks)
_SMALL_SIZE = 64  # of images of up to `SMALL_SIDE` pixels: by hand, twice their own
_MIDDLE, _MIDDLE_SIZE = 100, 96


def choose_size(side: int) -> int:
    """Choose the pixels per side that the backbone gets, by the images' own longer side.

    Examples
    --------
    >>> [choose_size(side) for side in (28, 64, 4000)]
    [64, 96, 160]
    """
    if side <= SMALL_SIDE:
        return _SMALL_SIZE
    return _MIDDLE_SIZE if side <= _MIDDLE else DEFAULT_SIZE


@dataclass(frozen=True, eq=False)
class Backbone:
    """Embeds images with the backbone: the mean over places of its last layer, 1,280 values.

    Parameters
    ----------
    network : EfficientNetLite0
    size : int, default=160
        Pixels per side of the images that the network gets.
    device : str, default="auto"
    fills_batches : bool, default=True
        Whether always as many images go through the network at once, so that a vector does not
        depend, to the last bit, on the images beside it. Without, a single image is quicker.
    """

    network: EfficientNetLite0
    size: int = DEFAULT_SIZE
    device: str = "auto"
    fills_batches: bool = True

    @cached_property
    def _fused(self) -> EfficientNetLite0:
        return self.network.fused()

    @property
    def input_size(self) -> int:
        """Pixels per side."""
        return self.size

    def fingerprint(self) -> str:
        """Return a digest of the weights, the size, and how the machine rounds."""
        digest = hashlib.sha256()
        for value in self.network.layers.state_dict().values():
            digest.update(value.cpu().numpy().tobytes())
        rounding = describe_rounding(choose_device(self.device))
        return f"backbone {self.size} {rounding} {digest.hexdigest()}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Return the network's features of each image."""
        device = choose_device(self.device)
        network = self._fused.to(device)

        @torch.inference_mode()
        def features(pixels: Pixels) -> NDArray[np.float32]:
            values = to_tensor(fill_batch(pixels, _AT_ONCE) if self.fills_batches else pixels)
            values = values.to(device, memory_format=torch.channels_last)
            with mixed_precision(device):
                return network.features(values)[: len(pixels)].float().cpu().numpy()

        def embed_batch(batch: ImageCollection) -> NDArray[np.floating]:
            pixels = read_images(batch, size=self.size, max_unreadable=0).pixels
            parts = [pixels[rows] for rows in blocks(len(pixels), _AT_ONCE)]
            return np.concatenate(run_in_threads(features, parts))

        return embed_by_batch(
            images, embed_batch, batch_size=_BATCH_SIZE, name="backbone", progress=progress
        )


def make(argument: str, options: EmbedderOptions) -> Backbone:  # noqa: ARG001
    """Make the embedder from the fine-tuned network, or from the one that comes installed."""
    network = load_backbone() if options.network is None else options.network
    assert isinstance(network, EfficientNetLite0)
    return Backbone(network, options.size or DEFAULT_SIZE, options.device, options.fills_batches)
