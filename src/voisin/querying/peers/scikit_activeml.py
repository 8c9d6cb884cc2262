"""scikit-activeml's strategies on the same vectors, with scikit-learn's logistic regression."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.querying.suggestion import Suggestion, askable
from voisin.types import UNLABELED, Embeddings, Indices, Labeling, Problem

_STRENGTH = 10.0  # C of the regression, as that of `voisin.labeling.Classifier`

_QUERIES: Mapping[str, tuple[str, Mapping[str, Any], str]] = {
    "margin": ("UncertaintySampling", {"method": "margin_sampling"}, "clf"),
    "entropy": ("UncertaintySampling", {"method": "entropy"}, "clf"),
    "badge": ("Badge", {}, "clf"),
    "clue": ("Clue", {}, "estimator"),
    "dropquery": ("DropQuery", {}, "clf"),
    "typiclust": ("TypiClust", {}, ""),
    "coreset": ("CoreSet", {}, ""),
}


@dataclass(frozen=True)
class ActiveML:
    """A strategy of ``skactiveml.pool``.

    Parameters
    ----------
    name : str
        One of those listed here.
    """

    name: str

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - every strategy is asked alike
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Query their strategy; see `QueryStrategy.suggest`."""
        rows = askable(problem, n, candidates)
        count = min(n, len(rows))
        found, worth = np.empty(0, dtype=np.int64), np.empty(0)
        while len(found) < count:  # TypiClust may name an image twice
            left = np.setdiff1d(rows, found)
            more, scores = self._query(problem, left, count - len(found))
            first = np.sort(np.unique(more, return_index=True)[1])
            found, worth = np.append(found, more[first]), np.append(worth, scores[first])
        return Suggestion(found, np.minimum.accumulate(worth), (_QUERIES[self.name][0],) * count)

    def _query(
        self, problem: Problem, rows: Indices, count: int
    ) -> tuple[Indices, NDArray[np.float64]]:
        """Ask their strategy once; return images and what each was worth."""
        from skactiveml import pool

        kind, options, model = _QUERIES[self.name]
        make: Callable[..., Any] = getattr(pool, kind)
        given = {model: _regression(problem.n_classes)} if model else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found, worth = make(
                missing_label=UNLABELED, random_state=problem.random_state, **options
            ).query(
                _scaled(problem.view.embeddings),
                problem.labels,
                candidates=rows,
                batch_size=count,
                return_utilities=True,
                **given,
            )
        return np.asarray(found, dtype=np.int64), np.nan_to_num(np.nanmax(worth, axis=1))


def _regression(n_classes: int) -> Any:
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=300)
    return SklearnClassifier(model, classes=range(n_classes), missing_label=UNLABELED)


def _scaled(embeddings: Embeddings) -> Embeddings:
    """Center, and divide by the root mean square length."""
    centered = embeddings - embeddings.mean(axis=0)
    return np.asarray(centered / np.sqrt((centered**2).sum(axis=1).mean()), dtype=np.float32)


def make(name: str) -> ActiveML:
    """Make a strategy of those listed here."""
    return ActiveML(name)
