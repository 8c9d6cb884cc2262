"""Select the images that the report shows, and find the labeled images nearest to each.

This module must not know pictures or HTML.
"""

from dataclasses import dataclass

import numpy as np

from voisin.evaluation.metrics import certainty
from voisin.neighbors.search import query_neighbors
from voisin.report.content import ReportContent
from voisin.types import UNLABELED, Indices

# Chosen by hand, to keep the page short: three cards make a row of a wide screen.
MAX_CLASSES = 10
N_OF_EACH_KIND = 3
N_MISTAKES = 9
N_NEIGHBORS = 3


@dataclass(frozen=True, eq=False)
class ClassSelection:
    """The most and the least certain images among those that the run assigned to one class."""

    label: int
    n_given: int
    most_certain: Indices
    least_certain: Indices


@dataclass(frozen=True, eq=False)
class Selection:
    """Positions of the images to show.

    Attributes
    ----------
    classes : tuple of ClassSelection
        In the order of the classes; if there are too many, those with the most images.
    mistakes : array
        The most certain images with a wrong class; empty if no true class is known.
    n_mistakes : int
        Number of images whose known true class is not the assigned class.
    unreached : array
        The first images that no label reaches.
    n_unreached : int
    """

    classes: tuple[ClassSelection, ...]
    mistakes: Indices
    n_mistakes: int
    unreached: Indices
    n_unreached: int

    @property
    def images(self) -> Indices:
        """All positions that are shown, without repeats, in rising order."""
        of_classes = [part for c in self.classes for part in (c.most_certain, c.least_certain)]
        return np.unique(np.concatenate([*of_classes, self.mistakes, self.unreached]))


def select_images(content: ReportContent) -> Selection:
    """Select the images to show; the selection is deterministic.

    Only unlabeled images are selected. Those that a label reaches are sorted by their stated
    certainty; ties keep their order. No image is both among the most and the least certain images
    of its class.
    """
    unlabeled = content.labels == UNLABELED
    by_certainty = np.argsort(-certainty(content.stated_probabilities), kind="stable")
    candidates = by_certainty[(unlabeled & content.reached)[by_certainty]]
    predicted = content.predicted[candidates]
    truth = content.truth[candidates]
    mistakes = candidates[(truth != UNLABELED) & (truth != predicted)]
    unreached = np.flatnonzero(unlabeled & ~content.reached)
    n_given = np.bincount(predicted, minlength=content.images.n_classes)
    shown = np.sort(np.argsort(-n_given, kind="stable")[:MAX_CLASSES])
    images_by_class = {int(label): candidates[predicted == label] for label in shown}
    return Selection(
        classes=tuple(
            ClassSelection(
                label,
                len(images),
                most_certain=images[:N_OF_EACH_KIND],
                least_certain=images[N_OF_EACH_KIND:][::-1][:N_OF_EACH_KIND],
            )
            for label, images in images_by_class.items()
        ),
        mistakes=mistakes[:N_MISTAKES],
        n_mistakes=len(mistakes),
        unreached=unreached[:N_OF_EACH_KIND],
        n_unreached=len(unreached),
    )


@dataclass(frozen=True)
class LabeledNeighbor:
    """A labeled image near another image.

    `closeness` is the cosine similarity if the graph's metric is ``cosine``, else the distance.
    """

    image: int
    label: int
    closeness: float


@dataclass(frozen=True)
class Card:
    """The label of an unlabeled image, and the labeled images nearest to it.

    Attributes
    ----------
    image : int
        Position in the images of the graph.
    predicted : int
        The class that the run assigned.
    probability, certainty : float
        The probability of that class, and ``1 − H(p) / log C``; calibrated if the run calibrated.
    truth : int
        -1 where unknown.
    reached : bool
        Whether any label reaches the image.
    neighbors : tuple of LabeledNeighbor
        Nearest first.
    """

    image: int
    predicted: int
    probability: float
    certainty: float
    truth: int
    reached: bool
    neighbors: tuple[LabeledNeighbor, ...]


def make_cards(content: ReportContent, images: Indices) -> dict[int, Card]:
    """Return one card per image, keyed by position, with the nearest labeled images."""
    labeled = np.flatnonzero(content.labels != UNLABELED)
    neighbors: list[tuple[LabeledNeighbor, ...]] = [()] * len(images)
    if len(images) and len(labeled):
        nearest = query_neighbors(
            content.embeddings[images],
            content.embeddings[labeled],
            min(N_NEIGHBORS, len(labeled)),
            metric=content.metric,
        )
        is_cosine = content.metric == "cosine"
        closeness = 1 - nearest.distances if is_cosine else nearest.distances
        neighbors = [
            tuple(
                LabeledNeighbor(int(i), int(content.labels[i]), float(close))
                for i, close in zip(labeled[indices], row_closeness, strict=True)
            )
            for indices, row_closeness in zip(nearest.indices, closeness, strict=True)
        ]
    predicted = content.predicted[images]
    rows = zip(
        images.tolist(),
        predicted.tolist(),
        content.stated_probabilities[images, predicted].tolist(),
        certainty(content.stated_probabilities[images]).tolist(),
        content.truth[images].tolist(),
        content.reached[images].tolist(),
        neighbors,
        strict=True,
    )
    return {row[0]: Card(*row) for row in rows}
