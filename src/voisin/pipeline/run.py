"""A run from start to end: prepare, embed, label, calibrate, retrain, judge, write."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voisin.embedding.specification import AUTO, parse_embedding, parts_for_novelty
from voisin.evaluation.verdict import Scores, score
from voisin.explanation.attribution import TopContributors
from voisin.explanation.project import StoredSystem, take_apart
from voisin.neighbors.graph import find_components
from voisin.neighbors.novelty import Novelty, fit_novelty
from voisin.parallel import workers
from voisin.pipeline.calibrate import calibrate_labels, decided_predictions, expected_figures
from voisin.pipeline.choose import candidates_of, choose_embedding, estimate_seconds
from voisin.pipeline.classifiers import TrainedNetwork, train_on_all_labels, train_on_few_labels
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.deep_loop import LoopRound, run_deep_loop
from voisin.pipeline.embed import embed_part
from voisin.pipeline.given_labels import GivenLabels
from voisin.pipeline.head import make_model
from voisin.pipeline.kept_networks import keep_networks, remember_taught
from voisin.pipeline.label import LabeledImages, describe_estimate, label_images
from voisin.pipeline.messages import (
    log_answers,
    log_better_backbone,
    log_decision,
    log_effort,
    log_experiment,
    log_outdated_pages,
    log_scores,
    log_source,
    log_unreached,
)
from voisin.pipeline.open_run import Run, open_run
from voisin.pipeline.outputs import StageResults, write_decided_labels, write_outputs
from voisin.pipeline.prepare import Experiment, make_settings, open_source, warn_of_alpha
from voisin.pipeline.stages import Stages, capture_warnings
from voisin.progress import show_progress
from voisin.project.answers import agree_on_tables, write_disagreements
from voisin.project.folder import Project
from voisin.project.label_events import LabelEvents
from voisin.settings import Settings
from voisin.types import AskedProgress, ImageCollection, Labels, Predictions, Problem, Progress
from voisin.validation import check_installed


def run(
    source: str | Path | ImageCollection,
    out: str | Path,
    *,
    opening: Mapping[str, Any] | None = None,
    progress: AskedProgress = None,
    log: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Run:
    """Label all images of a source from a few labels, and write a report.

    Every image is embedded, by what held-out labels choose, linked to its neighbors and labeled
    from them; a classifier is retrained on these labels; all methods are scored. Finished
    stages are kept in ``out/cache``: after an interruption, the same call continues from there and
    ends with the same figures.

    Parameters
    ----------
    source : str, Path or ImageCollection
        Anything that `open_images` opens, or a collection of images.
    out : str or Path
        Folder of the project; created if absent.
    opening : mapping, optional
        Options of `open_images`, such as ``{"label_column": "dx"}``; for a path or a name only.
    progress : callable or bool, optional
        Called as ``progress(task, done, total)``. By default, progress is shown in a terminal and
        in a notebook; True shows it elsewhere, too, False nowhere.
    log : callable, optional
        Called with one line of text at a time, about the source and the results.
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
    with show_progress(progress) as shown:
        return _run(source, Project(Path(out)), settings, dict(opening or {}), shown, log)


def _run(
    source: str | Path | ImageCollection,
    project: Project,
    settings: Settings,
    opening: dict[str, Any],
    progress: Progress,
    log: Callable[[str], None],
) -> Run:
    with capture_warnings() as notes:
        warn_of_alpha(settings, [settings.method])
        images, origin = open_source(source, opening, progress)
    log_source(images, log)
    with project.locked() as cache, workers(1):  # on a busy machine, threads of BLAS would wait
        stages = Stages(cache, settings, progress, log)
        given = read_given_labels(settings, images, project.folder)
        images = images.take(~np.isin(images.ids, sorted(given.rejected)))
        context = Context.of(stages, images, notes, given)
        experiment = context.experiment
        log_experiment(experiment, log)
        log_answers(given, experiment, project.folder, log)
        in_dispute = given.table_disagreements | given.answers.disagreements
        write_disagreements(project.folder, in_dispute, settings.csv_separator)
        context.check_class_priors()
        context, kept = keep_networks(context)
        chosen, reason, better_backbone = context, "", ""
        if settings.embedding == AUTO:
            better_backbone = log_better_backbone(experiment, log)
            chosen, reason = _choose_embedding(project, context)
        stages, reason = chosen.stages, "; ".join(filter(None, [reason, kept]))
        results = _compute(chosen)
        results = replace(results, embedding_reason=reason, better_backbone=better_backbone)
        remember_taught(context)
        scores = stages.timed("verdict", lambda: _judge(results.predictions, experiment, stages))
        log_decision(results.calibration, experiment, log)
        log_scores(scores, log)
        outputs = (project, images, experiment, stages, results, scores)
        try:
            write_outputs(*outputs)
        except OSError as error:  # the files that the user wants come before those that save time
            log(f"  Removing the cache to make room: {error}")
            cache.clear()
            write_outputs(*outputs)
        log_outdated_pages(project.folder, log)
        project.write_settings({**origin, **settings.as_dict()})
    finished = open_run(project.folder)
    finished.images = experiment.pool
    log("")
    log(f"Report: {finished.report.resolve()}")
    log(results.expected["text"])
    return finished


def read_given_labels(settings: Settings, images: ImageCollection, folder: Path) -> GivenLabels:
    """Read the tables of the settings, and the answers stored in the folder of a project."""
    tables = None if settings.labels is None else agree_on_tables(settings.labels, images)
    return GivenLabels(tables, LabelEvents(folder).agreement())


def _choose_embedding(project: Project, context: Context) -> tuple[Context, str]:
    """Write labels by the quickest embedding, then choose among all that the effort allows."""
    stages, experiment = context.stages, context.experiment
    candidates = candidates_of(stages.settings, experiment)
    has_backbone = any(part.kind == "backbone" for part in parse_embedding(candidates[-1]))
    if has_backbone and context.dealt is None:  # with kept networks, hardly any of it is left
        log_effort(stages.settings.effort, estimate_seconds(context), stages.log)
    if len(candidates) == 1:
        return context, ""
    if not (project.folder / "report.html").exists():  # labels of a finished run are better
        with stages.silent("first labels") as inner:
            quick = replace(context, stages=inner).with_embedding(candidates[-1])
            labeled = label_images(quick, quick.graph_data())
            write_decided_labels(project, experiment, stages, calibrate_labels(quick, labeled))
        stages.log(f"  first labels are in {project.folder / 'labels.csv'}, until better ones come")
    with stages.silent("embedding") as inner:
        embedding, reason = choose_embedding(replace(context, stages=inner), candidates)
    if reason:
        stages.log(f"  {reason}")
    return context.with_embedding(embedding), reason


def _compute(context: Context) -> StageResults:
    """Run all stages from the expert network to the predictions of every method."""
    stages, experiment = context.stages, context.experiment
    few = expert = None
    if context.needs_expert or stages.settings.expert_network:
        few, expert = context.expert_networks()
    elif experiment.truths():  # without truth, nobody can compare with it
        few = train_on_few_labels(stages, experiment)
    graph_data = context.graph_data(expert)
    labeled = label_images(context, graph_data)
    if labeled.labeling.reason:
        stages.log(f"  {labeled.labeling.reason}")
    if labeled.estimate is not None:
        stages.log(f"  {describe_estimate(labeled.estimate, experiment.pool.class_names)}")
    for note in labeled.notes:
        stages.log(f"  {note}")
    loop_rounds: tuple[LoopRound, ...] = ()
    if stages.settings.loop_rounds:
        loop = run_deep_loop(context, graph_data, labeled)
        graph_data, labeled, loop_rounds = loop.graph_data, loop.labeled, loop.rounds
        stages.log(f"  {loop.note}")
    linked = find_components(graph_data.data.affinity).reached(experiment.labels)
    unreached = log_unreached(labeled.propagation.reached, linked, stages.log)
    calibration = calibrate_labels(context, labeled)
    system, contributors = _take_apart(context, graph_data, labeled, calibration.labels)
    model, of_model = make_model(context, graph_data, labeled.propagation, calibration)
    ceiling = None
    if stages.settings.ceiling and _has_ceiling(experiment):
        ceiling = train_on_all_labels(stages, experiment)
    simple = [network.predictions(experiment) for network in (few, expert) if network]
    return StageResults(
        graph_data=graph_data,
        labeled=labeled,
        linked=linked,
        calibration=calibration,
        system=system,
        contributors=contributors,
        predictions=(
            *simple,
            decided_predictions(calibration, labeled, experiment),
            of_model,
            *([ceiling.predictions(experiment)] if ceiling else ()),
        ),
        model=model,
        novelty=_judge_novelty(context, graph_data, expert),
        expected=expected_figures(calibration, experiment.labels, experiment.pool.class_names),
        rounds=expert.rounds if expert else (),
        loop_rounds=loop_rounds,
        notes=(*labeled.notes, *unreached),
    )


def _judge_novelty(
    context: Context, graph_data: StoredGraphData, expert: TrainedNetwork | None
) -> Novelty:
    """Find from which distance on an image is unlike all of the pool."""
    experiment = replace(context.experiment, taught=graph_data.taught)
    parts = parts_for_novelty(parse_embedding(context.stages.settings.embedding))
    with context.stages.silent("novelty") as quiet:
        embedded = [
            embed_part(quiet, experiment, part, expert, context.embedders) for part in parts
        ]
        return fit_novelty([part.pool for part, _ in embedded], experiment.pool.groups)


def _take_apart(
    context: Context, graph_data: StoredGraphData, labeled: LabeledImages, found: Labels
) -> tuple[StoredSystem, TopContributors | None]:
    """Write the scores as a linear system, for explanations."""
    experiment, asked = context.experiment, context.stages.settings.method
    problem = Problem(
        graph_data.data,
        experiment.labels,
        experiment.n_classes,
        class_priors=labeled.class_priors,
    )
    name = labeled.method if asked == "auto" else asked
    return context.stages.timed(
        "explanations", lambda: take_apart(labeled.labeling, problem, name, found)
    )


def _has_ceiling(experiment: Experiment) -> bool:
    """Tell whether true labels are known both in the pool, to train on, and in the test set."""
    return "test" in experiment.truths() and bool((experiment.hidden >= 0).any())


def _judge(
    predictions: Sequence[Predictions], experiment: Experiment, stages: Stages
) -> tuple[Scores, ...]:
    """Score every method in every scope, but not the ceiling on the pool it was trained on."""
    pairs = [
        (scope, truth, predicted)
        for scope, truth in experiment.truths().items()
        for predicted in predictions
        if not (scope == "unlabeled" and predicted.method == "ceiling")
    ]
    scores = []
    for done, (scope, truth, predicted) in enumerate(pairs, start=1):
        scores.append(score(predicted, truth, scope=scope))
        stages.progress("Scoring", done, len(pairs))
    return tuple(scores)
