"""Which class an image is given depends on what is counted."""

import numpy as np
import pytest

from voisin.calibration.decisions import divide_by_priors, for_balanced_accuracy
from voisin.evaluation.metrics import balanced_accuracy, confusion
from voisin.types import Propagation

SHARES = np.array([0.85, 0.1, 0.05])


@pytest.fixture
def simulated():
    """Images of three overlapping classes, with their exact probabilities under the shares."""
    generator = np.random.default_rng(0)
    truth = generator.choice(3, 20_000, p=SHARES)
    points = np.array([0, 1.5, -1.5])[truth] + generator.standard_normal(len(truth))
    joint = SHARES * np.exp(-((points[:, None] - [0, 1.5, -1.5]) ** 2) / 2)
    probabilities = joint / joint.sum(axis=1, keepdims=True)
    everywhere = np.full(len(truth), fill_value=True)
    return truth, Propagation(probabilities, everywhere, 1, 0.0, converged=True)


def test_each_decision_is_the_better_one_at_what_it_is_for(simulated):
    truth, found = simulated
    likeliest, balanced = found.labels, for_balanced_accuracy(found, SHARES)
    counts = [confusion(truth, one, 3, np.ones((1, len(truth)))) for one in (likeliest, balanced)]

    assert (likeliest == truth).mean() > (balanced == truth).mean()
    assert balanced_accuracy(counts[1])[0] > balanced_accuracy(counts[0])[0]


def test_without_shares_there_is_one_decision(simulated):
    _, found = simulated
    np.testing.assert_array_equal(for_balanced_accuracy(found, None), found.labels)


def test_images_without_evidence_are_given_no_class():
    found = Propagation(np.full((2, 3), 1 / 3), np.array([True, False]), 1, 0.0, converged=True)
    assert for_balanced_accuracy(found, SHARES).tolist() == [2, -1]


def test_evening_out_undoes_the_shift_by_shares():
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 9)
    shifted = rows * SHARES
    np.testing.assert_allclose(
        divide_by_priors(shifted / shifted.sum(axis=1, keepdims=True), SHARES), rows
    )


def test_a_class_of_share_zero_is_never_decided_for():
    found = Propagation(
        np.array([[0.9, 0.1 - 1e-9, 1e-9]]), np.array([True]), 1, 0.0, converged=True
    )
    assert for_balanced_accuracy(found, np.array([0.8, 0.2, 0.0])).tolist() == [0]
