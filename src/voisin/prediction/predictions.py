"""What was found of new images: labels, probabilities, what they rest on; as rows and as a file."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.project.exports import number, to_json, write_csv, write_parquet
from voisin.types import UNLABELED, Labels, Names, Probabilities, ShortRepr
from voisin.validation import list_some
from voisin.writing import write_atomically

SUFFIXES = (".csv", ".parquet", ".json")


@dataclass(frozen=True, eq=False, repr=False)
class NewPredictions(ShortRepr):
    """Labels and probabilities of new images, and what they rest on; a row for each image.

    An image that cannot be read has label -1, probabilities that are NaN, and a problem.

    Attributes
    ----------
    ids : array of shape (n_images,)
    paths : array of shape (n_images,)
        Files of the images; empty where they have none.
    class_names : tuple of str
    labels : array of shape (n_images,)
        Decided as those of the run were; -1 where there is no evidence.
    probabilities : array of shape (n_images, n_classes)
        Calibrated; rows sum to one.
    linked : array of shape (n_images,)
        Whether a path in the graph leads from one of the nearest images to a labeled one.
    unlike : array of shape (n_images,)
        Whether the image is unlike all that the run has seen: then believe no label.
    nearest_ids, nearest_labels : arrays of shape (n_images, n_nearest)
        The labeled images that are nearest, and their labels.
    nearest_distances : array of shape (n_images, n_nearest)
        By `metric`: 1 − cosine similarity, or Euclidean.
    metric : {"cosine", "euclidean"}
    problems : array of shape (n_images,)
        Why an image cannot be read; empty for others.
    """

    ids: Names
    paths: Names
    class_names: tuple[str, ...]
    labels: Labels
    probabilities: Probabilities
    linked: NDArray[np.bool_]
    unlike: NDArray[np.bool_]
    nearest_ids: Names
    nearest_labels: Labels
    nearest_distances: NDArray[np.float32]
    metric: str
    problems: Names

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability of each label; NaN where there is none."""
        stated = self.probabilities[np.arange(len(self)), self.labels]
        return np.where(self.labels == UNLABELED, np.nan, stated)

    def columns(self) -> dict[str, Any]:
        """Return all as the columns of a table.

        They are id, path, label, probability (of the label), likeliest (the class of the largest
        probability, where that is not the label), unlike, evidence (``labels``, ``classifier``
        where no path leads to a label, ``no evidence`` or ``unreadable``), for each of the nearest
        labeled images its id, label and similarity (or Euclidean distance), one probability per
        class, and problem.
        """
        names = np.array([*self.class_names, ""])
        known, readable = self.labels != UNLABELED, self.problems == ""
        likeliest = np.where(known, self.probabilities.argmax(axis=1), UNLABELED)
        likeliest[likeliest == self.labels] = UNLABELED
        columns: dict[str, Any] = {
            "id": self.ids,
            "path": self.paths,
            "label": names[self.labels],
            "probability": self.confidence,
            "likeliest": names[likeliest],
            "unlike": self.unlike,
            "evidence": np.select(
                [~readable, ~known, self.linked],
                ["unreadable", "no evidence", "labels"],
                "classifier",
            ),
        }
        by_cosine = self.metric == "cosine"
        values = 1 - self.nearest_distances if by_cosine else self.nearest_distances
        for place in range(values.shape[1]):
            start = f"nearest_{place + 1}"
            columns[start] = self.nearest_ids[:, place]
            columns[f"{start}_label"] = names[self.nearest_labels[:, place]]
            kind = "similarity" if by_cosine else "distance"
            columns[f"{start}_{kind}"] = values[:, place].astype(np.float64)
        for c, name in enumerate(self.class_names):
            columns[f"probability_{name}"] = np.where(known, self.probabilities[:, c], np.nan)
        return columns | {"problem": self.problems}

    def rows(self) -> list[dict[str, Any]]:
        """Return a dictionary for each image, ready for JSON; what is missing is None."""

        def plain(value: Any) -> Any:
            return number(value) if isinstance(value, float) else value

        columns = {name: values.tolist() for name, values in self.columns().items()}
        return [
            {name: plain(value) for name, value in zip(columns, row, strict=True)}
            for row in zip(*columns.values(), strict=True)
        ]

    def write(self, path: str | Path, *, csv_separator: str = ",") -> Path:
        """Write a table: ``.csv`` for spreadsheets, ``.parquet`` with all digits, or ``.json``.

        Raises
        ------
        InputError
            If the suffix is none of these, or the file cannot be written there.
        """
        import pyarrow as pa

        path = Path(path)
        suffix = check_suffix(path, SUFFIXES)
        table = pa.table(
            {
                name: pa.array(values, from_pandas=True)  # NaN becomes an empty cell
                for name, values in self.columns().items()
            }
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if suffix == ".csv":
                write_csv(path, table, csv_separator)
            elif suffix == ".parquet":
                write_parquet(path, table)
            else:
                with write_atomically(path) as partial:
                    partial.write_text(to_json({"predictions": self.rows()}), encoding="utf-8")
        except OSError as error:
            message = f"{path} cannot be written ({error.strerror}): pass another --out."
            raise InputError(message) from error
        return path

    def summary(self) -> list[str]:
        """Say in a few lines how many images got which label, and which not to believe."""
        believed = (self.labels != UNLABELED) & ~self.unlike
        counts = np.bincount(self.labels[believed], minlength=len(self.class_names))
        pairs = zip(self.class_names, counts.tolist(), strict=True)
        each = ", ".join(f"{name} {count:,}" for name, count in pairs if count)
        images = "1 image" if len(self) == 1 else f"{len(self):,} images"
        lines = [f"Labeled: {int(believed.sum()):,} of {images}"]
        if each:
            mean = float(self.confidence[believed].mean())
            lines[0] += f" ({each}), mean probability {mean:.0%}"
        for flags, what in (
            (self.unlike, "unlike anything that the run has seen: look at them, believe no label"),
            (self.problems != "", "cannot be read"),
        ):
            if flags.any():
                some = list_some(self.ids[flags].tolist(), 3)
                lines.append(f"{int(flags.sum()):,} {what} ({some})")
        return lines


def check_suffix(path: Path, suffixes: Sequence[str]) -> str:
    """Return the suffix of a file to write, in lower case.

    Raises
    ------
    InputError
        If it is none of those allowed, or the path is a folder.
    """
    suffix = path.suffix.lower()
    if suffix not in suffixes or path.is_dir():
        stem = path.name if path.is_dir() else path.stem
        choices = " or ".join(f"{stem}{one}" for one in suffixes)
        message = f"{path} names no file of a known kind: write {choices}."
        raise InputError(message)
    return suffix


def join_predictions(parts: Sequence[NewPredictions]) -> NewPredictions:
    """Join predictions of one run, in order."""
    first = parts[0]
    arrays = {
        one.name: np.concatenate([getattr(part, one.name) for part in parts])
        for one in fields(NewPredictions)
        if one.name not in ("class_names", "metric")
    }
    return NewPredictions(class_names=first.class_names, metric=first.metric, **arrays)
