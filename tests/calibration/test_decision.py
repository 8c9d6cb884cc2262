"""A decision gives each image one label, by one factor a class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voisin.calibration.decision import WAYS_TO_DECIDE, fit_decision, quota_weights
from voisin.errors import InputError
from voisin.evaluation.metrics import accuracy, balanced_accuracy, confusion

quick = settings(deadline=None, max_examples=20)


def random_rows(seed, n_classes=4, n_samples=2_000):
    generator = np.random.default_rng(seed)
    rows = generator.dirichlet(generator.uniform(0.3, 3, n_classes), size=n_samples)
    return rows, generator.dirichlet(np.full(n_classes, 5.0))


def count_decisions(rows, weights):
    return np.bincount((rows * weights).argmax(axis=1), minlength=len(weights))


@quick
@given(seed=st.integers(0, 2**32 - 1), n_classes=st.integers(2, 7))
def test_every_class_gets_its_number_of_images(seed, n_classes):
    rows, priors = random_rows(seed, n_classes)

    weights = quota_weights(rows, priors, np.ones(n_classes))

    np.testing.assert_allclose(count_decisions(rows, weights), priors * len(rows), atol=3)


def test_a_class_of_prior_zero_gets_no_image():
    rows, _ = random_rows(0)

    weights = quota_weights(rows, np.array([0, 0.5, 0.3, 0.2]), np.ones(4))

    assert count_decisions(rows, weights)[0] == 0


def test_a_class_of_prior_one_gets_every_image():
    rows, _ = random_rows(0)

    weights = quota_weights(rows, np.array([0, 1.0, 0, 0]), np.ones(4))

    assert count_decisions(rows, weights)[1] == len(rows)


def test_weights_that_keep_the_quotas_stay():
    rows, priors = random_rows(0)
    weights = quota_weights(rows, priors, np.ones(4))

    again = quota_weights(rows, priors, weights)

    np.testing.assert_allclose(again, weights, rtol=1e-5)


PRIORS = np.array([0.85, 0.1, 0.05])


@pytest.fixture
def under_priors():
    """Images of three overlapping classes, with their exact probabilities under the priors."""
    generator = np.random.default_rng(0)
    truth = generator.choice(3, 20_000, p=PRIORS)
    points = np.array([0, 1.5, -1.5])[truth] + generator.standard_normal(len(truth))
    joint = PRIORS * np.exp(-((points[:, None] - [0, 1.5, -1.5]) ** 2) / 2)
    return truth, joint / joint.sum(axis=1, keepdims=True)


def test_each_decision_is_the_best_one_at_what_it_is_for(under_priors):
    truth, rows = under_priors
    decided = {way: fit_decision(rows, PRIORS, way).apply(rows) for way in WAYS_TO_DECIDE}
    counts = {
        way: confusion(truth, labels, 3, np.ones((1, len(truth))))
        for way, labels in decided.items()
    }
    off = {
        way: abs(np.bincount(labels, minlength=3) / len(labels) - PRIORS).max()
        for way, labels in decided.items()
    }

    assert max(counts, key=lambda way: accuracy(counts[way])[0]) == "likeliest"
    assert max(counts, key=lambda way: balanced_accuracy(counts[way])[0]) == "balanced"
    assert off["proportional"] < 0.002 < min(off["likeliest"], off["balanced"])


@pytest.mark.parametrize("way", WAYS_TO_DECIDE)
def test_without_priors_each_image_gets_its_likeliest_class(under_priors, way):
    _, rows = under_priors
    decision = fit_decision(rows, None, way)
    np.testing.assert_array_equal(decision.apply(rows), rows.argmax(axis=1))
    assert decision.meaning.startswith("each image gets its likeliest class")


@pytest.mark.parametrize("way", ["proportional", "balanced"])
def test_a_class_of_prior_zero_is_never_decided_for(way):
    rows = np.array([[0.9, 0.1 - 1e-9, 1e-9]] * 50)
    decided = fit_decision(rows, np.array([0.8, 0.2, 0.0]), way).apply(rows)
    assert 2 not in decided


def test_equal_rows_are_not_all_given_to_another_class_for_a_few_too_many():
    rows = np.repeat([[0.9, 0.1], [0.1, 0.9]], [52, 48], axis=0)
    decided = fit_decision(rows, np.array([0.5, 0.5]), "proportional").apply(rows)
    np.testing.assert_array_equal(decided, rows.argmax(axis=1))


def test_the_factors_of_a_part_decide_the_rest_alike(under_priors):
    _, rows = under_priors
    decided = fit_decision(rows[:5_000], PRIORS, "proportional").apply(rows[5_000:])
    np.testing.assert_allclose(np.bincount(decided) / 15_000, PRIORS, atol=0.01)


@pytest.mark.parametrize("way", WAYS_TO_DECIDE)
def test_no_image_is_no_reason_to_fail(way):
    assert fit_decision(np.empty((0, 3)), PRIORS, way).factors.tolist() == [1, 1, 1]


def test_an_unknown_way_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"decide='fair'.*proportional, likeliest, balanced"):
        fit_decision(np.eye(2), None, "fair")
