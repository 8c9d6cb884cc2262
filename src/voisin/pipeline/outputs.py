"""Write the files of a finished run, each whole or not at all."""

import platform
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin import __version__
from voisin.calibration.calibrate import CalibrationResult
from voisin.calibration.prior_shift import shift_priors
from voisin.evaluation.verdict import Scores, score
from voisin.explanation.attribution import TopContributors
from voisin.explanation.project import SYSTEM, StoredSystem, describe_contributors
from voisin.neighbors.novelty import Novelty
from voisin.pipeline.calibrate import calibration_figures, decision_figures
from voisin.pipeline.context import StoredGraphData
from voisin.pipeline.deep_loop import LoopRound
from voisin.pipeline.label import LabeledImages, describe_estimate
from voisin.pipeline.prepare import Experiment
from voisin.pipeline.stages import Stages
from voisin.prediction.model import MODEL, Model, save_model
from voisin.project.exports import (
    metrics_document,
    to_json,
    write_labels,
    write_medmnist_csvs,
)
from voisin.project.finished_run import RESULT, RunResult
from voisin.project.folder import Project
from voisin.project.stored import save
from voisin.report.content import ReportContent
from voisin.report.language import choose_language
from voisin.report.page import render_report
from voisin.sources.collection import Summary, summarize
from voisin.sources.medmnist import find_set
from voisin.training.pseudo_labels import PseudoLabelRound
from voisin.types import ImageCollection, Predictions


@dataclass(frozen=True, eq=False)
class StageResults:
    """What the stages of a run computed.

    Attributes
    ----------
    graph_data : StoredGraphData
    labeled : LabeledImages
    linked : array of shape (n_pool,)
        Whether a path in the graph leads to a labeled image.
    calibration : CalibrationResult
    system : StoredSystem
    contributors : TopContributors, optional
    predictions : tuple of Predictions
        Predictions of every method, on pool and test.
    model : Model
        The classifier for new images, which is written to ``model.safetensors``.
    novelty : Novelty
    expected : dict
        How good the labels are expected to be, for ``metrics.json``.
    rounds : tuple of PseudoLabelRound
    loop_rounds : tuple of LoopRound
    notes : tuple of str
        Remarks on the labels for readers of the report.
    embedding_reason : str
        Why the embedding was chosen; empty if it was set.
    better_backbone : str
        Which pretrained model is better than the backbone; empty if the embedding was set.
    """

    graph_data: StoredGraphData
    labeled: LabeledImages
    linked: NDArray[np.bool_]
    calibration: CalibrationResult
    system: StoredSystem
    contributors: TopContributors | None
    predictions: tuple[Predictions, ...]
    model: Model
    novelty: Novelty
    expected: dict[str, Any]
    rounds: tuple[PseudoLabelRound, ...]
    loop_rounds: tuple[LoopRound, ...]
    notes: tuple[str, ...]
    embedding_reason: str = ""
    better_backbone: str = ""


def write_outputs(
    project: Project,
    images: ImageCollection,
    experiment: Experiment,
    stages: Stages,
    results: StageResults,
    scores: tuple[Scores, ...],
) -> None:
    """Write labels, arrays for later questions, model, metrics and, last, the report."""
    folder, pool = project.folder, experiment.pool
    calibration, contributors = results.calibration, results.contributors
    why = None if contributors is None else describe_contributors(contributors, pool.ids)
    write_decided_labels(project, experiment, stages, calibration, linked=results.linked, why=why)
    save(folder / SYSTEM, results.system)
    save(folder / RESULT, _run_result(experiment, results, scores))
    save_model(folder / MODEL, results.model)
    if find_set(images.name) is not None and images.splits is not None:
        _write_medmnist(project, images, experiment, results)
    summary = summarize(images)
    document = metrics_document(
        decision=decision_figures(calibration, experiment.labels, pool.class_names),
        expected=results.expected,
        dataset=_dataset(summary, experiment),
        settings=stages.settings.as_dict(),
        scores=scores,
        rounds=results.rounds,
        graph=_graph(experiment, results),
        calibration=calibration_figures(calibration, pool.class_names),
        timings={timing.stage: round(timing.seconds, 3) for timing in stages.timings},
        versions=_versions(),
    )
    project.write_text("metrics.json", to_json(document))
    content = _report_content(project, summary, experiment, stages, results, scores)
    project.write_text("report.html", render_report(content))


def write_decided_labels(
    project: Project,
    experiment: Experiment,
    stages: Stages,
    calibration: CalibrationResult,
    **more: Any,
) -> None:
    """Write ``labels.csv`` and ``labels.parquet``."""
    write_labels(
        project.folder,
        experiment.pool,
        experiment.labels,
        calibration.labels,
        calibration.probabilities,
        csv_separator=stages.settings.csv_separator,
        **more,
    )


def _run_result(
    experiment: Experiment, results: StageResults, scores: tuple[Scores, ...]
) -> RunResult:
    pool, test, data = experiment.pool, experiment.test, results.graph_data.data
    return RunResult(
        ids=pool.ids.astype(np.str_),
        class_names=pool.class_names,
        labels=experiment.labels,
        groups=None if pool.groups is None else pool.groups.astype(np.str_),
        embeddings=data.embeddings,
        affinity=data.affinity,
        linked=results.linked,
        propagation=results.labeled.propagation,
        stated=results.calibration.probabilities,
        is_calibrated=bool(results.calibration.n_labels),
        decision=results.calibration.decision,
        calibration=results.calibration.calibration,
        induction=results.labeled.labeling.induction,
        novelty=results.novelty,
        class_priors=results.labeled.class_priors,
        test_ids=test.ids.astype(np.str_),
        test_embeddings=data.new_embeddings,
        test_groups=None if test.groups is None else test.groups.astype(np.str_),
        scores=scores,
        rounds=results.rounds,
    )


def _report_content(
    project: Project,
    summary: Summary,
    experiment: Experiment,
    stages: Stages,
    results: StageResults,
    scores: tuple[Scores, ...],
) -> ReportContent:
    return ReportContent(
        summary=summary,
        settings=_settings_and_decisions(experiment, stages, results),
        warnings=(*experiment.warnings, *results.notes),
        timings=tuple(stages.timings),
        scores=scores,
        rounds=results.rounds,
        images=experiment.pool,
        labels=experiment.labels,
        truth=experiment.hidden,
        probabilities=results.calibration.probabilities,
        predicted=results.calibration.labels,
        embeddings=results.graph_data.data.embeddings,
        metric=stages.settings.metric,
        versions=_versions(),
        calibration=results.calibration,
        folder=str(project.folder),
        explainable=results.system.system is not None,
        language=choose_language(stages.settings.language),
    )


def _settings_and_decisions(
    experiment: Experiment, stages: Stages, results: StageResults
) -> dict[str, str]:
    """Write every setting as text, with the choice made if the run chose the value itself."""
    texts = {
        name: "–" if value is None else str(value)
        for name, value in stages.settings.as_dict().items()
    }
    labeled = results.labeled
    if results.embedding_reason:
        texts["embedding"] = results.embedding_reason
    if results.better_backbone:
        texts["fetch"] += f": {results.better_backbone}"
    if labeled.labeling.reason:
        texts["method"] += f": {labeled.labeling.reason}"
    if labeled.estimate is not None:
        estimate = describe_estimate(labeled.estimate, experiment.pool.class_names)
        texts["class_priors"] += f": {estimate}"
    return texts


def _write_medmnist(
    project: Project,
    images: ImageCollection,
    experiment: Experiment,
    results: StageResults,
) -> None:
    """Write each method's predictions of the whole test split, in the order of its file.

    MedMNIST's evaluator takes the largest number of a row as the label, so a decision enters the
    probabilities.
    """
    truth = experiment.truths().get("test")
    if truth is None or len(experiment.test) != len(images.in_split("test")):
        return  # MedMNIST's evaluator needs every image
    order = np.argsort(experiment.test.positions)
    factors = results.calibration.decision.factors
    decided = [
        made
        if made.labels is None
        else replace(made, labels=None, probabilities=shift_priors(made.probabilities, new=factors))
        for made in results.predictions
    ]
    predictions = [
        (score(made, truth, n_resamples=1), made.probabilities[len(experiment.pool) :][order])
        for made in decided
    ]
    write_medmnist_csvs(project.folder / "medmnist", images.name, "test", predictions)


def _graph(experiment: Experiment, results: StageResults) -> dict[str, object]:
    """Return the graph's recall, and how the propagation along it ended."""
    labeled = results.labeled
    propagation = labeled.propagation
    notes = results.notes
    if labeled.estimate is not None:
        notes = (describe_estimate(labeled.estimate, experiment.pool.class_names), *notes)
    return {
        "recall": results.graph_data.neighbors.recall,
        "reason": labeled.labeling.reason,
        "notes": list(notes),
        "deep_loop": [asdict(loop_round) for loop_round in results.loop_rounds],
        "n_reached": int((propagation.reached & results.linked).sum()),
        "n_images": len(experiment.pool),
        "n_iter": propagation.n_iter,
        "residual": propagation.residual,
        "converged": propagation.converged,
    }


def _dataset(summary: Summary, experiment: Experiment) -> dict[str, object]:
    return {
        "name": summary.name,
        "n_images": summary.n_images,
        "n_labeled": int((experiment.labels >= 0).sum()),
        "class_names": list(experiment.pool.class_names),
        "class_counts": summary.class_counts,
        "n_groups": summary.n_groups,
        "split_counts": summary.split_counts,
        "n_pool": len(experiment.pool),
        "n_test": len(experiment.test),
        "warnings": list(experiment.warnings),
    }


def _versions() -> dict[str, str]:
    names = ("numpy", "scipy", "scikit-learn", "torch", "pillow")
    libraries = {name: version(name) for name in names}
    return {"voisin": __version__, "python": platform.python_version(), **libraries}
