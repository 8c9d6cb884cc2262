"""Ask far from every label, then where classes meet.

Miller & Calder, "Poisson reweighted Laplacian uncertainty sampling for graph-based active
learning", 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from voisin.propagation.reweighted import ReweightedLaplace
from voisin.querying.batches import pick_apart
from voisin.querying.suggestion import Suggestion, askable
from voisin.types import Indices, Labeling, Problem


@dataclass(frozen=True)
class MinimumNorm:
    """The images where the shifted Poisson-reweighted solution is shortest: ``1 − |u_i|``.

    Where nothing was labeled near, the shift has pulled ``u`` to zero; between two classes it is
    short, too: exploration first, doubt later.

    Parameters
    ----------
    method : ReweightedLaplace
        Whose solution is measured; with a shift above 0.
    """

    method: ReweightedLaplace = field(default_factory=ReweightedLaplace)

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - every strategy is asked alike
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Choose the least explored images; see `QueryStrategy.suggest`."""
        rows = askable(problem, n, candidates)
        scores = self.method.scores(
            problem.data.affinity, problem.labels, n_classes=problem.n_classes
        )
        length = np.linalg.norm(scores, axis=1)
        worth = np.maximum(1 - length, 0)
        picked, found = pick_apart(problem.data.embeddings, rows, worth[rows], n)
        return Suggestion(picked, found, tuple(_reason(length[i]) for i in picked))


def _reason(length: float) -> str:
    told = "below 0.01" if length < 0.005 else f"{length:.2f}"
    return f"far from the labels: closeness {told}, where a labeled image has 1"
