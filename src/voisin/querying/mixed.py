"""Ask what settles most: doubt of a neighborhood, not far out, unlike what is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.propagation.matrices import degrees_of
from voisin.querying.batches import novelty, pick_apart
from voisin.querying.doubt import narrowness, say_doubt
from voisin.querying.suggestion import Suggestion, askable, name_class
from voisin.types import UNLABELED, Affinity, Indices, Labeling, Labels, Probabilities, Problem
from voisin.validation import check_in_closed_interval


@dataclass(frozen=True)
class Mixed:
    """The product of four reasons to ask, picked apart from one another.

    ``worth_i = (u_i + Σ_j w_ij u_j / d_i) · min(d_i / median d, 1) · ν_i · ρ_i`` with

    - doubt: ``u = 1 − (p₁ − p₂)``, an image's own and the mean of its neighbors', which an
      answer settles too;
    - density: d, the degree; an outlier speaks for nobody, but a hub for no more than others,
      or the rare classes would never be asked about;
    - novelty: ``ν_i = 1 − max_l max(cos(i, l), 0)⁴`` over the labeled images l;
    - rarity: ``ρ_i = Σ_c p_ic (m / m_c)^r``, with ``m_c`` one more than the labels of class c, m
      the least of these.

    Parameters
    ----------
    rarity : float, default=0.25
        r, in [0, 1]; at 0 all classes are asked about alike.
    """

    rarity: float = 0.25

    def __post_init__(self) -> None:
        check_in_closed_interval("rarity", self.rarity, 0, 1)

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),
    ) -> Suggestion:
        """Choose the images worth most; see `QueryStrategy.suggest`."""
        rows = askable(problem, n, candidates)
        found, labels = labeling.propagation, problem.labels
        doubt = np.where(found.reached, narrowness(found.probabilities), 1.0)
        worth = _neighborhood(problem.view.affinity, doubt)[rows]
        worth *= found.probabilities[rows] @ self._rarity(labels, problem.n_classes)
        known = np.flatnonzero(labels != UNLABELED)
        worth *= novelty(problem.view.embeddings, rows, known)
        picked, scores = pick_apart(problem.view.embeddings, rows, worth, n)
        reasons = say_doubt(found.probabilities, found.reached, picked, class_names)
        rare = _rare_hopes(found.probabilities[picked], labels, class_names)
        texts = (f"undecided: {one}{hope}" for one, hope in zip(reasons, rare, strict=True))
        return Suggestion(picked, scores, tuple(texts))

    def _rarity(self, labels: Labels, n_classes: int) -> NDArray[np.float64]:
        counts = _count(labels, n_classes) + 1
        return np.asarray((counts.min() / counts) ** self.rarity)


def _neighborhood(affinity: Affinity, doubt: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return own doubt and the neighbors' mean, less where the graph is thin."""
    degrees = degrees_of(affinity)
    around = np.divide(affinity @ doubt, degrees, where=degrees > 0, out=np.zeros_like(doubt))
    usual = np.median(degrees)
    density = np.minimum(degrees / usual, 1) if usual > 0 else np.ones_like(degrees)
    return np.asarray((doubt + around) * density)


def _count(labels: Labels, n_classes: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels != UNLABELED], minlength=n_classes)


def _rare_hopes(
    probabilities: Probabilities, labels: Labels, class_names: Sequence[str]
) -> list[str]:
    """Say of which of an image's two likeliest classes there are few labels."""
    counts = _count(labels, probabilities.shape[1])
    few = counts < counts.mean() / 2
    hopes = []
    for row in probabilities:
        rare = [c for c in np.argsort(-row, kind="stable")[:2].tolist() if few[c]]
        told = (f"{counts[c]} labeled of {name_class(c, class_names)}" for c in rare)
        hopes.append(f"; only {' and '.join(told)}" if rare else "")
    return hopes
