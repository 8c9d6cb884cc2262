"""The lines that a run logs, from its source to its scores and outdated pages."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.calibrate import CalibrationResult
from voisin.embedding.better_backbones import describe_better_backbone
from voisin.embedding.specification import SMALL_SIDE
from voisin.errors import ProjectError
from voisin.evaluation.bootstrap import MIN_UNITS, count_units
from voisin.evaluation.metrics import METRICS
from voisin.evaluation.verdict import Scores
from voisin.pipeline.calibrate import decision_figures
from voisin.pipeline.given_labels import GivenLabels
from voisin.pipeline.prepare import Experiment
from voisin.project.finished_run import FinishedRun
from voisin.project.label_events import DISAGREEMENTS, STORE
from voisin.sources.collection import summarize
from voisin.types import REJECT, UNLABELED, UNSURE, ImageCollection

Log = Callable[[str], None]
# Every page that a later question writes into the folder of a run.
_PAGES = ("audit.html", "suggestions.html", "explanations", "certificate.html", "checks.html")
_FEW = 50  # images, chosen by hand: with fewer, a bootstrap interval is too narrow to rely on


def log_source(images: ImageCollection, log: Log) -> None:
    """Log how many images, labels, classes, groups and splits a source has."""
    summary = summarize(images)
    log(f"{summary.name}: {summary.n_images:,} images, {summary.n_labeled:,} labeled")
    counts = ", ".join(f"{name}: {count:,}" for name, count in summary.class_counts.items())
    n_classes = len(summary.class_counts)
    log(f"  {n_classes} {'class' if n_classes == 1 else 'classes'}: {counts or 'none yet'}")
    splits = ", ".join(f"{name} {count:,}" for name, count in summary.split_counts.items())
    log(f"  splits: {splits or 'none'}")
    if summary.split_counts.get("val"):
        log("  The val split is not used: its labels would add to the few that you asked for")
    groups = "none" if summary.n_groups is None else f"{summary.n_groups:,}"
    log(f"  groups: {groups}")


def log_experiment(experiment: Experiment, log: Log) -> None:
    """Log which labels the run starts from, and on which images it will be judged."""
    n_labels = int((experiment.labels != UNLABELED).sum())
    counts = np.bincount(
        experiment.labels[experiment.labels != UNLABELED], minlength=experiment.n_classes
    )
    names = ", ".join(
        f"{name}: {count:,}"
        for name, count in zip(experiment.pool.class_names, counts, strict=True)
    )
    log(f"Starting from {n_labels:,} labels among {len(experiment.pool):,} images: {names}")
    truths = experiment.truths()
    scopes = ", ".join(f"{scope} {len(truth.ids):,}" for scope, truth in truths.items())
    log(f"Judged on: {scopes or 'nothing: no other image has a known label'}")
    for scope, truth in truths.items():
        n, n_groups = len(truth.ids), count_units(len(truth.ids), truth.groups)
        if n < _FEW:
            log(f"  {n} images are too few for a verdict on {scope}: take it as a hint at most")
        elif n_groups < MIN_UNITS:
            groups = "1 group is" if n_groups == 1 else f"{n_groups} groups are"
            log(f"  {groups} too few to say how far the figures on {scope} may be off")


def log_answers(given: GivenLabels, experiment: Experiment, folder: Path, log: Log) -> None:
    """Log how many stored answers the run uses, which are new since the last run, and the rest."""
    answers = given.answers
    if not (answers.answers or answers.disagreements):
        return
    used = {id_ for id_ in experiment.pool.ids.tolist() if id_ in answers.labels}
    labels = "1 label" if len(used) == 1 else f"{len(used):,} labels"
    parts = [f"{labels} of people are used"]
    before = _labels_of_last_run(folder)
    if before is not None:
        new = Counter(answers.labels[id_] for id_ in used if before.get(id_) != answers.labels[id_])
        counts = ", ".join(f"{name}: {count:,}" for name, count in sorted(new.items()))
        parts[0] += f", {new.total():,} of them new" + (f" ({counts})" if counts else "")
    elsewhere = len(answers.labels) - len(used)
    others = {
        "of images that the run does not learn from": elsewhere,
        "unsure": len(answers.of_kind(UNSURE)),
        "none of these, left out": len(answers.of_kind(REJECT)),
        f"in dispute, not used until settled ({DISAGREEMENTS})": len(answers.disagreements),
    }
    parts += [f"{count:,} {what}" for what, count in others.items() if count]
    log(f"  {STORE}: {'; '.join(parts)}")


def _labels_of_last_run(folder: Path) -> dict[str, str] | None:
    """Return the names of the labels that the last run in a folder started from."""
    with suppress(ProjectError):
        result = FinishedRun.open(folder).result
        rows = np.flatnonzero(result.labels != UNLABELED)
        names = [result.class_names[label] for label in result.labels[rows].tolist()]
        return dict(zip(result.ids[rows].tolist(), names, strict=True))
    return None


def log_decision(calibration: CalibrationResult, experiment: Experiment, log: Log) -> None:
    """Log how labels were decided, and how many another decision would change."""
    decision = decision_figures(calibration, experiment.labels, experiment.pool.class_names)
    log("")
    log(f"Decision: {decision['way']}: {decision['meaning']}")
    n_other = decision["n_not_likeliest"]
    if n_other:
        log(
            f"  {n_other:,} of {decision['n_labels']:,} labels would be another class if each "
            "image got its likeliest class (--decide likeliest)"
        )


def log_better_backbone(experiment: Experiment, log: Log) -> str:
    """Log which better backbone there is, unless images are too small to show more to it."""
    if experiment.native_size <= SMALL_SIDE:
        return ""
    text = describe_better_backbone()
    log(text)
    return text


def log_effort(effort: str, seconds: Mapping[str, float], log: Log) -> None:
    """Log the time that a run will take with each effort, the chosen one first."""
    times = {
        name: f"{max(1, round(each)):.0f} s" if each < 100 else f"{each / 60:.0f} min"
        for name, each in seconds.items()
    }
    others = ", ".join(f"{name}: {text}" for name, text in times.items() if name != effort)
    log(f"Effort {effort}: up to about {times[effort]} ({others})")


def log_scores(scores: Sequence[Scores], log: Log) -> None:
    """Log the scores as one table per scope."""
    if not scores:
        log(
            "No image outside the given labels has a known truth: how many labels are right is "
            "estimated from labels held out in turn, below."
        )
    others = {name: metric.title for name, metric in METRICS.items() if name != "auc"}
    head = "".join(f"{title:>{max(len(title), 5) + 2}}" for title in others.values())
    for scope in dict.fromkeys(row.scope for row in scores):
        rows = [row for row in scores if row.scope == scope]
        title = f"{scope} ({rows[0].n:,})"
        log("")
        log(f"{title:24}{'AUC':>22}{head}")
        for row in rows:
            auc = f"{row.auc.value:.3f} [{row.auc.low:.3f}, {row.auc.high:.3f}]"
            auc = auc.replace("[nan, nan]", "(no interval)")
            values = "".join(
                f"{row.metrics[name].value:{max(len(title), 5) + 2}.3f}"
                for name, title in others.items()
            )
            log(f"  {row.method:22}{auc.replace('nan', '–'):>22}{values}")


def log_unreached(
    answered: NDArray[np.bool_], linked: NDArray[np.bool_], log: Log
) -> tuple[str, ...]:
    """Log how many images were labeled although no path of the graph leads to a label."""
    count = int((answered & ~linked).sum())
    if not count:
        return ()
    note = (
        "No label reaches 1 image along the graph: its label is the classifier's alone."
        if count == 1
        else f"No label reaches {count:,} images along the graph: their labels are the "
        "classifier's alone."
    )
    log(f"  {note}")
    return (note,)


def log_outdated_pages(folder: Path, log: Log) -> None:
    """Log which pages of the folder still describe the labels of an earlier run."""
    outdated = ", ".join(name for name in _PAGES if (folder / name).exists())
    if outdated:
        log("")
        log(f"These still describe an earlier run's labels, until you make them again: {outdated}")
