"""What a run says of itself in lines of text: first what it understood, last the verdict."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.evaluation.scores import Scores
from voisin.pipeline.task import Task
from voisin.sources.summary import summarize
from voisin.types import UNLABELED, ImageCollection

Announce = Callable[[str], None]
_ANSWERS = ("audit.html", "suggestions.html", "explanations", "certificate.html")
_FEW = 50  # images, below which intervals mislead


def tell_source(images: ImageCollection, announce: Announce) -> None:
    """Say how many images, labels, classes, groups and splits a source has."""
    found = summarize(images)
    announce(f"{found.name}: {found.n_images:,} images, {found.n_labeled:,} labeled")
    counts = ", ".join(f"{name}: {count:,}" for name, count in found.class_counts.items())
    n_classes = len(found.class_counts)
    announce(f"  {n_classes} {'class' if n_classes == 1 else 'classes'}: {counts or 'none yet'}")
    splits = ", ".join(f"{name} {count:,}" for name, count in found.split_counts.items())
    announce(f"  splits: {splits or 'none'}")
    if found.split_counts.get("val"):
        announce("  val is not used: its labels would be more than the few that are pretended")
    groups = "none" if found.n_groups is None else f"{found.n_groups:,}"
    announce(f"  groups: {groups}")


def tell_task(task: Task, announce: Announce) -> None:
    """Say which labels the work starts from, and what it will be judged by."""
    n_labels = int((task.labels != UNLABELED).sum())
    counts = np.bincount(task.labels[task.labels != UNLABELED], minlength=task.n_classes)
    names = ", ".join(
        f"{name}: {count:,}" for name, count in zip(task.pool.class_names, counts, strict=True)
    )
    announce(f"Starting from {n_labels:,} labels among {len(task.pool):,} images: {names}")
    truths = {scope: len(truth.ids) for scope, truth in task.truths().items()}
    scopes = ", ".join(f"{scope} {n:,}" for scope, n in truths.items())
    announce(f"Judged on: {scopes or 'no image, since no truth is known beyond these labels'}")
    for scope, n in truths.items():
        if n < _FEW:
            announce(
                f"  {n} images are too few for a verdict on {scope}: take it as a hint at most"
            )


def tell_scores(scores: Sequence[Scores], announce: Announce) -> None:
    """Lay the verdict out as a table."""
    if not scores:
        announce(
            "No verdict: no image outside the given labels has a known truth. "
            "The report says how to get one."
        )
    for scope in dict.fromkeys(one.scope for one in scores):
        announce("")
        n = next(one.n for one in scores if one.scope == scope)
        title = f"{scope} ({n:,})"
        announce(f"{title:24}{'AUC':>22}{'accuracy':>10}{'balanced':>10}{'F1':>8}{'ECE':>8}")
        for one in scores:
            if one.scope == scope:
                announce(_row(one))


def tell_unlinked(
    answered: NDArray[np.bool_], linked: NDArray[np.bool_], announce: Announce
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
    announce(f"  {remark}")
    return (remark,)


def tell_older(folder: Path, announce: Announce) -> None:
    """Name the pages that were made from the labels of an earlier run."""
    there = [name for name in _ANSWERS if (folder / name).exists()]
    if there:
        announce("")
        announce(f"About the labels of an earlier run, until you ask again: {', '.join(there)}")


def _row(one: Scores) -> str:
    auc = f"{one.auc.value:.3f} [{one.auc.low:.3f}, {one.auc.high:.3f}]"
    auc = auc.replace("nan", "–")
    return (
        f"  {one.method:22}{auc:>22}{one.accuracy.value:10.3f}{one.balanced_accuracy.value:10.3f}"
        f"{one.macro_f1.value:8.3f}{one.ece.value:8.3f}"
    )
