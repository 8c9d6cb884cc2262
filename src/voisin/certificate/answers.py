"""What a certificate is made of on disk: the labels found, the expert's answers, the certificate.

It knows files and names; what the answers prove is computed elsewhere.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError, ProjectError
from voisin.project.cache import hash_of
from voisin.sources.columns import read_columns
from voisin.types import Names

CHECKS, CERTIFICATE, CERTIFIED = "checks.csv", "certificate.json", "certified.csv"
ANSWER = "expert"
NO_CLASS = "none"
"""What an expert answers where the image is of none of the classes."""

_COLUMNS = ("id", "path", "proposed", ANSWER)


@dataclass(frozen=True, eq=False)
class FoundLabels:
    """The labels that a run found itself, surest first; equal ones in the order of their ids.

    Attributes
    ----------
    ids : array of shape (n_images,)
    paths : tuple of str
    labels : array of shape (n_images,)
        Names of the classes given.
    confidence : array of shape (n_images,)
    class_names : tuple of str
    """

    ids: Names
    paths: tuple[str, ...]
    labels: Names
    confidence: NDArray[np.float64]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def fingerprint(self) -> str:
        """Hash of ids, labels and order."""
        return hash_of([self.ids.tolist(), self.labels.tolist()])


def read_found_labels(folder: Path) -> FoundLabels:
    """Read ``labels.parquet``.

    Raises
    ------
    ProjectError
        If there is none, it is damaged, or it has no label beside those given.
    """
    import pyarrow.parquet

    path = folder / "labels.parquet"
    if not path.is_file():
        message = f"{folder} has no labels.parquet: pass the folder of a finished `voisin run`."
        raise ProjectError(message)
    try:
        table = pyarrow.parquet.read_table(path)
        rows = table.select(["id", "path", "label_name", "source", "confidence"]).to_pydict()
    except (OSError, ValueError, KeyError) as error:
        message = f"{path} is damaged ({error}): run the project again."
        raise ProjectError(message) from error
    kept = np.flatnonzero(np.array(rows["source"]) == "propagated")
    if not len(kept):
        message = f"{path} holds no label that was found, so there is nothing to certify."
        raise ProjectError(message)
    ids = np.array(rows["id"], dtype=np.str_)[kept]
    confidence = np.array(rows["confidence"], dtype=np.float64)[kept]
    order = np.lexsort((ids, -confidence))
    kept = kept[order]
    names = [
        n.removeprefix("probability_") for n in table.column_names if n.startswith("probability_")
    ]
    return FoundLabels(
        ids[order],
        tuple(rows["path"][i] or "" for i in kept),
        np.array(rows["label_name"], dtype=np.str_)[kept],
        confidence[order],
        tuple(names),
    )


def read_checks(folder: Path, class_names: Iterable[str]) -> dict[str, str]:
    """Read the expert's answers by id; rows without an answer are empty texts.

    Raises
    ------
    InputError
        If an answer is none of the classes, or an id comes twice with different answers.
    """
    path = folder / CHECKS
    if not path.is_file():
        return {}
    if not path.read_bytes().strip():
        return {}
    columns = read_columns(path)
    missing = {"id", ANSWER} - set(columns)
    if missing:
        message = f"{path} has no column {min(missing)!r}: keep the columns {', '.join(_COLUMNS)}."
        raise InputError(message)
    return _answers(path, zip(columns["id"], columns[ANSWER], strict=True), tuple(class_names))


def _answers(path: Path, rows: Iterable[tuple[str, str]], names: tuple[str, ...]) -> dict[str, str]:
    answers: dict[str, str] = {}
    for id_, answer in rows:
        if answer and answer not in (*names, NO_CLASS):
            message = (
                f"{path}: {answer!r} of {id_} is no class: write one of {', '.join(names)}, "
                f"{NO_CLASS} if it is none of them, or leave it empty."
            )
            raise InputError(message)
        if answers.get(id_) and answer and answers[id_] != answer:
            message = f"{path}: {id_} is answered twice, {answers[id_]} and {answer}: keep one row."
            raise InputError(message)
        answers[id_] = answer or answers.get(id_, "")
    return answers


def checks_text(rows: Iterable[Sequence[str]]) -> str:
    """Lay out ``checks.csv``: id, path, the label proposed, the expert's answer.

    Examples
    --------
    >>> checks_text([("a", "a.png", "cat", "")]).split()
    ['id,path,proposed,expert', 'a,a.png,cat,']
    """
    return _csv([_COLUMNS, *rows])


def certified_text(found: FoundLabels, n_images: int, answers: Mapping[str, str]) -> str:
    """Lay out ``certified.csv``: the surest images, their labels, and what the expert said."""
    pairs = zip(found.ids[:n_images].tolist(), found.labels[:n_images].tolist(), strict=True)
    rows = ((id_, label, answers.get(id_, "")) for id_, label in pairs)
    return _csv([("id", "label", "expert"), *rows])


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def read_certificate(folder: Path) -> dict[str, Any] | None:
    """Read ``certificate.json``; None if there is none yet.

    Raises
    ------
    ProjectError
        If it is damaged, or of another version.
    """
    path = folder / CERTIFICATE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{path} is damaged ({error}): move it away to begin anew."
        raise ProjectError(message) from error
    if not isinstance(found, dict) or found.get("schema") != 1:
        message = f"{path} is no certificate of this version: move it away to begin anew."
        raise ProjectError(message)
    return found
