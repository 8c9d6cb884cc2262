"""The deep loop: the labels found teach the networks, which embed again, and labels are found anew.

Iscen, Tolias, Avrithis & Chum, "Label propagation for deep semi-supervised learning", 2019: each
label weighs by its certainty, each class by one over its mass. How many rounds help is decided by
labels that a loop of its own never sees.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from voisin.calibration.prior_shift import weigh_by_class
from voisin.evaluation.metrics import macro_auc
from voisin.labeling.cross_validation import losses_at_best_temperature
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.registry import make_method
from voisin.pipeline.classifiers import weighted_labels
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.label import LabeledImages
from voisin.types import Fold, HeldOut, Indices, Labeling, LabelingMethod, Labels, Problem

_NOTHING_HELD_OUT = (
    "deep loop: no round, as no label can be held out to judge one by: "
    "no class has two labels (of different groups)"
)


@dataclass(frozen=True)
class LoopRound:
    """How well labels that the loop never saw are found after a round.

    Attributes
    ----------
    round : int
        0 is before the first.
    log_loss : float
        All classes weighing the same, at the temperature that suits it best.
    auc : float
        Macro average.
    """

    round: int
    log_loss: float
    auc: float


@dataclass(frozen=True, eq=False)
class DeepLoopResult:
    """Where the loop ended.

    Attributes
    ----------
    graph_data : StoredGraphData
    labeled : LabeledImages
        Its held-out labels were found by loops that never saw them.
    rounds : tuple of LoopRound
        The curve; empty where no label could be held out.
    note : str
        What was decided, in a line; also in ``labeled.labeling.reason``.
    """

    graph_data: StoredGraphData
    labeled: LabeledImages
    rounds: tuple[LoopRound, ...]
    note: str


def run_deep_loop(
    context: Context, graph_data: StoredGraphData, labeled: LabeledImages
) -> DeepLoopResult:
    """Go round as long as held-out labels are found better, at most `loop_rounds` times.

    A loop without the labels of one fold shows how many rounds help. Then all labels go as many,
    and so do the others without each other fold, so that every label is held out once. Where
    nothing can be held out, there is no loop.
    """
    stages = context.stages
    problem = replace(context.problem(graph_data), class_priors=labeled.class_priors)
    if not problem.folds:
        return _end(graph_data, labeled, (), _NOTHING_HELD_OUT)
    with stages.silent("deep loop, held out") as quiet:
        watcher = replace(context, stages=quiet)
        rounds, watched = _watch(watcher, problem)
        best = min(rounds, key=lambda one: one.log_loss).round
        if best:
            held_out = _join([watched[best], *_find_others(watcher, problem, best)])
    if best == 0:
        return _end(graph_data, labeled, rounds, _curve(rounds, best))
    with stages.silent("deep loop") as quiet:
        method = _method(context).label(problem).method
        found = method.label(replace(problem, folds=()))
        for _ in range(best):
            graph_data, found = _go_round(replace(context, stages=quiet), method, problem, found)
    found = replace(found, reason=labeled.labeling.reason)
    after = replace(labeled, labeling=found, held_out=held_out)
    return _end(graph_data, after, rounds, _curve(rounds, best))


def _watch(context: Context, problem: Problem) -> tuple[tuple[LoopRound, ...], list[HeldOut]]:
    """Run the loop without the first fold's labels, until they are found no better."""
    most = context.stages.settings.loop_rounds
    loop = _run_without(context, problem, problem.folds[0])
    rounds: list[LoopRound] = []
    watched: list[HeldOut] = []
    for number, held_out in zip(range(most + 1), loop, strict=False):
        watched.append(held_out)
        rounds.append(_judge(number, held_out))
        context.stages.progress("Deep loop", number, most)
        if number and rounds[-1].log_loss >= rounds[-2].log_loss:
            break
    context.stages.progress("Deep loop", most, most)
    return tuple(rounds), watched


def _find_others(context: Context, problem: Problem, n_rounds: int) -> Iterator[HeldOut]:
    """Run the loop without each other fold's labels, for as many rounds as were chosen."""
    others = problem.folds[1:]
    for done, fold in enumerate(others, start=1):
        yield next(islice(_run_without(context, problem, fold), n_rounds, None))
        context.stages.progress("Deep loop, other folds", done, len(others))


def _run_without(context: Context, problem: Problem, fold: Fold) -> Iterator[HeldOut]:
    """Find a fold's labels from the others alone: before the first round, and after each."""
    without = problem.without(fold)
    masked = context.with_labels(without.labels)
    method = _method(context)
    if not isinstance(method, GraphOnly):  # else nothing is left open, and folds cost networks
        others = [one.held_out for one in problem.folds if one is not fold]
        others = [rows for rows in others if _leaves_every_class(without.labels, rows)]
        folds = masked.folds(others, fold.data)
        method = method.label(replace(without, folds=folds)).method
    found = method.label(without)
    while True:
        rows, said = fold.held_out, found.propagation
        yield HeldOut(rows, problem.labels[rows], said.probabilities[rows], said.reached[rows])
        _, found = _go_round(masked, method, without, found)


def _leaves_every_class(labels: Labels, held_out: Indices) -> bool:
    left = np.delete(labels, held_out)
    return set(left.tolist()) == set(labels.tolist())


def _method(context: Context) -> LabelingMethod:
    settings = context.stages.settings
    return make_method(settings.method, alpha=settings.alpha)


def _go_round(
    context: Context, method: LabelingMethod, problem: Problem, found: Labeling
) -> tuple[StoredGraphData, Labeling]:
    """Teach what was found, look again, and label again."""
    taught = weighted_labels(context.experiment, found.propagation, balanced=True)
    again = replace(context, experiment=replace(context.experiment, taught=taught))
    graph_data = again.graph_data()
    return graph_data, method.label(replace(problem, data=graph_data.data, folds=()))


def _join(parts: Sequence[HeldOut]) -> HeldOut:
    """Join what was said of each fold's labels, in the order of the images."""
    rows = np.concatenate([one.rows for one in parts])
    folds = np.repeat(np.arange(len(parts)), [len(one.rows) for one in parts])
    order = np.argsort(rows)
    return HeldOut(
        rows[order],
        np.concatenate([one.labels for one in parts])[order],
        np.concatenate([one.probabilities for one in parts])[order],
        np.concatenate([one.reached for one in parts if one.reached is not None])[order],
        folds[order],
    )


def _judge(number: int, held_out: HeldOut) -> LoopRound:
    weights = weigh_by_class(held_out.labels)
    losses = losses_at_best_temperature(held_out.probabilities, held_out.labels)
    auc = macro_auc(held_out.labels, held_out.probabilities, weights[None])[0]
    return LoopRound(number, float(np.average(losses, weights=weights)), float(auc))


def _curve(rounds: tuple[LoopRound, ...], best: int) -> str:
    curve = ", ".join(f"{one.log_loss:.3f}" for one in rounds)
    noun = "round" if best == 1 else "rounds"
    return f"deep loop: {best} {noun} (log loss of held-out labels by round: {curve})"


def _end(
    graph_data: StoredGraphData, labeled: LabeledImages, rounds: tuple[LoopRound, ...], note: str
) -> DeepLoopResult:
    reason = "; ".join(filter(None, [labeled.labeling.reason, note]))
    labeled = replace(labeled, labeling=replace(labeled.labeling, reason=reason))
    return DeepLoopResult(graph_data, labeled, rounds, note)
