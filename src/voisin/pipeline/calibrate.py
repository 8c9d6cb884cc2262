"""The stage that calibrates probabilities with labels held out in turn, and decides by them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from voisin.calibration.calibrate import CalibrationResult, calibrate
from voisin.calibration.reliability import ClassReliability
from voisin.evaluation.bootstrap import Estimate
from voisin.pipeline.context import Context
from voisin.pipeline.label import LabeledImages
from voisin.pipeline.prepare import Experiment
from voisin.project.exports import number
from voisin.types import UNLABELED, Labels, Predictions


def calibrate_labels(context: Context, labeled: LabeledImages) -> CalibrationResult:
    """Calibrate the pool's probabilities with labels held out in turn, and decide its labels."""
    settings = context.stages.settings
    return context.stages.timed(
        "calibration",
        lambda: calibrate(
            labeled.propagation,
            labeled.held_out,
            labels=context.experiment.labels,
            class_priors=labeled.class_priors,
            decide=settings.decide,
            groups=context.experiment.pool.groups,
            random_state=settings.random_state,
        ),
    )


def decided_predictions(
    calibration: CalibrationResult, labeled: LabeledImages, experiment: Experiment
) -> Predictions:
    """Join labels and calibrated probabilities of pool and test, decided by one rule."""
    new = labeled.labeling.new_probabilities.copy()
    if calibration.n_labels and labeled.labeling.new_reached.any():
        reached = labeled.labeling.new_reached
        new[reached] = calibration.calibration.apply(new[reached])
    probabilities = np.concatenate([calibration.probabilities, new])
    return Predictions(
        "propagated",
        experiment.ids,
        probabilities,
        np.concatenate([labeled.propagation.reached, labeled.labeling.new_reached]),
        calibration.decision.apply(probabilities),
    )


def decision_figures(
    calibration: CalibrationResult, labels: Labels, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return how the labels were decided, and what that changed, ready for JSON."""
    decided = calibration.labels[labels == UNLABELED]
    stated = calibration.probabilities[labels == UNLABELED]
    found = decided != UNLABELED
    n_given = np.bincount(decided[found], minlength=len(class_names))
    shown = stated[np.arange(len(decided)), decided][found]
    return {
        "way": calibration.decision.way,
        "meaning": calibration.decision.meaning,
        "n_labels": int(found.sum()),
        "n_not_likeliest": int((stated.argmax(axis=1) != decided)[found].sum()),
        "mean_probability": number(float(shown.mean())) if len(shown) else None,
        "classes": {
            name: {"n_labels": int(n), "factor": number(float(factor))}
            for name, n, factor in zip(
                class_names, n_given, calibration.decision.factors, strict=True
            )
        },
    }


def calibration_figures(
    calibration: CalibrationResult, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return how the probabilities were calibrated, and how accurate they are, ready for JSON.

    Parameters
    ----------
    calibration : CalibrationResult
    class_names : sequence of str

    Returns
    -------
    dict
        ``way`` is ``isotonic`` if any class has a curve of its own, else ``temperature``. It is
        ``none`` if no label could be held out; then estimates are null and ``classes`` is empty.
    """
    fitted = calibration.calibration
    curves = fitted.curves or (None,) * len(class_names)
    way = "isotonic" if any(curve is not None for curve in curves) else "temperature"
    return {
        "way": way if calibration.n_labels else "none",
        "n_held_out": calibration.n_labels,
        "temperature": _estimate(calibration.temperature),
        "mean_confidence": _estimate(calibration.confidence),
        "error_before": _estimate(calibration.error_before),
        "error_after": _estimate(calibration.error_after),
        "classes": {
            class_names[after.label]: {
                "n_held_out": after.n_images,
                "expected_share": number(float(fitted.class_priors[after.label])),
                "factor": number(float(fitted.factors[after.label])),
                "has_curve": curves[after.label] is not None,
                "before": _reliability(before),
                "after": _reliability(after),
            }
            for before, after in zip(calibration.before, calibration.after, strict=True)
        },
        "notes": list(calibration.notes),
    }


def _reliability(reliability: ClassReliability) -> dict[str, Any]:
    return {
        "error": number(reliability.error),
        "bins": [
            {"n": part.n, "stated": number(part.stated), "true": _estimate(part.true)}
            for part in reliability.bins
        ],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "value": number(estimate.value),
        "interval": [number(estimate.low), number(estimate.high)],
    }
