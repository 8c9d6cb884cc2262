"""Uncertainty sampling: ask for images whose class is least certain.

Margin: Scheffer, Decomain & Wrobel 2001. Entropy: Settles 2009 (a survey). This
module must not know the graph.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.metrics import certainty
from voisin.querying.batches import pick_diverse
from voisin.querying.strategy import Suggestion, find_askable, name_class
from voisin.types import UNLABELED, Indices, Labeling, Probabilities, Problem


def margin_uncertainty(probabilities: Probabilities) -> NDArray[np.float64]:
    """Return one minus the margin between the two most probable classes: ``1 − (p₁ − p₂)``.

    Examples
    --------
    >>> margin_uncertainty(np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]))
    array([1., 0.])
    """
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    top_two = np.partition(probabilities, -2, axis=1)[:, -2:]
    return 1 - (top_two[:, 1] - top_two[:, 0])


def label_and_runner_up(labeling: Labeling, row: int) -> list[int]:
    """Return the label shown for an image, and its most probable other class if there is one."""
    order = np.argsort(-labeling.stated[row], kind="stable")
    label = int(labeling.labels[row])
    first = int(order[0]) if label == UNLABELED else label
    return [first, *order[order != first][:1].tolist()]


def describe_uncertainty(
    labeling: Labeling, rows: Indices, class_names: Sequence[str]
) -> list[str]:
    """Name the label of each image and its most probable other class, with their probabilities."""
    probabilities, descriptions = labeling.stated, []
    for row in rows.tolist():
        if labeling.labels[row] == UNLABELED:
            descriptions.append("no label reaches it")
            continue
        both = label_and_runner_up(labeling, row)
        shares = [f"{name_class(c, class_names)} ({probabilities[row, c]:.0%})" for c in both]
        descriptions.append(" or ".join(shares))
    return descriptions


class _UncertaintySampling(ABC):
    """Suggest the images of largest uncertainty; it is 1 if no label reaches the image."""

    @abstractmethod
    def measure(self, probabilities: Probabilities) -> NDArray[np.float64]:
        """Return the uncertainty of each row, from 0 to 1."""

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),
    ) -> Suggestion:
        """Choose the images of largest uncertainty; see `QueryStrategy.suggest`."""
        rows = find_askable(problem, n, candidates)
        propagation = labeling.propagation
        utility = np.where(propagation.reached, self.measure(propagation.probabilities), 1.0)
        picked, scores = pick_diverse(problem.data.embeddings, rows, utility[rows], n)
        classes = describe_uncertainty(labeling, picked, class_names)
        return Suggestion(picked, scores, tuple(classes))


@dataclass(frozen=True)
class Margin(_UncertaintySampling):
    """Suggest the images with the smallest margin between the two most probable classes.

    Their utility is ``1 − (p₁ − p₂)``, or 1 if no label reaches the image.
    """

    def measure(self, probabilities: Probabilities) -> NDArray[np.float64]:
        """Return one minus the margin."""
        return margin_uncertainty(probabilities)


@dataclass(frozen=True)
class Entropy(_UncertaintySampling):
    """Suggest the images whose class probabilities have the largest entropy.

    Their utility is ``H(p) / log C``, or 1 if no label reaches the image.
    """

    def measure(self, probabilities: Probabilities) -> NDArray[np.float64]:
        """Return the entropy, divided by its maximum."""
        return 1 - certainty(probabilities)
