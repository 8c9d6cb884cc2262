"""What not to believe of a finished project: the checks, a table and a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voisin.audit.audit import run_checks
from voisin.audit.findings import AuditedImages, Finding
from voisin.audit.page import AuditContent, render_audit
from voisin.audit.perceptual_hash import SIDE
from voisin.audit.suspect_labels import out_of_fold_probabilities
from voisin.embedding.specification import KINDS, parse_embedding
from voisin.neighbors.search import find_neighbors
from voisin.project.folder import Project
from voisin.project.reopening import read_settings, reopen_in_order
from voisin.project.saved_graph import SavedGraph, load_graph
from voisin.project.set_apart import SetApart, read_set_apart
from voisin.project.tables import write_table
from voisin.sources.reading import read_images
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Names,
    Neighbors,
    Pixels,
    Probabilities,
    Progress,
    no_progress,
)

PAGE, TABLE = "audit.html", "audit"
_SEVERITIES = {3: "wrong", 2: "doubtful", 1: "worth knowing"}
_GONE = "The images are not where they were: pictures were not compared, and none is shown."
_LEARNED = (
    "The vectors were learned from the labels, so they support even wrong ones: suspect labels are "
    "found less often. Audit a project with pretrained vectors (--embedding) to find more."
)


@dataclass(frozen=True, eq=False)
class AuditResult:
    """What an audit found.

    Attributes
    ----------
    folder : Path
        Holds ``audit.html``, ``audit.csv`` and ``audit.parquet``.
    findings : tuple of Finding
        Worst first.
    ids : array of shape (n_images,)
        Of the images that entries name by position.
    notes : tuple of str
        What could not be checked, and why.
    """

    folder: Path
    findings: tuple[Finding, ...]
    ids: Names
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as JSON can write them."""
        return {
            "schema": 1,
            "findings": [
                {
                    "check": one.check,
                    "severity": _SEVERITIES[one.severity],
                    "title": one.title,
                    "advice": one.advice,
                    "images": [
                        str(self.ids[i])
                        for entry in one.entries
                        for i in (entry.image, entry.other)
                        if i >= 0
                    ],
                }
                for one in self.findings
            ],
            "notes": list(self.notes),
        }


def audit_project(folder: str | Path, *, progress: Progress = no_progress) -> AuditResult:
    """Look for what should not be believed in a project, and write it down; change nothing.

    Parameters
    ----------
    folder : str or Path
        Of a finished run.
    progress : callable, optional

    Returns
    -------
    AuditResult

    Raises
    ------
    ProjectError
        If the folder holds no finished run.
    """
    folder = Path(folder)
    settings = read_settings(folder)
    evidence, apart = load_graph(folder), read_set_apart(folder)
    ids = evidence.ids if apart is None else np.concatenate([evidence.ids, apart.ids])
    images = reopen_in_order(settings, ids, progress=progress)
    notes = () if images is not None else (_GONE,)
    if _learned_from_labels(settings):
        notes = (*notes, _LEARNED)
    audited = _gather(evidence, apart, settings, images, progress)
    findings = run_checks(audited, progress=progress)
    found = AuditResult(folder, findings, ids, notes)
    _write(found, audited, images)
    return found


def _gather(
    evidence: SavedGraph,
    apart: SetApart | None,
    settings: Mapping[str, Any],
    images: ImageCollection | None,
    progress: Progress,
) -> AuditedImages:
    n_graph, n_apart = len(evidence.ids), 0 if apart is None else len(apart.ids)
    vectors = evidence.embeddings
    if apart is not None and n_apart:
        vectors = np.concatenate([vectors, apart.embeddings])
    return AuditedImages(
        neighbors=_neighbors(vectors, settings, progress),
        affinity=evidence.affinity,
        labels=evidence.labels,
        class_names=evidence.class_names,
        splits=np.repeat(np.array(["train", "test"]), [n_graph, n_apart]),
        groups=_groups(evidence, apart),
        pixels=None if images is None else _small_pictures(images, progress),
        classifier_probabilities=_witness(evidence, settings),
        answered=evidence.answered,
    )


def _groups(evidence: SavedGraph, apart: SetApart | None) -> Names | None:
    if evidence.groups is None or apart is None or not len(apart.ids):
        return evidence.groups
    if apart.groups is None:
        return None
    return np.concatenate([evidence.groups, apart.groups])


def _neighbors(vectors: Any, settings: Mapping[str, Any], progress: Progress) -> Neighbors:
    return find_neighbors(
        vectors,
        min(int(settings.get("n_neighbors", 10)), len(vectors) - 1),
        metric=str(settings.get("metric", "cosine")),
        random_state=int(settings.get("random_state", 0)),
        progress=progress,
    )


def _small_pictures(images: ImageCollection, progress: Progress) -> Pixels:
    """Read every picture small; one that cannot be read any more is left black."""
    found = read_images(images, size=SIDE, max_unreadable=1.0, progress=progress)
    if not found.unreadable:
        return found.pixels
    pixels = np.zeros((len(images), *found.pixels.shape[1:]), dtype=np.uint8)
    pixels[~np.isin(images.ids, list(found.unreadable))] = found.pixels
    return pixels


def _learned_from_labels(settings: Mapping[str, Any]) -> bool:
    kinds = [KINDS[part.kind] for part in parse_embedding(str(settings.get("embedding", "cnn")))]
    return any(
        kind.learns_from_labels and (kind.network != "expert" or "expert" not in settings)
        for kind in kinds
    )


def _witness(evidence: SavedGraph, settings: Mapping[str, Any]) -> Probabilities | None:
    """Ask a classifier too, unless its vectors have seen the labels."""
    if _learned_from_labels(settings) or len(np.unique(evidence.labels)) < 3:
        return None
    return out_of_fold_probabilities(
        evidence.embeddings,
        evidence.labels,
        n_classes=len(evidence.class_names),
        groups=evidence.groups,
        random_state=int(settings.get("random_state", 0)),
    )


def _write(found: AuditResult, audited: AuditedImages, images: ImageCollection | None) -> None:
    labels = audited.all_labels.tolist()
    names = tuple("" if c == UNLABELED else audited.class_names[c] for c in labels)
    content = AuditContent(
        name=found.folder.resolve().name if images is None else images.name,
        findings=found.findings,
        ids=found.ids,
        label_names=names,
        splits=audited.splits,
        images=images,
        notes=found.notes,
    )
    project = Project(found.folder)
    with project.locked():
        write_table(found.folder, TABLE, _columns(found, audited, names, images))
        project.write_text(PAGE, render_audit(content))


def _columns(
    found: AuditResult,
    audited: AuditedImages,
    names: tuple[str, ...],
    images: ImageCollection | None,
) -> dict[str, list[Any]]:
    def path(row: int) -> str:
        return "" if images is None else images.reader.path(int(images.positions[row])) or ""

    rows = [(one, entry) for one in found.findings for entry in one.entries]
    seconds = [entry.other for _, entry in rows]
    return {
        "check": [one.check for one, _ in rows],
        "severity": [_SEVERITIES[one.severity] for one, _ in rows],
        "id": [str(found.ids[entry.image]) for _, entry in rows],
        "label": [names[entry.image] for _, entry in rows],
        "split": [str(audited.splits[entry.image]) for _, entry in rows],
        "path": [path(entry.image) for _, entry in rows],
        "other_id": ["" if i < 0 else str(found.ids[i]) for i in seconds],
        "other_label": ["" if i < 0 else names[i] for i in seconds],
        "other_split": ["" if i < 0 else str(audited.splits[i]) for i in seconds],
        "other_path": ["" if i < 0 else path(i) for i in seconds],
        "suggestion": [
            "" if e.suggestion == UNLABELED else audited.class_names[e.suggestion] for _, e in rows
        ],
        "score": [None if np.isnan(entry.score) else float(entry.score) for _, entry in rows],
        "note": [entry.note for _, entry in rows],
    }
