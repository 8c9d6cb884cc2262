"""What ``metrics.json`` says of the calibration is what was found, in numbers."""

import json

import numpy as np
import pytest

from voisin.calibration.calibrate import calibrate
from voisin.pipeline.calibrate import calibration_figures
from voisin.project.exports import to_json
from voisin.types import HeldOut, Propagation

NAMES = ("cat", "dog")


def modest(n):
    """Two classes; 60 % is said where 90 % is right, in an order that favors no fold."""
    right = np.arange(n) % 10 != 0
    labels = np.random.default_rng(0).integers(0, 2, n)
    said = np.where(right, labels, 1 - labels)
    stated = np.where(np.eye(2)[said] == 1, 0.6, 0.4)
    return labels, stated


def found(n, **options):
    labels, stated = modest(n)
    rows = np.arange(n)
    held_out = HeldOut(rows, labels, stated, np.ones(n, dtype=bool), rows // 3 % 5)
    propagation = Propagation(stated, np.ones(n, dtype=bool), 1, 0.0, converged=True)
    return labels, calibrate(propagation, held_out, **options)


def test_a_modest_method_gets_a_temperature_below_one_and_a_smaller_error():
    _, sure = found(400, class_priors=np.array([0.5, 0.5]), kind="temperature")

    told = calibration_figures(sure, NAMES)

    assert told["way"] == "temperature"
    assert told["n_held_out"] == 400
    # 60 % becomes 90 % where (0.6 / 0.4) ** (1 / T) = 9
    exact = np.log(0.6 / 0.4) / np.log(9)
    assert told["temperature"]["value"] == pytest.approx(exact, rel=0.1)
    low, high = told["temperature"]["interval"]
    assert low < told["temperature"]["value"] < high
    assert told["error_before"]["value"] == pytest.approx(0.3, abs=0.02)
    assert told["error_after"]["value"] < told["error_before"]["value"] / 2
    assert told["mean_confidence"]["value"] == pytest.approx(0.9, abs=0.03)


def test_each_class_has_its_reliability_before_and_after():
    labels, sure = found(400, class_priors=np.array([0.5, 0.5]), kind="temperature")

    classes = calibration_figures(sure, NAMES)["classes"]

    assert list(classes) == ["cat", "dog"]
    for label, name in enumerate(NAMES):
        one = classes[name]
        assert one["n_held_out"] == (labels == label).sum()
        assert one["expected_share"] == 0.5
        assert not one["has_curve"]
        assert sum(bin_["n"] for bin_ in one["before"]["bins"]) == 400
        lowest, highest = one["before"]["bins"][0], one["before"]["bins"][-1]
        assert (lowest["stated"], highest["stated"]) == (pytest.approx(0.4), pytest.approx(0.6))
        assert one["before"]["error"] == pytest.approx(0.3, abs=0.06)
        assert one["after"]["error"] < one["before"]["error"]
        low, high = highest["true"]["interval"]
        assert 0 <= low <= highest["true"]["value"] <= high <= 1


def test_curves_are_told_as_isotonic():
    _, sure = found(400, class_priors=np.array([0.5, 0.5]), kind="isotonic")
    told = calibration_figures(sure, NAMES)
    assert told["way"] == "isotonic"
    assert told["classes"]["cat"]["has_curve"]


def test_where_no_label_was_held_out_the_figures_are_null_in_valid_json():
    propagation = Propagation(np.full((3, 2), 0.5), np.ones(3, dtype=bool), 1, 0.0, converged=True)
    nothing = np.array([], dtype=np.int64)
    sure = calibrate(propagation, HeldOut(nothing, nothing, np.empty((0, 2))))

    told = json.loads(to_json(calibration_figures(sure, NAMES)))

    assert told["way"] == "none"
    assert told["n_held_out"] == 0
    assert told["temperature"] == {"value": None, "interval": [None, None]}
    assert told["classes"] == {}
    assert told["notes"] == list(sure.notes)
