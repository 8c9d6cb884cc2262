"""The classifier that a run leaves for new images, taught the labels found.

Beside the backbone, it is a linear layer on the vectors that the images were compared by; without
the backbone, a small network.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.calibrate import CalibrationResult
from voisin.calibration.prior_shift import weigh_by_class
from voisin.calibration.scaling import Calibration, fit_calibration
from voisin.embedding.specification import KINDS, Part, parse_embedding
from voisin.evaluation.metrics import certainty
from voisin.labeling.classifier import fit_softmax, scale_of
from voisin.pipeline.classifiers import TrainedNetwork
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.networks import backbone_size, make_network, retrain_network
from voisin.prediction.embedder import digest_of
from voisin.prediction.model import LINEAR, Model
from voisin.project.cache import hash_of
from voisin.types import UNLABELED, Predictions, Probabilities, Propagation

_MOST_IMAGES = 5_000  # that it is taught, by hand: a linear layer learns little from more
_CALIBRATED_BY = 2_000  # images, by hand: enough for one temperature and a factor a class
# C of the penalty. On 505 test photographs of waste, from 10 labels a class, AUC was 0.912 with 1,
# 0.915 with 3 and 0.917 with 10, balanced accuracy 0.66 with each; the labels alone gave 0.908 and
# 0.65.
_STRENGTH = 3.0


def make_model(
    context: Context,
    graph_data: StoredGraphData,
    propagation: Propagation,
    calibration: CalibrationResult,
) -> tuple[Model, Predictions]:
    """Teach a classifier, calibrate it, and gather all that it needs for new images.

    Its labels are decided by the run's rule.

    Returns
    -------
    model : Model
    predictions : Predictions
        Of the images of pool and test.
    """
    settings, experiment = context.stages.settings, context.experiment
    parts = parse_embedding(settings.embedding)
    targets = _targets(context, calibration)
    is_linear = any(KINDS[part.kind].module == "backbone" for part in parts)
    network = (
        _teach_linear_layer(context, graph_data, targets, calibration)
        if is_linear
        else retrain_network(context.stages, experiment, propagation)
    )
    fitted = calibrate_classifier(
        network.pool, targets, calibration, experiment.labels == UNLABELED
    )
    name = "head" if is_linear else "network"
    weights = {f"{name}.{key}": value for key, value in network.weights.items()}
    model = Model(
        classifier=LINEAR if is_linear else network.architecture,
        embedding=settings.embedding,
        class_names=experiment.pool.class_names,
        n_channels=experiment.pool_pixels.shape[-1],
        sizes=_sizes(context, parts),
        calibration=fitted,
        decision=calibration.decision,
        weights=weights | _weights_of_parts(context, graph_data, parts),
        onnx_normalization=settings.onnx_normalization,
        digests={
            str(part): digest_of(context.embedders[part])
            for part in parts
            if part.kind in ("onnx", "pretrained")
        },
    )
    found = network.predictions(experiment)
    probabilities = fitted.apply(found.probabilities)
    labels = calibration.decision.apply(probabilities)
    return model, replace(found, probabilities=probabilities, labels=labels)


def _targets(context: Context, calibration: CalibrationResult) -> Probabilities:
    """Return the calibrated probabilities; given labels have probability 1."""
    labels, targets = context.experiment.labels, calibration.probabilities.copy()
    given = labels != UNLABELED
    targets[given] = np.eye(context.experiment.n_classes)[labels[given]]
    return targets


def _teach_linear_layer(
    context: Context,
    graph_data: StoredGraphData,
    targets: Probabilities,
    calibration: CalibrationResult,
) -> TrainedNetwork:
    """Teach logistic regression on the vectors, each image weighted by its certainty.

    Given labels have weight 1. All images of a class together weigh as much as the class is
    common, however certain they are.
    """
    experiment, random_state = context.experiment, context.stages.settings.random_state
    given = experiment.labels != UNLABELED
    certain = np.where(given, 1.0, np.where(calibration.reached, certainty(targets), 0))
    priors = calibration.calibration.class_priors
    weights = weigh_by_class(targets.argmax(axis=1), priors, certain)

    def compute(_: Path) -> TrainedNetwork:
        data = graph_data.data
        scale = scale_of(data.embeddings)
        rows = _choose_rows(weights, given, random_state)
        vectors = scale(data.embeddings[rows])
        (model,) = fit_softmax(vectors, targets[rows], weights[rows], [_STRENGTH])
        model = scale.undo(model)
        pool, test = map(model.probabilities, (data.embeddings, data.new_embeddings))
        arrays = {"weight": model.weights, "bias": model.intercept}
        single = {name: value.astype(np.float32) for name, value in arrays.items()}
        return TrainedNetwork("retrained", single, pool, test)

    inputs = {
        "vectors": graph_data.key,
        "targets": hash_of(targets),
        "weights": hash_of(weights),
        "strength": _STRENGTH,
    }
    return context.stages.recall("retrained", inputs, compute, TrainedNetwork)[0]


def calibrate_classifier(
    predicted: Probabilities,
    targets: Probabilities,
    calibration: CalibrationResult,
    unlabeled: NDArray[np.bool_],
) -> Calibration:
    """Make the classifier as sure of the unlabeled images as the labels found are.

    No label is left to hold out, since those found come from all of them. So `fit_calibration`
    gets each class of an image as a label that weighs the calibrated probability of the class.
    """
    rows = np.flatnonzero(unlabeled & calibration.reached)
    rows = rows[:: max(1, len(rows) // _CALIBRATED_BY)]
    n_classes = targets.shape[1]
    if not calibration.n_labels or not len(rows):
        return Calibration(1.0, np.ones(n_classes), np.full(n_classes, 1 / n_classes))
    return fit_calibration(
        np.repeat(predicted[rows], n_classes, axis=0),
        np.tile(np.arange(n_classes), len(rows)),
        weights=targets[rows].ravel(),
        class_priors=calibration.calibration.class_priors,
        kind="temperature",
    )


def _choose_rows(weights: Any, given: Any, random_state: int) -> Any:
    """Choose every labeled image, and others at random, in ascending order."""
    others = np.flatnonzero(~given & (weights > 0))
    count = min(len(others), max(0, _MOST_IMAGES - int(given.sum())))
    drawn = np.random.default_rng(random_state).choice(others, count, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(given), drawn]))


def _sizes(context: Context, parts: tuple[Part, ...]) -> dict[str, int]:
    """Return the pixels per side that embedders get, where the run or the user chose them."""
    size, sizes = context.stages.settings.embedding_size, dict[str, int]()
    for part in parts:
        if KINDS[part.kind].module == "backbone":
            sizes[str(part)] = backbone_size(context.stages, context.experiment)
        elif part.kind in ("onnx", "pretrained") and size is not None:
            sizes[str(part)] = size
    return sizes


def _weights_of_parts(
    context: Context, graph_data: StoredGraphData, parts: tuple[Part, ...]
) -> dict[str, NDArray[Any]]:
    """Return the weights of each embedder, and how their vectors are joined."""
    from voisin.embedding.pixels import PixelPCA

    experiment = replace(context.experiment, taught=graph_data.taught)
    expert = context.expert_networks()[1] if context.needs_expert else None
    state: dict[str, NDArray[Any]] = {}
    if graph_data.combination is not None:
        means = zip(parts, graph_data.combination.means, strict=True)
        state |= {f"{part}.mean": mean for part, mean in means}
        if graph_data.combination.axes is not None:
            state["head.axes"] = graph_data.combination.axes
    with context.stages.silent("classifier") as stages:
        for part in parts:
            embedder, own = context.embedders.get(part), dict[str, Any]()
            if KINDS[part.kind].network:
                network = make_network(KINDS[part.kind].network, stages, experiment, expert)
                own = {key: value.cpu().numpy() for key, value in network.state_dict().items()}
            elif isinstance(embedder, PixelPCA):
                fitted = embedder.fit_pixels(experiment.pool_pixels)
                own = {"center": fitted.mean, "components": fitted.components}
            state |= {f"{part}.{key}": value for key, value in own.items()}
    return state
