"""Minimum-norm uncertainty: ask for images far from labels first, then between classes.

Miller & Calder, "Poisson reweighted Laplacian uncertainty sampling for graph-based active
learning", 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from voisin.propagation.reweighted import ReweightedLaplace
from voisin.querying.batches import pick_diverse
from voisin.querying.strategy import Suggestion, find_askable
from voisin.types import Indices, Labeling, Problem


@dataclass(frozen=True)
class MinimumNorm:
    """Suggest the images where the norm of the shifted Poisson-reweighted solution is smallest.

    Their utility is ``1 − |u_i|``. Far from all labels, the shift pulls ``u`` to zero; between two
    classes, ``u`` is short, too. So the strategy explores before it refines.

    Parameters
    ----------
    method : ReweightedLaplace
        Computes the solution ``u``; its shift must be above 0.
    """

    method: ReweightedLaplace = field(default_factory=ReweightedLaplace)

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - all strategies have the same arguments
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Choose the images of smallest norm; see `QueryStrategy.suggest`."""
        rows = find_askable(problem, n, candidates)
        solution = self.method.scores(
            problem.data.affinity, problem.labels, n_classes=problem.n_classes
        )
        norms = np.linalg.norm(solution, axis=1)
        utility = np.maximum(1 - norms, 0)
        picked, scores = pick_diverse(problem.data.embeddings, rows, utility[rows], n)
        closeness = ("below 0.01" if x < 0.005 else f"{x:.2f}" for x in norms[picked].tolist())
        reasons = (
            f"far from the labels: closeness {text}, where a labeled image has 1"
            for text in closeness
        )
        return Suggestion(picked, scores, tuple(reasons))
