"""What the report of a run shows: the pipeline fills it in, `page` and `sections` lay it out.

It knows results of the stages, and neither HTML nor how a run computes them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.calibrate import CalibrationResult
from voisin.evaluation.verdict import Scores
from voisin.sources.collection import Summary
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import Embeddings, ImageCollection, Labels, Probabilities


@dataclass(frozen=True)
class StageTime:
    """How long a stage took; `reused` when its result came from the cache."""

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
        What the user was warned of, unreadable images included.
    timings : tuple of StageTime
    scores : tuple of Scores
        In the order of the run's methods; empty where no true label is known.
    rounds : tuple of PseudoLabelRound
        Empty when the expert network was loaded from a file.
    images : ImageCollection
        The nodes of the graph; pictures are read from it.
    labels : array of shape (n_images,)
        The few labels that were given, -1 elsewhere.
    truth : array of shape (n_images,)
        The hidden labels where known, -1 elsewhere.
    probabilities : array of shape (n_images, n_classes)
        Of the propagated labels, before calibration; their largest decides the label of an image.
    reached : array of shape (n_images,)
    embeddings : array of shape (n_images, n_dims)
        To find the labeled images nearest to a picture.
    metric : str
        Metric of the graph.
    versions : dict of str to str
    calibration : CalibrationResult, optional
        Of the propagated probabilities; None where they were not calibrated.
    folder : str
        Folder of the run as the user wrote it, for the commands of "What next"; "" leaves that
        section out.
    explainable : bool
        Whether `voisin explain` works for the labeling method.
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
    reached: NDArray[np.bool_]
    embeddings: Embeddings
    metric: str
    versions: dict[str, str]
    calibration: CalibrationResult | None = None
    folder: str = ""
    explainable: bool = True

    @property
    def stated_probabilities(self) -> Probabilities:
        """The probabilities of ``labels.parquet``: calibrated where that was done."""
        if self.calibration is None:
            return self.probabilities
        return self.calibration.probabilities

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Most probable class of each image before calibration: the label that it was given."""
        return self.probabilities.argmax(axis=1)


@dataclass(frozen=True)
class ImageUse:
    """How many images of the source were used, and for what.

    Attributes
    ----------
    n_graph : int
        The nodes of the graph.
    n_judged : int
        Test images whose true class is compared with the predictions; 0 where there is no test.
    n_test : int
        Images of the source's own test split; 0 where it has none.
    n_val : int
        Images of the split ``val``, which are not used.
    n_unreadable : int
        Training images that are missing from the graph, since they could not be read; 0 where
        a test set was drawn from them, because the source does not tell the two apart.
    """

    n_graph: int
    n_judged: int
    n_test: int
    n_val: int
    n_unreadable: int


def count_image_use(content: ReportContent) -> ImageUse:
    """Count what the images of a run's source were used for."""
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
