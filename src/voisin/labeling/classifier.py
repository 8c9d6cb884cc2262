"""The classifier: multinomial logistic regression on the vectors, calibrated on held-out labels.

A penalty on the squared weights leaves the weights in the span of the vectors, so m vectors need no
more than m coordinates (Hastie & Tibshirani 2004). This is exact, and fast for a few hundred labels
however long the vectors are. This module must not know the graph.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from voisin.calibration.prior_shift import weigh_by_class
from voisin.calibration.scaling import fit_scaling, log_losses
from voisin.labeling.cross_validation import explain_selection, select_by_losses
from voisin.parallel import blocks, one_blas_thread
from voisin.types import (
    UNLABELED,
    Embeddings,
    GraphData,
    Indices,
    Induction,
    Labeling,
    Probabilities,
    Problem,
    Propagation,
)
from voisin.validation import check_at_least

# Values of C that cross-validation selects from: half a decade apart, by hand. The default is used
# if no label can be held out.
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
DEFAULT_STRENGTH = 10.0
DEFAULT_TEMPERATURE = 1.0  # leaves the probabilities unchanged
_ROWS = 8192  # per block, of which a centered copy is made: by hand, to bound the memory
_ROUNDING = 1e-7  # share of the largest eigenvalue: smaller ones are rounding errors
_STOP = {"maxiter": 300, "gtol": 1e-6, "ftol": 1e-9}  # of L-BFGS-B: by hand, tested to 2e-4 in p


@dataclass(frozen=True)
class Classifier:
    """Multinomial logistic regression on the vectors, with the same weight for every class.

    The vectors are centered and divided by their root mean square length, so that C means the
    same for any embedding: ``min C Σ_i w_i H(y_i, softmax(x_i W + b)) + ‖W‖² / 2``. The scores
    are divided by a temperature T. Where class priors ``π`` are given, ``p_c ∝ π_c p_c`` follows.

    Parameters
    ----------
    strength : float, optional
        C. By default selected from 0.3, 1, 3, ..., 100 by the log loss of held-out labels, every
        class with the same weight; 10 unless another is better by a standard error.
    temperature : float, optional
        T. By default the one with the least log loss of the held-out labels; 1 without any.
    """

    strength: float | None = None
    temperature: float | None = None

    def __post_init__(self) -> None:
        if self.strength is not None:
            check_at_least("strength", self.strength, 1e-9)
        if self.temperature is not None:
            check_at_least("temperature", self.temperature, 1e-9)

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        classifier = self.select_settings(problem)
        model = classifier.fit(problem)
        pool, new = map(model.probabilities, (problem.data.embeddings, problem.data.new_embeddings))
        reached = np.full(len(pool), fill_value=True)
        reason = f"C {classifier.strength:g} and temperature {classifier.temperature:.2g}"
        return Labeling(
            Propagation(pool, reached, n_iter=0, residual=0.0, converged=True),
            new,
            np.full(len(new), fill_value=True),
            classifier,
            reason=explain_selection(reason, problem),
            induction=Induction(1.0, model.weights, model.intercept),
            duals=model.duals,
        )

    def select_settings(self, problem: Problem) -> "Classifier":
        """Return this classifier with strength and temperature fixed, by out-of-fold losses."""
        if self.strength is not None and self.temperature is not None:
            return self
        if not problem.folds:
            return Classifier(
                self.strength or DEFAULT_STRENGTH, self.temperature or DEFAULT_TEMPERATURE
            )
        strengths = STRENGTHS if self.strength is None else (self.strength,)
        held_out, candidates = predict_out_of_fold(problem, strengths)
        labels = problem.labels[held_out]
        weights = weigh_by_class(labels)
        scalings = [fit_scaling(p, labels) for p in candidates]
        if self.temperature is not None:
            scalings = [replace(scaling, temperature=self.temperature) for scaling in scalings]
        losses = [
            log_losses(scaling.apply(p), labels)
            for p, scaling in zip(candidates, scalings, strict=True)
        ]
        default = strengths.index(DEFAULT_STRENGTH) if len(strengths) > 1 else 0
        best = select_by_losses(losses, weights, default)
        return Classifier(strengths[best], scalings[best].temperature)

    def fit(self, problem: Problem) -> "LinearScores":
        """Return scores of vectors as they are, with temperature and class priors within them.

        Strength and temperature must be fixed.
        """
        data, strength = problem.data, self.strength or DEFAULT_STRENGTH
        scale = scale_of(data.embeddings)
        (scaled,) = _fit(scale, data, problem, [strength])
        rows = np.flatnonzero(problem.labels != UNLABELED)
        labels = problem.labels[rows]
        errors = np.eye(problem.n_classes)[labels] - scaled.probabilities(
            scale(data.embeddings[rows])
        )
        model, temperature = scale.undo(scaled), self.temperature or DEFAULT_TEMPERATURE
        duals = strength * weigh_by_class(labels)[:, None] * errors / temperature
        intercept = model.intercept / temperature
        if problem.class_priors is not None:
            with np.errstate(divide="ignore"):  # log 0 = -inf is meant: the class is impossible
                intercept = intercept + np.log(problem.class_priors)
        return LinearScores(model.weights / temperature, intercept, duals)


@dataclass(frozen=True, eq=False)
class LinearScores:
    """Scores ``x W + b``, one per class; −∞ for a class without labels.

    Attributes
    ----------
    weights : array of shape (n_dims, n_classes)
    intercept : array of shape (n_classes,)
    duals : array of shape (n_labeled, n_classes), optional
        α: with centered and scaled vectors x of the labeled images, ``W = Σ_i x_i α_iᵀ``.
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]
    duals: NDArray[np.float64] | None = None

    def __call__(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return an array of shape (n_samples, n_classes)."""
        return np.asarray(vectors @ self.weights.astype(vectors.dtype) + self.intercept)

    def probabilities(self, vectors: NDArray[np.floating]) -> Probabilities:
        """Return the softmax of the scores."""
        return np.asarray(softmax(self(vectors), axis=1))


@dataclass(frozen=True, eq=False)
class Scale:
    """The mean of the vectors, and one over their root mean square distance from it.

    Attributes
    ----------
    mean : array of shape (n_dims,)
    factor : float
    """

    mean: NDArray[np.float64]
    factor: float

    def __call__(self, vectors: Embeddings) -> NDArray[np.float64]:
        """Return the vectors, centered and scaled."""
        return (vectors - self.mean) * self.factor

    def undo(self, model: LinearScores) -> LinearScores:
        """Return the model of scaled vectors as one of unscaled ones."""
        weights = model.weights * self.factor
        return LinearScores(weights, model.intercept - self.mean @ weights)


def scale_of(embeddings: Embeddings) -> Scale:
    """Return the scale of vectors."""
    mean = embeddings.mean(axis=0, dtype=np.float64)
    centered = (embeddings[rows] - mean for rows in blocks(len(embeddings), _ROWS))
    square = sum(float(np.einsum("ij,ij", rows, rows)) for rows in centered) / len(embeddings)
    return Scale(mean, 1 / np.sqrt(square) if square > 0 else 1.0)


def _fit(
    scale: Scale, data: GraphData, problem: Problem, strengths: Sequence[float]
) -> list[LinearScores]:
    rows = np.flatnonzero(problem.labels != UNLABELED)
    labels = problem.labels[rows]
    targets = np.eye(problem.n_classes)[labels]
    with one_blas_thread():
        return fit_softmax(scale(data.embeddings[rows]), targets, weigh_by_class(labels), strengths)


def predict_out_of_fold(
    problem: Problem, strengths: Sequence[float]
) -> tuple[Indices, list[Probabilities]]:
    """Return the held-out rows, and their out-of-fold probabilities for each strength."""
    scales: dict[int, Scale] = {}
    by_fold: list[list[Probabilities]] = []
    for fold in problem.folds:
        data = fold.data
        if id(data) not in scales:
            scales[id(data)] = scale_of(data.embeddings)
        scale = scales[id(data)]
        models = _fit(scale, data, problem.without(fold), strengths)
        vectors = data.embeddings[fold.held_out]
        by_fold.append([scale.undo(model).probabilities(vectors) for model in models])
    held_out = np.concatenate([fold.held_out for fold in problem.folds])
    return held_out, [np.concatenate(rows) for rows in zip(*by_fold, strict=True)]


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
    coordinates, basis = np.asarray(vectors, dtype=np.float64), None
    if len(vectors) < vectors.shape[1]:  # then as many coordinates as vectors are enough
        squares, directions = np.linalg.eigh(coordinates @ coordinates.T)
        kept = squares > _ROUNDING * squares[-1]
        lengths = np.sqrt(squares[kept])
        basis = coordinates.T @ (directions[:, kept] / lengths)
        coordinates = directions[:, kept] * lengths
    solution = np.zeros((coordinates.shape[1] + 1, len(seen)))
    models = []
    for strength in strengths:
        solution = _minimize(coordinates, targets[:, seen], strength * sample_weight, solution)
        weights = np.zeros((vectors.shape[1], targets.shape[1]))
        weights[:, seen] = solution[:-1] if basis is None else basis @ solution[:-1]
        intercept = np.full(targets.shape[1], -np.inf)
        intercept[seen] = solution[-1] - solution[-1].mean()
        models.append(LinearScores(weights, intercept))
    return models


def _minimize(
    vectors: NDArray[np.float64],
    targets: Probabilities,
    sample_weight: NDArray[np.floating],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Minimize the loss from `start`; return the weights, with intercepts in the last row."""
    total = sample_weight.sum()

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, intercept = np.split(flat.reshape(start.shape), [-1])
        logs = log_softmax(vectors @ weights + intercept[0], axis=1)
        slopes = sample_weight[:, None] * (np.exp(logs) - targets)
        gradient = np.vstack([vectors.T @ slopes + weights, slopes.sum(axis=0)])
        value = (weights**2).sum() / 2 - sample_weight @ (targets * logs).sum(axis=1)
        return value / total, gradient.ravel() / total

    best = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=_STOP)
    return np.asarray(best.x).reshape(start.shape)
