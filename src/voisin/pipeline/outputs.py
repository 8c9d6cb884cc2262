"""The files of a finished run, each written whole."""

import json
import platform
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin import __version__
from voisin.calibration.prior_shift import decide_for_balanced_accuracy
from voisin.evaluation.verdict import Scores
from voisin.explanation.project import is_explainable
from voisin.pipeline.calibrate import CalibratedLabels
from voisin.pipeline.calibration_figures import calibration_figures
from voisin.pipeline.deep_loop import LoopRound
from voisin.pipeline.experiment import Experiment
from voisin.pipeline.label import ESTIMATED
from voisin.pipeline.stages import Stages
from voisin.project.cache import Arrays
from voisin.project.exports import (
    metrics_document,
    write_labels,
    write_medmnist_csvs,
    write_model,
)
from voisin.project.folder import Project
from voisin.project.json_documents import to_json
from voisin.project.saved_graph import save_graph
from voisin.project.set_apart import SetApart, write_set_apart
from voisin.report.content import ReportContent
from voisin.report.page import render_report
from voisin.sources.medmnist_sets import find_set
from voisin.sources.summary import Summary, summarize
from voisin.training.rounds import PseudoLabelRound
from voisin.types import Affinity, Embeddings, ImageCollection, Predictions, Propagation


@dataclass(frozen=True, eq=False)
class RunResult:
    """What the stages found."""

    predictions: tuple[Predictions, ...]
    propagation: Propagation
    class_priors: NDArray[np.float64] | None
    reason: str
    remarks: tuple[str, ...]
    trust: CalibratedLabels
    embeddings: Embeddings
    affinity: Affinity
    linked: NDArray[np.bool_]
    test_embeddings: Embeddings
    recall: float
    rounds: tuple[PseudoLabelRound, ...]
    loop_rounds: tuple[LoopRound, ...]
    model: Arrays
    architecture: str
    scores: tuple[Scores, ...]


def write_outputs(
    project: Project,
    images: ImageCollection,
    experiment: Experiment,
    stages: Stages,
    found: RunResult,
) -> None:
    """Write labels, model, figures and, last, the report."""
    folder, settings = project.folder, stages.settings.as_dict()
    summary, shares = summarize(images), found.class_priors
    write_labels(
        folder,
        experiment.pool,
        experiment.labels,
        found.propagation,
        linked=found.linked,
        balanced=None
        if shares is None
        else decide_for_balanced_accuracy(found.propagation, shares),
        calibrated=found.trust.how_sure.probabilities,
        why=found.trust.reasons(experiment.pool.ids),
    )
    answered = found.propagation.reached
    save_graph(
        folder,
        experiment.pool,
        experiment.labels,
        found.embeddings,
        found.affinity,
        shares,
        answered,
    )
    apart = SetApart(experiment.test.ids, found.test_embeddings, experiment.test.groups)
    write_set_apart(folder, apart)
    write_model(
        folder / "model.safetensors", found.model, _model_card(experiment, found.architecture)
    )
    if find_set(images.name) is not None and images.splits is not None:
        _write_medmnist(project, images, experiment, found)
    document = metrics_document(
        dataset=_dataset(summary, experiment),
        settings=settings,
        scores=found.scores,
        rounds=found.rounds,
        graph=_graph(experiment, found),
        calibration=calibration_figures(found.trust.how_sure, experiment.pool.class_names),
        timings={one.stage: round(one.seconds, 3) for one in stages.timings},
        versions=_versions(),
    )
    project.write_text("metrics.json", to_json(document))
    project.write_text(
        "report.html", render_report(_content(summary, experiment, stages, found, folder))
    )


def _content(
    summary: Summary, experiment: Experiment, stages: Stages, found: RunResult, folder: Path
) -> ReportContent:
    return ReportContent(
        summary=summary,
        settings=_settings_told(stages, found),
        warnings=(*experiment.warnings, *(one for one in found.remarks if not _is_estimate(one))),
        timings=tuple(stages.timings),
        scores=found.scores,
        rounds=found.rounds,
        images=experiment.pool,
        labels=experiment.labels,
        truth=experiment.hidden,
        probabilities=found.propagation.probabilities,
        reached=found.propagation.reached,
        embeddings=found.embeddings,
        metric=stages.settings.metric,
        versions=_versions(),
        how_sure=found.trust.how_sure,
        folder=str(folder),
        explainable=is_explainable(folder),
    )


def _settings_told(stages: Stages, found: RunResult) -> dict[str, str]:
    """Write every setting; beside those that were left to decide, what was decided."""
    told = {
        name: "–" if value is None else str(value)
        for name, value in stages.settings.as_dict().items()
    }
    estimates = " ".join(one for one in found.remarks if _is_estimate(one))
    for name, decided in (("method", found.reason), ("class_priors", estimates)):
        if decided:
            told[name] = f"{told[name]}: {decided}"
    return told


def _is_estimate(remark: str) -> bool:
    return remark.startswith(ESTIMATED)


def _write_medmnist(
    project: Project, images: ImageCollection, experiment: Experiment, found: RunResult
) -> None:
    """Write each method's predictions of the whole test split, in the order of its file."""
    if len(experiment.test) != len(images.in_split("test")):
        return  # MedMNIST's evaluator needs every image
    order = np.argsort(experiment.test.positions)
    on_test = {one.method: one for one in found.scores if one.scope == "test"}
    predictions = [
        (on_test[one.method], one.probabilities[len(experiment.pool) :][order])
        for one in found.predictions
        if one.method in on_test
    ]
    write_medmnist_csvs(project.folder / "medmnist", images.name, "test", predictions)


def _graph(experiment: Experiment, found: RunResult) -> dict[str, object]:
    """Say how good the graph is, and how the spreading over it ended."""
    propagation = found.propagation
    return {
        "recall": found.recall,
        "reason": found.reason,
        "remarks": list(found.remarks),
        "deep_loop": [asdict(one) for one in found.loop_rounds],
        "n_reached": int((propagation.reached & found.linked).sum()),
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


def _model_card(experiment: Experiment, architecture: str) -> dict[str, str]:
    """Say what the network is, under one key: the order of several would change the file."""
    card = {
        "architecture": architecture,
        "in_channels": experiment.pool_pixels.shape[-1],
        "class_names": experiment.pool.class_names,
        "input": "28 x 28, pixels / 127.5 - 1",
        "version": __version__,
    }
    return {"voisin": json.dumps(card, ensure_ascii=False)}


def _versions() -> dict[str, str]:
    names = ("numpy", "scipy", "scikit-learn", "torch", "pillow")
    found = {name: version(name) for name in names}
    return {"voisin": __version__, "python": platform.python_version(), **found}
