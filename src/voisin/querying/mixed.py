"""The default strategy: uncertain images in dense, uncertain regions, unlike labeled images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.calibration.prior_shift import shift_priors
from voisin.propagation.matrices import degrees_of
from voisin.querying.batches import novelty, pick_diverse
from voisin.querying.strategy import Suggestion, find_askable, name_class
from voisin.querying.uncertainty import (
    describe_uncertainty,
    label_and_runner_up,
    margin_uncertainty,
)
from voisin.types import UNLABELED, Indices, Labeling, Labels, Problem


@dataclass(frozen=True)
class Mixed:
    """Suggest the images with the largest product of uncertainty, density and novelty.

    ``utility_i = (u_i + Σ_j w_ij u_j / d_i) · min(d_i / median d, 1) · ν_i`` with

    - uncertainty: ``u = 1 − (p₁ − p₂)`` of the image, plus the mean of its neighbors, which an
      answer settles, too. The p are converted to equally frequent classes, by ``p_c / π_c`` with
      class priors π: otherwise frequent classes would hide the uncertainty about rare classes;
    - density: the degree d, limited to its median. An outlier represents no other image; but a
      hub must not count more than others, or rare classes would never be asked about;
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
        """Choose the images of largest utility; see `QueryStrategy.suggest`."""
        rows = find_askable(problem, n, candidates)
        propagation, affinity = labeling.propagation, problem.data.affinity
        probabilities = propagation.probabilities
        if problem.class_priors is not None:
            probabilities = shift_priors(probabilities, old=problem.class_priors)
        own = np.where(propagation.reached, margin_uncertainty(probabilities), 1.0)
        degrees = degrees_of(affinity)
        around = np.divide(affinity @ own, degrees, where=degrees > 0, out=np.zeros_like(own))
        median = np.median(degrees)
        density = np.minimum(degrees / median, 1) if median > 0 else np.ones_like(degrees)
        labeled = np.flatnonzero(problem.labels != UNLABELED)
        utility = ((own + around) * density)[rows]
        utility *= novelty(problem.data.embeddings, rows, labeled)
        picked, scores = pick_diverse(problem.data.embeddings, rows, utility, n)
        classes = describe_uncertainty(labeling, picked, class_names)
        rare = _describe_rare_classes(labeling, picked, problem.labels, class_names)
        reasons = (text + more for text, more in zip(classes, rare, strict=True))
        return Suggestion(picked, scores, tuple(reasons))


def _describe_rare_classes(
    labeling: Labeling, rows: Indices, labels: Labels, class_names: Sequence[str]
) -> list[str]:
    """Name those of an image's two classes that have under half the mean number of labels."""
    counts = np.bincount(labels[labels != UNLABELED], minlength=labeling.stated.shape[1])
    few = counts < counts.mean() / 2
    descriptions = []
    for row in rows.tolist():
        rare = [c for c in label_and_runner_up(labeling, row) if few[c]]
        labeled = (f"{counts[c]} labeled of {name_class(c, class_names)}" for c in rare)
        descriptions.append(f"; only {' and '.join(labeled)}" if rare else "")
    return descriptions
