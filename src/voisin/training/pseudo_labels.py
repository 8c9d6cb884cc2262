"""Rounds of pseudo-labels: believe the network where it is sure, train again, repeat.

Lee, "Pseudo-label: the simple and efficient semi-supervised learning method for deep neural
networks", 2013. With quotas a class and a new network each round, as curriculum labeling does
(Cascante-Bonilla, Tan, Qi & Ordonez 2021), because mistakes that stay in the weights confirm
themselves.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.embedding.inference import predict
from voisin.embedding.networks.simple_cnn import SimpleCNN
from voisin.training.rounds import PseudoLabelRound
from voisin.training.supervised import SupervisedTraining
from voisin.types import UNLABELED, Labels, Pixels, Probabilities, Progress, no_progress
from voisin.validation import check_count, check_in_closed_interval


@dataclass(frozen=True)
class PseudoLabels:
    """Label the surest images by the network itself, round after round.

    A round takes, of the images still unlabeled, those whose largest probability is at least
    `threshold`: at most `quota` a class, the surest first. They keep that label for good.

    Parameters
    ----------
    threshold : float, default=0.95
        In [0, 1].
    quota : int, default=100
        Images a class and round.
    rounds : int, default=3
    training : SupervisedTraining
        Of the network after each round.

    Raises
    ------
    InputError
        If a setting is out of range.
    """

    threshold: float = 0.95
    quota: int = 100
    rounds: int = 3
    training: SupervisedTraining = field(default_factory=SupervisedTraining)

    def __post_init__(self) -> None:
        check_in_closed_interval("threshold", self.threshold, 0, 1)
        check_count("quota", self.quota, 1)
        check_count("rounds", self.rounds, 1)

    def fit(
        self,
        start: SimpleCNN,
        pixels: Pixels,
        labels: Labels,
        *,
        n_classes: int,
        truth: Labels | None = None,
        random_state: int = 0,
        device: str = "auto",
        checkpoints: Path | None = None,
        progress: Progress = no_progress,
    ) -> tuple[SimpleCNN, tuple[PseudoLabelRound, ...]]:
        """Grow the labels from a first network and train the last one on them.

        Parameters
        ----------
        start : SimpleCNN
            Trained on the labeled images.
        pixels : array of shape (n_images, 28, 28, channels), uint8
        labels : array of shape (n_images,)
            -1 where unknown.
        n_classes : int
        truth : array of shape (n_images,), optional
            Only to say how precise each round was; -1 where unknown. Never trained on.
        random_state : int, default=0
        device : str, default="auto"
        checkpoints : Path, optional
            Folder for the state of each round's training.
        progress : callable, optional

        Returns
        -------
        network : SimpleCNN
        rounds : tuple of PseudoLabelRound
            Ends before `rounds` when no image is sure enough.
        """
        truth = np.full(len(labels), UNLABELED) if truth is None else truth
        network, grown = start, labels.copy()
        history: list[PseudoLabelRound] = []
        for number in range(1, self.rounds + 1):
            probabilities = predict(network, pixels, device=device, progress=progress)
            added = self.choose(probabilities, grown == UNLABELED)
            history.append(_describe(number, added, probabilities, truth, n_classes))
            if not len(added):
                break
            grown[added] = probabilities[added].argmax(axis=1)
            known = np.flatnonzero(grown != UNLABELED)
            network = self.training.fit(
                pixels[known],
                grown[known],
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
        """Return the positions of the images to believe in, in ascending order.

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


def _describe(
    number: int,
    added: NDArray[np.int64],
    probabilities: Probabilities,
    truth: Labels,
    n_classes: int,
) -> PseudoLabelRound:
    predicted = probabilities[added].argmax(axis=1)
    known = truth[added] != UNLABELED
    precision = float((predicted == truth[added])[known].mean()) if known.any() else None
    counts = np.bincount(predicted, minlength=n_classes)
    return PseudoLabelRound(number, len(added), tuple(counts.tolist()), precision, int(known.sum()))
