"""Fine-tune a pretrained backbone on a few labeled images.

It handles pixels, labels and weights, and must not know where the labels came from.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voisin.embedding.inference import (
    choose_device,
    mixed_precision,
    run_in_threads,
    to_tensor,
)
from voisin.parallel import blocks
from voisin.training.augmentation import Augmentation
from voisin.training.training_loop import (
    TrainingImages,
    TrainingState,
    set_learning_rate,
    split_in_batches,
    use_one_thread,
)
from voisin.types import Labels, Pixels, Progress, no_progress
from voisin.validation import check_at_least, check_count

if TYPE_CHECKING:
    from voisin.embedding.networks.efficientnet import EfficientNetLite0

_RISE = 0.1  # share of steps in which the rate rises, by hand: else first steps are too large
_SAVED = 5  # epochs between two checkpoints, by hand: one takes 40 MB and 0.1 s
_MOST_STEPS = 400  # by hand, to bound the time: 350 labels then get 36 epochs instead of 60
_AT_ONCE = 16  # images of one core at once: by hand, half a batch
_LAST_LAYER = 10  # times the rate of the others; by hand
_MIXING = 0.2  # of the Beta distribution; as Zhang et al. 2018 for ImageNet
_MULTIPLE = 16  # views have a multiple of this many pixels per side, as the network halves them


@dataclass(frozen=True)
class BackboneTuning:
    """Train all layers by AdamW; the rate rises over a tenth of the steps, then falls by a cosine.

    Each step mixes images pairwise, ``λ x_i + (1 − λ) x_j`` with λ of Beta(0.2, 0.2), and their
    labels likewise (Zhang et al. 2018). Images are first turned, mirrored, zoomed and changed in
    light, and shown at 0.7 times the size at which they are embedded later, where objects then
    seem as large as in training (Touvron et al. 2019), and at half the cost. Batch normalization
    keeps the statistics of the pretraining: a few images have none worth learning.

    Parameters
    ----------
    orientation : {"any", "upright", "fixed"}, default="upright"
        How images may lie, as `Augmentation` says.
    epochs : int, default=60
        At most; no more than 400 steps are taken.
    batch_size : int, default=32
    learning_rate : float, default=3e-4
        That of the last layer, which starts from nothing, is ten times as high.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    orientation: str = "upright"
    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 3e-4

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, 1)
        check_count("batch_size", self.batch_size, 2)
        check_at_least("learning_rate", self.learning_rate, 0)
        Augmentation(self.orientation)  # raises now if the orientation is wrong

    def fit(
        self,
        network: "EfficientNetLite0",
        pixels: Pixels,
        labels: Labels | NDArray[np.float32],
        *,
        weights: NDArray[np.floating] | None = None,
        random_state: int = 0,
        device: str = "auto",
        checkpoint: Path | None = None,
        progress: Progress = no_progress,
        task: str = "Fine-tuning",
    ) -> "EfficientNetLite0":
        """Train `network` in place.

        Each core computes the gradients of some images of a step; their number is fixed, and so
        the weights do not depend on the number of cores.

        Parameters
        ----------
        network : EfficientNetLite0
            With a linear layer. Its weights are changed.
        pixels : array of shape (n_images, size, size, channels), uint8
            Of the size at which images will be embedded.
        labels : array of shape (n_images,) or (n_images, n_classes)
            Labels, known for each weight above 0; or distributions over the classes.
        weights : array of shape (n_images,), optional
            At least 0, and 1 by default; images of weight 0 are left out.
        random_state : int, default=0
            Decides the order of the images, and how they are changed and mixed.
        device : str, default="auto"
        checkpoint : Path, optional
            Where to keep the state, and to resume from if it is there. It must belong to this very
            training: the same images, labels and settings.
        progress : callable, optional
        task : str, default="Fine-tuning"
            The task that `progress` is called with.

        Returns
        -------
        EfficientNetLite0
            `network`, in evaluation mode.

        Raises
        ------
        InputError
            If shapes disagree, or fewer than two images have a weight.
        """
        weights = np.ones(len(labels)) if weights is None else weights
        images = TrainingImages(pixels, labels, weights)
        torch_device = choose_device(device)
        optimizer = self._make_optimizer(network.to(torch_device))
        generator = torch.Generator().manual_seed(random_state)
        state = TrainingState(network, optimizer, generator)
        state.resume(checkpoint)
        n_steps = self.count_steps(len(images.kept))
        epochs = n_steps // len(split_in_batches(images.kept, self.batch_size))
        _set_training(network)
        with use_one_thread():
            while state.n_done < epochs:
                self._train_epoch(network, state, images, n_steps)
                state.n_done += 1
                if state.n_done % _SAVED == 0:
                    state.save(checkpoint)
                progress(task, state.n_done, epochs)
        return network.eval()

    def count_steps(self, n_images: int) -> int:
        """Return the number of steps that training on some images takes."""
        per_epoch = max(1, len(split_in_batches(np.arange(n_images), self.batch_size)))
        return per_epoch * min(self.epochs, -(-_MOST_STEPS // per_epoch))

    def _train_epoch(
        self,
        network: "EfficientNetLite0",
        state: TrainingState,
        images: TrainingImages,
        n_steps: int,
    ) -> None:
        optimizer, generator = state.optimizer, state.generator
        assert generator is not None
        device = next(network.parameters()).device
        augmentation = self._make_augmentation(images.pixels.shape[1])
        batches = images.shuffle(self.batch_size, generator)
        for number, rows in enumerate(batches):
            step = state.n_done * len(batches) + number
            set_learning_rate(optimizer, self.learning_rate, step, n_steps, rise=_RISE)
            optimizer.param_groups[1]["lr"] *= _LAST_LAYER
            views = augmentation.apply(to_tensor(images.pixels[rows]), generator)
            labels, sample_weight = images.load_targets(rows, device)
            targets = _as_rows(labels, network.fc)
            mixed = _mix(views.to(device), targets, generator)
            _take_step(network, optimizer, *mixed, sample_weight)

    def _make_augmentation(self, size: int) -> Augmentation:
        """Change images as cameras do; the ranges are chosen by hand."""
        shown = max(_MULTIPLE, round(0.7 * size / _MULTIPLE) * _MULTIPLE)
        return Augmentation(
            self.orientation,
            scale=(0.7, 1.1),
            shift=0.1,
            brightness=0.2,
            contrast=0.2,
            saturation=0.2,
            size=shown,
        )

    def _make_optimizer(self, network: "EfficientNetLite0") -> torch.optim.Optimizer:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parts = (network.layers, network.fc)
        return torch.optim.AdamW([{"params": part.parameters()} for part in parts])


def _set_training(network: nn.Module) -> None:
    network.train()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()


def _take_step(
    network: "EfficientNetLite0",
    optimizer: torch.optim.Optimizer,
    views: Tensor,
    targets: Tensor,
    sample_weight: Tensor,
) -> None:
    """Update the weights by the gradient of ``Σ w_i H(y_i, p_i) / Σ w_i``, summed over parts."""
    parameters = list(network.parameters())

    def gradients(rows: slice) -> tuple[Tensor, ...]:
        with mixed_precision(views.device):
            scores = network(views[rows].contiguous(memory_format=torch.channels_last))
        losses = nn.functional.cross_entropy(scores.float(), targets[rows], reduction="none")
        loss = (losses * sample_weight[rows]).sum() / sample_weight.sum()
        return torch.autograd.grad(loss, parameters)

    parts = run_in_threads(gradients, blocks(len(views), _AT_ONCE))
    for parameter, *pieces in zip(parameters, *parts, strict=True):
        parameter.grad = sum(pieces[1:], pieces[0])
    optimizer.step()


def _as_rows(targets: Tensor, last: nn.Module) -> Tensor:
    """Turn labels into distributions over the classes."""
    if targets.ndim == 2:
        return targets
    n_classes = last.out_features
    return nn.functional.one_hot(targets, int(n_classes)).float()  # type: ignore[arg-type]


def _mix(images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mix each image, and its target, with another of the batch."""
    seed = int(torch.randint(2**31, (1,), generator=generator))  # torch's Beta takes no generator
    share = float(np.random.default_rng(seed).beta(_MIXING, _MIXING))
    order = torch.randperm(len(images), generator=generator).to(images.device)
    return (
        share * images + (1 - share) * images[order],
        share * targets + (1 - share) * targets[order],
    )
