"""Without truth, held-out labels tell how many labels are right, and how sure that is."""

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.calibration.test_calibration import PRIORS, evidence
from voisin.calibration.calibrate import calibrate
from voisin.calibration.decision import WAYS_TO_DECIDE
from voisin.calibration.expected_verdict import expect_verdict, unknown_priors_covariance
from voisin.evaluation.bootstrap import Estimate
from voisin.types import HeldOut, Propagation

KNOWN = np.zeros((2, 2))
SURE = Estimate(0.8, 0.75, 0.85)


def decided(n_right, n_wrong):
    """Labels of class 0, of which so many were found again."""
    return np.zeros(n_right + n_wrong, int), np.repeat([0, 1], [n_right, n_wrong])


def two_classes():
    pairs = [decided(30, 10), decided(5, 15)]
    truth = np.concatenate([pairs[0][0], pairs[1][0] + 1])
    return truth, np.concatenate([pairs[0][1], 1 - pairs[1][1]])


def test_recalls_and_confusions_have_the_exact_intervals_of_shares():
    truth, found = two_classes()

    verdict = expect_verdict(truth, found, np.array([0.9, 0.1]), KNOWN, SURE)

    for c, (hits, n) in enumerate([(30, 40), (5, 20)]):
        exact = binomtest(hits, n).proportion_ci(method="exact")
        recall = verdict.recall[c]
        assert recall.value == hits / n
        np.testing.assert_allclose((recall.low, recall.high), exact)
        np.testing.assert_allclose(verdict.confusion[c, :, 0].sum(), 1)
    assert verdict.balanced_accuracy.value == pytest.approx((0.75 + 0.25) / 2)


def test_a_class_that_was_always_found_is_not_said_to_be_found_always():
    verdict = expect_verdict(*decided(12, 0), np.array([1.0, 0]), KNOWN, SURE)

    assert verdict.recall[0].high == 1
    assert verdict.recall[0].low == pytest.approx(0.025 ** (1 / 12))
    assert verdict.accuracy.high - verdict.accuracy.low > 0.05


def test_classes_count_by_their_priors_and_not_by_their_labels():
    truth, found = two_classes()
    rough = Estimate(0.5, -3.0, 4.0)  # says nothing

    values = [
        expect_verdict(truth, found, np.array([prior, 1 - prior]), KNOWN, rough).accuracy.value
        for prior in (1.0, 0.5, 0.0)
    ]

    np.testing.assert_allclose(values, [0.75, 0.5, 0.25], atol=0.005)


def test_what_is_less_known_has_a_wider_interval():
    truth, found = two_classes()
    priors = np.array([0.5, 0.5])
    groups = np.repeat(np.array(list("abcdefghijkl")), 5)

    def width(covariance=KNOWN, confidence=SURE, names=None):
        verdict = expect_verdict(truth, found, priors, covariance, confidence, names)
        return verdict.accuracy.high - verdict.accuracy.low

    assert width(unknown_priors_covariance(np.array([True, True]))) > width()
    assert width(names=groups) > width()
    assert width(confidence=Estimate(0.8, 0.6, 1.0)) > width()


def test_too_few_labels_give_recalls_and_no_verdict():
    verdict = expect_verdict(*decided(5, 4), np.array([1.0, 0]), KNOWN, SURE)

    assert np.isnan(verdict.accuracy.value)
    assert verdict.recall[0].value == pytest.approx(5 / 9)


def test_a_class_without_a_held_out_label_has_no_recall_but_widens_the_verdict():
    pairs = decided(30, 10)

    alone = expect_verdict(*pairs, np.array([1.0, 0]), KNOWN, SURE)
    beside = expect_verdict(*pairs, np.array([0.5, 0.5]), KNOWN, SURE)

    assert np.isnan(beside.recall[1].value)
    assert beside.balanced_accuracy.value == 0.75
    assert beside.accuracy.high - beside.accuracy.low > alone.accuracy.high - alone.accuracy.low


@pytest.mark.parametrize("way", WAYS_TO_DECIDE)
def test_the_truth_lies_within_the_interval(way):
    hits, off = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        truth, labels = rng.choice(3, 2_000, p=PRIORS), np.repeat(np.arange(3), 40)
        pool, held = (
            np.exp(0.3 * evidence(one, 2 * seed + k)) for k, one in enumerate((truth, labels))
        )
        pool, held = (rows / rows.sum(axis=1, keepdims=True) for rows in (pool, held))
        propagation = Propagation(pool, np.ones(2_000, bool), 1, 0.0, converged=True)
        order = rng.permutation(120)
        held_out = HeldOut(np.arange(120), labels[order], held[order])
        found = calibrate(propagation, held_out, decide=way)
        right, expected = (found.labels == truth).mean(), found.verdict.accuracy
        hits.append(expected.low <= right <= expected.high)
        off.append(expected.value - right)

    assert np.mean(hits) >= 0.9
    assert abs(np.mean(off)) < 0.03
