"""One draw of labels: what every method makes of it, seen from these labels alone, and how right.

Nothing that predicts is given any other label: `mask_labels` takes them away first.
"""

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import BALANCING_POWER, shift_priors
from voisin.comparison.shared_context import SharedContext
from voisin.errors import ConvergenceWarning, VoisinError
from voisin.evaluation.significance import BALANCED_SUFFIX, FIGURES, Trial
from voisin.evaluation.verdict import Truth, score
from voisin.labeling.class_prior_estimation import parse_class_priors, resolve_class_priors
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.peers.registry import PEERS, make_peer
from voisin.labeling.registry import make_method
from voisin.pipeline.context import Context, StoredGraphData, learns_from_labels
from voisin.pipeline.prepare import can_have_shares
from voisin.pipeline.stages import all_ids
from voisin.project.cache import Arrays, hash_of
from voisin.types import (
    UNLABELED,
    ImageCollection,
    Labeling,
    LabelingMethod,
    Labels,
    Predictions,
    Problem,
)

_STAGE = "trials"
_NOT_ESTIMATED = (
    "Class shares could not be estimated, as no label could be held out: all classes were taken "
    "as equally common."
)


@dataclass(frozen=True, eq=False)
class Draw:
    """Labels to start from.

    Attributes
    ----------
    number : int
        From 0.
    labels_per_class : int
    labels : array of shape (n_pool,)
        -1 where hidden.
    """

    number: int
    labels_per_class: int
    labels: Labels


def mask_labels(context: Context, draw: Draw) -> Context:
    """Return a context that knows no label but the draw's."""
    experiment = context.experiment
    unknown = np.full_like(draw.labels, UNLABELED)
    experiment = replace(
        experiment,
        pool=_without_labels(experiment.pool),
        test=_without_labels(experiment.test),
        labels=draw.labels,
        hidden=unknown,
    )
    return replace(context, experiment=experiment)


def _without_labels(images: ImageCollection) -> ImageCollection:
    return replace(images, labels=np.full(len(images), UNLABELED))


def make_any_method(name: str, alpha: float) -> LabelingMethod:
    """Make a method of voisin's or a peer's by name."""
    return make_peer(name) if name in PEERS else make_method(name, alpha=alpha)


class DrawContext:
    """A draw as methods see it; vectors, graph and folds are made when a method asks for them.

    Parameters
    ----------
    context : Context
    draw : Draw
    shared : callable
        Returns the graph_data that all draws share, where vectors do not depend on labels.
    """

    def __init__(self, context: Context, draw: Draw, shared: Callable[[], StoredGraphData]) -> None:
        self._viewpoint = mask_labels(context, draw)
        self._shared = shared

    @cached_property
    def _sight(self) -> StoredGraphData:
        if learns_from_labels(self._viewpoint.stages.settings):
            return self._viewpoint.graph_data()
        return self._shared()

    @cached_property
    def _with_folds(self) -> Problem:
        return replace(self._evenly, class_priors=self._class_shares)

    @cached_property
    def _evenly(self) -> Problem:
        return self._viewpoint.problem(self._sight)

    @cached_property
    def _class_shares(self) -> NDArray[np.float64] | None:
        settings, names = (
            self._viewpoint.stages.settings,
            self._viewpoint.experiment.pool.class_names,
        )
        if settings.class_priors == "uniform":
            return None
        if not can_have_shares(self._viewpoint):
            return np.full(len(names), 1 / len(names))
        way, given = parse_class_priors(settings.class_priors, names)
        return resolve_class_priors(way, self._evenly, given)[0]

    @cached_property
    def without_folds(self) -> Problem:
        """What is given to who may not hold labels out."""
        experiment, settings = self._viewpoint.experiment, self._viewpoint.stages.settings
        return Problem(
            self._sight.data,
            experiment.labels,
            experiment.n_classes,
            class_priors=self._class_shares,
            random_state=settings.random_state,
        )

    def problem_of(self, name: str) -> Problem:
        """Return what a method is given: folds cost networks, so only if it may use them."""
        alone = name in PEERS or isinstance(self._make(name), GraphOnly)
        return self.without_folds if alone else self._with_folds

    def predict(self, name: str) -> tuple[tuple[Predictions, ...], Labeling]:
        """Label pool and test by one method; where it knows class shares, balanced again, too."""
        problem = self.problem_of(name)
        found = self._make(name).label(problem)
        probabilities = np.concatenate([found.propagation.probabilities, found.new])
        reached = np.concatenate([found.propagation.reached, found.new_reached])
        ids = all_ids(self._viewpoint.experiment)
        likeliest = Predictions(name, ids, probabilities, reached)
        if problem.class_priors is None or name in PEERS:
            return (likeliest,), found
        balanced = shift_priors(probabilities, old=problem.class_priors, power=BALANCING_POWER)
        return (likeliest, Predictions(f"{name}{BALANCED_SUFFIX}", ids, balanced, reached)), found

    def remarks_on(self, name: str) -> tuple[str, ...]:
        """Say what a method is not given as it was asked for."""
        told = name in PEERS or can_have_shares(self._viewpoint)
        return () if told else (_NOT_ESTIMATED,)

    def _make(self, name: str) -> LabelingMethod:
        return make_any_method(name, self._viewpoint.stages.settings.alpha)


class Trials:
    """The trials of a comparison, each kept in the project's cache when it is done.

    Parameters
    ----------
    context : Context
        With the truth.
    """

    def __init__(self, context: Context) -> None:
        self._viewpoint = context
        self._cache = context.stages.cache
        self._shared = SharedContext(context)

    def prepare(self) -> None:
        """Compute what all draws share."""
        self._shared.prepare()

    def missing(self, draw: Draw, names: Sequence[str]) -> list[str]:
        """Return the methods that are still to be tried on a draw."""
        return [
            name for name in names if self._cache.find(_STAGE, self._inputs(draw, name)) is None
        ]

    def run(
        self, draw: Draw, names: Sequence[str], told: Callable[[], None] = lambda: None
    ) -> None:
        """Try methods on a draw; what was only made on the way is thrown away in the end."""
        with self._shared.own(f"draw-{draw.labels_per_class}-{draw.number}") as context:
            seen = DrawContext(context, draw, lambda: self._shared.graph_data)
            truths = _truths(self._viewpoint, draw)
            for name in names:
                seen.problem_of(name)  # outside the clock
                tried = partial(_try, seen, name, truths)
                self._cache.recall(_STAGE, self._inputs(draw, name), tried)
                told()

    def found(self, draw: Draw, names: Sequence[str]) -> tuple[list[Trial], dict[str, list[str]]]:
        """Return the finished trials of a draw, and of each method its reason and its remarks."""
        trials, remarks = [], {}
        for name in names:
            kept = self._cache.find(_STAGE, self._inputs(draw, name))
            if kept is None:
                continue
            trials += _rows(draw, kept.arrays)
            remarks[name] = json.loads(str(kept.arrays["remarks"]))
        return trials, remarks

    def _inputs(self, draw: Draw, name: str) -> dict[str, Any]:
        peer = PEERS.get(name)
        return {
            **self._shared.inputs,
            "labels": hash_of(draw.labels),
            "draw": draw.number,
            "method": [name, repr(make_any_method(name, self._viewpoint.stages.settings.alpha))],
            "peer": None if peer is None else peer.version(),
        }


def _truths(context: Context, draw: Draw) -> dict[str, Truth]:
    """Return the truth of every scope when these labels are given."""
    known = context.experiment.pool.labels
    hidden = np.where(draw.labels == UNLABELED, known, UNLABELED)
    return replace(context.experiment, labels=draw.labels, hidden=hidden).truths()


def _try(seen: DrawContext, name: str, truths: Mapping[str, Truth]) -> Arrays:
    """Predict by one method, and score it in every scope."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        try:
            predictions, labeling = seen.predict(name)
        except VoisinError:
            raise
        except Exception as error:
            message = f"{name} failed: {error!r}. Choose other methods to go on without it."
            raise VoisinError(message) from error
        seconds = time.perf_counter() - start
    warned = [str(one.message) for one in caught if _matters(one.category)]
    remarks = dict.fromkeys([*seen.remarks_on(name), *warned])
    found = [
        score(one, truth, scope=scope, n_resamples=1)
        for one in predictions
        for scope, truth in truths.items()
    ]
    figures = [[one.n, *(getattr(one, figure).value for figure in FIGURES)] for one in found]
    return {
        "methods": np.array([one.method for one in found], dtype=str),
        "scopes": np.array([one.scope for one in found], dtype=str),
        "figures": np.array(figures, dtype=np.float64),
        "seconds": np.array(seconds),
        "remarks": np.array(json.dumps([labeling.reason, *remarks])),
    }


def _matters(category: type[Warning]) -> bool:
    """Tell whether a user should know: a solver that stopped early, ours or a peer's."""
    return issubclass(category, ConvergenceWarning) or category.__name__ == "ConvergenceWarning"


def _rows(draw: Draw, arrays: Arrays) -> list[Trial]:
    columns = (arrays["methods"], arrays["scopes"], arrays["figures"])
    return [
        Trial(
            draw.number,
            draw.labels_per_class,
            str(method),
            str(scope),
            int(row[0]),
            **dict(zip(FIGURES, row[1:].tolist(), strict=True)),
            seconds=float(arrays["seconds"]),
        )
        for method, scope, row in zip(*columns, strict=True)
    ]
