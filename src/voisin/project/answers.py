"""Take people's answers from tables into the store of a finished run, and tell what came of it."""

import getpass
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from voisin.project.cache import hash_of
from voisin.project.exports import csv_text
from voisin.project.finished_run import FinishedRun
from voisin.project.folder import Project
from voisin.project.label_events import DISAGREEMENTS, Agreement, LabelEvents, agree
from voisin.sources.classes import find_class
from voisin.sources.label_table import EMPTY, KnownImages, read_label_table
from voisin.sources.table import read_columns
from voisin.types import CLEARED, LABEL, SKIP, UNLABELED, ImageCollection, LabelEvent

_OURS = {"suggestions", "checks", "labels", "disagreements", "certified"}  # written by voisin


@dataclass(frozen=True, eq=False)
class TakenAnswers:
    """What became of the answers in some tables.

    Attributes
    ----------
    folder : Path
    stored : tuple of LabelEvent
        The answers that are new.
    n_same : int
        Answers that the same person had given before.
    n_replaced : int
        Answers that replace another one of the same person.
    new_classes : dict of str to int
        The classes that no image had before, and how many images have them now.
    agreement : Agreement
        What all answers together say now.
    is_table_new : bool
        Whether ``disagreements.csv`` was written; not if it holds answers that were not read.
    """

    folder: Path
    stored: tuple[LabelEvent, ...]
    n_same: int
    n_replaced: int
    new_classes: dict[str, int]
    agreement: Agreement
    is_table_new: bool = True

    def count(self, kind: str) -> int:
        """Count the new answers of a kind."""
        return sum(event.kind == kind for event in self.stored)

    @property
    def counts(self) -> dict[str, int]:
        """Number of new labels of each class."""
        return dict(Counter(event.label for event in self.stored if event.kind == LABEL))

    def as_dict(self) -> dict[str, Any]:
        """Return what is told as a dictionary for JSON."""
        return {
            "stored": {kind: self.count(kind) for kind in sorted({e.kind for e in self.stored})},
            "labels": self.counts,
            "new_classes": self.new_classes,
            "n_same": self.n_same,
            "n_replaced": self.n_replaced,
            "n_labels": len(self.agreement.labels),
            "disagreements": {
                image: {event.rater: event.answer for event in said}
                for image, said in self.agreement.disagreements.items()
            },
        }


def take_answers(
    run: FinishedRun,
    files: Sequence[str | Path],
    *,
    rater: str | None = None,
    id_column: str | None = None,
    label_column: str | None = None,
    new_class: Iterable[str] = (),
) -> TakenAnswers:
    """Store the answers in some tables; all or none, if one cannot be used.

    Raises
    ------
    InputError
        If a table cannot be used; see `read_label_table`.
    ProjectError
        If the folder holds no finished run, or its ``labels.sqlite`` is damaged.
    """
    store = LabelEvents(run.folder)
    known = _known_images(run, store)
    paths = [Path(file) for file in files]
    read = _read_tables(
        paths,
        known,
        rater=rater,
        id_column=id_column,
        label_column=label_column,
        new_class=tuple(new_class),
    )
    new, n_same, n_replaced = _sort_out(read, _latest(store.events()))
    if new:
        store.append(new)
    agreement = store.agreement()
    counts = Counter(agreement.labels.values())
    classes = {event.label for event in new if event.kind == LABEL} - set(known.class_names)
    return TakenAnswers(
        run.folder,
        tuple(new),
        n_same,
        n_replaced,
        {name: counts[name] for name in sorted(classes)},
        agreement,
        write_disagreements(
            run.folder, agreement.disagreements, str(run.settings["csv_separator"])
        ),
    )


def _sort_out(
    read: Iterable[LabelEvent], latest: dict[tuple[str, str], LabelEvent]
) -> tuple[list[LabelEvent], int, int]:
    """Return the answers that are new, and how many are known already, and replace others."""
    new: list[LabelEvent] = []
    n_same = n_replaced = 0
    for event in read:
        before = latest.get((event.image, event.rater))
        if event.kind == EMPTY:  # it takes back an answer only if that came from the same file
            if before is None or before.source != event.source:
                continue
            event = replace(event, kind=CLEARED)
        if event.kind == CLEARED and before is None:
            continue
        is_same = before and (before.kind, before.label) == (event.kind, event.label)
        if before and is_same and event.settles <= before.settles:
            n_same += 1
            continue
        n_replaced += before is not None and event.kind not in (CLEARED, SKIP)
        new.append(event)
        latest[event.image, event.rater] = event
    return new, n_same, n_replaced


def agree_on_tables(files: Sequence[Path], images: ImageCollection) -> Agreement:
    """Return what some tables together say of images; raises as `read_label_table` does."""
    ids = images.ids.tolist()
    files_of_images = map(images.reader.path, images.positions.tolist())
    paths = {path: id_ for path, id_ in zip(files_of_images, ids, strict=True) if path is not None}
    read = _read_tables(files, KnownImages(ids, images.class_names, paths))
    return agree(event for event in read if event.kind != EMPTY)


def _read_tables(paths: Sequence[Path], known: KnownImages, **options: Any) -> list[LabelEvent]:
    """Read tables in their order; a class that is new in one is known in the next."""
    rater, events = options.pop("rater", None), list[LabelEvent]()
    for path in paths:
        who = rater or _guess_rater(path, paths)
        events += read_label_table(path, known, rater=who, **options)
        new = {event.label for event in events if event.kind == LABEL} - set(known.class_names)
        known = replace(known, class_names=(*known.class_names, *sorted(new)))
    return events


def _guess_rater(path: Path, paths: Sequence[Path]) -> str:
    """Name the person who answered in a file: the name of the file, or whoever is logged in.

    The files that voisin writes have names of their own, also with the number that a browser adds.
    """
    name = re.sub(r" ?\(\d+\)$", "", path.stem)
    if sum(other.name == path.name for other in paths) > 1:
        return f"{path.resolve().parent.name}/{name}"
    if name in _OURS:
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a user without a name, as in some containers
            return "somebody"
    return name


def _known_images(run: FinishedRun, store: LabelEvents) -> KnownImages:
    """Collect what a run says of its images; images that were left out keep their answers."""
    result, names = run.result, run.result.class_names
    ids = result.ids.tolist()
    is_given = result.labels != UNLABELED
    found = {
        ids[row]: (names[result.assigned[row]], float(result.confidence[row]))
        for row in np.flatnonzero(~is_given & (result.assigned != UNLABELED)).tolist()
    }
    events = store.events()
    stored = {event.label for event in events if event.kind == LABEL}
    new = sorted(name for name in stored if find_class(name, names) is None)
    answered = (event.image for event in events)
    return KnownImages(
        list(dict.fromkeys([*ids, *result.test_ids.tolist(), *answered])),
        (*names, *new),
        _read_paths(run.folder),
        {ids[row]: names[result.labels[row]] for row in np.flatnonzero(is_given).tolist()},
        found,
        fingerprint(run),
    )


def fingerprint(run: FinishedRun) -> str:
    """Return a hash of the labels that a run gave, by which its proposals are known again."""
    return hash_of([run.result.ids.tolist(), run.result.assigned.tolist()])[:16]


def _read_paths(folder: Path) -> dict[str, str]:
    """Map the path of each image file to its id, as the run wrote them."""
    path = folder / "labels.parquet"
    if not path.is_file():
        return {}
    columns = read_columns(path)
    pairs = zip(columns["path"], columns["id"], strict=True)
    return {file: id_ for file, id_ in pairs if file}


def _latest(events: Sequence[LabelEvent]) -> dict[tuple[str, str], LabelEvent]:
    """Return the answer of each rater to each image that stands, settled or not."""
    undone = {event.undoes for event in events}
    latest: dict[tuple[str, str], LabelEvent] = {}
    for event in events:
        if event.number in undone or event.undoes or event.kind == SKIP:
            continue
        latest.pop((event.image, event.rater), None)
        if event.kind != CLEARED:
            latest[event.image, event.rater] = event
    return latest


def write_disagreements(
    folder: Path, disagreements: Mapping[str, Sequence[LabelEvent]], csv_separator: str
) -> bool:
    """Write the table of disagreements, to be settled in its column ``answer``.

    It is left as it is, and False returned, if it holds answers to disagreements there still are.
    """
    path = folder / DISAGREEMENTS
    if not disagreements and not path.exists():
        return True
    if path.exists() and path.read_bytes().strip():
        columns = read_columns(path) if len(path.read_bytes().split(b"\n")) > 2 else {}
        pairs = zip(columns.get("id", []), columns.get("answer", []), strict=False)
        if any(answer and id_ in disagreements for id_, answer in pairs):
            return False
    paths = {id_: file for file, id_ in _read_paths(folder).items()}
    rows = [
        (image, paths.get(image, ""), "; ".join(f"{one.rater}: {one.answer}" for one in said), "")
        for image, said in disagreements.items()
    ]
    text = csv_text([("id", "path", "answers", "answer"), *rows], csv_separator)
    Project(folder).write_text(DISAGREEMENTS, text)
    return True
