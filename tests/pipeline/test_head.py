"""The classifier that a run leaves."""

import numpy as np

from voisin.calibration.calibrate import CalibrationResult
from voisin.calibration.decision import Decision
from voisin.calibration.scaling import Calibration
from voisin.pipeline.head import calibrate_classifier

N = 600


def calibration_of(stated, n_labels=30):
    neutral = Calibration(1.0, np.ones(2), np.array([0.5, 0.5]))
    everywhere = np.ones(len(stated), dtype=bool)
    decision = Decision("likeliest", np.ones(2))
    return CalibrationResult(neutral, stated, everywhere, decision, (), n_labels)


def two_classes(sure):
    return np.stack([sure, 1 - sure], axis=1)


def test_a_classifier_is_made_as_sure_as_the_labels_found():
    sure = np.linspace(0.05, 0.95, N)
    odds = (sure / (1 - sure)) ** 3  # a classifier that is three times as sure, in logarithms
    predicted = two_classes(odds / (1 + odds))

    fitted = calibrate_classifier(
        predicted, two_classes(sure), calibration_of(two_classes(sure)), np.ones(N, dtype=bool)
    )

    assert abs(fitted.temperature - 3) < 0.05
    np.testing.assert_allclose(fitted.apply(predicted), two_classes(sure), atol=0.01)


def test_images_with_a_given_label_do_not_count():
    sure = np.full(N, 0.8)
    sure[::2] = 0.2
    targets, unlabeled = two_classes(sure), np.arange(N) % 3 > 0
    targets[~unlabeled] = [1, 0]

    fitted = calibrate_classifier(two_classes(sure), targets, calibration_of(targets), unlabeled)

    np.testing.assert_allclose(fitted.apply(two_classes(sure)), two_classes(sure), atol=0.02)


def test_without_held_out_labels_it_stays_as_it_is():
    stated = two_classes(np.full(N, 0.7))

    fitted = calibrate_classifier(
        stated, two_classes(np.full(N, 0.9)), calibration_of(stated, 0), np.ones(N, dtype=bool)
    )

    np.testing.assert_allclose(fitted.apply(stated), stated)
