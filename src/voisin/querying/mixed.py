"""Ask what settles most: doubt of a neighborhood, not far out, unlike what is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import shift_priors
from voisin.propagation.matrices import degrees_of
from voisin.querying.batches import novelty, pick_apart
from voisin.querying.doubt import describe_doubt, margin_uncertainty
from voisin.querying.suggestion import Suggestion, askable, name_class
from voisin.types import UNLABELED, Affinity, Indices, Labeling, Labels, Probabilities, Problem


@dataclass(frozen=True)
class Mixed:
    """The product of three reasons to ask, all classes alike, picked apart from one another.

    ``worth_i = (u_i + Σ_j w_ij u_j / d_i) · min(d_i / median d, 1) · ν_i`` with

    - doubt: ``u = 1 − (p₁ − p₂)``, an image's own and the mean of its neighbors', which an
      answer settles too. The p are those of equally frequent classes: where shares ``π`` are
      told, ``p_c ∝ p_c / π_c``, or the frequent classes would hide the doubt about rare ones;
    - density: d, the degree; an outlier speaks for nobody, but a hub for no more than others,
      or the rare classes would never be asked about;
    - novelty: ``ν_i = 1 − max_l max(cos(i, l), 0)⁴`` over the labeled images l.
    """

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
        found = labeling.propagation
        doubt = np.where(
            found.reached,
            margin_uncertainty(shift_priors(found.probabilities, old=problem.class_priors)),
            1.0,
        )
        worth = _neighborhood(problem.data.affinity, doubt)[rows]
        known = np.flatnonzero(problem.labels != UNLABELED)
        worth *= novelty(problem.data.embeddings, rows, known)
        picked, scores = pick_apart(problem.data.embeddings, rows, worth, n)
        reasons = describe_doubt(labeling.stated, found.reached, picked, class_names)
        hopes = _rare_hopes(labeling.stated[picked], problem.labels, class_names)
        texts = (f"undecided: {one}{hope}" for one, hope in zip(reasons, hopes, strict=True))
        return Suggestion(picked, scores, tuple(texts))


def _neighborhood(affinity: Affinity, doubt: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return own doubt and the neighbors' mean, less where the graph is thin."""
    degrees = degrees_of(affinity)
    around = np.divide(affinity @ doubt, degrees, where=degrees > 0, out=np.zeros_like(doubt))
    usual = np.median(degrees)
    density = np.minimum(degrees / usual, 1) if usual > 0 else np.ones_like(degrees)
    return np.asarray((doubt + around) * density)


def _rare_hopes(
    probabilities: Probabilities, labels: Labels, class_names: Sequence[str]
) -> list[str]:
    """Say of which of an image's two likeliest classes there are few labels."""
    counts = np.bincount(labels[labels != UNLABELED], minlength=probabilities.shape[1])
    few = counts < counts.mean() / 2
    hopes = []
    for row in probabilities:
        rare = [c for c in np.argsort(-row, kind="stable")[:2].tolist() if few[c]]
        told = (f"{counts[c]} labeled of {name_class(c, class_names)}" for c in rare)
        hopes.append(f"; only {' and '.join(told)}" if rare else "")
    return hopes
