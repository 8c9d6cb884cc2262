"""scikit-activeml's strategies on the same vectors, with scikit-learn's logistic regression."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
        from skactiveml import pool

        rows = askable(problem, n, candidates)
        count = min(n, len(rows))
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
        scores = np.nan_to_num(np.nanmax(worth, axis=1))
        return Suggestion(
            np.asarray(found, dtype=np.int64), np.minimum.accumulate(scores), (kind,) * count
        )


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
