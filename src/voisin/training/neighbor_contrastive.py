"""A network learns which images are neighbors, however they are shifted, turned or lit.

Böhm, Berens & Kobak, "Unsupervised visualization of image datasets using contrastive learning",
2022, see neighbor embeddings and contrastive learning as one; Dwibedi, Aytar, Tompson, Sermanet &
Zisserman, "With a little help from my friends", 2021, take an image's neighbors for its other
views. It knows pixels, and no labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from voisin.embedding.inference import to_tensor
from voisin.embedding.networks.perceptron import Perceptron
from voisin.neighbors.search import find_neighbors
from voisin.training.augmentation import Augmentation
from voisin.training.contrastive import ContrastiveTrainer
from voisin.types import Pixels

_N_NEIGHBORS = 10
_N_COMPONENTS = 64
_MOST_ROWS = 100_000  # that components are learned from
_BLOCK = 4_096


@dataclass(frozen=True)
class NeighborContrastiveTraining(ContrastiveTrainer):
    """Teach a `Perceptron` to bring an image near one of its neighbors, and both away from others.

    The neighbors are the ten nearest by the cosine of 64 principal components of the pixels
    (learned from 50,000 images or more, where there are so many); one is drawn at each look. Both
    images are changed as `Augmentation` says, so that what is learned goes beyond the pixels. The
    loss is `contrastive_loss`. Stops early when the mean loss of 100 steps has not fallen by 0.2 %
    in 500.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    steps : int, default=3000
    looks : int, default=60
    batch_size : int, default=512
    learning_rate : float, default=1e-3
        All as `Lesson` says.
    temperature : float, default=0.2
        Of `contrastive_loss`.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    orientation: str = "upright"
    steps: int = 3_000
    looks: int = 60
    batch_size: int = 512
    learning_rate: float = 1e-3
    temperature: float = 0.2
    task: ClassVar[str] = "Teaching a network which images are neighbors"
    round_of: ClassVar[int] = 100
    weight_decay: ClassVar[float] = 1e-4

    def start(self, n_channels: int) -> Perceptron:
        """Make a new perceptron."""
        return Perceptron(n_channels)

    def reader(
        self, pixels: Pixels, random_state: int
    ) -> Callable[[NDArray[np.int64], np.random.Generator], Tensor]:
        """Find the neighbors; then read images, and behind them a neighbor of each."""
        near = _nearest(pixels, random_state)

        def read(rows: NDArray[np.int64], chance: np.random.Generator) -> Tensor:
            others = near[rows, chance.integers(near.shape[1], size=len(rows))]
            return to_tensor(pixels[np.concatenate([rows, others])])

        return read

    def augmentation(self) -> Augmentation:
        """Change images a little: a shift, a turn, another size and light."""
        return Augmentation(
            self.orientation, scale=(0.85, 1.15), shift=0.08, brightness=0.15, contrast=0.15
        )


def _nearest(pixels: Pixels, random_state: int) -> NDArray[np.int64]:
    """Find the nearest images of each by their principal components."""
    from sklearn.decomposition import PCA

    learned = _flatten(pixels[:: 1 + len(pixels) // _MOST_ROWS])
    with np.errstate(invalid="ignore"):  # where all images are alike, shares of no variance
        components = PCA(min(_N_COMPONENTS, *learned.shape), svd_solver="covariance_eigh")
        components.fit(learned)
    blocks = (pixels[start : start + _BLOCK] for start in range(0, len(pixels), _BLOCK))
    vectors = np.concatenate([components.transform(_flatten(block)) for block in blocks])
    n_neighbors = min(_N_NEIGHBORS, len(pixels) - 1)
    return find_neighbors(vectors, n_neighbors, random_state=random_state).indices


def _flatten(pixels: Pixels) -> NDArray[np.float32]:
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)
