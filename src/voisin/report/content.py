"""What a report tells; the pipeline fills it in, the page lays it out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.calibrate import CalibrationResult
from voisin.evaluation.verdict import Scores
from voisin.sources.summary import Summary
from voisin.training.rounds import PseudoLabelRound
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
        What the program understood of the source.
    settings : dict of str to str
        Name and value of every setting of the run.
    warnings : tuple of str
        What the user was warned of, unreadable images included.
    timings : tuple of StageTime
    scores : tuple of Scores
        In the order of the chapter's methods; empty where no truth is known.
    rounds : tuple of PseudoLabelRound
        Empty when the expert was loaded from a file.
    images : ImageCollection
        The nodes of the graph; pictures are read from it.
    labels : array of shape (n_images,)
        The few labels that were given, -1 elsewhere.
    truth : array of shape (n_images,)
        The hidden labels where known, -1 elsewhere.
    probabilities : array of shape (n_images, n_classes)
        Of the propagated labels; they decide which label an image is given.
    reached : array of shape (n_images,)
    embeddings : array of shape (n_images, n_dims)
        To find the labeled images nearest to a picture.
    metric : str
        Metric of the graph.
    versions : dict of str to str
    how_sure : CalibrationResult, optional
        How the propagated probabilities were calibrated.
    folder : str
        Of the run, as it was given, for the commands to go on with; empty tells none.
    explainable : bool
        Whether the method's labels can be taken apart.
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
    how_sure: CalibrationResult | None = None
    folder: str = ""
    explainable: bool = True

    @property
    def stated(self) -> Probabilities:
        """What is said to the reader: as in ``labels.parquet``, calibrated where that was done."""
        return self.probabilities if self.how_sure is None else self.how_sure.probabilities

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Most probable class of each image before calibration: the label that it was given."""
        return self.probabilities.argmax(axis=1)
