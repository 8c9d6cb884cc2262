"""Which images the page shows, each with the labeled images nearest to it; it knows no HTML."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.metrics import certainty
from voisin.neighbors.search import query_neighbors
from voisin.report.content import ReportContent
from voisin.types import UNLABELED, Indices

MAX_CLASSES = 10
N_OF_EACH_KIND = 3
N_MISTAKES = 9
N_NEIGHBORS = 3


@dataclass(frozen=True, eq=False)
class ClassSelection:
    """The surest and the most doubtful of the images that were given a class."""

    label: int
    n_given: int
    surest: Indices
    doubtful: Indices


@dataclass(frozen=True, eq=False)
class Selection:
    """Positions of the images to show.

    Attributes
    ----------
    classes : tuple of ClassSelection
        In the order of the classes; those given to most images where there are too many.
    mistakes : array
        The surest of the wrong ones; empty where no truth is known.
    n_mistakes : int
        Images whose truth is known and whose class is wrong.
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
        """Every position that is shown, once, in rising order."""
        of_classes = [part for c in self.classes for part in (c.surest, c.doubtful)]
        return np.unique(np.concatenate([*of_classes, self.mistakes, self.unreached]))


def select_images(content: ReportContent) -> Selection:
    """Choose the images to show, the same ones every time.

    Only unlabeled images are chosen. Those that a label reaches are ordered by the certainty that
    is stated, equal ones as they come. The surest and the most doubtful of a class are among those
    *given* the class; none is both.
    """
    unlabeled = content.labels == UNLABELED
    predicted = content.predicted
    by_certainty = np.argsort(-certainty(content.stated), kind="stable")
    candidates = by_certainty[(unlabeled & content.reached)[by_certainty]]
    truth = content.truth[candidates]
    mistakes = candidates[(truth != UNLABELED) & (truth != predicted[candidates])]
    unreached = np.flatnonzero(unlabeled & ~content.reached)
    return Selection(
        classes=_of_classes(candidates, predicted[candidates], content.images.n_classes),
        mistakes=mistakes[:N_MISTAKES],
        n_mistakes=len(mistakes),
        unreached=unreached[:N_OF_EACH_KIND],
        n_unreached=len(unreached),
    )


def _of_classes(
    candidates: Indices, predicted: NDArray[np.int64], n_classes: int
) -> tuple[ClassSelection, ...]:
    n_given = np.bincount(predicted, minlength=n_classes)
    shown = np.sort(np.argsort(-n_given, kind="stable")[:MAX_CLASSES])
    given = {int(c): candidates[predicted == c] for c in shown}
    return tuple(
        ClassSelection(
            label,
            len(images),
            surest=images[:N_OF_EACH_KIND],
            doubtful=images[N_OF_EACH_KIND:][::-1][:N_OF_EACH_KIND],
        )
        for label, images in given.items()
    )


@dataclass(frozen=True)
class LabeledNeighbor:
    """A labeled image near to another.

    `closeness` is the cosine similarity where the graph's metric is ``cosine``, else the distance.
    """

    image: int
    label: int
    closeness: float


@dataclass(frozen=True)
class Card:
    """What was made of an unlabeled image, and why.

    Attributes
    ----------
    image : int
        Position in the images of the graph.
    predicted : int
        The class it was given.
    probability, certainty : float
        Of that class; and ``1 − H(p) / log C``; both as stated, calibrated where that was done.
    truth : int
        -1 where unknown.
    reached : bool
        Whether any label reaches it.
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


def make_card(content: ReportContent, images: Indices) -> dict[int, Card]:
    """Describe images, by position, each with the labeled images nearest to it."""
    predicted = content.predicted[images]
    rows = zip(
        images.tolist(),
        predicted.tolist(),
        content.stated[images, predicted].tolist(),
        certainty(content.stated[images]).tolist(),
        content.truth[images].tolist(),
        content.reached[images].tolist(),
        _nearest_labeled(content, images),
        strict=True,
    )
    return {row[0]: Card(*row) for row in rows}


def _nearest_labeled(content: ReportContent, images: Indices) -> list[tuple[LabeledNeighbor, ...]]:
    labeled = np.flatnonzero(content.labels != UNLABELED)
    if not len(images) or not len(labeled):
        return [()] * len(images)
    near = query_neighbors(
        content.embeddings[images],
        content.embeddings[labeled],
        min(N_NEIGHBORS, len(labeled)),
        metric=content.metric,
    )
    closeness = 1 - near.distances if content.metric == "cosine" else near.distances
    return [
        tuple(
            LabeledNeighbor(int(i), int(content.labels[i]), float(close))
            for i, close in zip(labeled[row], row_closeness, strict=True)
        )
        for row, row_closeness in zip(near.indices, closeness, strict=True)
    ]
