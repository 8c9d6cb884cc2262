"""The deep loop: train the networks on the labels found, embed the images again, label them again.

Iscen, Tolias, Avrithis & Chum, "Label propagation for deep semi-supervised learning", 2019: each
label is weighted by its certainty, each class by one over its total weight. The number of rounds
is chosen by held-out labels: a separate loop is run that never sees them.
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

_NOTHING_HELD_OUT = (  # the note of a result without any round
    "deep loop: no round, as no label can be held out to judge a round: "
    "no class has two labels (of different groups)"
)


@dataclass(frozen=True)
class LoopRound:
    """How well the labels found after a round agree with labels that the loop never saw.

    Attributes
    ----------
    round : int
        0 stands for the state before the first round.
    log_loss : float
        Every class has the same weight; the temperature is fitted to these labels.
    auc : float
        Macro average over the classes.
    """

    round: int
    log_loss: float
    auc: float


@dataclass(frozen=True, eq=False)
class DeepLoopResult:
    """The result of the deep loop.

    Attributes
    ----------
    graph_data : StoredGraphData
    labeled : LabeledImages
        Its held-out labels were found by loops that never saw them.
    rounds : tuple of LoopRound
        How good each round was; empty if no label could be held out.
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
    """Repeat rounds as long as held-out labels are predicted better, at most `loop_rounds` times.

    A first loop, without the labels of one fold, shows how many rounds help. Then a loop with all
    labels runs that many rounds, and so does one loop without each other fold, so that every label
    is held out once. If no label can be held out, no loop is run.
    """
    stages = context.stages
    problem = replace(context.problem(graph_data), class_priors=labeled.class_priors)
    if not problem.folds:
        return _end(graph_data, labeled, (), _NOTHING_HELD_OUT)
    with stages.silent("deep loop, held out") as quiet:
        watcher = replace(context, stages=quiet)
        rounds, watched = _watch(watcher, problem)
        best = min(rounds, key=lambda loop_round: loop_round.log_loss).round
        if best:
            held_out = _join([watched[best], *_find_others(watcher, problem, best)])
    if best == 0:
        return _end(graph_data, labeled, rounds, _curve(rounds, best))
    with stages.silent("deep loop") as quiet:
        method = _method(context).label(problem).method
        labeling = method.label(replace(problem, folds=()))
        inner = replace(context, stages=quiet)
        for _ in range(best):
            graph_data, labeling = _go_round(inner, method, problem, labeling)
    labeling = replace(labeling, reason=labeled.labeling.reason)
    after = replace(labeled, labeling=labeling, held_out=held_out)
    return _end(graph_data, after, rounds, _curve(rounds, best))


def _watch(context: Context, problem: Problem) -> tuple[tuple[LoopRound, ...], list[HeldOut]]:
    """Run the loop without the first fold's labels, until it predicts them no better."""
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
    """Predict a fold's labels from the other labels: before the first round, and after each."""
    without = problem.without(fold)
    masked = context.with_labels(without.labels)
    method = _method(context)
    if not isinstance(method, GraphOnly):  # it has settings to select; each fold trains networks
        others = [other.held_out for other in problem.folds if other is not fold]
        others = [rows for rows in others if _leaves_every_class(without.labels, rows)]
        folds = masked.folds(others, fold.data)
        method = method.label(replace(without, folds=folds)).method
    labeling = method.label(without)
    while True:
        rows, result = fold.held_out, labeling.propagation
        yield HeldOut(rows, problem.labels[rows], result.probabilities[rows], result.reached[rows])
        _, labeling = _go_round(masked, method, without, labeling)


def _leaves_every_class(labels: Labels, held_out: Indices) -> bool:
    left = np.delete(labels, held_out)
    return set(left.tolist()) == set(labels.tolist())


def _method(context: Context) -> LabelingMethod:
    settings = context.stages.settings
    return make_method(settings.method, alpha=settings.alpha)


def _go_round(
    context: Context, method: LabelingMethod, problem: Problem, labeling: Labeling
) -> tuple[StoredGraphData, Labeling]:
    """Train the networks on the labels found, embed the images again, and label them again."""
    taught = weighted_labels(context.experiment, labeling.propagation, balanced=True)
    again = replace(context, experiment=replace(context.experiment, taught=taught))
    graph_data = again.graph_data()
    return graph_data, method.label(replace(problem, data=graph_data.data, folds=()))


def _join(parts: Sequence[HeldOut]) -> HeldOut:
    """Join the out-of-fold probabilities of all folds, in the order of the images."""
    rows = np.concatenate([part.rows for part in parts])
    folds = np.repeat(np.arange(len(parts)), [len(part.rows) for part in parts])
    order = np.argsort(rows)
    return HeldOut(
        rows[order],
        np.concatenate([part.labels for part in parts])[order],
        np.concatenate([part.probabilities for part in parts])[order],
        np.concatenate([part.reached for part in parts if part.reached is not None])[order],
        folds[order],
    )


def _judge(number: int, held_out: HeldOut) -> LoopRound:
    weights = weigh_by_class(held_out.labels)
    losses = losses_at_best_temperature(held_out.probabilities, held_out.labels)
    auc = macro_auc(held_out.labels, held_out.probabilities, weights[None])[0]
    return LoopRound(number, float(np.average(losses, weights=weights)), float(auc))


def _curve(rounds: tuple[LoopRound, ...], best: int) -> str:
    curve = ", ".join(f"{loop_round.log_loss:.3f}" for loop_round in rounds)
    noun = "round" if best == 1 else "rounds"
    return f"deep loop: {best} {noun} (log loss of held-out labels by round: {curve})"


def _end(
    graph_data: StoredGraphData, labeled: LabeledImages, rounds: tuple[LoopRound, ...], note: str
) -> DeepLoopResult:
    reason = "; ".join(filter(None, [labeled.labeling.reason, note]))
    labeled = replace(labeled, labeling=replace(labeled.labeling, reason=reason))
    return DeepLoopResult(graph_data, labeled, rounds, note)
