"""What a method says of labeled images whose labels it did not see."""

from dataclasses import dataclass

import numpy as np

from voisin.types import Indices, LabelingMethod, Labels, Probabilities, Problem


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Labels that were held out, and what was said without them.

    Attributes
    ----------
    rows : array of shape (n_held_out,)
        Positions of the images.
    labels : array of shape (n_held_out,)
    probabilities : array of shape (n_held_out, n_classes)
    """

    rows: Indices
    labels: Labels
    probabilities: Probabilities


def cross_fit(method: LabelingMethod, problem: Problem) -> HeldOut:
    """Label each fold's images without the fold's labels.

    Parameters
    ----------
    method : LabelingMethod
        With its choices fixed, as `Labeling.method` is: choices made on labels that are held
        out again would flatter a little, and cost much to make anew in each fold.
    problem : Problem

    Returns
    -------
    HeldOut
        Of no image where the problem has no folds.
    """
    if not problem.folds:
        none = np.empty(0, dtype=np.int64)
        return HeldOut(none, none, np.empty((0, problem.n_classes)))
    rows = np.concatenate([fold.held_out for fold in problem.folds])
    parts = [
        method.label(problem.without(fold)).propagation.probabilities[fold.held_out]
        for fold in problem.folds
    ]
    return HeldOut(rows, problem.labels[rows], np.concatenate(parts))
