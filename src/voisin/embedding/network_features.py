"""``cnn``, ``contrastive``, ``neighbors`` and the like: features of one of voisin's own networks.

The network comes trained; this module must not know how it was trained.
"""

import hashlib
from dataclasses import dataclass

from voisin.embedding.inference import FeatureNetwork, embed
from voisin.embedding.registry import EmbedderOptions
from voisin.embedding.specification import IMAGE_SIZE
from voisin.errors import InputError
from voisin.sources.reading import read_images
from voisin.types import Embeddings, ImageCollection, Progress, no_progress


@dataclass(frozen=True, eq=False)
class NetworkFeatures:
    """Embeds images with a trained network: its values before the last layer.

    Parameters
    ----------
    network : SimpleCNN, ResidualNetwork, Autoencoder or Perceptron
    device : str, default="auto"
    """

    network: FeatureNetwork
    device: str = "auto"

    @property
    def input_size(self) -> int:
        """28."""
        return IMAGE_SIZE

    def fingerprint(self) -> str:
        """Return a digest of the weights."""
        digest = hashlib.sha256()
        for name, value in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().numpy().tobytes())
        return f"network {digest.hexdigest()}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Return the network's features of each image."""
        pixels = read_images(images, size=IMAGE_SIZE, max_unreadable=0).pixels
        return embed(self.network, pixels, device=self.device, progress=progress)


def make(argument: str, options: EmbedderOptions) -> NetworkFeatures:  # noqa: ARG001
    """Make the embedder from the network that was trained for it."""
    if options.network is None:
        message = "This embedder needs a trained network, and none was given: pass network=..."
        raise InputError(message)
    return NetworkFeatures(options.network, options.device)
