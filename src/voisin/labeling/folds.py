"""Labels held out in turn: groups together, every class in every fold where it can be."""

import numpy as np

from voisin.types import UNLABELED, Indices, Labels, Names


def make_folds(
    labels: Labels, groups: Names | None = None, *, n_folds: int = 5, random_state: int = 0
) -> tuple[Indices, ...]:
    """Choose which labels each fold holds out.

    A class whose labels are all of one group is never held out, so that every fold's rest has
    every class; images of a group are held out together.

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
    fold_of = np.full(len(labels), -1)
    offset = 0
    for label in np.unique(labels[labels != UNLABELED]):
        rows = np.flatnonzero(labels == label)
        names = rows if groups is None else groups[rows]
        unique, group_of = np.unique(names, return_inverse=True)
        if len(unique) < 2:
            continue
        turn = generator.permutation(len(unique)) + offset
        fold_of[rows] = (turn % n_folds)[group_of]
        offset += len(unique)
    folds = (np.flatnonzero(fold_of == fold) for fold in range(n_folds))
    return tuple(rows for rows in folds if len(rows))
