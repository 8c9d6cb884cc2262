"""Write the files that users read: labels, metrics, tables, MedMNIST predictions."""

import codecs
import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import ProjectError
from voisin.evaluation.bootstrap import Estimate
from voisin.evaluation.verdict import Scores
from voisin.types import UNLABELED, ImageCollection, Labels, Probabilities
from voisin.writing import PARTIAL, write_atomically

if TYPE_CHECKING:
    import pyarrow as pa


def write_labels(
    folder: Path,
    images: ImageCollection,
    labels: Labels,
    found: Labels,
    probabilities: Probabilities,
    *,
    linked: NDArray[np.bool_] | None = None,
    why: Sequence[str] | None = None,
    csv_separator: str = ",",
) -> None:
    """Write ``labels.parquet`` and ``labels.csv``: each image's label, and how certain it is.

    Columns: id, path (where the source has files), label (class, -1 without evidence),
    label_name, likeliest (name of the class with the largest probability, where that is not the
    label), source (``given``, ``propagated`` or ``none``), evidence (in words), confidence
    (probability of the label), reached (whether a path in the graph leads to a label), why (the
    labeled images that count most, and their shares), and one probability per class. An image
    without evidence has no numbers. If no label reaches an image, but a classifier labels it, its
    evidence is ``classifier``.

    Parameters
    ----------
    folder : Path
    images : ImageCollection
    labels : array of shape (n_images,)
        The labels that were given, -1 elsewhere.
    found : array of shape (n_images,)
        The labels that were found, -1 where there is no evidence.
    probabilities : array of shape (n_images, n_classes)
    linked : array of shape (n_images,), optional
        Whether a path in the graph leads to a labeled image; by default, to all with a label.
    why : sequence of str, optional
    csv_separator : str, default=","
        See `write_table`.
    """
    import pyarrow as pa

    given, answered = labels != UNLABELED, found != UNLABELED
    reached = answered if linked is None else answered & linked
    assigned = np.where(given, labels, found)
    stated = np.where(given[:, None], np.eye(images.n_classes)[labels], probabilities)
    unknown, likeliest = ~(given | answered), stated.argmax(axis=1)
    same = unknown | (likeliest == assigned)
    columns: dict[str, Any] = {
        "id": images.ids,
        "path": pa.array([images.reader.path(int(p)) for p in images.positions], pa.string()),
        "label": assigned,
        "label_name": _names(assigned, images.class_names),
        "likeliest": _names(np.where(same, UNLABELED, likeliest), images.class_names),
        "source": np.where(given, "given", np.where(answered, "propagated", "none")),
        "evidence": np.select(
            [given, reached, answered], ["label given", "labels", "classifier"], "no evidence"
        ),
        "confidence": pa.array(stated[np.arange(len(stated)), assigned], mask=unknown),
        "reached": reached,
    }
    if why is not None:
        columns["why"] = pa.array(why, pa.string())
    for c, name in enumerate(images.class_names):
        columns[f"probability_{name}"] = pa.array(stated[:, c], mask=unknown)
    write_table(folder, "labels", columns, csv_separator)


def read_labels(folder: Path) -> "pa.Table":
    """Read ``labels.parquet``.

    Raises
    ------
    ProjectError
        If the file does not exist or is damaged.
    """
    import pyarrow.parquet

    path = folder / "labels.parquet"
    if not path.is_file():
        message = f"{folder} has no labels.parquet: pass the folder of a finished `voisin run`."
        raise ProjectError(message)
    try:
        return pyarrow.parquet.read_table(path)
    except Exception as error:  # of damaged files, PyArrow raises kinds that share no class
        message = f"{path} is damaged ({error}): run the project again."
        raise ProjectError(message) from error


def _names(labels: Labels, class_names: Sequence[str]) -> Any:
    """Return the class name of each label; empty if unlabeled."""
    import pyarrow as pa

    codes = pa.array(np.where(labels == UNLABELED, len(class_names), labels))
    return pa.DictionaryArray.from_arrays(codes, pa.array([*class_names, ""])).dictionary_decode()


def metrics_document(
    *,
    decision: Mapping[str, Any],
    expected: Mapping[str, Any],
    dataset: Mapping[str, Any],
    settings: Mapping[str, Any],
    scores: Sequence[Scores],
    rounds: Sequence[Any],
    graph: Mapping[str, Any],
    calibration: Mapping[str, Any],
    timings: Mapping[str, float],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """Build ``metrics.json``: decision, data, settings, a result for each method and scope."""
    return {
        "schema": 1,
        "decision": dict(decision),
        "expected": dict(expected),
        "dataset": dict(dataset),
        "settings": dict(settings),
        "results": [result_row(row) for row in scores],
        "graph": dict(graph),
        "calibration": dict(calibration),
        "pseudo_label_rounds": [asdict(label_round) for label_round in rounds],
        "timings": dict(timings),
        "versions": dict(versions),
    }


def result_row(scores: Scores) -> dict[str, Any]:
    """Return the scores of one method in one scope, ready for JSON; undefined figures are null."""
    return {
        "method": scores.method,
        "scope": scores.scope,
        "n": scores.n,
        "n_unanswered": scores.n_unanswered,
        "n_groups": scores.n_groups,
        **{name: number(estimate.value) for name, estimate in scores.metrics.items()},
        "recall": {name: number(estimate.value) for name, estimate in scores.recall.items()},
        "intervals": {name: _bounds(estimate) for name, estimate in scores.metrics.items()},
        "recall_intervals": {name: _bounds(recall) for name, recall in scores.recall.items()},
        "confusion": scores.confusion.tolist(),
    }


def _bounds(estimate: Estimate) -> list[float | None]:
    return [number(estimate.low), number(estimate.high)]


def write_medmnist_csvs(
    folder: Path,
    name: str,
    split: str,
    predictions: Sequence[tuple[Scores, NDArray[np.float64]]],
) -> list[Path]:
    """Write predictions as MedMNIST's evaluator reads them, under its file names.

    ``{name}_{split}_[AUC]{auc:.3f}_[ACC]{acc:.3f}@{method}.csv``: no header, one row per image
    in the order of the data set's file, its number first. Files of an earlier run are removed.

    Parameters
    ----------
    folder : Path
    name : str
        Such as ``dermamnist`` or ``dermamnist_64``.
    split : str
    predictions : sequence of (Scores, array of shape (n_images, n_classes))
        Scores and probabilities of each method on this split, in the order of that file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for scores, probabilities in predictions:
        figures = f"[AUC]{scores.auc.value:.3f}_[ACC]{scores.accuracy.value:.3f}"
        path = folder / f"{name}_{split}_{figures}@{scores.method}.csv"
        with (
            write_atomically(path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            rows = csv.writer(file)
            rows.writerows([number, *row] for number, row in enumerate(probabilities.tolist()))
        written.append(path)
    for old in folder.iterdir():
        if old not in written and (old.suffix == ".csv" or old.name.endswith(PARTIAL)):
            old.unlink()
    return written


def write_table(
    folder: Path, name: str, columns: Mapping[str, Any], csv_separator: str = ","
) -> None:
    """Write ``name.parquet`` and ``name.csv``, each whole or not at all.

    The CSV file is for spreadsheets: it begins with a byte order mark, without which Excel does not
    expect UTF-8; numbers have four digits behind the point, which is a comma where the separator is
    a semicolon.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_table(folder, "found", {"id": ["a", "b"], "score": [0.5, 1.0]})
    >>> (folder / "found.csv").read_text(encoding="utf-8-sig").split()
    ['"id","score"', '"a",0.5', '"b",1']
    """
    import pyarrow as pa

    table = pa.table(dict(columns))
    write_parquet(folder / f"{name}.parquet", table)
    write_csv(folder / f"{name}.csv", table, csv_separator)


def write_parquet(path: Path, table: Any) -> None:
    """Write a table of PyArrow with all its digits."""
    import pyarrow.parquet

    with write_atomically(path) as partial:
        pyarrow.parquet.write_table(table, partial)


def write_csv(path: Path, table: Any, separator: str = ",") -> None:
    """Write a table of PyArrow for spreadsheets, as `write_table` does."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv

    for i, column in enumerate(table.columns):
        if pa.types.is_floating(column.type):
            rounded = pc.round(column, 4)
            if separator == ";":
                rounded = pc.replace_substring(rounded.cast(pa.string()), ".", ",")
            table = table.set_column(i, table.column_names[i], rounded)
    options = pa.csv.WriteOptions(delimiter=separator)
    with write_atomically(path) as partial, partial.open("wb") as file:
        file.write(codecs.BOM_UTF8)
        pa.csv.write_csv(table, file, options)


def csv_text(rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    r"""Write rows as CSV for spreadsheets, as `write_table` does.

    Examples
    --------
    >>> csv_text([("id", "probability"), ("é", 0.98765)], ";").split()
    ['\ufeffid;probability', 'é;0,9877']
    """
    point = "," if separator == ";" else "."

    def write(value: object) -> object:
        return f"{value:.4f}".replace(".", point) if isinstance(value, float) else value

    text = io.StringIO()
    lines = csv.writer(text, delimiter=separator, lineterminator="\n")
    lines.writerows(map(write, row) for row in rows)
    return f"\ufeff{text.getvalue()}"


def number(value: float) -> float | None:
    """Round a figure to six digits; return None for NaN, which JSON lacks.

    Examples
    --------
    >>> number(0.12345678), number(float("nan"))
    (0.123457, None)
    """
    return None if math.isnan(value) else float(f"{value:.6g}")


def to_json(document: Mapping[str, Any]) -> str:
    """Write a document as JSON in a fixed layout, so that equal figures give equal files."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
