"""Induction: label images outside the graph by what a labeling method found within it.

Delalleau, Bengio & Le Roux, "Efficient non-parametric function induction in semi-supervised
learning", 2005, for the neighbors' part. This module must not know how the method works.
"""

import numpy as np
from numpy.typing import NDArray

from voisin.labeling.classifier import LinearScores
from voisin.propagation.result import attach
from voisin.types import Embeddings, Induction, Neighbors, Probabilities


def induce(
    induction: Induction,
    embeddings: Embeddings,
    neighbors: Neighbors | None,
    reached: NDArray[np.bool_],
) -> tuple[Probabilities, NDArray[np.bool_]]:
    """Give images outside the graph the probabilities that `Induction` defines.

    Parameters
    ----------
    induction : Induction
    embeddings : array of shape (n_new, n_dims)
    neighbors : Neighbors, optional
        Of the new images, among the images of the graph; None without new images.
    reached : array of shape (n_samples,)
        Whether there is evidence for each image of the graph.

    Returns
    -------
    probabilities : array of shape (n_new, n_classes)
    reached : array of shape (n_new,)
        Whether there is evidence: a classifier, or a neighbor that is reached.

    Examples
    --------
    >>> of_neighbors = Induction(0.0, neighbor_scores=np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> near = Neighbors(np.array([[0, 1]]), np.array([[0.0, 0.5]], dtype=np.float32))
    >>> found, _ = induce(of_neighbors, np.zeros((1, 4)), near, np.array([True, False]))
    >>> found.round(3)
    array([[0.889, 0.111]])
    """
    scores, intercept = induction.neighbor_scores, induction.intercept
    n_classes = np.asarray(intercept if scores is None else scores).shape[-1]
    probabilities = np.zeros((len(embeddings), n_classes))
    answered = np.full(len(embeddings), fill_value=True)
    if induction.weights is not None and intercept is not None:
        classified = LinearScores(induction.weights, intercept).probabilities(embeddings)
        if induction.errors is not None and neighbors is not None:
            classified = correct(classified, attach(neighbors, induction.errors))
        probabilities += induction.classifier_share * classified
    if scores is not None and neighbors is not None:
        probabilities += attach(neighbors, scores)
        if induction.weights is None:
            answered = np.any(reached[neighbors.indices], axis=1)
    return probabilities, answered


def correct(probabilities: Probabilities, errors: NDArray[np.float64]) -> Probabilities:
    """Add errors to probabilities, without negative entries, and divide each row by its sum."""
    corrected = np.maximum(probabilities + errors, 0)
    return np.asarray(corrected / corrected.sum(axis=1, keepdims=True))
