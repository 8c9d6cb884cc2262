"""A scikit-learn classifier that builds the graph and runs a propagation method.

It is imported late, since it imports scikit-learn. It must not know the methods' equations.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_array,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from voisin.errors import InputError
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.graph import as_affinity
from voisin.neighbors.search import find_neighbors, query_neighbors
from voisin.propagation.result import attach
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Affinity, Neighbors, Probabilities, PropagationMethod
from voisin.validation import check_one_of

_FLOATS = (np.float64, np.float32)  # kept as they are; others become the first
AFFINITIES = ("neighbors", "precomputed")  # "precomputed" as elsewhere in scikit-learn


class GraphClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify samples by propagating a few labels along the graph of their neighbors.

    Parameters
    ----------
    affinity : {"neighbors", "precomputed"}, default="neighbors"
        Build the graph from `X`, or take `X` as the graph: symmetric weights when fitting, and
        the weights between new and known samples when predicting.
    n_neighbors : int, default=10
        At most one less than the number of samples.
    metric : {"euclidean", "cosine"}, default="euclidean"
    weights : {"gaussian", "cosine", "binary"}, default="gaussian"
    method : PropagationMethod, optional
        `LabelSpreading` by default.
    random_state : int, optional
        Seed of the approximate neighbor search, which is used from 20,001 samples on.
    n_jobs : int, optional

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    label_distributions_ : array of shape (n_samples, n_classes)
    transduction_ : array of shape (n_samples,)
        Most probable class of each sample.
    reached_ : array of shape (n_samples,)
        Whether any label reaches the sample.
    n_iter_ : int

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0.0], [1.0], [2.0], [9.0], [10.0], [11.0]])
    >>> y = np.array(["near", "-1", "-1", "-1", "-1", "far"])
    >>> GraphClassifier(n_neighbors=2).fit(points, y).transduction_
    array(['near', 'near', 'near', 'far', 'far', 'far'], dtype='<U4')
    """

    def __init__(
        self,
        *,
        affinity: str = "neighbors",
        n_neighbors: int = 10,
        metric: str = "euclidean",
        weights: str = "gaussian",
        method: PropagationMethod | None = None,
        random_state: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.affinity = affinity
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights
        self.method = method
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Build the graph, and propagate the labels along it.

        Parameters
        ----------
        X : array of shape (n_samples, n_features), or the graph
        y : array of shape (n_samples,)
            Classes; -1, or "-1" among strings, for an unknown class.
        sample_weight : array of shape (n_samples,), optional
            How much each label counts; all samples stay in the graph.
        """
        check_one_of("affinity", self.affinity, AFFINITIES)
        X, y = self._validate(X, y)
        if y.dtype.kind in "OUS":  # arrays of strings hold -1 as text
            known = np.array([label not in (UNLABELED, str(UNLABELED)) for label in y.tolist()])
        else:
            known = y != UNLABELED
        if not known.any():
            message = f"None of the {len(y)} samples is labeled: label one of each class first."
            raise InputError(message)
        check_classification_targets(y[known])
        self.classes_, positions = np.unique(y[known], return_inverse=True)
        labels = np.full(len(y), UNLABELED, dtype=np.int64)
        labels[known] = positions
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
        propagation = (self.method or LabelSpreading()).propagate(
            self._build_graph(X), labels, n_classes=len(self.classes_), sample_weight=sample_weight
        )
        self.X_ = X
        self.label_distributions_ = propagation.probabilities
        self.transduction_ = self.classes_[propagation.probabilities.argmax(axis=1)]
        self.reached_ = propagation.reached
        self.n_iter_ = propagation.n_iter
        return self

    def predict_proba(self, X: Any) -> Probabilities:
        """Average the distributions of each sample's neighbors among the fitted samples.

        A sample without an edge in a precomputed graph gets the mean of all.
        """
        check_is_fitted(self)
        distributions = self.label_distributions_
        if self.affinity == "neighbors":
            X = validate_data(self, X, reset=False, dtype=list(_FLOATS))
            return attach(self._find_neighbors(X), distributions)
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=np.float64)
        weights = sparse.csr_array(X)
        total = np.asarray(weights.sum(axis=1))
        averages = weights @ distributions / np.where(total > 0, total, 1)[:, None]
        averages[total <= 0] = distributions.mean(axis=0)
        return np.asarray(averages / averages.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Choose the most probable class of each new sample."""
        best = self.predict_proba(X).argmax(
            axis=1
        )  # called first, as it checks that there are classes
        return self.classes_[best]

    def _validate(self, X: Any, y: Any) -> tuple[Any, NDArray[Any]]:
        if y is None:
            message = (
                "This GraphClassifier estimator requires y to be passed, but the target y is None"
            )
            raise InputError(message)
        X = validate_data(
            self,
            X,
            accept_sparse="csr" if self.affinity == "precomputed" else False,
            dtype=list(_FLOATS),
            ensure_min_samples=2,
        )
        y = column_or_1d(check_array(y, ensure_2d=False, dtype=None, input_name="y"), warn=True)
        if len(y) != X.shape[0]:
            message = f"y has {len(y)} entries, but X has {X.shape[0]} rows: pass one per sample."
            raise InputError(message)
        return X, y

    def _build_graph(self, X: Any) -> Affinity:
        if self.affinity == "precomputed":
            return as_affinity(X)
        self._neighbors = find_neighbors(
            X,
            min(self.n_neighbors, len(X) - 1),
            metric=self.metric,
            random_state=self.random_state,
            n_jobs=self.n_jobs,
        )
        return build_affinity(self._neighbors, weights=self.weights)

    def _find_neighbors(self, X: NDArray[np.floating]) -> Neighbors:
        """Find the fitted samples nearest to `X`; each of these is nearest to itself."""
        n_neighbors = min(self.n_neighbors, len(self.X_))
        if not np.array_equal(X, self.X_):
            return query_neighbors(X, self.X_, n_neighbors, metric=self.metric, n_jobs=self.n_jobs)
        indices, distances = self._neighbors.indices, self._neighbors.distances
        itself = np.arange(len(X))[:, None]
        return Neighbors(
            np.hstack([itself, indices])[:, :n_neighbors],
            np.hstack([np.zeros_like(distances[:, :1]), distances])[:, :n_neighbors],
            metric=self.metric,
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.affinity == "precomputed"
        tags.input_tags.sparse = self.affinity == "precomputed"
        return tags
