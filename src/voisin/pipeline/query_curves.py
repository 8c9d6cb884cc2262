"""Learning curves of query strategies: how good the labels are after so many answers.

It knows strategies and methods by what they promise, not by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.errors import VoisinError
from voisin.evaluation import metrics
from voisin.evaluation.savings import labels_to_reach
from voisin.pipeline.query_starts import Schedule, Start, begin
from voisin.project.cache import Cache, hash_of
from voisin.querying.suggestion import QueryStrategy
from voisin.types import (
    UNLABELED,
    Indices,
    Labeling,
    LabelingMethod,
    Labels,
    Names,
    Problem,
    Progress,
    View,
    no_progress,
)

FIGURES = ("balanced_accuracy", "auc", "accuracy", "unlabeled_balanced_accuracy")


@dataclass(frozen=True, eq=False)
class QueryCurves:
    """What each strategy reached.

    Attributes
    ----------
    n_labels : array of shape (n_steps,)
    figures : dict of str to array of shape (n_draws, n_steps, 4)
        By strategy; the last axis is that of `FIGURES`.
    asked : dict of str to array of shape (n_draws, n_asked)
        Positions of the images asked for, in this order.
    found : dict of str to array of shape (n_draws, n_classes)
        Labels of each class at the end.
    """

    n_labels: NDArray[np.int64]
    figures: dict[str, NDArray[np.float64]]
    asked: dict[str, Indices]
    found: dict[str, NDArray[np.int64]]

    def of(self, strategy: str, figure: str = "balanced_accuracy") -> NDArray[np.float64]:
        """Return one figure, a row a draw and a column a step."""
        return self.figures[strategy][:, :, FIGURES.index(figure)]

    def mean(self, strategy: str, figure: str = "balanced_accuracy") -> NDArray[np.float64]:
        """Mean over the draws, one value a step."""
        return np.asarray(self.of(strategy, figure).mean(axis=0))

    def labels_for(self, strategy: str, level: float, figure: str = "balanced_accuracy") -> float:
        """How many labels the mean curve needs to reach a level; infinite if it does not."""
        return labels_to_reach(self.n_labels, self.mean(strategy, figure), level)


def query_curves(
    view: View,
    truth: Labels,
    strategies: Mapping[str, QueryStrategy],
    method: LabelingMethod,
    *,
    groups: Names | None = None,
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
        Class of every image, -1 where unknown: such images are neither asked for nor judged.
    strategies : mapping of str to QueryStrategy
    method : LabelingMethod
        Labels the images after each batch, the same for all strategies.
    groups : array of shape (n_samples,), optional
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
        If there are too few images to ask for so many.
    """
    schedule = schedule or Schedule()
    n_labels = schedule.steps(truth)
    task = {
        "embeddings": hash_of(np.asarray(view.embeddings)),
        "affinity": hash_of(view.affinity.data),
        "truth": hash_of(truth),
        "groups": None if groups is None else hash_of(groups),
        "method": repr(method),
        "schedule": repr(schedule),
    }
    starts = [begin(truth, schedule, draw, random_state + draw, groups) for draw in range(n_draws)]
    curves: dict[str, list[Mapping[str, NDArray[np.generic]]]] = {name: [] for name in strategies}
    work = [(start, name) for start in starts for name in strategies]
    for done, (start, name) in enumerate(work, start=1):

        def compute(start: Start = start, name: str = name) -> dict[str, NDArray[np.generic]]:
            def seen(labels: Labels) -> Problem:
                return Problem(view, labels, int(truth.max()) + 1, random_state=start.random_state)

            return follow(start, seen, truth, strategies[name], method, n_labels, groups)

        if cache is None:
            curves[name].append(compute())
        else:
            strategy = f"{name}: {strategies[name]!r}"
            inputs = {**task, "strategy": strategy, "random_state": start.random_state}
            curves[name].append(cache.recall("query-curve", inputs, compute).arrays)
        progress("Asking", done, len(work))
    return gather(n_labels, curves)


def gather(
    n_labels: NDArray[np.int64],
    curves: Mapping[str, Sequence[Mapping[str, NDArray[np.generic]]]],
) -> QueryCurves:
    """Put what `follow` returned for each strategy and draw together."""

    def stack(part: str) -> dict[str, NDArray[np.generic]]:
        return {name: np.stack([one[part] for one in rows]) for name, rows in curves.items()}

    figures, asked, found = (stack(part) for part in ("figures", "asked", "found"))
    return QueryCurves(n_labels, figures, asked, found)  # type: ignore[arg-type]


def follow(
    start: Start,
    seen: Callable[[Labels], Problem],
    truth: Labels,
    strategy: QueryStrategy,
    method: LabelingMethod,
    n_labels: NDArray[np.int64],
    groups: Names | None = None,
) -> dict[str, NDArray[np.generic]]:
    """Follow one strategy from the first labels to the last.

    Parameters
    ----------
    start : Start
    seen : callable
        Poses the problem that these labels, and no others, give.
    truth : array of shape (n_samples,)
        Answers the questions, and judges.
    strategy : QueryStrategy
    method : LabelingMethod
    n_labels : array of shape (n_steps,)
    groups : array of shape (n_samples,), optional

    Returns
    -------
    dict of str to array
        ``figures``, ``asked`` and ``found`` of one draw, as in `QueryCurves`.

    Raises
    ------
    VoisinError
        If the strategy asks twice for an image, or for one that it may not ask for.
    """
    labels, asked = start.labels, []
    problem = seen(labels)
    labeling = method.label(problem)
    rows = [_judge(labeling, labels, truth, start.apart, groups)]
    for batch in np.diff(n_labels).tolist():
        found = strategy.suggest(problem, labeling, batch, candidates=start.candidates)
        asked.append(np.asarray(found.positions, dtype=np.int64))
        free = start.candidates[labels[start.candidates] == UNLABELED]
        if len(np.intersect1d(asked[-1], free)) != batch or len(found) != batch:
            message = (
                f"{strategy!r} did not ask for {batch} images, each once, that it may ask for."
            )
            raise VoisinError(message)
        labels = labels.copy()
        labels[asked[-1]] = truth[asked[-1]]
        problem = seen(labels)
        labeling = method.label(problem)
        rows.append(_judge(labeling, labels, truth, start.apart, groups))
    counts = np.bincount(labels[labels != UNLABELED], minlength=problem.n_classes)
    return {"figures": np.array(rows), "asked": np.concatenate(asked), "found": counts}


def _judge(
    labeling: Labeling, labels: Labels, truth: Labels, apart: Indices, groups: Names | None
) -> tuple[float, float, float, float]:
    """Return the figures in the order of `FIGURES`; no image of a labeled group is judged."""
    found = labeling.propagation
    n_classes = found.probabilities.shape[1]
    given = np.where(found.labels == UNLABELED, n_classes, found.labels)
    hidden = (labels == UNLABELED) & (truth != UNLABELED)
    if groups is not None:
        hidden &= ~np.isin(groups, groups[labels != UNLABELED])
    one = np.ones((1, len(apart)))
    confusion = metrics.confusion(truth[apart], given[apart], n_classes, one)
    others = metrics.confusion(truth[hidden], given[hidden], n_classes, np.ones((1, hidden.sum())))
    return (
        float(metrics.balanced_accuracy(confusion)[0]),
        float(metrics.macro_auc(truth[apart], found.probabilities[apart], one)[0]),
        float(metrics.accuracy(confusion)[0]),
        float(metrics.balanced_accuracy(others)[0]),
    )
