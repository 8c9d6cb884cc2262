"""What a classifier says of labels that it was not shown; it knows vectors, not images."""

import numpy as np
from numpy.typing import NDArray

from voisin.labeling.cross_validation import make_folds
from voisin.types import UNLABELED, Embeddings, Labels, Names, Probabilities

_STRENGTH = 4.0  # of the labels against the penalty, for vectors of length about 1


def out_of_fold_probabilities(
    embeddings: Embeddings,
    labels: Labels,
    *,
    n_classes: int,
    groups: Names | None = None,
    n_folds: int = 5,
    random_state: int = 0,
) -> Probabilities:
    """Give each labeled image the probabilities of a logistic regression without its fold.

    Images of a group are held out together. The vectors themselves must not have been learned from
    these labels, or the classifier only repeats them.

    Parameters
    ----------
    embeddings : array of shape (n_samples, n_dims)
    labels : array of shape (n_samples,)
        -1 where unknown.
    n_classes : int
    groups : array of shape (n_samples,), optional
    n_folds : int, default=5
    random_state : int, default=0

    Returns
    -------
    array of shape (n_labeled, n_classes)
        In the order of the positions; rows of NaN for images that are never held out, such as a
        class's only label.

    Examples
    --------
    >>> line = np.array([[0.0], [0.1], [0.9], [1.0], [0.5]], dtype=np.float32)
    >>> labels = np.array([0, 0, 1, 1, -1])
    >>> out_of_fold_probabilities(line, labels, n_classes=2, n_folds=2).argmax(axis=1)
    array([0, 0, 1, 1])
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = np.flatnonzero(labels != UNLABELED)
    place = np.full(len(labels), -1)
    place[rows] = np.arange(len(rows))
    strength = _STRENGTH / embeddings.shape[1]  # standardized vectors have length √n_dims
    found: NDArray[np.float64] = np.full((len(rows), n_classes), np.nan)
    for held_out in make_folds(labels, groups, n_folds=n_folds, random_state=random_state):
        shown = np.setdiff1d(rows, held_out)
        if len(np.unique(labels[shown])) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1_000))
        model.fit(embeddings[shown], labels[shown])
        found[place[held_out]] = 0
        found[np.ix_(place[held_out], model.classes_)] = model.predict_proba(embeddings[held_out])
    return found
