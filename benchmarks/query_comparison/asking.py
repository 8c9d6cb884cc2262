"""Ways of asking by name: voisin's strategies, and those of other libraries.

Each is a function ``ask(problem, labeling, n, candidates)`` that returns the images to ask for.
"""

import warnings
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from voisin.querying.registry import STRATEGIES, make_strategy
from voisin.querying.strategy import find_askable
from voisin.types import UNLABELED


def ask_graph_learning(uncertainty, reweighting, shift, problem, labeling, n, candidates):  # noqa: ARG001
    """Ask graphlearning's learner, by the authors of Poisson learning, on the same graph."""
    from graphlearning import active_learning, ssl
    from scipy import sparse

    known = np.flatnonzero(problem.labels != UNLABELED)
    given = np.unique(problem.labels[known], return_inverse=True)[1]
    graph = sparse.csr_matrix(problem.data.affinity.astype(np.float64))  # noqa: TID251
    learner = active_learning.active_learner(
        ssl.laplace(graph, reweighting=reweighting, tau=shift),
        active_learning.unc_sampling,
        known,
        given,
        unc_method=uncertainty,
    )
    return learner.select_queries(n, candidate_ind=find_askable(problem, n, candidates))


def ask_activeml(kind, model, options, problem, labeling, n, candidates):  # noqa: ARG001
    """Query scikit-activeml on the same vectors, with scikit-learn's logistic regression."""
    from skactiveml import pool
    from skactiveml.classifier import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=10.0, class_weight="balanced", max_iter=300)
    classes = range(problem.n_classes)
    given = {model: SklearnClassifier(regression, classes=classes, missing_label=UNLABELED)}
    centered = problem.data.embeddings - problem.data.embeddings.mean(axis=0)
    scaled = (centered / np.sqrt((centered**2).sum(axis=1).mean())).astype(np.float32)
    rows = find_askable(problem, n, candidates)
    found = np.empty(0, dtype=np.int64)
    while len(found) < n:  # TypiClust may name an image twice
        strategy = getattr(pool, kind)(
            missing_label=UNLABELED, random_state=problem.random_state, **options
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            more = strategy.query(
                scaled,
                problem.labels,
                candidates=np.setdiff1d(rows, found),
                batch_size=n - len(found),
                **(given if model else {}),
            )
        found = np.union1d(found, more)
    return found


def _activeml(kind, model="", **options):
    return partial(ask_activeml, kind, model, options)


PEERS = {
    "graphlearning-margin": partial(ask_graph_learning, "smallest_margin", "none", 0.0),
    "graphlearning-norm": partial(ask_graph_learning, "unc_2norm", "poisson", 1e-3),
    "activeml-margin": _activeml("UncertaintySampling", "clf", method="margin_sampling"),
    "activeml-entropy": _activeml("UncertaintySampling", "clf", method="entropy"),
    "activeml-badge": _activeml("Badge", "clf"),  # Ash et al. 2020
    "activeml-clue": _activeml("Clue", "estimator"),  # Prabhu et al. 2021
    "activeml-dropquery": _activeml("DropQuery", "clf"),  # Gupte et al. 2024
    "activeml-typiclust": _activeml("TypiClust"),  # Hacohen et al. 2022
    "activeml-coreset": _activeml("CoreSet"),  # Sener & Savarese 2018
}


def asker(name):
    """Return the function of a name, and what tells its version."""
    if name in PEERS:
        return PEERS[name], f"{name} {library(name)}"
    strategy = make_strategy(name)

    def ask(problem, labeling, n, candidates):
        return strategy.suggest(problem, labeling, n, candidates=candidates).positions

    return ask, f"{name} {strategy!r}"


def installed():
    """Name all there are, less those whose library is not there."""
    return [*STRATEGIES, *(name for name in PEERS if library(name))]


def library(name):
    """Return the version of a peer's library; empty where it is not installed."""
    try:
        return version("graphlearning" if name.startswith("graph") else "scikit-activeml")
    except PackageNotFoundError:
        return ""
