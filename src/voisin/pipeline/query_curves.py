"""Learning curves of query strategies: how good the labels are after so many answers.

A part of the images is set apart: its labels are never asked for, so that every strategy is judged
on the same images. It knows strategies and methods by what they promise, not by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.errors import InputError
from voisin.evaluation import metrics
from voisin.project.cache import Cache, hash_of
from voisin.querying.suggestion import QueryStrategy
from voisin.sources.few_labels import draw_labels
from voisin.types import (
    UNLABELED,
    Indices,
    Labeling,
    LabelingMethod,
    Labels,
    Problem,
    Progress,
    View,
    no_progress,
)
from voisin.validation import check_at_least, check_in_open_interval

FIGURES = ("balanced_accuracy", "auc", "accuracy", "unlabeled_balanced_accuracy")


@dataclass(frozen=True)
class Schedule:
    """How many labels are asked for, and when.

    Parameters
    ----------
    start : int, default=2
        Labels a class, drawn at random, that every strategy starts from.
    until : int, default=50
        Labels a class on average at the end: ``until * n_classes`` in all.
    batch : int, optional
        Questions between two labelings; by default two a class.
    apart : float, default=0.3
        Share of each class that is judged and never asked for.
    """

    start: int = 2
    until: int = 50
    batch: int | None = None
    apart: float = 0.3

    def __post_init__(self) -> None:
        check_at_least("start", self.start, 1)
        check_at_least("until", self.until, self.start + 1)
        if self.batch is not None:
            check_at_least("batch", self.batch, 1)
        check_in_open_interval("apart", self.apart, 0, 1)


@dataclass(frozen=True, eq=False)
class QueryCurves:
    """What each strategy reached.

    Attributes
    ----------
    n_labels : array of shape (n_steps,)
    figures : dict of str to array of shape (n_draws, n_steps, 4)
        By strategy; the last axis is that of `FIGURES`.
    found : dict of str to array of shape (n_draws, n_classes)
        Labels of each class at the end.
    """

    n_labels: NDArray[np.int64]
    figures: dict[str, NDArray[np.float64]]
    found: dict[str, NDArray[np.int64]]

    def mean(self, strategy: str, figure: str = "balanced_accuracy") -> NDArray[np.float64]:
        """Mean over the draws, one value a step."""
        return np.asarray(self.figures[strategy][:, :, FIGURES.index(figure)].mean(axis=0))

    def labels_for(self, strategy: str, level: float, figure: str = "balanced_accuracy") -> float:
        """How many labels the mean curve needs to reach a level; infinite if it does not.

        Between two steps the curve is taken as straight.
        """
        curve = self.mean(strategy, figure)
        above = np.flatnonzero(curve >= level)
        if not len(above):
            return float("inf")
        k = int(above[0])
        if k == 0:
            return float(self.n_labels[0])
        part = (level - curve[k - 1]) / (curve[k] - curve[k - 1])
        return float(self.n_labels[k - 1] + part * (self.n_labels[k] - self.n_labels[k - 1]))


def query_curves(
    view: View,
    truth: Labels,
    strategies: Mapping[str, QueryStrategy],
    method: LabelingMethod,
    *,
    n_draws: int = 20,
    schedule: Schedule | None = None,
    random_state: int = 0,
    cache: Cache | None = None,
    progress: Progress = no_progress,
) -> QueryCurves:
    """Ask, label, judge, and ask again, with every strategy from the same first labels.

    Parameters
    ----------
    view : View
        Vectors and graph; its new images are not used.
    truth : array of shape (n_samples,)
        Class of every image.
    strategies : mapping of str to QueryStrategy
    method : LabelingMethod
        Labels the images after each batch, the same for all strategies.
    n_draws : int, default=20
        Of first labels and of images set apart.
    schedule : Schedule, optional
    random_state : int, default=0
    cache : Cache, optional
        Keeps each finished curve: the same call goes on from there.
    progress : callable, optional

    Raises
    ------
    InputError
        If an image has no class, or there are too few to ask for so many.
    """
    schedule = schedule or Schedule()
    n_labels = _steps(truth, schedule)
    task = {
        "embeddings": hash_of(np.asarray(view.embeddings)),
        "affinity": hash_of(view.affinity.data),
        "truth": hash_of(truth),
        "method": repr(method),
        "schedule": repr(schedule),
    }
    figures: dict[str, list[NDArray[np.float64]]] = {name: [] for name in strategies}
    found: dict[str, list[NDArray[np.int64]]] = {name: [] for name in strategies}
    work = [(draw, name) for draw in range(n_draws) for name in strategies]
    for done, (draw, name) in enumerate(work, start=1):
        strategy, state = strategies[name], random_state + draw
        problem, apart = _begin(view, truth, schedule, state)

        def compute(
            problem: Problem = problem, apart: Indices = apart, strategy: QueryStrategy = strategy
        ) -> dict[str, NDArray[np.float64]]:
            return _curve(problem, apart, truth, strategy, method, n_labels)

        if cache is None:
            arrays = compute()
        else:
            inputs = {**task, "strategy": f"{name}: {strategy!r}", "random_state": state}
            arrays = cache.recall("query-curve", inputs, compute).arrays
        figures[name].append(np.asarray(arrays["figures"]))
        found[name].append(np.asarray(arrays["found"]))
        progress("Asking", done, len(work))
    return QueryCurves(
        n_labels,
        {name: np.stack(rows) for name, rows in figures.items()},
        {name: np.stack(rows) for name, rows in found.items()},
    )


def _steps(truth: Labels, schedule: Schedule) -> NDArray[np.int64]:
    if (truth == UNLABELED).any():
        count = int((truth == UNLABELED).sum())
        message = f"{count} images have no class: leave them out, answers come from the truth."
        raise InputError(message)
    n_classes = int(truth.max()) + 1
    last, batch = schedule.until * n_classes, schedule.batch or 2 * n_classes
    if last > (1 - schedule.apart) * len(truth) - n_classes:
        message = (
            f"{schedule.until} labels a class are {last} answers, too many for {len(truth)} images "
            f"of which {schedule.apart:.0%} are set apart: pass a smaller `until`."
        )
        raise InputError(message)
    first = schedule.start * n_classes
    return np.unique(np.append(np.arange(first, last, batch), last))


def _begin(
    view: View, truth: Labels, schedule: Schedule, random_state: int
) -> tuple[Problem, Indices]:
    """Set images apart, and draw the first labels among the others."""
    generator = np.random.default_rng(random_state)
    n_classes = int(truth.max()) + 1
    members = [generator.permutation(np.flatnonzero(truth == c)) for c in range(n_classes)]
    apart = np.concatenate([rows[: int(schedule.apart * len(rows))] for rows in members])
    open_to_all = truth.copy()
    open_to_all[apart] = UNLABELED
    labels = draw_labels(open_to_all, labels_per_class=schedule.start, random_state=random_state)
    return Problem(view, labels, n_classes, random_state=random_state), np.sort(apart)


def _curve(
    problem: Problem,
    apart: Indices,
    truth: Labels,
    strategy: QueryStrategy,
    method: LabelingMethod,
    n_labels: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """Follow one strategy from the first labels to the last."""
    candidates = np.setdiff1d(np.arange(len(truth)), apart)
    labeling = method.label(problem)
    rows = [_judge(labeling, problem.labels, truth, apart)]
    for batch in np.diff(n_labels).tolist():
        asked = strategy.suggest(problem, labeling, batch, candidates=candidates).positions
        labels = problem.labels.copy()
        labels[asked] = truth[asked]
        problem = replace(problem, labels=labels)
        labeling = method.label(problem)
        rows.append(_judge(labeling, labels, truth, apart))
    known = problem.labels[problem.labels != UNLABELED]
    found = np.bincount(known, minlength=problem.n_classes)
    return {"figures": np.array(rows), "found": found}


def _judge(
    labeling: Labeling, labels: Labels, truth: Labels, apart: Indices
) -> tuple[float, float, float, float]:
    """Return the figures in the order of `FIGURES`."""
    found = labeling.propagation
    n_classes = found.probabilities.shape[1]
    given = np.where(found.labels == UNLABELED, n_classes, found.labels)
    one = np.ones((1, len(apart)))
    confusion = metrics.confusion(truth[apart], given[apart], n_classes, one)
    hidden = labels == UNLABELED
    others = metrics.confusion(truth[hidden], given[hidden], n_classes, np.ones((1, hidden.sum())))
    return (
        float(metrics.balanced_accuracy(confusion)[0]),
        float(metrics.macro_auc(truth[apart], found.probabilities[apart], one)[0]),
        float(metrics.accuracy(confusion)[0]),
        float(metrics.balanced_accuracy(others)[0]),
    )
