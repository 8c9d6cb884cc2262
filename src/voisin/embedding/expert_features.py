"""``cnn``: the features of the chapter's expert, before its last layer."""

import hashlib
from dataclasses import dataclass

from voisin.embedding.inference import embed
from voisin.embedding.registry import EmbedderOptions
from voisin.embedding.simple_cnn import IMAGE_SIZE, SimpleCNN
from voisin.errors import InputError
from voisin.sources.reading import read_images
from voisin.types import Embeddings, ImageCollection, Progress, no_progress


@dataclass(frozen=True, eq=False)
class ExpertFeatures:
    """Embeds by a trained SimpleCNN: 1,568 values an image.

    Parameters
    ----------
    network : SimpleCNN
    device : str, default="auto"
    """

    network: SimpleCNN
    device: str = "auto"

    @property
    def input_size(self) -> int:
        """28."""
        return IMAGE_SIZE

    def fingerprint(self) -> str:
        """Digest of the weights."""
        digest = hashlib.sha256()
        for name, value in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().numpy().tobytes())
        return f"cnn {digest.hexdigest()}"

    def embed(self, images: ImageCollection, *, progress: Progress = no_progress) -> Embeddings:
        """Give each image the expert's features."""
        pixels = read_images(images, size=IMAGE_SIZE, max_unreadable=0).pixels
        return embed(self.network, pixels, device=self.device, progress=progress)


def make(argument: str, options: EmbedderOptions) -> ExpertFeatures:  # noqa: ARG001
    """Make the embedder from the expert."""
    if options.expert is None:
        message = "cnn embeds by a trained expert, and none was given: pass expert=SimpleCNN(...)."
        raise InputError(message)
    return ExpertFeatures(options.expert, options.device)
