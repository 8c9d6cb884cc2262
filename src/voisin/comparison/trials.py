"""Compute, score and store trials; a trial is one method on one draw of labels.

A method sees only the labels of the draw: `Context.with_labels` hides the others before anything
is predicted. This module must not know processes or pages.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin import __version__
from voisin.calibration.decision import fit_decision
from voisin.errors import ConvergenceWarning, InputError, InputWarning, VoisinError
from voisin.evaluation.metrics import METRICS
from voisin.evaluation.significance import Trial
from voisin.evaluation.verdict import Truth, score
from voisin.labeling.class_prior_estimation import parse_class_priors, resolve_class_priors
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.peers.registry import PEERS, make_peer
from voisin.labeling.registry import make_method
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.embed import embed_without_labels
from voisin.project.cache import hash_of
from voisin.settings import Settings
from voisin.sources.few_labels import draw_labels
from voisin.types import (
    UNLABELED,
    Labeling,
    LabelingMethod,
    Labels,
    Predictions,
    Problem,
)

_STAGE = "trials"
_FORMAT = 2  # of stored trials; raise it when their content or their computation changes
_IRRELEVANT = ("labels_per_class", "labels", "method", "retraining_epochs", "ceiling")
_NOT_ESTIMATED = (
    "Class shares could not be estimated, because no label could be held out: all classes were "
    "taken as equally common."
)


def relevant_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that change a trial, without those that the comparison itself sets."""
    return {name: value for name, value in settings.as_dict().items() if name not in _IRRELEVANT}


@dataclass(frozen=True, eq=False)
class Draw:
    """The few labels that every method is given.

    Attributes
    ----------
    number : int
        Counted from 0.
    labels_per_class : int
    labels : array of shape (n_pool,)
        -1 where hidden.
    """

    number: int
    labels_per_class: int
    labels: Labels

    @property
    def n_labels(self) -> int:
        """Number of labeled images."""
        return int((self.labels != UNLABELED).sum())


def draw_all(context: Context, n_draws: int, numbers: Sequence[int]) -> list[Draw]:
    """Draw every set of labels, the fewest labels first.

    A warning that several draws cause is shown once.

    Raises
    ------
    InputError
        If a draw takes every known label and there is no test set, so no label is left to score by.
    """
    pool, settings = context.experiment.pool, context.stages.settings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        draws = [
            Draw(
                number,
                count,
                draw_labels(
                    pool.labels,
                    labels_per_class=count,
                    groups=pool.groups,
                    class_names=pool.class_names,
                    random_state=(settings.random_state + number) % 2**32,
                ),
            )
            for count in numbers
            for number in range(n_draws)
        ]
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        warnings.warn(text, InputWarning, stacklevel=3)
    n_known = int((pool.labels != UNLABELED).sum())
    for draw in draws:
        if draw.n_labels == n_known and not len(context.experiment.test):
            message = (
                f"{draw.labels_per_class} labels per class take all {n_known} known labels: "
                "none is left to judge by."
            )
            raise InputError(message)
    return draws


def make_any_method(name: str, alpha: float) -> LabelingMethod:
    """Make a method by its name, whether it is voisin's or another library's."""
    return make_peer(name) if name in PEERS else make_method(name, alpha=alpha)


@dataclass(frozen=True)
class StoredTrials:
    """One method on one draw, in every scope.

    Attributes
    ----------
    trials : tuple of Trial
        One for each scope.
    reason : str
        What the method decided for itself; may be empty.
    notes : tuple of str
        What it could not finish, or was not given.
    """

    trials: tuple[Trial, ...]
    reason: str
    notes: tuple[str, ...]


class DrawContext:
    """The input of methods in one draw; vectors, graph and folds are computed when first needed.

    Parameters
    ----------
    context : Context
    draw : Draw
    shared_graph_data : callable
        Returns the vectors and the graph of all draws; called if they do not depend on labels.
    """

    def __init__(
        self, context: Context, draw: Draw, shared_graph_data: Callable[[], StoredGraphData]
    ) -> None:
        self._draw = draw
        self._context = context.with_labels(draw.labels)
        self._shared_graph_data = shared_graph_data

    @cached_property
    def _graph_data(self) -> StoredGraphData:
        if self._context.trains_again:
            return self._context.graph_data()
        return self._shared_graph_data()

    @cached_property
    def _without_priors(self) -> Problem:
        return self._context.problem(self._graph_data)

    @cached_property
    def _with_folds(self) -> Problem:
        return replace(self._without_priors, class_priors=self._class_priors)

    @cached_property
    def _class_priors(self) -> NDArray[np.float64] | None:
        settings = self._context.stages.settings
        names = self._context.experiment.pool.class_names
        if settings.class_priors in ("auto", "uniform"):  # methods are not calibrated here
            return None
        if not self._context.has_class_priors:
            return np.full(len(names), 1 / len(names))
        way, given = parse_class_priors(settings.class_priors, names)
        return resolve_class_priors(way, self._without_priors, given)[0]

    @cached_property
    def _without_folds(self) -> Problem:
        experiment = self._context.experiment
        return Problem(
            self._graph_data.data,
            experiment.labels,
            experiment.n_classes,
            class_priors=self._class_priors,
            random_state=self._context.stages.settings.random_state,
        )

    def problem_of(self, name: str) -> Problem:
        """Return the problem that a method solves, with folds only if it may hold labels out.

        Folds are left out otherwise because they may require the training of networks.
        """
        needs_no_folds = name in PEERS or isinstance(self._make(name), GraphOnly)
        return self._without_folds if needs_no_folds else self._with_folds

    def predict(self, name: str) -> tuple[Predictions, Labeling]:
        """Label pool and test by one method, and decide as a run does, if class priors are known.

        A method of another library is not told class priors, and decides by itself.
        """
        problem, settings = self.problem_of(name), self._context.stages.settings
        labeling = self._label(name, problem)
        found, labels = labeling.propagation, None
        probabilities = np.concatenate([found.probabilities, labeling.new_probabilities])
        if name not in PEERS:
            priors = problem.class_priors
            if settings.class_priors == "uniform":
                priors, _ = resolve_class_priors("uniform", problem)
            asked = found.probabilities[found.reached & (problem.labels == UNLABELED)]
            labels = fit_decision(asked, priors, settings.decide).apply(probabilities)
        reached = np.concatenate([found.reached, labeling.new_reached])
        predictions = Predictions(
            name, self._context.experiment.ids, probabilities, reached, labels
        )
        return predictions, labeling

    def run_trial(self, name: str, truths: Mapping[str, Truth]) -> StoredTrials:
        """Predict by one method, and score it in every scope; return what is stored of it."""
        self.problem_of(name)  # computed before the clock starts
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            start = time.perf_counter()
            predictions, labeling = self.predict(name)
            seconds = time.perf_counter() - start
        scores = [
            score(predictions, truth, scope=scope, n_resamples=1) for scope, truth in truths.items()
        ]
        notes = [
            str(warning.message)
            for warning in caught
            # A solver stopped early; other libraries name this warning as voisin does.
            if issubclass(warning.category, ConvergenceWarning)
            or warning.category.__name__ == ConvergenceWarning.__name__
        ]
        if name not in PEERS and not self._context.has_class_priors:
            notes.insert(0, _NOT_ESTIMATED)
        trials = tuple(
            Trial(
                self._draw.number,
                self._draw.labels_per_class,
                of_method.method,
                of_method.scope,
                of_method.n,
                {metric: of_method.metrics[metric].value for metric in METRICS},
                seconds,
            )
            for of_method in scores
        )
        return StoredTrials(trials, labeling.reason, tuple(dict.fromkeys(notes)))

    def _label(self, name: str, problem: Problem) -> Labeling:
        """Label by a method; turn an error of another library into a one-line `VoisinError`."""
        method = self._make(name)
        if name not in PEERS:
            return method.label(problem)
        try:
            return method.label(problem)
        except VoisinError:
            raise
        except Exception as error:  # nobody can list what other libraries raise
            message = (
                f"{name}, a method of another library, failed: {error!r}. "
                "Choose other methods to go on without it."
            )
            raise VoisinError(message) from error

    def _make(self, name: str) -> LabelingMethod:
        return make_any_method(name, self._context.stages.settings.alpha)


class Trials:
    """The trials of a comparison, each stored in the project's cache when it is done.

    Parameters
    ----------
    context : Context
        With every known label, since predictions are scored by them.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._cache = context.stages.cache
        self._trains_again = context.trains_again

    @cached_property
    def _shared_graph_data(self) -> StoredGraphData:
        return self._context.graph_data()

    @cached_property
    def _shared_inputs(self) -> dict[str, Any]:
        """Everything that a trial depends on, apart from its draw and its method."""
        context, experiment = self._context, self._context.experiment
        collections = (experiment.pool, experiment.test)
        truth = [images.labels for images in collections]
        groups = [images.groups for images in collections if images.groups is not None]
        return {
            "format": _FORMAT,
            "version": __version__,
            "data": context.experiment.key,
            "settings": relevant_settings(context.stages.settings),
            "embedders": [embedder.fingerprint() for embedder in context.embedders.values()],
            "truth": [hash_of(array) for array in (*truth, *groups)],
        }

    def _inputs(self, draw: Draw, name: str) -> dict[str, Any]:
        method = make_any_method(name, self._context.stages.settings.alpha)
        return {
            **self._shared_inputs,
            "labels": hash_of(draw.labels),
            # Draws may be equal: without their number, two processes would write one result.
            "draw": draw.number,
            "method": [name, repr(method)],
            "metrics": list(METRICS),
            "peer": PEERS[name].version() if name in PEERS else None,
        }

    def prepare(self) -> None:
        """Compute once, before any process needs it, everything that does not depend on labels."""
        context = self._context
        if self._trains_again:
            embed_without_labels(context.stages, context.experiment, context.embedders)
        else:
            _ = self._shared_graph_data

    def missing(self, draw: Draw, names: Sequence[str]) -> list[str]:
        """Return the methods whose trial of a draw is not stored yet."""
        return [
            name
            for name in names
            if self._cache.find(_STAGE, self._inputs(draw, name), StoredTrials) is None
        ]

    def run(
        self, draw: Draw, names: Sequence[str], on_done: Callable[[], None] = lambda: None
    ) -> None:
        """Run and store the trials of a draw; `on_done` is called after each.

        Vectors that are learned from the draw's labels are removed from the cache at the end.
        """
        stages, experiment = self._context.stages, self._context.experiment
        truths = replace(experiment, labels=draw.labels).truths()
        with stages.cache.inner(f"draw-{draw.labels_per_class}-{draw.number}") as inner:
            cache = inner if self._trains_again else stages.cache
            context = replace(self._context, stages=replace(stages, cache=cache, timings=[]))
            of_draw = DrawContext(context, draw, lambda: self._shared_graph_data)
            for name in names:
                compute = partial(of_draw.run_trial, name, truths)
                inputs = self._inputs(draw, name)
                self._cache.recall(_STAGE, inputs, compute, StoredTrials, spare=False)
                on_done()

    def collect(
        self, draws: Iterable[Draw], names: Sequence[str]
    ) -> tuple[tuple[Trial, ...], dict[str, tuple[str, ...]]]:
        """Return the stored trials, and the notes of each method that has any."""
        trials: list[Trial] = []
        notes: dict[str, list[str]] = {name: [] for name in names}
        reasons: dict[str, list[str]] = {name: [] for name in names}
        for draw in draws:
            for name in names:
                stored = self._cache.find(_STAGE, self._inputs(draw, name), StoredTrials)
                if stored is None:
                    continue
                trials += stored.value.trials
                notes[name] += stored.value.notes
                reasons[name] += filter(None, [stored.value.reason])
        by_method = {name: (*notes[name], *reasons[name]) for name in names}
        return tuple(trials), {name: texts for name, texts in by_method.items() if texts}
