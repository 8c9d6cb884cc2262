"""What a run says of itself in lines of text: first what it understood, last the verdict."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.verdict import Scores
from voisin.pipeline.prepare import Experiment
from voisin.sources.collection import summarize
from voisin.types import UNLABELED, ImageCollection

Log = Callable[[str], None]
_ANSWERS = ("audit.html", "suggestions.html", "explanations", "certificate.html")
_FEW = 50  # images; with fewer a bootstrap interval is too narrow to rely on. Chosen by hand


def log_source(images: ImageCollection, log: Log) -> None:
    """Say how many images, labels, classes, groups and splits a source has."""
    found = summarize(images)
    log(f"{found.name}: {found.n_images:,} images, {found.n_labeled:,} labeled")
    counts = ", ".join(f"{name}: {count:,}" for name, count in found.class_counts.items())
    n_classes = len(found.class_counts)
    log(f"  {n_classes} {'class' if n_classes == 1 else 'classes'}: {counts or 'none yet'}")
    splits = ", ".join(f"{name} {count:,}" for name, count in found.split_counts.items())
    log(f"  splits: {splits or 'none'}")
    if found.split_counts.get("val"):
        log("  val is not used: its labels would be more than the few that are pretended")
    groups = "none" if found.n_groups is None else f"{found.n_groups:,}"
    log(f"  groups: {groups}")


def log_experiment(experiment: Experiment, log: Log) -> None:
    """Say which labels the work starts from, and what it will be judged by."""
    n_labels = int((experiment.labels != UNLABELED).sum())
    counts = np.bincount(
        experiment.labels[experiment.labels != UNLABELED], minlength=experiment.n_classes
    )
    names = ", ".join(
        f"{name}: {count:,}"
        for name, count in zip(experiment.pool.class_names, counts, strict=True)
    )
    log(f"Starting from {n_labels:,} labels among {len(experiment.pool):,} images: {names}")
    truths = {scope: len(truth.ids) for scope, truth in experiment.truths().items()}
    scopes = ", ".join(f"{scope} {n:,}" for scope, n in truths.items())
    log(f"Judged on: {scopes or 'no image, since no truth is known beyond these labels'}")
    for scope, n in truths.items():
        if n < _FEW:
            log(f"  {n} images are too few for a verdict on {scope}: take it as a hint at most")


def log_scores(scores: Sequence[Scores], log: Log) -> None:
    """Lay the verdict out as a table."""
    if not scores:
        log(
            "No verdict: no image outside the given labels has a known truth. "
            "The report says how to get one."
        )
    for scope in dict.fromkeys(one.scope for one in scores):
        log("")
        n = next(one.n for one in scores if one.scope == scope)
        title = f"{scope} ({n:,})"
        log(f"{title:24}{'AUC':>22}{'accuracy':>10}{'balanced':>10}{'F1':>8}{'ECE':>8}")
        for one in scores:
            if one.scope == scope:
                log(_row(one))


def log_unreached(
    answered: NDArray[np.bool_], linked: NDArray[np.bool_], log: Log
) -> tuple[str, ...]:
    """Count the images that were labeled though no path of the graph leads to a label."""
    count = int((answered & ~linked).sum())
    if not count:
        return ()
    images, them = ("image", "it") if count == 1 else ("images", "them")
    remark = (
        f"No label reaches {count:,} {images} along the graph: what is said of {them} is the "
        "classifier's opinion alone."
    )
    log(f"  {remark}")
    return (remark,)


def log_outdated_pages(folder: Path, log: Log) -> None:
    """Name the pages that were made from the labels of an earlier run."""
    there = [name for name in _ANSWERS if (folder / name).exists()]
    if there:
        log("")
        log(f"About the labels of an earlier run, until you ask again: {', '.join(there)}")


def _row(one: Scores) -> str:
    auc = f"{one.auc.value:.3f} [{one.auc.low:.3f}, {one.auc.high:.3f}]"
    auc = auc.replace("nan", "–")
    return (
        f"  {one.method:22}{auc:>22}{one.accuracy.value:10.3f}{one.balanced_accuracy.value:10.3f}"
        f"{one.macro_f1.value:8.3f}{one.ece.value:8.3f}"
    )
