"""graphlearning's active learning, by the authors of Poisson learning, on the same graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.querying.suggestion import Suggestion, askable
from voisin.types import UNLABELED, Indices, Labeling, Problem

_SHIFT = 1e-3  # their tau


@dataclass(frozen=True)
class GraphLearning:
    """An uncertainty of ``graphlearning.active_learning`` with a model of its own.

    Parameters
    ----------
    uncertainty : str
        Their ``unc_method``.
    reweighting : {"none", "poisson"}
        Of their Laplace learning.
    shift : float
        Their ``tau``.
    """

    uncertainty: str
    reweighting: str
    shift: float

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - every strategy is asked alike
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Ask their learner; see `QueryStrategy.suggest`."""
        from graphlearning import active_learning, ssl
        from scipy import sparse

        rows = askable(problem, n, candidates)
        known = np.flatnonzero(problem.labels != UNLABELED)
        given = np.unique(problem.labels[known], return_inverse=True)[1]
        graph = sparse.csr_matrix(problem.view.affinity.astype(np.float64))  # noqa: TID251
        learner = active_learning.active_learner(
            ssl.laplace(graph, reweighting=self.reweighting, tau=self.shift),
            active_learning.unc_sampling,
            known,
            given,
            unc_method=self.uncertainty,
        )
        found, values = learner.select_queries(n, candidate_ind=rows, return_acq_vals=True)
        worth = np.sort(values)[::-1][: len(found)]
        return Suggestion(found, worth, (self.uncertainty,) * len(found))


def make(name: str) -> GraphLearning:
    """Make ``margin`` or ``norm``."""
    if name == "margin":
        return GraphLearning("smallest_margin", "none", 0.0)
    return GraphLearning("unc_2norm", "poisson", _SHIFT)
