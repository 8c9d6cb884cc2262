"""Multinomial logistic regression of few vectors with many dimensions, for several strengths.

It knows vectors and targets, no images and no graph. A penalty on the squared weights leaves the
weights in the span of the vectors, so m vectors need no more than m coordinates (Hastie &
Tibshirani 2004): what follows is exact, and quick for a few hundred labels of any width.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from voisin.types import Probabilities

_LEAST = 1e-7  # of the largest eigenvalue: below, rounding
_MAX_ITER = 300


@dataclass(frozen=True, eq=False)
class LinearScores:
    """Scores ``x W + b``, one a class; −∞ for a class that was never seen.

    Attributes
    ----------
    weights : array of shape (n_dims, n_classes)
    intercept : array of shape (n_classes,)
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def __call__(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return an array of shape (n_samples, n_classes)."""
        return np.asarray(vectors @ self.weights.astype(vectors.dtype) + self.intercept)


def fit_softmax(
    vectors: NDArray[np.floating],
    targets: Probabilities,
    sample_weight: NDArray[np.floating],
    strengths: Iterable[float],
) -> list[LinearScores]:
    """Minimize ``C Σ_i w_i H(y_i, softmax(x_i W + b)) + ‖W‖² / 2`` for each C.

    Parameters
    ----------
    vectors : array of shape (n_samples, n_dims)
    targets : array of shape (n_samples, n_classes)
        Rows sum to one; a class whose column is zero is left out.
    sample_weight : array of shape (n_samples,)
    strengths : iterable of float
        Values of C, ascending: each fit starts from the one before.

    Returns
    -------
    list of LinearScores

    Examples
    --------
    >>> line = np.array([[-1.0], [1.0]])
    >>> (model,) = fit_softmax(line, np.eye(2), np.ones(2), [1.0])
    >>> model(line).argmax(axis=1)
    array([0, 1])
    """
    seen = np.flatnonzero(targets.any(axis=0))
    basis, coordinates = _in_few_coordinates(np.asarray(vectors, dtype=np.float64))
    found = np.zeros((coordinates.shape[1] + 1, len(seen)))
    models = []
    for strength in strengths:
        found = _minimize(coordinates, targets[:, seen], strength * sample_weight, found)
        weights = np.zeros((vectors.shape[1], targets.shape[1]))
        weights[:, seen] = found[:-1] if basis is None else basis @ found[:-1]
        intercept = np.full(targets.shape[1], -np.inf)
        intercept[seen] = found[-1] - found[-1].mean()
        models.append(LinearScores(weights, intercept))
    return models


def _in_few_coordinates(
    vectors: NDArray[np.float64],
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return the basis of the span of the vectors, None if nothing is won, and the coordinates."""
    if len(vectors) >= vectors.shape[1]:
        return None, vectors
    squares, directions = np.linalg.eigh(vectors @ vectors.T)
    kept = squares > _LEAST * squares[-1]
    lengths = np.sqrt(squares[kept])
    return vectors.T @ (directions[:, kept] / lengths), directions[:, kept] * lengths


def _minimize(
    vectors: NDArray[np.float64],
    targets: Probabilities,
    sample_weight: NDArray[np.floating],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    total = sample_weight.sum()

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        now = flat.reshape(start.shape)
        logs = log_softmax(vectors @ now[:-1] + now[-1], axis=1)
        pull = sample_weight[:, None] * (np.exp(logs) - targets)
        slope = np.vstack([vectors.T @ pull + now[:-1], pull.sum(axis=0)])
        value = (now[:-1] ** 2).sum() / 2 - sample_weight @ (targets * logs).sum(axis=1)
        return value / total, slope.ravel() / total

    settings = {"maxiter": _MAX_ITER, "gtol": 1e-6, "ftol": 1e-9}
    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=settings)
    return np.asarray(found.x).reshape(start.shape)
