"""The stage that calibrates probabilities with labels that were held out in turn."""

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
from voisin.types import Predictions


def calibrate_labels(context: Context, labeled: LabeledImages) -> CalibrationResult:
    """Calibrate the pool's probabilities with labels that were held out in turn."""
    return context.stages.timed(
        "calibration",
        lambda: calibrate(
            labeled.propagation,
            labeled.held_out,
            class_priors=labeled.class_priors,
            groups=context.experiment.pool.groups,
            random_state=context.stages.settings.random_state,
        ),
    )


def calibrated_predictions(
    calibration: CalibrationResult, labeled: LabeledImages, experiment: Experiment
) -> Predictions:
    """Join the calibrated probabilities of pool and test; images without evidence keep theirs.

    An image's most probable class is the best guess if as many images as possible should be
    right, because the probabilities include the class priors, whether given or estimated.
    """
    new = labeled.labeling.new_probabilities.copy()
    if calibration.n_labels and labeled.labeling.new_reached.any():
        reached = labeled.labeling.new_reached
        new[reached] = calibration.calibration.apply(new[reached])
    return Predictions(
        "calibrated",
        experiment.ids,
        np.concatenate([calibration.probabilities, new]),
        np.concatenate([labeled.propagation.reached, labeled.labeling.new_reached]),
    )


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
