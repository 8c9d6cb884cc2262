"""What a finished run says of its images: labels and how sure each is, on one scale."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.project.saved_graph import SavedGraph
from voisin.types import Labeling, Probabilities


@dataclass(frozen=True, eq=False)
class StatedLabels:
    """The label of each image and how sure it is.

    Attributes
    ----------
    names : list of str
        Empty where no label reaches the image.
    confidence : array of shape (n_samples,)
        Probability of that label; NaN where there is none.
    probabilities : array of shape (n_samples, n_classes)
        Calibrated, as ``labels.parquet`` states them; the labeling's where it states none.
    """

    names: list[str]
    confidence: NDArray[np.float64]
    probabilities: Probabilities


def stated_labels(folder: Path, evidence: SavedGraph, labeling: Labeling) -> StatedLabels:
    """Read what the run's table says; where that is gone or of other images, ask the labeling."""
    import pyarrow.parquet

    stated = [f"probability_{name}" for name in evidence.class_names]
    try:
        table = pyarrow.parquet.read_table(
            folder / "labels.parquet", columns=["id", "label_name", "confidence", *stated]
        ).to_pydict()
        probabilities = np.array([table[name] for name in stated], dtype=np.float64).T
    except (OSError, ValueError, KeyError):
        table = {"id": []}
    found = labeling.propagation
    if table["id"] != evidence.ids.tolist():
        names = (*evidence.class_names, "")
        confidence = np.where(found.reached, found.probabilities.max(axis=1), np.nan)
        return StatedLabels([names[c] for c in found.labels], confidence, found.probabilities)
    probabilities = np.where(np.isnan(probabilities), found.probabilities, probabilities)
    return StatedLabels(
        table["label_name"], np.array(table["confidence"], np.float64), probabilities
    )
