"""Ask where two classes are nearly alike: Scheffer, Decomain & Wrobel 2001."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.querying.batches import pick_apart
from voisin.querying.doubt import describe_doubt, margin_uncertainty
from voisin.querying.suggestion import Suggestion, askable
from voisin.types import Indices, Labeling, Problem


@dataclass(frozen=True)
class Margin:
    """The images whose first class leads the second by least; ``1 − (p₁ − p₂)``.

    What no label reaches counts as wholly undecided.
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
        """Choose the least decided images; see `QueryStrategy.suggest`."""
        rows = askable(problem, n, candidates)
        found = labeling.propagation
        worth = np.where(found.reached, margin_uncertainty(found.probabilities), 1.0)
        picked, scores = pick_apart(problem.data.embeddings, rows, worth[rows], n)
        reasons = describe_doubt(labeling.stated, found.reached, picked, class_names)
        return Suggestion(picked, scores, tuple(f"undecided: {one}" for one in reasons))
