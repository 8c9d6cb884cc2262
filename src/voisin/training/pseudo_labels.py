"""Pseudo-labels: label images that the network is sure of, train a new network, repeat.

Lee, "Pseudo-label: the simple and efficient semi-supervised learning method for deep neural
networks", 2013. Each class has a quota. Each round trains a new network, as in curriculum labeling
(Cascante-Bonilla, Tan, Qi & Ordonez 2021): an old one would repeat mistakes it was trained on.

Reports import `PseudoLabelRound`, so PyTorch must only be imported inside functions.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voisin.types import UNLABELED, Labels, Pixels, Probabilities, Progress, no_progress
from voisin.validation import check_count, check_in_closed_interval

if TYPE_CHECKING:
    from voisin.embedding.networks.simple_cnn import SimpleCNN
    from voisin.training.supervised import SupervisedTraining


@dataclass(frozen=True)
class PseudoLabelRound:
    """One round: how many pseudo-labels it added, and what share of them is correct.

    Attributes
    ----------
    number : int
        Number of the round, from 1.
    n_added : int
        Pseudo-labels added in this round.
    n_added_by_class : tuple of int
    precision : float or None
        Share of correct labels among the added; None if unknown, or if none was added.
    n_known : int
        Added labels whose truth is known.
    """

    number: int
    n_added: int
    n_added_by_class: tuple[int, ...]
    precision: float | None
    n_known: int


@dataclass(frozen=True)
class PseudoLabels:
    """Label the images that the network is surest of by its predictions, round after round.

    A round takes, of the images still unlabeled, those whose largest probability is at least
    `threshold`: at most `quota` per class, the surest first. They keep this label afterwards.

    Parameters
    ----------
    threshold : float, default=0.95
        In [0, 1].
    quota : int, default=100
        Most images per class in one round.
    rounds : int, default=3
    training : SupervisedTraining, optional
        How the network is trained after each round; by default with default settings.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    threshold: float = 0.95
    quota: int = 100
    rounds: int = 3
    training: "SupervisedTraining | None" = None

    def __post_init__(self) -> None:
        check_in_closed_interval("threshold", self.threshold, 0, 1)
        check_count("quota", self.quota, 1)
        check_count("rounds", self.rounds, 1)

    def fit(
        self,
        start: "SimpleCNN",
        pixels: Pixels,
        labels: Labels,
        *,
        n_classes: int,
        truth: Labels | None = None,
        random_state: int = 0,
        device: str = "auto",
        checkpoints: Path | None = None,
        progress: Progress = no_progress,
    ) -> tuple["SimpleCNN", tuple[PseudoLabelRound, ...]]:
        """Add pseudo-labels, beginning with those of a first network, and train the last network.

        Parameters
        ----------
        start : SimpleCNN
            Trained on the labeled images.
        pixels : array of shape (n_images, 28, 28, channels), uint8
        labels : array of shape (n_images,)
            -1 where unknown.
        n_classes : int
        truth : array of shape (n_images,), optional
            Only to report how precise each round was; -1 where unknown. Never trained on.
        random_state : int, default=0
        device : str, default="auto"
        checkpoints : Path, optional
            Folder for the state of each round's training.
        progress : callable, optional

        Returns
        -------
        network : SimpleCNN
        rounds : tuple of PseudoLabelRound
            There are fewer rounds if no image reaches the threshold.
        """
        from voisin.embedding.inference import predict
        from voisin.training.supervised import SupervisedTraining

        training = self.training or SupervisedTraining()
        truth = np.full(len(labels), UNLABELED) if truth is None else truth
        network, extended = start, labels.copy()
        history: list[PseudoLabelRound] = []
        for number in range(1, self.rounds + 1):
            probabilities = predict(network, pixels, device=device, progress=progress)
            added = self.choose(probabilities, extended == UNLABELED)
            predicted = probabilities[added].argmax(axis=1)
            known = truth[added] != UNLABELED
            precision = float((predicted == truth[added])[known].mean()) if known.any() else None
            counts = tuple(np.bincount(predicted, minlength=n_classes).tolist())
            history.append(
                PseudoLabelRound(number, len(added), counts, precision, int(known.sum()))
            )
            if not len(added):
                break
            extended[added] = predicted
            labeled = np.flatnonzero(extended != UNLABELED)
            network = training.fit(
                pixels[labeled],
                extended[labeled],
                n_classes=n_classes,
                random_state=random_state + number,
                device=device,
                checkpoint=checkpoints and checkpoints / f"round-{number}.pt",
                progress=progress,
                task=f"Pseudo-labels, round {number} of {self.rounds}",
            )
        return network, tuple(history)

    def choose(
        self, probabilities: Probabilities, candidates: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Return the positions of the images that get a pseudo-label, in ascending order.

        Examples
        --------
        >>> sure = np.array([[0.99, 0.01], [0.97, 0.03], [0.2, 0.8], [0.98, 0.02]])
        >>> PseudoLabels(quota=2).choose(sure, np.array([True, True, True, True]))
        array([0, 3])
        """
        confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
        sure = candidates & (confidence >= self.threshold)
        chosen = []
        for c in range(probabilities.shape[1]):
            rows = np.flatnonzero(sure & (predicted == c))
            chosen.append(rows[np.argsort(-confidence[rows], kind="stable")][: self.quota])
        return np.sort(np.concatenate(chosen))
