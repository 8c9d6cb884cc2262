"""Cross-validation: hold labels out in turn, predict them from the others, and select by this.

Groups are held out together, and the labels left in a fold include every class. This module must
not know which methods there are.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import weigh_by_class
from voisin.calibration.scaling import fit_scaling, log_losses
from voisin.types import (
    UNLABELED,
    HeldOut,
    Indices,
    LabelingMethod,
    Labels,
    Names,
    Probabilities,
    Problem,
    Progress,
    no_progress,
)

NOT_DEALT = -2


def make_folds(
    labels: Labels,
    groups: Names | None = None,
    *,
    n_folds: int = 5,
    random_state: int = 0,
    dealt: Indices | None = None,
) -> tuple[Indices, ...]:
    """Choose which labels each fold holds out.

    Images of a group are held out together, whatever their classes. A class whose labels are all
    of one group is never held out, and no fold has all labels of a class: the labels left include
    every class.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    groups : array of shape (n_samples,), optional
    n_folds : int, default=5
        There are fewer folds if no class has labels of so many groups.
    random_state : int, default=0
    dealt : array of shape (n_samples,), optional
        The fold, below `n_folds`, of labels that were dealt before; -1 for one that is never held
        out, `NOT_DEALT` for all others. Labels of a group go where one of the group was dealt.

    Returns
    -------
    tuple of arrays
        Positions of the held-out images, one array per fold. Empty if every class has a single
        label, so that none can be held out.

    Examples
    --------
    >>> make_folds(np.array([0, 0, 1, 1, -1, 2]), n_folds=2)
    (array([0, 2]), array([1, 3]))
    >>> make_folds(np.array([0, 1, -1]))
    ()
    """
    generator = np.random.default_rng(random_state)
    labeled = np.flatnonzero(labels != UNLABELED)
    if not len(labeled):
        return ()
    names = labeled if groups is None else groups[labeled]
    _, group_of = np.unique(names, return_inverse=True)
    classes, class_of = np.unique(labels[labeled], return_inverse=True)
    counts = np.zeros((group_of.max(initial=-1) + 1, len(classes)), dtype=np.int64)
    np.add.at(counts, (group_of, class_of), 1)
    fixed = np.full(len(counts), NOT_DEALT)
    if dealt is not None:
        np.maximum.at(fixed, group_of, dealt[labeled])
    fold_of = _deal_groups(counts, n_folds, generator, fixed)
    folds = (labeled[fold_of[group_of] == fold] for fold in range(n_folds))
    return tuple(rows for rows in folds if len(rows))


def _deal_groups(
    counts: Indices, n_folds: int, generator: np.random.Generator, fixed: Indices
) -> Indices:
    """Deal groups to folds, class by class; -1 for a group that is never held out.

    ``counts[g, c]`` is the number of labels of class c in group g. A group of several classes is
    dealt with the class that the fewest groups have; groups that are `fixed` stay where they are.
    """
    fold_of = np.full(len(counts), -1)
    n_groups = (counts > 0).sum(axis=0)
    rarest = np.where(counts > 0, n_groups, len(counts) + 1).argmin(axis=1)
    dealt = n_groups[rarest] > 1
    offset = 0
    for label in range(counts.shape[1]):
        groups = np.flatnonzero(dealt & (rarest == label))
        fold_of[groups] = (generator.permutation(len(groups)) + offset) % n_folds
        offset += len(groups)
    fold_of = np.where(fixed == NOT_DEALT, fold_of, fixed)
    for fold in range(n_folds):
        for label in range(counts.shape[1]):
            here = np.flatnonzero((fold_of == fold) & (counts[:, label] > 0))
            if (
                len(here) and len(here) == n_groups[label]
            ):  # the fold has all of a class: put one back
                fold_of[here[-1]] = -1
    return fold_of


def cross_fit(
    method: LabelingMethod, problem: Problem, *, progress: Progress = no_progress
) -> HeldOut:
    """Label the images of each fold without the fold's labels.

    Parameters
    ----------
    method : LabelingMethod
        Its settings should be fixed (as in ``Labeling.method``), or each fold selects its own.
    problem : Problem
    progress : callable, optional

    Returns
    -------
    HeldOut
        Empty if there are no folds.
    """
    n_samples = len(problem.labels)
    fold_of = np.full(n_samples, -1)
    probabilities = np.zeros((n_samples, problem.n_classes))
    reached = np.zeros(n_samples, dtype=bool)
    for number, fold in enumerate(problem.folds):
        rows = fold.held_out
        propagation = method.label(problem.without(fold)).propagation
        probabilities[rows] = propagation.probabilities[rows]
        reached[rows] = propagation.reached[rows]
        fold_of[rows] = number
        progress("Cross-fitting", number + 1, len(problem.folds))
    rows = np.flatnonzero((fold_of >= 0) & (problem.labels != UNLABELED))
    return HeldOut(rows, problem.labels[rows], probabilities[rows], reached[rows], fold_of[rows])


def select_by_held_out(candidates: Sequence[Probabilities], labels: Labels, default: int) -> int:
    """Select by log loss, at each candidate's best temperature, with equal weight for each class.

    Parameters
    ----------
    candidates : sequence of arrays of shape (n_held_out, n_classes)
        Out-of-fold probabilities, one array per candidate.
    labels : array of shape (n_held_out,)
    default : int
        Position of the default among the candidates.
    """
    losses = [losses_at_best_temperature(rows, labels) for rows in candidates]
    return select_by_losses(losses, weigh_by_class(labels), default)


def losses_at_best_temperature(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Return each label's log loss at the temperature fitted to these labels."""
    return log_losses(fit_scaling(probabilities, labels).apply(probabilities), labels)


def select_by_losses(
    losses: Sequence[NDArray[np.float64]], weights: NDArray[np.float64], default: int
) -> int:
    """Keep the default, unless another candidate is better by more than a standard error.

    With few labels losses are noisy, and the least of many noisy losses is too small by chance.
    Hence the rule of Breiman et al. (1984), with the standard error of the paired difference.

    Parameters
    ----------
    losses : sequence of arrays of shape (n_held_out,)
        One array per candidate: the loss of each held-out label.
    weights : array of shape (n_held_out,)
        How much each label counts.
    default : int
        Position among the candidates.

    Returns
    -------
    int
        Position among the candidates.

    Examples
    --------
    >>> surely_better, default = np.array([0.1, 0.2, 0.1]), np.array([0.9, 1.0, 0.8])
    >>> select_by_losses([surely_better, default], np.ones(3), default=1)
    0
    >>> perhaps_better = np.array([0.1, 1.9, 0.2])
    >>> select_by_losses([perhaps_better, default], np.ones(3), default=1)
    1
    """
    means = [float(np.average(each, weights=weights)) for each in losses]
    best = int(np.argmin(means))
    gain, error = paired_difference(losses[default], losses[best], weights)
    return best if gain > error else default


def paired_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Return the weighted mean of ``first − second``, and its standard error.

    Examples
    --------
    >>> mean, error = paired_difference(np.array([1.0, 3.0]), np.zeros(2), np.ones(2))
    >>> round(mean, 6), round(error, 6)
    (2.0, 1.0)
    """
    differences = first - second
    mean = float(np.average(differences, weights=weights))
    error = np.sqrt((weights**2 * (differences - mean) ** 2).sum()) / weights.sum()
    correction = np.sqrt(len(differences) / max(len(differences) - 1, 1))
    return mean, float(error * correction)


def explain_selection(settings: str, problem: Problem) -> str:
    """Write which settings were selected, and by what criterion."""
    if not problem.folds:
        return f"{settings}: the default, since no label could be held out"
    return f"{settings}, by the log loss of labels held out in {len(problem.folds)} folds"
