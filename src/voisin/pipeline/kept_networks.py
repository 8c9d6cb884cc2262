"""The networks of an earlier run, kept while few labels were added.

To teach networks all labels, and for each fold those of the others, is most of a run that learns
from labels. When at most a quarter as many labels were added, the networks stay as they are, and
with them vectors and graph. The new labels enter the graph, the classifier and the calibration: a
label that no network has seen may be held out from any of them, and a label of the earlier run
stays in its fold, whose networks were taught without it.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from voisin import __version__
from voisin.labeling.cross_validation import NOT_DEALT
from voisin.pipeline.context import Context
from voisin.types import UNLABELED, Indices, Labels, Names

_MOST_ADDED = 0.25  # of the labels taught, by hand: so few more make a network hardly better
_STAGE = "taught"


@dataclass(frozen=True, eq=False)
class TaughtLabels:
    """The labels that networks were taught.

    Attributes
    ----------
    ids : array of shape (n_labels,)
    labels : array of shape (n_labels,)
    folds : array of shape (n_labels,)
        The fold whose networks were taught without the label; -1 if there is none.
    """

    ids: Names
    labels: Labels
    folds: Indices


def keep_networks(context: Context) -> tuple[Context, str]:
    """Return a context in which the networks of an earlier run are used; also say so in a line.

    They are used if all of their labels are given now, too, with at most a quarter as many others.
    """
    settings, experiment = context.stages.settings, context.experiment
    kept = context.stages.cache.find(_STAGE, _inputs(context), TaughtLabels)
    if kept is None or settings.retrain or not _may_keep(context):
        return context, ""
    taught, ids = kept.value, experiment.pool.ids
    rows = np.minimum(np.searchsorted(ids, taught.ids), len(ids) - 1)
    n_added = int((experiment.labels != UNLABELED).sum()) - len(rows)
    is_same = (ids[rows] == taught.ids) & (experiment.labels[rows] == taught.labels)
    if not is_same.all() or not 0 < n_added <= _MOST_ADDED * len(rows):
        return context, ""
    labels, dealt = np.full(len(ids), UNLABELED), np.full(len(ids), NOT_DEALT)
    labels[rows], dealt[rows] = taught.labels, taught.folds
    note = (
        f"networks taught {len(rows)} labels in an earlier run are kept, and {n_added} labels more "
        "enter the graph: --retrain teaches them anew"
    )
    context.stages.log(f"  {note}")
    return replace(context, experiment=experiment.with_taught(labels), dealt=dealt), note


def remember_taught(context: Context) -> None:
    """Note which labels the networks of this run were taught, for the next run."""
    folds = context.held_out_in_turn()
    if context.dealt is not None or not folds or not _may_keep(context):
        return
    experiment = context.experiment
    rows = np.flatnonzero(experiment.labels != UNLABELED)
    fold_of = np.full(len(experiment.labels), -1)
    for number, held_out in enumerate(folds):
        fold_of[held_out] = number
    taught = TaughtLabels(experiment.pool.ids[rows], experiment.labels[rows], fold_of[rows])
    context.stages.cache.keep(_STAGE, _inputs(context), taught)


def _may_keep(context: Context) -> bool:
    """Networks taught pseudo-labels, or the labels found, are not kept: they change with these."""
    return (
        context.trains_again
        and not context.needs_expert
        and not context.stages.settings.loop_rounds
    )


def _inputs(context: Context) -> dict[str, Any]:
    settings = context.stages.settings
    names = ("embedding", "embedding_size", "orientation", "random_state", "device")
    return {
        "stage": _STAGE,
        "version": __version__,
        "class_names": context.experiment.pool.class_names,
        **{name: getattr(settings, name) for name in names},
    }
