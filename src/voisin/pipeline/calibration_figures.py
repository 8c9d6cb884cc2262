"""How sure the labels are as ``metrics.json`` says it: the figures of the report's "How sure"."""

from collections.abc import Sequence
from typing import Any

from voisin.calibration.calibrate import CalibrationResult
from voisin.calibration.reliability import Bin, ClassReliability
from voisin.evaluation.bootstrap import Estimate
from voisin.project.json_documents import number


def calibration_figures(sure: CalibrationResult, class_names: Sequence[str]) -> dict[str, Any]:
    """Return how the probabilities were calibrated, and how right they are, as JSON can write it.

    Parameters
    ----------
    sure : CalibrationResult
    class_names : sequence of str

    Returns
    -------
    dict
        ``way`` is ``temperature``, ``isotonic`` where a class has a curve of its own, or ``none``
        where no label could be held out; then the estimates are null and ``classes`` is empty.
    """
    fitted = sure.calibration
    curves = fitted.curves or (None,) * len(class_names)
    way = "isotonic" if any(curve is not None for curve in curves) else "temperature"
    return {
        "way": way if sure.n_labels else "none",
        "n_held_out": sure.n_labels,
        "temperature": _estimate(sure.temperature),
        "mean_confidence": _estimate(sure.confidence),
        "error_before": _estimate(sure.error_before),
        "error_after": _estimate(sure.error_after),
        "classes": {
            class_names[after.label]: {
                "n_held_out": after.n_images,
                "expected_share": number(float(fitted.class_priors[after.label])),
                "factor": number(float(fitted.factors[after.label])),
                "has_curve": curves[after.label] is not None,
                "before": _reliability(before),
                "after": _reliability(after),
            }
            for before, after in zip(sure.before, sure.after, strict=True)
        },
        "remarks": list(sure.notes),
    }


def _reliability(one: ClassReliability) -> dict[str, Any]:
    return {"error": number(one.error), "bins": [_bin(bin_) for bin_ in one.bins]}


def _bin(one: Bin) -> dict[str, Any]:
    return {"n": one.n, "stated": number(one.stated), "true": _estimate(one.true)}


def _estimate(one: Estimate) -> dict[str, Any]:
    return {"value": number(one.value), "interval": [number(one.low), number(one.high)]}
