"""Parts that the training loops share: batches, steps, a stopping rule, and checkpoints.

It must not know which network is trained, nor where labels come from.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.weights import load_weights
from voisin.errors import InputError
from voisin.types import Labels, Pixels
from voisin.writing import going_on_without, write_atomically

# Rounds without gain after which training stops. Chosen by hand: with fewer, a chance rise of the
# loss may stop it; more take time.
_PATIENCE = 5


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """Images, each with a label and a weight.

    Attributes
    ----------
    pixels : array of shape (n_images, size, size, channels), uint8
    labels : array of shape (n_images,) or (n_images, n_classes)
        Labels, known for each weight above 0; or distributions over the classes.
    weights : array of shape (n_images,)
        At least 0; images of weight 0 are left out.

    Raises
    ------
    InputError
        If shapes disagree, a weight is negative, fewer than two weights are above 0, or the label
        of such an image is unknown.
    """

    pixels: Pixels
    labels: Labels | NDArray[np.float32]
    weights: NDArray[np.floating]

    def __post_init__(self) -> None:
        if not len(self.pixels) == len(self.labels) == len(self.weights):
            message = (
                f"{len(self.pixels)} images, {len(self.labels)} labels and {len(self.weights)} "
                "weights: pass one of each per image."
            )
            raise InputError(message)
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            message = "weights has negative or non-finite entries: pass finite weights >= 0."
            raise InputError(message)
        kept = self.kept
        if len(kept) < 2:
            message = f"{len(kept)} images have a weight above 0: training needs two or more."
            raise InputError(message)
        if self.labels[kept].min() < 0:
            n_unknown = int((self.labels[kept] < 0).sum())
            message = f"labels has {n_unknown} unknown (-1): leave them out."
            raise InputError(message)

    @property
    def kept(self) -> NDArray[np.int64]:
        """Rows of the images of a weight above 0, in ascending order."""
        return np.flatnonzero(self.weights > 0)

    def shuffle(self, batch_size: int, generator: torch.Generator) -> list[NDArray[np.int64]]:
        """Return the rows of each batch of an epoch, in which every kept image appears once."""
        kept = self.kept
        order = kept[torch.randperm(len(kept), generator=generator).numpy()]
        return split_in_batches(order, batch_size)

    def load_targets(self, rows: NDArray[np.int64], device: torch.device) -> tuple[Tensor, Tensor]:
        """Return labels and weights of a batch."""
        labels = torch.from_numpy(self.labels[rows]).to(device)
        return labels, torch.from_numpy(self.weights[rows]).float().to(device)


def split_in_batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    """Split rows into batches; a single image left at the end joins the batch before.

    Batch normalization cannot be trained on one image.

    Examples
    --------
    >>> [batch.tolist() for batch in split_in_batches(np.arange(5), 2)]
    [[0, 1], [2, 3, 4]]
    """
    cuts = np.arange(size, len(order), size)
    if len(cuts) and len(order) - cuts[-1] == 1:
        cuts = cuts[:-1]
    return np.split(order, cuts)


def weighted_cross_entropy(
    scores: Tensor, labels: Tensor, weights: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Return ``Σ w_i H(y_i, p_i) / Σ w_i`` over a batch, with p_i the softmax of the scores."""
    losses = nn.functional.cross_entropy(
        scores, labels, reduction="none", label_smoothing=label_smoothing
    )
    return (losses * weights).sum() / weights.sum()


def take_step(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    """Update the weights by the gradient of a loss; return the loss, detached."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def set_learning_rate(
    optimizer: torch.optim.Optimizer, highest: float, step: int, n_steps: int, *, rise: float
) -> None:
    """Set the learning rate of a step: it rises over the share `rise`, then falls by a cosine.

    At step t = 0, 1, ... of T steps, the rate divided by `highest` is
    ``min(1, (t + 1) / (rise T)) · (1 + cos(π t / T)) / 2``.

    Examples
    --------
    >>> optimizer = torch.optim.SGD([torch.zeros(1)])
    >>> for step in range(4):
    ...     set_learning_rate(optimizer, 1.0, step, 4, rise=0.5)
    ...     print(round(optimizer.param_groups[0]["lr"], 2))
    0.5
    0.85
    0.5
    0.15
    """
    risen = min(1.0, (step + 1) / (rise * n_steps))
    for group in optimizer.param_groups:
        group["lr"] = highest * (risen * (1 + math.cos(math.pi * step / n_steps)) / 2)


def has_stopped_falling(losses: Sequence[float], gain: float) -> bool:
    """Whether the last five losses are all above ``(1 - gain)`` times the best before.

    Parameters
    ----------
    losses : sequence of float
        The mean loss of each epoch, or of each round of steps, in order.
    gain : float
        Smallest fall that counts, as a share of the best before.

    Examples
    --------
    >>> has_stopped_falling([1.0, 0.5, 0.499, 0.499, 0.499, 0.499, 0.499], gain=0.01)
    True
    >>> has_stopped_falling([1.0, 0.5, 0.49, 0.48, 0.47, 0.46, 0.45], gain=0.01)
    False
    """
    if len(losses) <= _PATIENCE:
        return False
    return min(losses[-_PATIENCE:]) > min(losses[:-_PATIENCE]) * (1 - gain)


@contextmanager
def use_one_thread() -> Iterator[None]:
    """Run PyTorch in one thread, so that sums do not depend on the number of cores.

    With small batches more threads gain little, and on a busy machine they cost much time.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


@dataclass
class TrainingState:
    """The state of a training, which a checkpoint stores.

    Attributes
    ----------
    network : torch module
    optimizer : torch optimizer
    generator : torch.Generator, optional
        Source of later random choices, unless these follow from `n_done`.
    n_done : int
        Number of finished epochs or steps.
    losses : list of float
        The mean loss of each epoch, or of each round of steps.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator | None = None
    n_done: int = 0
    losses: list[float] = field(default_factory=list)

    def save(self, path: Path | None) -> None:
        """Write a checkpoint whole or not at all, if there is a path and room for it."""
        if path is None:
            return
        packed = BytesIO()  # torch.save to a file raises no OSError when the disk is full
        torch.save(self._content(), packed)
        with going_on_without(path.parents[1]):
            path.parent.mkdir(parents=True, exist_ok=True)
            with write_atomically(path) as partial:
                partial.write_bytes(packed.getbuffer())

    def resume(self, path: Path | None) -> None:
        """Resume from a checkpoint; keep the initial state if it is missing or damaged."""
        if path is None or not path.is_file():
            return
        try:
            content = load_weights(path)
        except InputError:
            return
        if not isinstance(content, dict) or content.keys() != self._content().keys():
            return  # of another kind of training, or another version
        self.network.load_state_dict(content["network"])
        self.optimizer.load_state_dict(content["optimizer"])
        if self.generator is not None:
            self.generator.set_state(content["generator"])
        self.n_done, self.losses = content["n_done"], content["losses"]

    def _content(self) -> dict[str, Any]:
        content = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "n_done": self.n_done,
            "losses": self.losses,
        }
        if self.generator is not None:
            content["generator"] = self.generator.get_state()
        return content
