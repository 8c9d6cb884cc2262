"""The deep loop: the labels found teach the networks, which embed again, and labels are found anew.

Iscen, Tolias, Avrithis & Chum, "Label propagation for deep semi-supervised learning", 2019: each
label weighs by its certainty, each class by one over its mass. How many rounds help is decided by
labels that a loop of its own never sees.
"""

from dataclasses import dataclass, replace

import numpy as np

from voisin.evaluation.metrics import macro_auc
from voisin.labeling import make_method
from voisin.labeling.calibration import even_by_class
from voisin.labeling.choosing import losses_at_best
from voisin.labeling.cross_fitting import HeldOut
from voisin.pipeline.labeling import Labeled
from voisin.pipeline.stages import lesson_of
from voisin.pipeline.views import Sight, Viewpoint
from voisin.types import Fold, Labeling, LabelingMethod, Problem


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
class Looped:
    """Where the loop ended: what is seen, what was found, and the curve of its rounds."""

    sight: Sight
    labeled: Labeled
    rounds: tuple[LoopRound, ...]


def deep_loop(viewpoint: Viewpoint, sight: Sight, labeled: Labeled) -> Looped:
    """Go round as long as held-out labels are found better, at most `loop_rounds` times.

    The labels of one fold are held out from a loop that is run to see how far it helps; then all
    labels go as many rounds. Where nothing can be held out, there is no loop.
    """
    stages = viewpoint.stages
    problem = replace(viewpoint.problem(sight), class_shares=labeled.class_shares)
    if not problem.folds:
        return Looped(sight, labeled, ())
    settings = stages.settings
    method = make_method(settings.method, alpha=settings.alpha).label(problem).method
    with stages.silent("deep loop, held out") as quiet:
        watcher = replace(viewpoint, stages=quiet)
        rounds, held_out = _watch(watcher, method, problem, settings.loop_rounds)
    best = min(rounds, key=lambda one: one.log_loss).round
    if best == 0:
        told = _reason(labeled.reason, rounds, best)
        return Looped(sight, replace(labeled, reason=told), rounds)
    with stages.silent("deep loop") as quiet:
        found = method.label(replace(problem, folds=()))
        for _ in range(best):
            sight, found = _go_round(replace(viewpoint, stages=quiet), method, problem, found)
    after = Labeled(
        found.propagation,
        found.new,
        found.new_reached,
        _reason(labeled.reason, rounds, best),
        found.start,
        found.alpha,
        found.far_share,
        labeled.chosen,
        held_out[best],
        labeled.class_shares,
        labeled.remarks,
    )
    return Looped(sight, after, rounds)


def _watch(
    viewpoint: Viewpoint, method: LabelingMethod, problem: Problem, most: int
) -> tuple[tuple[LoopRound, ...], list[HeldOut]]:
    """Run the loop without one fold's labels, until they are found no better."""
    fold = problem.folds[0]
    without = problem.without(fold)
    unknown = np.full_like(problem.labels, -1)
    task = replace(viewpoint.task, labels=without.labels, hidden=unknown)
    blind = replace(viewpoint, task=task)
    found = method.label(without)
    rounds, held_out = [], []
    for number in range(most + 1):
        if number:
            _, found = _go_round(blind, method, without, found)
        held_out.append(_held_out(found, problem, fold))
        rounds.append(_judge(number, held_out[-1]))
        viewpoint.stages.progress("Deep loop", number, most)
        if number and rounds[-1].log_loss >= rounds[-2].log_loss:
            break
    viewpoint.stages.progress("Deep loop", most, most)
    return tuple(rounds), held_out


def _go_round(
    viewpoint: Viewpoint, method: LabelingMethod, problem: Problem, found: Labeling
) -> tuple[Sight, Labeling]:
    """Teach what was found, look again, and label again."""
    lesson = lesson_of(viewpoint.task, found.propagation, even=True)
    again = replace(viewpoint, task=replace(viewpoint.task, lesson=lesson))
    sight = again.sight()
    return sight, method.label(replace(problem, view=sight.view, folds=()))


def _held_out(found: Labeling, problem: Problem, fold: Fold) -> HeldOut:
    rows = fold.held_out
    return HeldOut(
        rows,
        problem.labels[rows],
        found.propagation.probabilities[rows],
        found.propagation.reached[rows],
        np.arange(len(rows)) % 5,
    )


def _judge(number: int, held_out: HeldOut) -> LoopRound:
    weights = even_by_class(held_out.labels)
    losses = losses_at_best(held_out.probabilities, held_out.labels, weights)
    auc = macro_auc(held_out.labels, held_out.probabilities, weights[None])[0]
    return LoopRound(number, float(np.average(losses, weights=weights)), float(auc))


def _reason(before: str, rounds: tuple[LoopRound, ...], best: int) -> str:
    curve = ", ".join(f"{one.log_loss:.3f}" for one in rounds)
    noun = "round" if best == 1 else "rounds"
    start = f"{before}; " if before else ""
    return f"{start}deep loop: {best} {noun} (log loss of held-out labels by round: {curve})"
