"""Ask where all classes are nearly alike: Shannon's entropy, as Settles 2009 surveys it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.evaluation.metrics import certainty
from voisin.querying.batches import pick_apart
from voisin.querying.doubt import describe_doubt
from voisin.querying.suggestion import Suggestion, askable
from voisin.types import Indices, Labeling, Problem


@dataclass(frozen=True)
class Entropy:
    """The images whose distribution is flattest: ``H(p) / log C``.

    What no label reaches counts as wholly flat.
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
        """Choose the flattest distributions; see `QueryStrategy.suggest`."""
        rows = askable(problem, n, candidates)
        found = labeling.propagation
        worth = np.where(found.reached, 1 - certainty(found.probabilities), 1.0)
        picked, scores = pick_apart(problem.data.embeddings, rows, worth[rows], n)
        reasons = describe_doubt(labeling.stated, found.reached, picked, class_names)
        return Suggestion(picked, scores, tuple(f"unsure: {one}" for one in reasons))
