"""Labels held out in turn: groups together, every class in every fold where it can be."""

import numpy as np

from voisin.types import UNLABELED, Indices, Labels, Names


def make_folds(
    labels: Labels, groups: Names | None = None, *, n_folds: int = 5, random_state: int = 0
) -> tuple[Indices, ...]:
    """Choose which labels each fold holds out.

    Images of a group are held out together, whatever their classes. A class whose labels are all
    of one group is never held out, and no fold has all of a class: every fold's rest has every
    class.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        -1 where unknown.
    groups : array of shape (n_samples,), optional
    n_folds : int, default=5
        Fewer where no class has labels of that many groups.
    random_state : int, default=0

    Returns
    -------
    tuple of arrays
        Positions of the images held out, one array a fold; empty where every class has a single
        label, and nothing can be held out.

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
    held = np.zeros((group_of.max(initial=-1) + 1, len(classes)), dtype=np.int64)
    np.add.at(held, (group_of, class_of), 1)
    fold_of = _deal(held, n_folds, generator)
    folds = (labeled[fold_of[group_of] == fold] for fold in range(n_folds))
    return tuple(rows for rows in folds if len(rows))


def _deal(held: Indices, n_folds: int, generator: np.random.Generator) -> Indices:
    """Deal groups to folds, class by class; -1 for a group that is never held out.

    ``held[g, c]`` is the number of labels of class c in group g. A group of several classes is
    dealt with the one that the fewest groups have.
    """
    fold_of = np.full(len(held), -1)
    n_groups = (held > 0).sum(axis=0)
    rarest = np.where(held > 0, n_groups, len(held) + 1).argmin(axis=1)
    dealt = n_groups[rarest] > 1
    offset = 0
    for label in range(held.shape[1]):
        groups = np.flatnonzero(dealt & (rarest == label))
        fold_of[groups] = (generator.permutation(len(groups)) + offset) % n_folds
        offset += len(groups)
    for fold in range(n_folds):
        for label in range(held.shape[1]):
            here = np.flatnonzero((fold_of == fold) & (held[:, label] > 0))
            if len(here) and len(here) == n_groups[label]:  # all of a class: one group stays
                fold_of[here[-1]] = -1
    return fold_of
