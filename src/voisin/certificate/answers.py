"""Read and write the files of a certificate: labels, an annotator's answers, the certificate.

This module must not know statistics: `betting` computes what the answers prove.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError, ProjectError
from voisin.project.cache import hash_of
from voisin.project.exports import csv_text, read_labels
from voisin.sources.classes import find_class, fold_name
from voisin.sources.table import read_columns
from voisin.types import UNSURE, Names

CHECKS, CERTIFICATE, CERTIFIED = "checks.csv", "certificate.json", "certified.csv"
ANSWER = "answer"
_NO_CLASS = ("none", "none of these", "no class")  # what people and the page write
_OLD_NAMES = {"expert": ANSWER}  # old and present names of columns and keys
_COLUMNS = ("id", "path", "proposed", ANSWER)


@dataclass(frozen=True, eq=False)
class FoundLabels:
    """The labels that a run propagated, most confident first; ties are sorted by id.

    Attributes
    ----------
    ids : array of shape (n_images,)
    paths : tuple of str
    labels : array of shape (n_images,)
        Class names.
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
        """Hash of the ids and labels, in their order."""
        return hash_of([self.ids.tolist(), self.labels.tolist()])


def read_found_labels(folder: Path) -> FoundLabels:
    """Read ``labels.parquet``.

    Raises
    ------
    ProjectError
        If the file does not exist, is damaged, or holds given labels only.
    """
    path, table = folder / "labels.parquet", read_labels(folder)
    try:
        rows = table.select(["id", "path", "label_name", "source", "confidence"]).to_pydict()
    except KeyError as error:
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


def read_checks(path: Path, class_names: Iterable[str]) -> dict[str, str]:
    """Read the annotator's answer for each id; it is empty if there is no answer yet.

    An answer is a class, that of `no_class_answer`, or ``unsure``.

    Raises
    ------
    InputError
        If an answer is none of these, or an id has two different answers. Case, blanks and
        Unicode forms of answers do not matter.
    """
    if not path.is_file() or not path.read_bytes().strip():
        return {}
    columns = _with_new_names(read_columns(path))
    missing = {"id", ANSWER} - set(columns)
    if missing:
        message = f"{path} has no column {min(missing)!r}: keep the columns {', '.join(_COLUMNS)}."
        raise InputError(message)
    names, answers = tuple(class_names), dict[str, str]()
    no_class = no_class_answer(names)
    known = (*names, no_class, *(word for word in (UNSURE,) if find_class(word, names) is None))
    for id_, written in zip(columns["id"], columns[ANSWER], strict=True):
        class_ = find_class(written, known)
        if class_ is None and fold_name(written) in _NO_CLASS:
            class_ = len(names)
        if written and class_ is None:
            message = (
                f"{path}: {written!r} of {id_} is no class: write one of {', '.join(names)}, "
                f"{no_class} if it is none of them, {UNSURE}, or leave it empty."
            )
            raise InputError(message)
        answer = "" if class_ is None else known[class_]
        if answers.get(id_) and answer and answers[id_] != answer:
            message = f"{path}: {id_} is answered twice, {answers[id_]} and {answer}: keep one row."
            raise InputError(message)
        answers[id_] = answer or answers.get(id_, "")
    return answers


def no_class_answer(class_names: Iterable[str]) -> str:
    """Return the answer for an image that belongs to none of the classes.

    Examples
    --------
    >>> no_class_answer(["cat", "dog"]), no_class_answer(["scratch", "None"])
    ('none', 'no class')
    """
    return "no class" if "none" in map(fold_name, class_names) else "none"


def checks_text(rows: Iterable[Sequence[str]], csv_separator: str = ",") -> str:
    r"""Write the text of ``checks.csv``: id, path, proposed label, and the annotator's answer.

    Examples
    --------
    >>> checks_text([("a", "a.png", "cat", "")]).split()
    ['\ufeffid,path,proposed,answer', 'a,a.png,cat,']
    """
    return csv_text([_COLUMNS, *rows], csv_separator)


def certified_text(
    found: FoundLabels, n_images: int, answers: Mapping[str, str], csv_separator: str = ","
) -> str:
    """Write the text of ``certified.csv``: the certified images, their labels and answers."""
    pairs = zip(found.ids[:n_images].tolist(), found.labels[:n_images].tolist(), strict=True)
    rows = ((id_, label, answers.get(id_, "")) for id_, label in pairs)
    return csv_text([("id", "label", ANSWER), *rows], csv_separator)


def _with_new_names(named: Mapping[str, Any]) -> dict[str, Any]:
    """Rename columns or keys of older files to their present names."""
    return {_OLD_NAMES.get(name, name): value for name, value in named.items()}


def read_certificate(folder: Path) -> dict[str, Any] | None:
    """Read ``certificate.json``; None if there is none yet.

    Raises
    ------
    ProjectError
        If the file is damaged, or was written by another version.
    """
    path = folder / CERTIFICATE
    if not path.is_file():
        return None
    try:
        certificate = json.loads(path.read_text("utf-8"), object_hook=_with_new_names)
    except (OSError, ValueError) as error:
        message = f"{path} is damaged ({error}): move it away to begin anew."
        raise ProjectError(message) from error
    if not isinstance(certificate, dict) or certificate.get("schema") != 2:
        message = f"{path} is no certificate of this version: move it away to begin anew."
        raise ProjectError(message)
    return certificate
