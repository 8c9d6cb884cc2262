"""The stage that calibrates probabilities with labels held out in turn, and decides by them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from voisin.calibration.calibrate import CalibrationResult, calibrate
from voisin.calibration.reliability import ClassReliability
from voisin.certificate.betting import RiskTarget, forecast_checks
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
            at_random=context.experiment.at_random,
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


def expected_figures(
    calibration: CalibrationResult, labels: Labels, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return how good the labels are expected to be, without any truth, ready for JSON.

    Of the calibrated probabilities alone, `voisin certify` needs about ``checks["n"]`` checks to
    certify the surest ``checks["share"]`` of the labels at its own settings.
    """
    verdict, target = calibration.verdict, RiskTarget()
    rows = np.flatnonzero((labels == UNLABELED) & calibration.reached)
    stated = calibration.probabilities[rows, calibration.labels[rows]]
    figures: dict[str, Any] = {"n_held_out": calibration.n_labels}
    if verdict is not None and len(rows):
        checks = forecast_checks(len(rows), np.sort(1 - stated), target, most=500, n_runs=5)
        figures |= {
            "accuracy": _estimate(verdict.accuracy),
            "balanced_accuracy": _estimate(verdict.balanced_accuracy),
            "recall": _by_class(class_names, verdict.recall),
            "confusion": [[number(share) for share in row] for row in verdict.confusion[:, :, 0]],
            "confusion_intervals": [
                [[number(low), number(high)] for low, high in row]
                for row in verdict.confusion[:, :, 1:]
            ],
            "class_priors": _by_class(class_names, calibration.class_priors),
            "class_priors_from": calibration.priors_from,
            "mean_probability": _estimate(calibration.confidence),
            "calibration_error": _estimate(calibration.error_after),
            "checks": {
                "n": round(checks.all_sets),
                "share": number(checks.certified),
                "error": target.error,
                "confidence": target.confidence,
            },
        }
    return {**figures, "text": describe_expected(figures)}


def describe_expected(figures: Mapping[str, Any]) -> str:
    """Write in words how many labels are right, which class is found least, and what to check.

    Examples
    --------
    >>> sure = {"value": 0.51, "interval": [0.46, 0.56]}
    >>> recall = {"nevus": {"value": 0.8}, "melanoma": {"value": 0.45, "interval": [0.3, 0.6]}}
    >>> checks = {"n": 76, "share": 0.1, "error": 0.05}
    >>> text = describe_expected({"accuracy": sure, "recall": recall, "checks": checks})
    >>> print(text[:49], text[51:90], sep="|")
    About 51 % of these labels are right (46 to 56 %)|recall 0.45 for melanoma (0.30 to 0.60)
    """
    n_held_out = figures.get("n_held_out", 0)
    if figures.get("accuracy", {}).get("value") is None:
        why = f"only {n_held_out}" if n_held_out else "none"
        return (
            f"How many of these labels are right is not known: of the labels, {why} were held out."
        )
    value, bounds = figures["accuracy"]["value"], figures["accuracy"]["interval"]
    low, high = (f"{100 * bound:.0f}" for bound in bounds)
    text = f"About {100 * value:.0f} % of these labels are right ({low} to {high} %)"
    recalls = {n: recall for n, recall in figures["recall"].items() if recall["value"] is not None}
    least = min(recalls, key=lambda name: recalls[name]["value"])
    low, high = (f"{bound:.2f}" for bound in recalls[least]["interval"])
    text += f"; recall {recalls[least]['value']:.2f} for {least} ({low} to {high})"
    checks = figures["checks"]
    most_wrong = f"with at most {100 * checks['error']:.0f} % wrong"
    if checks["share"] < 0.05:
        return f"{text}. Checks would hardly certify any of them {most_wrong}."
    return (
        f"{text}. {checks['n']} checks would certify the surest {100 * checks['share']:.0f} % "
        f"{most_wrong}."
    )


def _by_class(class_names: Sequence[str], estimates: Sequence[Estimate]) -> dict[str, Any]:
    pairs = zip(class_names, estimates, strict=True)
    return {name: _estimate(estimate) for name, estimate in pairs}


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
