"""A labeling by the vectors alone: logistic regression, as sure as held-out labels allow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from voisin.calibration.prior_shift import shift_priors, weigh_by_class
from voisin.calibration.scaling import fit_scaling, log_losses
from voisin.labeling.model_selection import select_by_losses
from voisin.labeling.softmax_regression import LinearScores, fit_softmax
from voisin.parallel import blocks, workers
from voisin.types import (
    UNLABELED,
    Embeddings,
    GraphData,
    Indices,
    Labeling,
    Probabilities,
    Problem,
    Propagation,
)
from voisin.validation import check_at_least

STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
DEFAULT_STRENGTH = 10.0
DEFAULT_TEMPERATURE = 1.0
_ROWS = 8192


@dataclass(frozen=True)
class Classifier:
    """Multinomial logistic regression on the vectors, all classes weighing the same.

    The vectors are centered and divided by their root mean square length, so that C means the
    same for any embedding: ``min C Σ_i w_i H(y_i, softmax(x_i W + b)) + ‖W‖² / 2``. The scores
    are divided by a temperature T. Where the shares ``π`` of the classes are told,
    ``p_c ∝ π_c p_c`` follows.

    Parameters
    ----------
    strength : float, optional
        C. By default 10, or the one of 0.3, 1, 3, ..., 100 with the least log loss of the
        held-out labels, all classes weighing the same, if it is better by a standard error.
    temperature : float, optional
        T. By default that of the least log loss of the held-out labels; 1 where there are none.
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
        fixed = self.decide(problem)
        pool, new = fixed.opinions(problem)
        everywhere = np.full(len(pool), fill_value=True)
        found = Propagation(pool, everywhere, n_iter=0, residual=0.0, converged=True)
        new_reached = np.full(len(new), fill_value=True)
        return Labeling(found, new, new_reached, fixed, reason=_reason(fixed, problem))

    def decide(self, problem: Problem) -> "Classifier":
        """Return this classifier with strength and temperature fixed."""
        if self.strength is not None and self.temperature is not None:
            return self
        if not problem.folds:
            return Classifier(
                self.strength or DEFAULT_STRENGTH, self.temperature or DEFAULT_TEMPERATURE
            )
        strengths = STRENGTHS if self.strength is None else (self.strength,)
        held_out, found = held_out_scores(problem, strengths)
        labels = problem.labels[held_out]
        weights = weigh_by_class(labels)
        scalings = [fit_scaling(p, labels) for p in found]
        if self.temperature is not None:
            scalings = [replace(scaling, temperature=self.temperature) for scaling in scalings]
        losses = [
            log_losses(scaling.apply(p), labels) for p, scaling in zip(found, scalings, strict=True)
        ]
        default = strengths.index(DEFAULT_STRENGTH) if len(strengths) > 1 else 0
        best = select_by_losses(losses, weights, default)
        return Classifier(strengths[best], scalings[best].temperature)

    def opinions(self, problem: Problem) -> tuple[Probabilities, Probabilities]:
        """Return the probabilities of the images of the graph, and of the new ones.

        Strength and temperature must be fixed.
        """
        data = problem.data
        scale = _scale_of(data.embeddings)
        (model,) = _fit(scale, data, problem, [self.strength or DEFAULT_STRENGTH])
        temperature = self.temperature or DEFAULT_TEMPERATURE
        pool, new = (
            shift_priors(
                softmax(scale.scores(model, vectors) / temperature, axis=1),
                new=problem.class_priors,
            )
            for vectors in (data.embeddings, data.new)
        )
        return pool, new


@dataclass(frozen=True, eq=False)
class _Scale:
    """The mean of the vectors, and one over their root mean square distance from it."""

    mean: NDArray[np.float64]
    factor: float

    def __call__(self, vectors: Embeddings) -> NDArray[np.float64]:
        return (vectors - self.mean) * self.factor

    def scores(self, model: LinearScores, vectors: Embeddings) -> NDArray[np.float64]:
        """Return the model's scores of vectors as they are, without a scaled copy of them."""
        weights = model.weights * self.factor
        return LinearScores(weights, model.intercept - self.mean @ weights)(vectors)


def _scale_of(embeddings: Embeddings) -> _Scale:
    mean = embeddings.mean(axis=0, dtype=np.float64)
    parts = (embeddings[rows] - mean for rows in blocks(len(embeddings), _ROWS))
    square = sum(float(np.einsum("ij,ij", part, part)) for part in parts) / len(embeddings)
    return _Scale(mean, 1 / np.sqrt(square) if square > 0 else 1.0)


def _fit(
    scale: _Scale, data: GraphData, problem: Problem, strengths: Sequence[float]
) -> list[LinearScores]:
    rows = np.flatnonzero(problem.labels != UNLABELED)
    labels = problem.labels[rows]
    targets = np.eye(problem.n_classes)[labels]
    with workers(1):
        return fit_softmax(scale(data.embeddings[rows]), targets, weigh_by_class(labels), strengths)


def held_out_scores(
    problem: Problem, strengths: Sequence[float]
) -> tuple[Indices, list[Probabilities]]:
    """Return all rows held out, and their probabilities by models that never saw their labels."""
    scales: dict[int, _Scale] = {}
    found: list[list[Probabilities]] = []
    for fold in problem.folds:
        data = fold.data
        if id(data) not in scales:
            scales[id(data)] = _scale_of(data.embeddings)
        scale = scales[id(data)]
        models = _fit(scale, data, problem.without(fold), strengths)
        vectors = data.embeddings[fold.held_out]
        found.append([softmax(scale.scores(model, vectors), axis=1) for model in models])
    held_out = np.concatenate([fold.held_out for fold in problem.folds])
    return held_out, [np.concatenate(one) for one in zip(*found, strict=True)]


def _reason(fixed: Classifier, problem: Problem) -> str:
    settings = f"C {fixed.strength:g} and temperature {fixed.temperature:.2g}"
    if not problem.folds:
        return f"{settings}: the default, since no label could be held out"
    return f"{settings}, by the log loss of labels held out in {len(problem.folds)} folds"
