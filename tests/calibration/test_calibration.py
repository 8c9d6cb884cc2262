"""Probabilities come to mean what they say, for the images and not for the labels drawn."""

import numpy as np
import pytest
from scipy.special import softmax

from tests.propagation.graphs import random_affinity, two_moons
from voisin.calibration.calibrate import calibrate
from voisin.calibration.decision import WAYS_TO_DECIDE
from voisin.calibration.prior_shift import weigh_by_class
from voisin.calibration.reliability import calibration_error, reliability_by_class
from voisin.calibration.scaling import Calibration, fit_calibration, fit_scaling
from voisin.errors import InputError
from voisin.evaluation.metrics import expected_calibration_error
from voisin.labeling.cross_validation import cross_fit, make_folds
from voisin.labeling.registry import make_method
from voisin.types import Fold, GraphData, HeldOut, Problem, Propagation

PRIORS = np.array([0.7, 0.2, 0.1])


def evidence(labels, seed=0, spread=1.5):
    """Log likelihoods of three classes that lie around a triangle: what an ideal method knows."""
    centers = np.array([[0.0, 0], [2, 0], [0, 2]])
    points = centers[labels] + np.random.default_rng(seed).normal(size=(len(labels), 2)) * spread
    squares = ((points[:, None] - centers) ** 2).sum(axis=2)
    return -squares / (2 * spread**2)


def pool_and_labels(sharpness, n_pool=4_000, per_class=100, shift=(0.0, 0.0, 0.0)):
    """Probabilities that are wrong by a power and by factors; labels drawn evenly by class."""
    generator = np.random.default_rng(1)
    truth = generator.choice(3, n_pool, p=PRIORS)
    labels = np.repeat(np.arange(3), per_class)
    pool = softmax(sharpness * (evidence(truth, 2) + shift), axis=1)
    held = softmax(sharpness * (evidence(labels, 3) + shift), axis=1)
    return pool, truth, held, labels


def ece(truth, probabilities):
    return expected_calibration_error(truth, probabilities, np.ones((1, len(truth))))[0]


def with_sample(n_at_random, per_class=100):
    """Calibrate with labels drawn evenly by class, of which further ones were drawn at random."""
    pool, _, held, truth = pool_and_labels(1, per_class=per_class)
    sample = np.random.default_rng(5).choice(3, n_at_random, p=PRIORS)
    rows = np.arange(len(truth) + n_at_random)
    labels = np.full(len(pool), -1)
    labels[rows] = np.concatenate([truth, sample])
    found = Propagation(pool, np.ones(len(pool), bool), 1, 0.0, True)
    held_out = HeldOut(rows[: len(truth)], truth, held)
    at_random = np.isin(np.arange(len(pool)), rows[len(truth) :])
    return calibrate(found, held_out, labels=labels, at_random=at_random), np.bincount(sample)


def test_a_random_sample_counts_for_the_class_priors_beside_the_images():
    alone, _ = with_sample(0)
    result, counts = with_sample(50)
    from_images = np.array([prior.value for prior in alone.class_priors])
    priors = np.array([prior.value for prior in result.class_priors])

    assert (alone.priors_from, result.priors_from) == ("images", "sample")
    np.testing.assert_allclose(priors, (counts / 50 + from_images) / 2, atol=0.005)
    assert any("with the help of 50 that were drawn" in note for note in result.notes)
    low, high = np.array([[prior.low, prior.high] for prior in result.class_priors]).T
    assert ((low < priors) & (priors < high)).all()
    assert 0.05 < high[0] - low[0] < 0.3  # half of the sample's standard error of 0.065, 4 times


def test_a_random_sample_tells_the_class_priors_where_there_are_few_other_labels():
    without, _ = with_sample(0, per_class=5)
    result, counts = with_sample(60, per_class=5)

    assert (without.priors_from, result.priors_from) == ("even", "sample")
    np.testing.assert_allclose(
        [prior.value for prior in result.class_priors], (counts + 1) / 63, atol=1e-9
    )


def test_a_random_sample_that_is_too_small_is_told_and_not_used():
    result, _ = with_sample(29)

    assert result.priors_from == "images"
    assert any("29 are labeled: from 30 on" in note for note in result.notes)


@pytest.mark.parametrize("sharpness", [0.2, 1, 4])
def test_the_temperature_by_which_probabilities_were_spoiled_is_found(sharpness):
    _, _, held, labels = pool_and_labels(sharpness, per_class=500)

    found = fit_calibration(held, labels, kind="temperature")

    assert found.temperature == pytest.approx(sharpness, rel=0.15)
    np.testing.assert_allclose(found.factors, 1, atol=0.25)


def test_a_temperature_that_was_applied_is_found_again():
    generator = np.random.default_rng(0)
    true = generator.dirichlet([1, 1, 1], size=20_000)
    labels = (generator.random((20_000, 1)) > true.cumsum(axis=1)).sum(axis=1)
    overconfident = Calibration(0.4, np.ones(3), np.full(3, 1 / 3)).apply(true)

    assert fit_scaling(overconfident, labels).temperature == pytest.approx(2.5, rel=0.05)


def test_a_few_labels_all_right_are_no_proof_of_certainty():
    sure, labels = np.array([[0.9, 0.1], [0.1, 0.9]] * 4), np.array([0, 1] * 4)

    assert fit_scaling(sure, labels).apply(sure).max() == pytest.approx(9 / 10, abs=0.01)


@pytest.mark.parametrize("variance", [0.0, 0.5])
def test_the_fitted_map_has_the_least_loss_of_all(variance):
    _, _, held, labels = pool_and_labels(0.4, per_class=30, shift=(0, 1, -1))
    n = len(labels)
    targets = np.where(np.eye(3)[labels] > 0, (n + 1) / (n + 2), 1 / (2 * (n + 2)))

    def loss(temperature, factors):
        rows = softmax(np.log(held) / temperature + np.log(factors), axis=1)
        penalty = np.log(temperature) ** 2 / 8
        if variance:
            penalty += (np.log(factors) ** 2).sum() / (2 * variance)
        return -(targets * np.log(rows)).sum() + penalty

    found = fit_scaling(held, labels, temperature_variance=4.0, factor_variance=variance)

    least = loss(found.temperature, found.factors)
    assert found.factors.std() > 0.1 if variance else (found.factors == 1).all()
    for change in (0.98, 1.02):
        assert loss(found.temperature * change, found.factors) > least
        for c in range(3) if variance else ():
            other = found.factors * np.where(np.arange(3) == c, change, 1)
            assert loss(found.temperature, other) > least


def test_a_class_that_no_row_gives_anything_gets_nothing():
    _, _, held, labels = pool_and_labels(0.1, per_class=20)
    wider = np.column_stack([held[:, :1], np.zeros(len(held)), held[:, 1:]])

    found = fit_scaling(wider, labels + (labels > 0))

    assert found.temperature == pytest.approx(fit_scaling(held, labels).temperature)
    assert (found.apply(wider)[:, 1] == 0).all()


@pytest.mark.parametrize("kind", ["temperature", "isotonic", "auto"])
@pytest.mark.parametrize("sharpness", [0.2, 4])
def test_with_the_class_priors_of_the_pool_the_map_is_right_for_the_pool(kind, sharpness):
    pool, truth, held, labels = pool_and_labels(sharpness, shift=(0, 1, -1))

    found = fit_calibration(held, labels, class_priors=PRIORS, kind=kind)

    even = fit_calibration(held, labels, kind=kind)
    assert ece(truth, pool) > 0.08
    assert ece(truth, found.apply(pool)) < 0.04
    assert ece(truth, found.apply(pool)) < ece(truth, even.apply(pool))


def test_uneven_labels_change_nothing_that_even_ones_would_not():
    _, _, held, labels = pool_and_labels(0.3, per_class=400)
    fewer = np.flatnonzero((labels != 0) | (np.arange(len(labels)) % 4 == 0))

    even = fit_calibration(held, labels, kind="temperature")
    uneven = fit_calibration(held[fewer], labels[fewer], kind="temperature")

    assert uneven.temperature == pytest.approx(even.temperature, rel=0.15)
    np.testing.assert_allclose(uneven.factors, even.factors, rtol=0.25)


def test_rows_sum_to_one_and_keep_their_order_under_one_temperature():
    pool, _, held, labels = pool_and_labels(0.5)
    for kind in ("temperature", "isotonic"):
        found = fit_calibration(held, labels, class_priors=PRIORS, kind=kind).apply(pool)
        np.testing.assert_allclose(found.sum(axis=1), 1)
        assert found.min() >= 0


def test_curves_are_for_classes_with_enough_labels():
    _, _, held, labels = pool_and_labels(1, per_class=250)
    rows = np.flatnonzero((labels < 2) | (np.arange(len(labels)) % 5 == 0))

    found = fit_calibration(held[rows], labels[rows])

    assert [curve is not None for curve in found.curves] == [True, True, False]
    assert fit_calibration(held[:50], labels[:50]).curves == ()


def test_labels_are_weighed_by_the_priors_of_their_classes():
    labels = np.array([0] * 10 + [1] * 5 + [2] * 5)

    weights = weigh_by_class(labels, PRIORS)

    sums = np.bincount(labels, weights=weights)
    np.testing.assert_allclose(sums / sums.sum(), PRIORS)
    assert weights.sum() == pytest.approx(20)


def test_reliability_has_equal_bins_and_intervals_that_hold_the_truth():
    pool, truth, *_ = pool_and_labels(1)
    right = softmax(np.log(pool) + np.log(PRIORS), axis=1)

    classes = reliability_by_class(right, truth, np.ones(len(truth)))

    for one in classes:
        assert len({bin_.n for bin_ in one.bins}) <= 2
        assert one.n_images == (truth == one.label).sum()
        within = [b.true.low - 0.02 <= b.stated <= b.true.high + 0.02 for b in one.bins]
        assert np.mean(within) >= 0.75
        assert one.error < 0.03


@pytest.mark.parametrize("labels", [np.repeat([0, 1], 48), np.tile([0, 1], 48)])
@pytest.mark.parametrize("noise", [0, 1e-13])
def test_equal_probabilities_share_a_bin_in_whatever_order_they_come(labels, noise):
    halves = np.full((96, 2), 0.5) + noise * np.random.default_rng(0).normal(size=(96, 2))

    one = reliability_by_class(halves, labels, np.ones(96))[0]

    assert [bin_.n for bin_ in one.bins] == [96]
    assert one.error == pytest.approx(0, abs=1e-9)
    assert calibration_error(halves, labels, np.ones(96)).value < 0.2  # chance picks the largest


def test_the_calibration_error_does_not_depend_on_the_order_of_the_rows():
    rng = np.random.default_rng(0)
    stated = rng.choice([0.55, 0.7, 0.8, 0.9], 400)
    probabilities = np.column_stack([stated, 1 - stated])
    labels = (rng.random(400) > stated).astype(int)
    orders = [np.argsort(labels, kind="stable"), np.argsort(-labels, kind="stable")]

    errors = [calibration_error(probabilities[o], labels[o], np.ones(400)).value for o in orders]

    by_value = [abs((labels == 0)[stated == one].mean() - one) for one in np.unique(stated)]
    counts = np.unique(stated, return_counts=True)[1]
    assert errors == pytest.approx([np.average(by_value, weights=counts)] * 2)


def test_a_bin_without_hits_is_not_said_to_be_sure():
    never = reliability_by_class(np.full((30, 2), 0.5), np.ones(30, int), np.ones(30))[0]

    assert never.bins[0].true.low == 0
    assert never.bins[0].true.high > 0.1


def test_groups_widen_the_intervals():
    stated = np.full((60, 2), 0.5)
    labels = np.repeat([0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0], 5)
    groups = np.repeat(np.array(list("abcdefghijkl")), 5)

    alone = calibration_error(stated, labels, np.ones(60))
    together = calibration_error(stated, labels, np.ones(60), groups=groups)
    few = calibration_error(stated[:45], labels[:45], np.ones(45), groups=groups[:45])

    assert together.high - together.low > alone.high - alone.low
    assert np.isnan([few.low, few.high]).all()  # nine groups


def moons(n_given):
    affinity, truth = two_moons()
    labels = np.full(len(truth), -1)
    for label in (0, 1):
        rows = np.flatnonzero(truth == label)
        labels[rows[np.linspace(0, len(rows) - 1, n_given).astype(int)]] = label
    vectors = np.zeros((len(truth), 1), dtype=np.float32)
    data = GraphData(vectors, affinity, vectors[:0])
    folds = tuple(Fold(rows, data) for rows in make_folds(labels))
    return Problem(data, labels, 2, folds)


def test_cross_fitting_says_what_the_method_says_without_each_fold():
    problem = moons(10)
    method = make_method("spreading", alpha=0.9)

    found = cross_fit(method, problem)

    np.testing.assert_array_equal(found.rows, np.flatnonzero(problem.labels >= 0))
    np.testing.assert_array_equal(found.labels, problem.labels[found.rows])
    for number, fold in enumerate(problem.folds):
        without = method.label(problem.without(fold)).propagation.probabilities
        here = found.folds == number
        np.testing.assert_array_equal(found.probabilities[here], without[fold.held_out])


def test_images_without_evidence_stay_as_they_are_and_are_noted():
    problem = moons(20)
    method = make_method("spreading", alpha=0.9)
    propagation = method.label(problem).propagation
    propagation.reached[:3] = False

    sure = calibrate(propagation, cross_fit(method, problem))

    np.testing.assert_array_equal(sure.probabilities[:3], propagation.probabilities[:3])
    assert not np.allclose(sure.probabilities[3:], propagation.probabilities[3:])
    assert "3 images have no evidence: no label reaches them by any path." in sure.notes


def calibrated(per_class, **options):
    pool, _, held, labels = pool_and_labels(0.5, n_pool=500, per_class=per_class)
    everywhere = np.ones(len(pool), dtype=bool)
    propagation = Propagation(pool, everywhere, 1, 0.0, converged=True)
    rows = np.arange(len(labels))
    held_out = HeldOut(rows, labels, held, everywhere[rows], rows % 5)
    return calibrate(propagation, held_out, **options), held_out


def test_few_labels_are_told_and_widen_what_is_said():
    few, many = calibrated(4)[0], calibrated(40)[0]

    assert any("4 held-out labels" in note and "rough guess" in note for note in few.notes)
    assert not any("ew labels" in note for note in many.notes)
    for one in ("temperature", "confidence"):
        narrow, wide = getattr(many, one), getattr(few, one)
        assert wide.high - wide.low > narrow.high - narrow.low


def test_priors_are_estimated_from_enough_labels_only_and_that_is_noted():
    few, many = calibrated(14)[0], calibrated(15)[0]

    np.testing.assert_allclose(few.calibration.class_priors, 1 / 3)
    assert any("taken as equally common" in note for note in few.notes)
    assert many.calibration.class_priors[0] > 0.45
    assert any("estimated from the images themselves" in note for note in many.notes)
    told, _ = calibrated(15, class_priors=PRIORS)
    np.testing.assert_allclose(told.calibration.class_priors, PRIORS)
    assert not any("common" in note for note in told.notes)


@pytest.mark.parametrize("way", WAYS_TO_DECIDE)
def test_the_surest_fifty_of_a_class_are_right_at_least_as_often_as_any_other_fifty_of_it(way):
    pool, truth, held, labels = pool_and_labels(0.3, n_pool=6_000, per_class=50, shift=(0, 1, -1))
    everywhere = np.ones(len(pool), dtype=bool)
    propagation = Propagation(pool, everywhere, 1, 0.0, converged=True)
    held_out = HeldOut(np.arange(len(labels)), labels, held)

    found = calibrate(propagation, held_out, decide=way)

    confidence = found.probabilities[np.arange(len(pool)), found.labels]
    for label in range(3):
        rows = np.flatnonzero(found.labels == label)
        rows = rows[np.argsort(-confidence[rows], kind="stable")]
        right = (truth[rows] == label)[: len(rows) // 50 * 50].reshape(-1, 50).mean(axis=1)
        assert len(right) > 3
        # by chance alone, two shares of fifty differ by three standard errors once in 400 times
        error = np.sqrt((right * (1 - right) + right[0] * (1 - right[0])) / 50)
        assert (right[0] >= right - 3 * error).all()


def test_the_labels_shown_are_right_as_often_as_their_probabilities_say():
    pool, truth, held, labels = pool_and_labels(0.3, n_pool=6_000, per_class=100)
    everywhere = np.ones(len(pool), dtype=bool)
    propagation = Propagation(pool, everywhere, 1, 0.0, converged=True)
    held_out = HeldOut(np.arange(len(labels)), labels, held)

    for way in WAYS_TO_DECIDE:
        found = calibrate(propagation, held_out, decide=way)
        assert found.confidence.value == pytest.approx((found.labels == truth).mean(), abs=0.03)
        assert found.confidence.low <= found.confidence.value <= found.confidence.high


def test_the_decision_is_fitted_to_the_images_without_a_label():
    pool, _, held, labels = pool_and_labels(0.5, n_pool=2_000, per_class=20)
    given = np.where(np.arange(2_000) < 500, 2, -1)
    pool[:500] = [0.01, 0.01, 0.98]
    everywhere = np.ones(2_000, dtype=bool)
    propagation = Propagation(pool, everywhere, 1, 0.0, converged=True)

    held_out = HeldOut(np.arange(60), labels, held)
    found = calibrate(propagation, held_out, labels=given, class_priors=PRIORS)

    counts = np.bincount(found.labels[500:], minlength=3)
    np.testing.assert_allclose(counts / 1_500, PRIORS, atol=2e-3)


def test_without_labels_to_hold_out_nothing_is_changed_and_that_is_said():
    labels = np.array([0, 1, 2] + [-1] * 9)
    vectors = np.zeros((12, 1), dtype=np.float32)
    problem = Problem(GraphData(vectors, random_affinity(0), vectors[:0]), labels, 3)
    method = make_method("spreading")
    propagation = method.label(problem).propagation

    found = calibrate(propagation, cross_fit(method, problem))

    assert found.n_labels == 0
    np.testing.assert_array_equal(found.probabilities, propagation.probabilities)
    assert "could not be calibrated" in found.notes[0]


def test_the_map_that_is_judged_has_not_seen_the_label():
    found, held_out = calibrated(20, class_priors=PRIORS, kind="isotonic", decide="likeliest")

    mapped = held_out.probabilities.copy()
    for fold in range(5):
        here = held_out.folds == fold
        seen = held_out.probabilities[~here], held_out.labels[~here]
        others = fit_calibration(*seen, class_priors=PRIORS, kind="isotonic")
        mapped[here] = others.apply(held_out.probabilities[here])
    weights = weigh_by_class(held_out.labels, PRIORS)
    expected = calibration_error(mapped, held_out.labels, weights)
    assert found.error_after.value == pytest.approx(expected.value)


def test_shapes_must_agree():
    with pytest.raises(InputError, match="3 labels for 2 rows"):
        fit_calibration(np.full((2, 2), 0.5), np.array([0, 1, 1]))
