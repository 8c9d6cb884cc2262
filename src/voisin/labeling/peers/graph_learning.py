"""graphlearning's methods, by the authors of Poisson learning (Calder et al. 2020).

This module alone may import graphlearning, and late.
"""

from dataclasses import dataclass

import numpy as np

from voisin.errors import VoisinError
from voisin.labeling.peers.answer import labeled_classes, to_labeling
from voisin.propagation.result import likelihoods
from voisin.types import UNLABELED, Labeling, Problem


@dataclass(frozen=True)
class GraphLearning:
    """A model of ``graphlearning.ssl`` on the problem's graph.

    Poisson learning's scores have any sign; they become positive ones of the same order in each
    row. The MBO scheme answers with decisions alone, for which it takes the class priors: even
    ones, unless the problem has some.

    Parameters
    ----------
    model : {"laplace", "poisson", "poisson_mbo"}
    """

    model: str

    def label(self, problem: Problem) -> Labeling:
        """Fit on the graph; new images take the mean of their neighbors."""
        from graphlearning import ssl
        from scipy import sparse

        classes = labeled_classes(problem.labels)
        rows = np.flatnonzero(problem.labels != UNLABELED)
        graph = sparse.csr_matrix(problem.data.affinity.astype(np.float64))  # noqa: TID251
        model = getattr(ssl, self.model)(graph, class_priors=self._priors(problem, len(classes)))
        try:
            scores = model.fit(rows, np.searchsorted(classes, problem.labels[rows]))
        except SystemExit as error:  # how graphlearning ends on what it cannot use
            message = f"graphlearning's {self.model} stopped: {error}"
            raise VoisinError(message) from error
        if self.model == "poisson":
            scores = likelihoods(scores, np.ones_like(scores, dtype=bool))
        return to_labeling(self, problem, scores)

    def _priors(self, problem: Problem, n_labeled: int) -> list[float] | None:
        if self.model != "poisson_mbo":
            return None
        if problem.class_priors is None:
            return [1 / n_labeled] * n_labeled
        return problem.class_priors[labeled_classes(problem.labels)].tolist()


def laplace() -> GraphLearning:
    """Make Laplace learning (Zhu et al. 2003)."""
    return GraphLearning("laplace")


def poisson() -> GraphLearning:
    """Make Poisson learning."""
    return GraphLearning("poisson")


def poisson_mbo() -> GraphLearning:
    """Make the MBO scheme that starts from Poisson learning."""
    return GraphLearning("poisson_mbo")
