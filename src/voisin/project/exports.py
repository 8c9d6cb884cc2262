"""The files that a run leaves: labels, figures, MedMNIST's predictions, the model."""

import csv
import glob
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.certainty import certainty
from voisin.evaluation.scores import Estimate, Scores
from voisin.project.writing import written_whole
from voisin.types import UNLABELED, ImageCollection, Labels, Propagation


def write_labels(
    path: Path, images: ImageCollection, labels: Labels, propagation: Propagation
) -> None:
    """Write ``labels.parquet``: one row an image, what it was given and how sure that is.

    Columns: id, path (where the source has files), label (class, -1 where nothing reaches it),
    label_name, source (``expert`` or ``propagated``), confidence (largest probability), certainty
    (one minus normalized entropy), reached, and one probability a class.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    given = labels != UNLABELED
    assigned = np.where(given, labels, propagation.labels)
    names = np.array([*images.class_names, ""])
    probabilities = np.where(
        given[:, None], np.eye(images.n_classes)[labels], propagation.probabilities
    )
    columns: dict[str, Any] = {
        "id": images.ids,
        "path": pa.array([images.reader.path(int(p)) for p in images.positions], pa.string()),
        "label": assigned,
        "label_name": names[assigned],
        "source": np.where(given, "expert", np.where(propagation.reached, "propagated", "none")),
        "confidence": probabilities.max(axis=1),
        "certainty": certainty(probabilities),
        "reached": propagation.reached,
    }
    for c, name in enumerate(images.class_names):
        columns[f"probability_{name}"] = probabilities[:, c]
    with written_whole(path) as partial:
        pq.write_table(pa.table(columns), partial)


def metrics_document(
    *,
    dataset: Mapping[str, Any],
    settings: Mapping[str, Any],
    scores: Sequence[Scores],
    rounds: Sequence[Any],
    timings: Mapping[str, float],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Build ``metrics.json``: the dataset, the settings, one result a method and scope."""
    return {
        "schema": 1,
        "dataset": dict(dataset),
        "settings": dict(settings),
        "results": [result_row(one) for one in scores],
        "pseudo_label_rounds": [asdict(one) for one in rounds],
        "timings": dict(timings),
        "versions": dict(versions),
    }


def result_row(scores: Scores) -> dict[str, Any]:
    """One method in one scope as JSON can write it; figures that are not defined are null."""
    figures = {
        "auc": scores.auc,
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "balanced_accuracy": scores.balanced_accuracy,
        "ece": scores.ece,
    }
    return {
        "method": scores.method,
        "scope": scores.scope,
        "n": scores.n,
        **{name: _number(estimate.value) for name, estimate in figures.items()},
        "recall": {name: _number(estimate.value) for name, estimate in scores.recall.items()},
        "intervals": {name: _bounds(estimate) for name, estimate in figures.items()},
        "recall_intervals": {name: _bounds(one) for name, one in scores.recall.items()},
        "confusion": scores.confusion.tolist(),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)


def _bounds(estimate: Estimate) -> list[float | None]:
    return [_number(estimate.low), _number(estimate.high)]


def to_json(document: Mapping[str, Any]) -> str:
    """Write a document in a fixed layout, so that equal figures give equal files."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_medmnist_csv(
    folder: Path, name: str, split: str, scores: Scores, probabilities: NDArray[np.float64]
) -> Path:
    """Write predictions as MedMNIST's evaluator reads them, under its file name.

    ``{name}_{split}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{method}.csv``: no header, one row an image in
    the order of the data set's file, its number first. Written by an earlier run, the file of the
    same method and split is replaced.

    Parameters
    ----------
    folder : Path
    name : str
        Such as ``dermamnist`` or ``dermamnist_64``.
    split : str
    scores : Scores
        Of these predictions on this split.
    probabilities : array of shape (n_images, n_classes)
        In the order of the data set's file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = f"[AUC]{scores.auc.value:.3f}_[ACC]{scores.accuracy.value:.3f}"
    path = folder / f"{name}_{split}_{figures}@{scores.method}.csv"
    for old in folder.glob(glob.escape(f"{name}_{split}_") + f"*@{scores.method}.csv"):
        if old != path:
            old.unlink()
    with written_whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerows([number, *row] for number, row in enumerate(probabilities.tolist()))
    return path


def write_model(path: Path, state: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write a network's weights as safetensors, with the names of its classes."""
    from safetensors.numpy import save

    content = save({name: np.array(value) for name, value in state.items()}, dict(metadata))
    with written_whole(path) as partial:
        partial.write_bytes(content)
