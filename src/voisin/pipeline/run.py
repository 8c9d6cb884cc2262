"""The order of the chapter: expert, embeddings, graph, spreading, retraining, verdict, report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from voisin.errors import InputError
from voisin.evaluation.verdict import Scores, score
from voisin.explanation.page import Explanation
from voisin.explanation.project import SavedExplanation
from voisin.neighbors.graph import find_components
from voisin.pipeline import stages as stage
from voisin.pipeline.calibrate import calibrate_labels, calibrated_predictions
from voisin.pipeline.context import Context
from voisin.pipeline.deep_loop import LoopRound, run_deep_loop
from voisin.pipeline.experiment import Experiment, capture_warnings
from voisin.pipeline.label import label_images
from voisin.pipeline.messages import (
    log_experiment,
    log_outdated_pages,
    log_scores,
    log_source,
    log_unreached,
)
from voisin.pipeline.networks import retrain_network
from voisin.pipeline.outputs import RunResult, write_outputs
from voisin.pipeline.prepare import (
    check_shares,
    make_settings,
    open_source,
    prepare,
    warn_of_alpha,
)
from voisin.pipeline.stages import Stages
from voisin.project.folder import Project
from voisin.training.rounds import PseudoLabelRound
from voisin.types import ImageCollection, Labels, Predictions, Progress, Propagation, no_progress
from voisin.validation import check_installed


@dataclass(frozen=True, eq=False)
class Run:
    """What a run found, and where its files are.

    Attributes
    ----------
    folder : Path
        Holds ``report.html``, ``labels.parquet``, ``metrics.json`` and ``model.safetensors``.
    images : ImageCollection
        The pool, in the order of its ids.
    labels : array of shape (n_pool,)
        The few labels the run started from, -1 elsewhere.
    propagation : Propagation
        Of the pool's images.
    scores : tuple of Scores
        One a method and scope.
    rounds : tuple of PseudoLabelRound
    """

    folder: Path
    images: ImageCollection
    labels: Labels
    propagation: Propagation
    scores: tuple[Scores, ...]
    rounds: tuple[PseudoLabelRound, ...]

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"

    def explain(self, image: int | str) -> Explanation:
        """Say why an image of the pool got its label, by its position or id.

        Parameters
        ----------
        image : int or str

        Returns
        -------
        Explanation
            Its ``explanation`` holds the shares; ``document()`` gives them as JSON can write them.

        Raises
        ------
        InputError
            If there is no such image, or the run's method is no weighted sum of its labels.
        """
        return self._evidence.explain(image)

    @cached_property
    def _evidence(self) -> SavedExplanation:
        return SavedExplanation(self.folder)

    def score_of(self, method: str, scope: str) -> Scores:
        """Return the scores of one method in one scope.

        Raises
        ------
        InputError
            If there are none; says which there are.
        """
        for one in self.scores:
            if (one.method, one.scope) == (method, scope):
                return one
        there = ", ".join(f"{one.method} on {one.scope}" for one in self.scores) or "none"
        message = f"There are no scores of {method!r} on {scope!r}; there are: {there}."
        raise InputError(message)


def run(
    source: str | Path | ImageCollection,
    out: str | Path,
    *,
    opening: Mapping[str, Any] | None = None,
    progress: Progress = no_progress,
    log: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Run:
    """Take images and a few labels through the whole chapter.

    The expert is trained (or loaded), every image embedded, linked to its neighbors and given a
    label by spreading; a classifier is retrained on the result; all are scored side by side. What
    is finished is kept in ``out/cache``: the same call after an interruption goes on from there
    and ends with the same figures.

    Parameters
    ----------
    source : str, Path or ImageCollection
        Anything `open_images` opens, or what it returned.
    out : str or Path
        Folder of the project; made if absent.
    opening : mapping, optional
        Options of `open_images`, such as ``{"label_column": "dx"}``, where `source` is opened here.
    progress : callable, optional
    log : callable, optional
        Told in one line a time what was understood and found.
    **options
        The fields of `Settings`, such as ``labels_per_class=50, random_state=42``.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If the source, the labels or a setting cannot be used.
    ProjectError
        If `out` holds other files, or another run works in it.
    MissingDependencyError
        If PyTorch is not installed.
    """
    settings = make_settings(options)
    check_installed("A run", ["torch"], "torch")
    with capture_warnings() as notes:
        warn_of_alpha(settings, [settings.method])
        images, origin = open_source(source, dict(opening or {}), progress)
    log_source(images, log)
    project = Project(Path(out))
    with project.locked() as cache:
        stages = Stages(cache, settings, progress, log)
        context = prepare(stages, images, notes)
        experiment = context.experiment
        log_experiment(experiment, log)
        check_shares(context)
        findings = _compute(context)
        scores = stages.timed("verdict", lambda: _judge(findings.predictions, experiment, stages))
        log_scores(scores, log)
        write_outputs(project, images, experiment, stages, replace(findings, scores=scores))
        log_outdated_pages(project.folder, log)
        project.write_settings({**origin, **settings.as_dict()})
    return Run(
        project.folder,
        experiment.pool,
        experiment.labels,
        findings.propagation,
        scores,
        findings.rounds,
    )


def _compute(context: Context) -> RunResult:
    """Run the stages up to the predictions of every method."""
    stages, experiment, data_key = context.stages, context.experiment, context.data_key
    few, expert = context.experts()
    graph_data = context.graph_data(expert)
    labeled = label_images(context, graph_data)
    if labeled.reason:
        stages.log(f"  {labeled.reason}")
    for remark in labeled.remarks:
        stages.log(f"  {remark}")
    loop_rounds: tuple[LoopRound, ...] = ()
    if stages.settings.loop_rounds:
        looped = run_deep_loop(context, graph_data, labeled)
        graph_data, labeled, loop_rounds = looped.graph_data, looped.labeled, looped.rounds
        stages.log(f"  {looped.told}")
    linked = find_components(graph_data.data.affinity).reached(experiment.labels)
    unlinked = log_unreached(labeled.propagation.reached, linked, stages.log)
    trusted = calibrate_labels(context, graph_data, labeled)
    model = retrain_network(stages, experiment, labeled.propagation, data_key)
    trained = [few, expert, model]
    if stages.settings.ceiling and _has_ceiling(experiment):
        trained.append(stage.train_on_all_labels(stages, experiment, data_key))
    by_networks = [stage.predictions_of(one, experiment) for one in trained]
    return RunResult(
        predictions=(
            *by_networks[:2],
            *labeled.predictions(experiment),
            calibrated_predictions(trusted, labeled, experiment),
            *by_networks[2:],
        ),
        propagation=labeled.propagation,
        class_priors=labeled.class_priors,
        reason=labeled.reason,
        remarks=(*labeled.remarks, *unlinked),
        trust=trusted,
        embeddings=graph_data.data.embeddings,
        affinity=graph_data.data.affinity,
        linked=linked,
        test_embeddings=graph_data.data.new,
        recall=graph_data.neighbors.recall,
        rounds=tuple(PseudoLabelRound(**one) for one in expert.notes or ()),
        loop_rounds=loop_rounds,
        model=model.weights,
        architecture=model.architecture,
        scores=(),
    )


def _has_ceiling(experiment: Experiment) -> bool:
    """Tell whether there are true labels to train on, and others to test on."""
    return "test" in experiment.truths() and bool((experiment.hidden >= 0).any())


def _judge(
    predictions: Sequence[Predictions], experiment: Experiment, stages: Stages
) -> tuple[Scores, ...]:
    """Score every method in every scope; the ceiling has seen the pool's truth, so not there."""
    pairs = [
        (scope, truth, one)
        for scope, truth in experiment.truths().items()
        for one in predictions
        if not (scope == "unlabeled" and one.method == "ceiling")
    ]
    scores = []
    for done, (scope, truth, one) in enumerate(pairs, start=1):
        scores.append(score(one, truth, scope=scope))
        stages.progress("Scoring", done, len(pairs))
    return tuple(scores)
