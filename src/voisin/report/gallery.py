"""Select the images that the report shows, and find the labeled images nearest to each.

This module must not know pictures or HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.neighbors.search import query_neighbors
from voisin.report.confusion import ConfusionPair, ExpectedPair
from voisin.report.content import ReportContent
from voisin.types import UNLABELED, Indices

# Chosen by hand, to keep the page short: three cards make a row of a wide screen.
MAX_CLASSES = 10
N_OF_EACH_KIND = 3
N_MISTAKES = 6
N_CONFUSED = 8
N_NEIGHBORS = 3


@dataclass(frozen=True, eq=False)
class ClassSelection:
    """The surest and the most doubtful images among those that the run assigned to one class."""

    label: int
    n_given: int
    surest: Indices
    most_doubtful: Indices


@dataclass(frozen=True, eq=False)
class Selection:
    """Positions of the images to show.

    Attributes
    ----------
    classes : tuple of ClassSelection
        Those with images, in the order of the classes; if there are too many, those with the most.
    n_left_out : int
        Number of classes with images that are not in `classes`.
    mistakes : array
        The surest images with a wrong class; empty if no true class is known.
    n_mistakes : int
        Number of images whose known true class is not the assigned class.
    confused : dict of (int, int) to array
        Images of each pair of a true class and the class assigned instead: the surest; where no
        true class is known, those for which the pair's true class is the most probable.
    unreached : array
        The first images that no label reaches.
    n_unreached : int
    """

    classes: tuple[ClassSelection, ...]
    n_left_out: int
    mistakes: Indices
    n_mistakes: int
    confused: dict[tuple[int, int], Indices]
    unreached: Indices
    n_unreached: int

    @property
    def images(self) -> Indices:
        """Positions of all images with a card, without repeats, in rising order."""
        of_classes = [part for c in self.classes for part in (c.surest, c.most_doubtful)]
        return np.unique(np.concatenate([*of_classes, self.mistakes, self.unreached]))


def select_images(
    content: ReportContent, confused: Sequence[ConfusionPair | ExpectedPair] = ()
) -> Selection:
    """Select the images to show; the selection is deterministic.

    Only unlabeled images are selected. Those that a label reaches are sorted by the probability of
    their label; ties keep their order. No image is both among the surest and the most doubtful
    images of its class.

    Parameters
    ----------
    content : ReportContent
    confused : sequence of ConfusionPair or ExpectedPair
        The confusions to show by images.
    """
    unlabeled = content.labels == UNLABELED
    by_confidence = np.argsort(-content.confidence, kind="stable")
    candidates = by_confidence[(unlabeled & content.reached)[by_confidence]]
    predicted = content.predicted[candidates]
    truth = content.truth[candidates]
    mistakes = candidates[(truth != UNLABELED) & (truth != predicted)]
    unreached = np.flatnonzero(unlabeled & ~content.reached)
    n_given = np.bincount(predicted, minlength=content.images.n_classes)
    shown = np.sort(np.argsort(-n_given, kind="stable")[:MAX_CLASSES])
    images_by_class = {int(c): candidates[predicted == c] for c in shown if n_given[c]}
    images_by_pair = {}
    for pair in confused:
        images = candidates[predicted == pair.predicted]
        if isinstance(pair, ExpectedPair):
            images = images[np.argsort(-content.probabilities[images, pair.truth], kind="stable")]
        else:
            images = images[content.truth[images] == pair.truth]
        images_by_pair[pair.truth, pair.predicted] = images
    return Selection(
        classes=tuple(
            ClassSelection(
                label,
                len(images),
                surest=images[:N_OF_EACH_KIND],
                most_doubtful=images[N_OF_EACH_KIND:][::-1][:N_OF_EACH_KIND],
            )
            for label, images in images_by_class.items()
        ),
        n_left_out=int(np.count_nonzero(n_given)) - len(images_by_class),
        mistakes=mistakes[:N_MISTAKES],
        n_mistakes=len(mistakes),
        confused={pair: images[:N_CONFUSED] for pair, images in images_by_pair.items()},
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
    probability : float
        The probability of that class; calibrated if the run calibrated.
    other, other_probability : int, float
        The most probable of the other classes.
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
    other: int
    other_probability: float
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
    others = content.probabilities[images]  # a copy
    others[np.arange(len(images)), predicted] = -1
    rows = zip(
        images.tolist(),
        predicted.tolist(),
        content.confidence[images].tolist(),
        others.argmax(axis=1).tolist(),
        others.max(axis=1).tolist(),
        content.truth[images].tolist(),
        content.reached[images].tolist(),
        neighbors,
        strict=True,
    )
    return {row[0]: Card(*row) for row in rows}
