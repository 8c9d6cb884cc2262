"""scikit-learn's semi-supervised methods, on vectors as a user calls them or on the same graph.

Only the peers' registry may import this module, and late, since it loads scikit-learn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier

from voisin.labeling.peers.answer import to_labeling
from voisin.types import Labeling, Problem


@dataclass(frozen=True)
class ByVectors:
    """A method that fits an estimator on the vectors, as a user would.

    Parameters
    ----------
    make : estimator
        Copied before it is fitted.
    """

    make: Any

    def label(self, problem: Problem) -> Labeling:
        """Fit on vectors and few labels, and predict the images of the graph and the new ones."""
        from sklearn.base import clone

        data = problem.data
        fitted = clone(self.make).fit(data.embeddings, problem.labels)
        if hasattr(fitted, "label_distributions_"):
            of_pool = fitted.label_distributions_
        else:
            of_pool = fitted.predict_proba(data.embeddings)
        of_new = fitted.predict_proba(data.new_embeddings) if len(data.new_embeddings) else None
        return to_labeling(self, problem, of_pool, of_new, fitted.n_iter_)


@dataclass(frozen=True)
class ByGraph:
    """An estimator that takes the problem's graph in place of its kernel.

    Parameters
    ----------
    make : callable
        Takes a kernel, returns the estimator.
    """

    make: Callable[..., Any]

    def label(self, problem: Problem) -> Labeling:
        """Fit on the graph; new images take the mean of their neighbors."""
        rows = np.arange(len(problem.labels))[:, None]
        affinity = problem.data.affinity
        alone = sparse.diags_array((affinity.sum(axis=1) == 0).astype(affinity.dtype))
        # Its normalization of rows needs a matrix, and an image without neighbors its own weight.
        kernel = sparse.csc_matrix(affinity + alone)
        fitted = self.make(kernel=lambda *_: kernel).fit(rows, problem.labels)
        return to_labeling(self, problem, fitted.label_distributions_, n_iter=fitted.n_iter_)

    def __repr__(self) -> str:
        """Name the estimator, without the address of its function, which changes."""
        return f"ByGraph(make={self.make.__name__})"


def propagation() -> ByVectors:
    """Make LabelPropagation as it comes, but for the kernel: the default is dense."""
    return ByVectors(LabelPropagation(kernel="knn"))


def spreading() -> ByVectors:
    """Make LabelSpreading as it comes, but for the kernel."""
    return ByVectors(LabelSpreading(kernel="knn"))


def self_training() -> ByVectors:
    """Make SelfTrainingClassifier of logistic regression, with enough steps to converge."""
    return ByVectors(SelfTrainingClassifier(LogisticRegression(max_iter=1000)))


def propagation_on_graph() -> ByGraph:
    """Make LabelPropagation on the problem's graph."""
    return ByGraph(LabelPropagation)


def spreading_on_graph() -> ByGraph:
    """Make LabelSpreading on the problem's graph."""
    return ByGraph(LabelSpreading)
