"""Audit a finished project: run the checks, and write a table and a page."""

import json
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
from voisin.embedding.specification import learns_from_labels
from voisin.errors import VoisinError
from voisin.neighbors.search import find_neighbors
from voisin.project.exports import write_table
from voisin.project.finished_run import FinishedRun
from voisin.project.folder import Project
from voisin.report.language import choose_language
from voisin.sources.reading import read_images
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Names,
    Pixels,
    Probabilities,
    Progress,
    ShortRepr,
    no_progress,
)

PAGE, TABLE = "audit.html", "audit"
_SEVERITIES = {3: "wrong", 2: "doubtful", 1: "worth knowing"}
_GONE = "The images are not where they were: pictures were not compared, and none is shown."
_LEARNED = (
    "The vectors were learned from the labels, so they support even wrong ones: suspect labels are "
    "found less often. Audit a project with pretrained vectors (--embedding) to find more."
)


@dataclass(frozen=True, eq=False, repr=False)
class AuditResult(ShortRepr):
    """The findings of an audit.

    Attributes
    ----------
    folder : Path
        Holds ``audit.html``, ``audit.csv`` and ``audit.parquet``.
    findings : tuple of Finding
        Worst first.
    ids : array of shape (n_images,)
        Ids of the images; the entries of findings hold positions in them.
    notes : tuple of str
        Checks that could not be done, and why.
    """

    folder: Path
    findings: tuple[Finding, ...]
    ids: Names
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the findings as a dictionary for JSON."""
        return {
            "schema": 1,
            "findings": [
                {
                    "check": finding.check,
                    "severity": _SEVERITIES[finding.severity],
                    "title": finding.title,
                    "advice": finding.advice,
                    "images": [
                        str(self.ids[i])
                        for entry in finding.entries
                        for i in (entry.image, entry.other)
                        if i >= 0
                    ],
                }
                for finding in self.findings
            ],
            "notes": list(self.notes),
        }


def audit_run(run: FinishedRun, *, progress: Progress = no_progress) -> AuditResult:
    """Audit a run, and write the findings; no label or vector is changed."""
    result = run.result
    ids = np.concatenate([result.ids, result.test_ids])
    images: ImageCollection | None = None
    notes: tuple[str, ...] = ()
    try:
        images = run.open_pictures(ids, progress=progress)
    except VoisinError:
        notes = (_GONE,)
    if _learned_from_labels(run):
        notes = (*notes, _LEARNED)
    audited = _gather(run, images, progress)
    findings = run_checks(audited, progress=progress)
    audit_result = AuditResult(run.folder, findings, ids, notes)
    _write(audit_result, audited, images, run.settings)
    return audit_result


def _learned_from_labels(run: FinishedRun) -> bool:
    """Tell whether other labels would have given other vectors."""
    embedding = run.settings["embedding"]
    if embedding == "auto":  # what the run chose
        metrics = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
        embedding = metrics["settings"]["embedding"]
    return learns_from_labels(embedding, own_network=bool(run.settings["expert_network"]))


def _gather(run: FinishedRun, images: ImageCollection | None, progress: Progress) -> AuditedImages:
    result, settings = run.result, run.settings
    vectors = np.concatenate([result.embeddings, result.test_embeddings])
    groups = result.groups
    if groups is not None and len(result.test_ids):
        groups = (
            None if result.test_groups is None else np.concatenate([groups, result.test_groups])
        )
    return AuditedImages(
        neighbors=find_neighbors(
            vectors,
            min(int(settings["n_neighbors"]), len(vectors) - 1),
            metric=str(settings["metric"]),
            random_state=int(settings["random_state"]),
            progress=progress,
        ),
        affinity=result.affinity,
        labels=result.labels,
        class_names=result.class_names,
        splits=np.repeat(np.array(["train", "test"]), [len(result.ids), len(result.test_ids)]),
        groups=groups,
        pixels=None if images is None else _small_pictures(images, progress),
        classifier_probabilities=_classifier_probabilities(run),
        answered=result.propagation.reached,
    )


def _small_pictures(images: ImageCollection, progress: Progress) -> Pixels:
    """Read small copies of all pictures; a picture that cannot be read any more is black."""
    audit_result = read_images(images, size=SIDE, max_unreadable=1.0, progress=progress)
    if not audit_result.unreadable:
        return audit_result.pixels
    pixels = np.zeros((len(images), *audit_result.pixels.shape[1:]), dtype=np.uint8)
    pixels[~np.isin(images.ids, list(audit_result.unreadable))] = audit_result.pixels
    return pixels


def _classifier_probabilities(run: FinishedRun) -> Probabilities | None:
    """Return out-of-fold probabilities, or None if the vectors were learned from the labels."""
    result = run.result
    if _learned_from_labels(run) or len(np.unique(result.labels)) < 3:
        return None
    return out_of_fold_probabilities(
        result.embeddings,
        result.labels,
        n_classes=len(result.class_names),
        groups=result.groups,
        random_state=int(run.settings["random_state"]),
    )


def _write(
    audit_result: AuditResult,
    audited: AuditedImages,
    images: ImageCollection | None,
    settings: Mapping[str, Any],
) -> None:
    labels = audited.all_labels.tolist()
    names = tuple("" if c == UNLABELED else audited.class_names[c] for c in labels)
    content = AuditContent(
        name=audit_result.folder.resolve().name if images is None else images.name,
        findings=audit_result.findings,
        ids=audit_result.ids,
        label_names=names,
        splits=audited.splits,
        images=images,
        notes=audit_result.notes,
        language=choose_language(settings["language"]),
    )
    project = Project(audit_result.folder)
    with project.locked():
        columns = _columns(audit_result, audited, names, images)
        write_table(audit_result.folder, TABLE, columns, settings["csv_separator"])
        project.write_text(PAGE, render_audit(content))


def _columns(
    audit_result: AuditResult,
    audited: AuditedImages,
    names: tuple[str, ...],
    images: ImageCollection | None,
) -> dict[str, list[Any]]:
    def path(row: int) -> str:
        return "" if images is None else images.reader.path(int(images.positions[row])) or ""

    rows = [(finding, entry) for finding in audit_result.findings for entry in finding.entries]
    seconds = [entry.other for _, entry in rows]
    return {
        "check": [finding.check for finding, _ in rows],
        "severity": [_SEVERITIES[finding.severity] for finding, _ in rows],
        "id": [str(audit_result.ids[entry.image]) for _, entry in rows],
        "label": [names[entry.image] for _, entry in rows],
        "split": [str(audited.splits[entry.image]) for _, entry in rows],
        "path": [path(entry.image) for _, entry in rows],
        "other_id": ["" if i < 0 else str(audit_result.ids[i]) for i in seconds],
        "other_label": ["" if i < 0 else names[i] for i in seconds],
        "other_split": ["" if i < 0 else str(audited.splits[i]) for i in seconds],
        "other_path": ["" if i < 0 else path(i) for i in seconds],
        "suggestion": [
            "" if e.suggestion == UNLABELED else audited.class_names[e.suggestion] for _, e in rows
        ],
        "score": [None if np.isnan(entry.score) else float(entry.score) for _, entry in rows],
        "note": [entry.note for _, entry in rows],
    }
