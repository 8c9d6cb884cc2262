"""Shares that are known are found again; what is held out stays unseen."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from tests.labeling.problems import clouds, few_labels, keep_few, problem_of, relabel
from voisin.errors import InputError, InputWarning
from voisin.labeling.class_prior_estimation import (
    estimate_by_confusion_matrix,
    estimate_by_expectation,
    estimate_class_priors,
    parse_class_priors,
    resolve_class_priors,
)
from voisin.labeling.cross_validation import cross_fit
from voisin.labeling.registry import make_method
from voisin.types import HeldOut

TRUE = np.array([0.7, 0.2, 0.1])


def simulated(shares, n, seed=0):
    """Images of three normal classes, and their exact probabilities if classes were even."""
    generator = np.random.default_rng(seed)
    truth = generator.choice(3, n, p=shares)
    points = np.array([-1.5, 0, 1.5])[truth] + generator.standard_normal(n)
    likelihood = np.exp(-((points[:, None] - [-1.5, 0, 1.5]) ** 2) / 2)
    return truth, likelihood / likelihood.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("estimate", [estimate_by_expectation, estimate_by_confusion_matrix])
def test_shares_are_found_from_calibrated_probabilities(estimate):
    labels, held_out = simulated(np.full(3, 1 / 3), 30_000, seed=1)
    truth, images = simulated(TRUE, 20_000)

    found = estimate(images, HeldOut(np.arange(30_000), labels, held_out))

    np.testing.assert_allclose(found, np.bincount(truth) / len(truth), atol=0.04)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("estimate", [estimate_by_expectation, estimate_by_confusion_matrix])
def test_overconfident_probabilities_do_not_mislead(estimate):
    def sharpen(rows):
        return rows**4 / (rows**4).sum(axis=1, keepdims=True)

    labels, held_out = simulated(np.full(3, 1 / 3), 30_000, seed=1)
    _, images = simulated(TRUE, 20_000)

    found = estimate(sharpen(images), HeldOut(np.arange(30_000), labels, sharpen(held_out)))

    np.testing.assert_allclose(found, TRUE, atol=0.05)


def uneven(n=8):
    vectors, truth = clouds((140, 40, 20), spread=0.9)
    return problem_of(vectors, keep_few(truth, n)), truth


def test_an_estimate_lies_in_its_interval_and_near_the_truth():
    problem, truth = uneven()

    found = estimate_class_priors(problem, n_bootstrap=20)

    unlabeled = np.bincount(truth[problem.labels < 0]) / (problem.labels < 0).sum()
    np.testing.assert_allclose(found.class_priors, unlabeled, atol=0.1)
    assert (found.low <= found.class_priors + 0.02).all()
    assert (found.class_priors <= found.high + 0.02).all()


def test_a_class_with_a_single_label_is_not_taken_for_one_that_never_occurs():
    vectors, truth = clouds((140, 40, 20), spread=0.9)
    labels = keep_few(truth, 8)
    labels[np.flatnonzero(labels == 1)[1:]] = -1  # of the second class one label is left

    with pytest.warns(InputWarning, match="two ways to estimate them differ"):
        found = estimate_class_priors(problem_of(vectors, labels), n_bootstrap=5)

    assert 0.05 < found.class_priors[1] < 0.5
    assert found.high[1] > 0.02


def test_two_ways_that_disagree_make_a_warning():
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((200, 4)).astype(np.float32)
    labels = np.full(200, -1)
    labels[:12] = np.repeat([0, 1, 2], 4)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = estimate_class_priors(problem_of(vectors, labels), n_bootstrap=0)

    assert found.warning.startswith("The class priors are uncertain: two ways")
    assert [str(one.message) for one in caught if one.category is InputWarning] == [found.warning]


def test_with_one_label_a_class_there_is_no_estimate():
    problem, _ = few_labels(1)
    with pytest.raises(InputError, match="cannot be estimated from one label per class"):
        estimate_class_priors(problem)


def test_what_a_user_says_of_the_shares_becomes_numbers():
    problem, _ = few_labels(4)

    assert resolve_class_priors("auto", problem) == (None, None)  # calibration estimates them
    np.testing.assert_allclose(resolve_class_priors("uniform", problem)[0], [1 / 3] * 3)
    np.testing.assert_allclose(resolve_class_priors("labels", problem)[0], [1 / 3] * 3)
    given, _ = resolve_class_priors("given", problem, np.array([3.0, 1, 1]))
    np.testing.assert_allclose(given, [0.6, 0.2, 0.2])
    estimated, report = resolve_class_priors("estimate", problem)
    np.testing.assert_array_equal(estimated, report.class_priors)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "`class_priors` has 0 numbers: pass one >= 0 per class"),
        (np.array([0.5, 0.5]), "`class_priors` has 2 numbers"),
        (np.array([1.0, 1.0, -1.0]), "one >= 0 per class"),
        (np.zeros(3), "`class_priors` are all 0"),
    ],
)
def test_shares_that_are_no_distribution_are_refused(given, message):
    problem, _ = few_labels(2)
    with pytest.raises(InputError, match=message):
        resolve_class_priors("given", problem, given)


def test_an_unknown_way_is_refused():
    problem, _ = few_labels(2)
    with pytest.raises(InputError, match="`class_priors='guess'` is not known"):
        resolve_class_priors("guess", problem)


@pytest.mark.parametrize("name", ["classifier", "smoothed-classifier", "consensus", "spreading"])
def test_cross_fitting_never_sees_the_labels_of_the_fold(name):
    problem, _ = few_labels(4)
    fold = problem.folds[0].held_out
    method = make_method(name).label(problem).method
    wrong = relabel(problem, fold, (problem.labels[fold] + 1) % 3)

    honest, changed = cross_fit(method, problem), cross_fit(method, wrong)

    of_fold = np.isin(honest.rows, fold)
    np.testing.assert_array_equal(honest.probabilities[of_fold], changed.probabilities[of_fold])
    assert (honest.probabilities[~of_fold] != changed.probabilities[~of_fold]).any()


def test_cross_fitting_without_folds_is_of_no_image():
    problem, _ = few_labels(1)
    assert cross_fit(make_method("spreading"), problem).probabilities.shape == (0, 3)


def test_estimated_shares_make_more_images_right():
    problem, truth = uneven()
    method = make_method("smoothed-classifier").label(problem).method
    shares = estimate_class_priors(problem, n_bootstrap=0).class_priors

    even = method.label(problem).propagation.labels
    told = method.label(replace(problem, class_priors=shares)).propagation.labels

    assert (told == truth).mean() >= (even == truth).mean()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a,b=0.25, c = 0.75", ["a,b", "c"]),
        ("a=0.25,a,b=0.75", ["a", "a,b"]),
        ("a=b=0.25,c=0.75", ["a=b", "c"]),
        ("c=0,75,a=0,25", ["a", "c"]),
        ("1=0,75,0=0,25", ["0", "1"]),
    ],
)
def test_names_may_hold_commas_and_shares_decimal_commas(text, names):
    way, shares = parse_class_priors(text, names)

    assert (way, shares.tolist()) == ("given", [0.25, 0.75])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sometimes", "is not known"),
        ("cat=0.5", "must name every class once: cat, dog"),
        ("cat=0.5,dog=0.9", "has the sum 1.4"),
        ("cat=1.5,dog=-0.5", "pass shares >= 0"),
        ("cat=a,dog=b", "no number"),
    ],
)
def test_shares_that_cannot_be_meant_are_refused(text, told):
    with pytest.raises(InputError, match=told):
        parse_class_priors(text, ["cat", "dog"])
