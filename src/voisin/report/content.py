"""The content of a run's report: the pipeline fills it in, `page` and `sections` render it.

This module must not know HTML, or how a run computes the results.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.calibrate import CalibrationResult
from voisin.evaluation.verdict import Scores
from voisin.report.language import ENGLISH, Language
from voisin.sources.collection import Summary
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import UNLABELED, Embeddings, ImageCollection, Labels, Probabilities


@dataclass(frozen=True)
class StageTime:
    """The time a stage took; `reused` if its result came from the cache."""

    stage: str
    seconds: float
    reused: bool


@dataclass(frozen=True, eq=False)
class ReportContent:
    """Everything a report shows.

    Attributes
    ----------
    summary : Summary
        Counts of the source: images, labels, classes, groups, splits.
    settings : dict of str to str
        Name and value of every setting of the run.
    warnings : tuple of str
        Warnings to the user, including those of unreadable images.
    timings : tuple of StageTime
    scores : tuple of Scores
        In the order of the run's methods; empty if no true label is known.
    rounds : tuple of PseudoLabelRound
        Empty when the expert network was loaded from a file.
    images : ImageCollection
        The nodes of the graph; pictures are read from it.
    labels : array of shape (n_images,)
        The few given labels; -1 for an image without one.
    truth : array of shape (n_images,)
        The known hidden labels; -1 for an image without one.
    probabilities : array of shape (n_images, n_classes)
        As in ``labels.parquet``: calibrated if the run calibrated them.
    predicted : array of shape (n_images,)
        The label that the run decided for each image; -1 where there is no evidence.
    embeddings : array of shape (n_images, n_dims)
        Vectors, by which the labeled images nearest to a picture are found.
    metric : str
        Metric of the graph.
    versions : dict of str to str
    calibration : CalibrationResult, optional
        Calibration of the propagated probabilities, with the decision; None if neither is known.
    folder : str
        Folder of the run as the user wrote it, for the commands of "What next"; if it is empty,
        the page has no such section.
    explainable : bool
        Whether `voisin explain` works for the labeling method.
    language : Language
    """

    summary: Summary
    settings: dict[str, str]
    warnings: tuple[str, ...]
    timings: tuple[StageTime, ...]
    scores: tuple[Scores, ...]
    rounds: tuple[PseudoLabelRound, ...]
    images: ImageCollection
    labels: Labels
    truth: Labels
    probabilities: Probabilities
    predicted: Labels
    embeddings: Embeddings
    metric: str
    versions: dict[str, str]
    calibration: CalibrationResult | None = None
    folder: str = ""
    explainable: bool = True
    language: Language = ENGLISH

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Whether there is evidence for the image."""
        return self.predicted != UNLABELED

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of the label of each image; 0 where there is no evidence."""
        of_label = self.probabilities[np.arange(len(self.predicted)), self.predicted]
        return np.where(self.reached, of_label, 0.0)

    @property
    def n_not_likeliest(self) -> int:
        """Number of unlabeled images whose label is not their most probable class."""
        other = self.reached & (self.probabilities.argmax(axis=1) != self.predicted)
        return int((other & (self.labels == UNLABELED)).sum())


@dataclass(frozen=True)
class ImageUse:
    """The number of images of the source for each use.

    Attributes
    ----------
    n_graph : int
        Images that are nodes of the graph.
    n_judged : int
        Test images whose true class is compared with predictions; 0 if there is no test set.
    n_test : int
        Images of the source's own test split; 0 if it has none.
    n_val : int
        Images of the split ``val``, which are not used.
    n_unreadable : int
        Training images that are missing from the graph because they could not be read; 0 if the
        test set was drawn from the images, since then missing images cannot be told from test.
    """

    n_graph: int
    n_judged: int
    n_test: int
    n_val: int
    n_unreadable: int


def count_image_use(content: ReportContent) -> ImageUse:
    """Count the images of a run's source by use."""
    splits, n_graph = content.summary.split_counts, len(content.labels)
    n_judged = next((s.n for s in content.scores if s.scope == "test"), 0)
    n_train = splits.get("train", 0) if splits else content.summary.n_images
    test_was_drawn = n_judged > 0 and "test" not in splits
    return ImageUse(
        n_graph=n_graph,
        n_judged=n_judged,
        n_test=splits.get("test", 0),
        n_val=splits.get("val", 0),
        n_unreadable=0 if test_was_drawn else max(n_train - n_graph, 0),
    )
