"""Train a network to embed neighboring images near each other, however they are augmented.

Böhm, Berens & Kobak, "Unsupervised visualization of image datasets using contrastive learning",
2022, unite neighbor embeddings and contrastive learning; Dwibedi, Aytar, Tompson, Sermanet &
Zisserman, "With a little help from my friends", 2021, use an image's neighbors as its other
views. It handles pixels, and must not use labels.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from voisin.embedding.inference import to_tensor
from voisin.embedding.networks.perceptron import Perceptron
from voisin.neighbors.search import find_neighbors
from voisin.training.augmentation import Augmentation
from voisin.training.self_supervised import Reader
from voisin.training.simclr import ContrastiveTrainer
from voisin.types import Pixels

# Chosen by hand: more neighbors include more images of other classes; fewer add little to the
# image itself.
_N_NEIGHBORS = 10
_N_COMPONENTS = 64  # of the pixels; as many as `voisin.embedding.pixels` takes by default
_MAX_PCA_ROWS = 100_000  # chosen by hand: bounds memory to 0.9 GB for color images
_BLOCK = 4_096  # rows projected at a time, chosen by hand: bounds memory to 40 MB for color images


@dataclass(frozen=True)
class NeighborContrastiveTraining(ContrastiveTrainer):
    """Train a `Perceptron` to embed an image near one of its neighbors, and far from the others.

    The neighbors are the ten nearest by the cosine of 64 principal components of the pixels
    (computed from 50,000 images or more, if there are so many); one is drawn each time that
    an image is used. Both images are augmented, so that what is learned goes beyond the pixels. The
    loss is `contrastive_loss`. Training stops early when the mean loss of 100 steps has not
    fallen by 0.2 % in 500.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    steps : int, default=3000
    views_per_image : int, default=60
    batch_size : int, default=512
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
    steps: int = 3_000
    views_per_image: int = 60
    batch_size: int = 512
    learning_rate: float = 1e-3
    temperature: float = 0.2
    task: ClassVar[str] = "Contrasting neighbors on all images"
    steps_per_round: ClassVar[int] = 100
    weight_decay: ClassVar[float] = 1e-4

    def build_learner(self, n_channels: int) -> Perceptron:
        """Build a perceptron."""
        return Perceptron(n_channels)

    def make_reader(self, pixels: Pixels, random_state: int) -> Reader:
        """Find the neighbors; return a function that reads images, then a neighbor of each."""
        from sklearn.decomposition import PCA

        sample = _flatten(pixels[:: 1 + len(pixels) // _MAX_PCA_ROWS])
        pca = PCA(min(_N_COMPONENTS, *sample.shape), svd_solver="covariance_eigh")
        with np.errstate(invalid="ignore"):  # where all images are equal, they have no variance
            pca.fit(sample)
        blocks = (pixels[start : start + _BLOCK] for start in range(0, len(pixels), _BLOCK))
        components = np.concatenate([pca.transform(_flatten(block)) for block in blocks])
        n_neighbors = min(_N_NEIGHBORS, len(pixels) - 1)
        neighbors = find_neighbors(components, n_neighbors, random_state=random_state).indices

        def read(rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
            others = neighbors[rows, rng.integers(n_neighbors, size=len(rows))]
            return to_tensor(pixels[np.concatenate([rows, others])])

        return read

    def make_augmentation(self) -> Augmentation:
        """Change images a little: a shift, a turn, another size and light."""
        return Augmentation(
            self.orientation, scale=(0.85, 1.15), shift=0.08, brightness=0.15, contrast=0.15
        )


def _flatten(pixels: Pixels) -> NDArray[np.float32]:
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
