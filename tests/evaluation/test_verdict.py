"""The verdict is right: images are matched with their truth by id, whatever the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from voisin.errors import InputError
from voisin.evaluation.bootstrap import draw_bootstrap_weights
from voisin.evaluation.verdict import Truth, score
from voisin.types import Predictions


def random_case(seed=0, n_images=200, n_classes=3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_classes, size=n_images)
    noise = rng.dirichlet(np.ones(n_classes), size=n_images)
    probabilities = 0.7 * noise + 0.3 * np.eye(n_classes)[labels]
    ids = np.array([f"image-{i}" for i in range(n_images)])
    truth = Truth(
        ids, labels, ("a", "b", "c"), groups=np.array([f"g{i // 3}" for i in range(n_images)])
    )
    return Predictions("some", ids, probabilities), truth


def figures(scores):
    estimates = [scores.auc, scores.accuracy, scores.macro_f1, scores.balanced_accuracy, scores.ece]
    return estimates + list(scores.recall.values()) + scores.confusion.tolist()


@given(st.integers(0, 2**32 - 1))
def test_shuffling_predictions_or_truth_changes_no_figure(seed):
    predictions, truth = random_case()
    rng = np.random.default_rng(seed)
    p, t = rng.permutation(200), rng.permutation(200)
    shuffled = Predictions("some", predictions.ids[p], predictions.probabilities[p])
    shuffled_truth = Truth(truth.ids[t], truth.labels[t], truth.class_names, truth.groups[t])

    assert figures(score(shuffled, shuffled_truth, n_resamples=20)) == figures(
        score(predictions, truth, n_resamples=20)
    )


def test_rows_scored_out_of_order_would_be_near_chance_which_ids_prevent():
    predictions, truth = random_case(n_images=3_000)
    order = np.random.default_rng(1).permutation(3_000)
    wrong = Predictions("by position", predictions.ids, predictions.probabilities[order])

    assert score(predictions, truth).auc.value > 0.85
    assert score(wrong, truth).auc.value == pytest.approx(0.5, abs=0.05)


def test_intervals_hold_their_value_and_narrow_with_more_images():
    few, many = (score(*random_case(n_images=n)).accuracy for n in (100, 10_000))
    for estimate in (few, many):
        assert estimate.low <= estimate.value <= estimate.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_interval_of_accuracy_matches_the_binomial_one():
    predictions, truth = random_case(n_images=2_000)
    lone = Truth(truth.ids, truth.labels, truth.class_names)
    estimate = score(predictions, lone, n_resamples=4_000).accuracy
    spread = 1.96 * np.sqrt(estimate.value * (1 - estimate.value) / 2_000)
    assert estimate.low == pytest.approx(estimate.value - spread, abs=0.003)
    assert estimate.high == pytest.approx(estimate.value + spread, abs=0.003)


def test_images_of_one_group_are_resampled_together():
    groups = np.array(["x", "x", "y", "z", "y"])
    blocks = list(draw_bootstrap_weights(5, groups, n_resamples=50, random_state=0, block=20))
    assert [len(block) for block in blocks] == [20, 20, 10]
    weights = np.concatenate(blocks)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 2], weights[:, 4])
    np.testing.assert_array_equal(weights[:, [0, 2, 3]].sum(axis=1), 3)


def test_more_predictions_than_truth_are_allowed_but_not_fewer():
    predictions, truth = random_case()
    half = Truth(truth.ids[:100], truth.labels[:100], truth.class_names)
    assert score(predictions, half).n == 100
    first = Predictions("some", predictions.ids[:50], predictions.probabilities[:50])
    with pytest.raises(InputError, match="no prediction for 150 of 200 images, first 'image-"):
        score(first, truth)


def test_an_image_predicted_twice_is_refused():
    predictions, truth = random_case()
    ids = predictions.ids.copy()
    ids[1] = ids[0]
    with pytest.raises(InputError, match="'image-0' more than once"):
        score(Predictions("some", ids, predictions.probabilities), truth)


def test_an_unknown_truth_and_a_missing_column_are_refused():
    predictions, truth = random_case()
    with pytest.raises(InputError, match="1 of 200 true labels are unknown"):
        Truth(truth.ids, np.r_[-1, truth.labels[1:]], truth.class_names)
    narrow = Predictions("some", predictions.ids, predictions.probabilities[:, :2])
    with pytest.raises(InputError, match=r"shape \(200, 2\): expected \(200, 3\)"):
        score(narrow, truth)


def test_images_without_evidence_count_as_not_found_whatever_their_prior():
    predictions, truth = random_case()
    reached = np.arange(200) % 4 > 0
    probabilities = np.where(reached[:, None], predictions.probabilities, [1, 0, 0])
    half_blind = Predictions("some", predictions.ids, probabilities, reached)

    found = score(half_blind, truth, n_resamples=2)

    right = (probabilities.argmax(axis=1) == truth.labels) & reached
    assert found.n_unanswered == 50
    assert found.accuracy.value == pytest.approx(right.mean())
    assert found.confusion.sum() == 150


def test_duplicate_truth_and_undefined_probabilities_are_refused():
    predictions, truth = random_case()
    with pytest.raises(InputError, match="'image-0' more than once"):
        Truth(
            np.r_[truth.ids[:1], truth.ids], np.r_[truth.labels[:1], truth.labels], ("a", "b", "c")
        )
    undefined = Predictions("some", predictions.ids, np.full((200, 3), np.nan))
    with pytest.raises(InputError, match="NaN or infinite"):
        score(undefined, truth)


def figures_of_twelve_right():
    ids = np.array([f"{i:02d}" for i in range(12)])
    truth = Truth(ids, np.repeat([0, 1], 6), ("a", "b"))
    return score(Predictions("right", ids, np.eye(2)[truth.labels]), truth)


def test_twelve_images_all_right_may_be_off_by_what_a_binomial_of_twelve_allows():
    found = figures_of_twelve_right()

    at_least = stats.beta.ppf(0.025, 12, 1)  # Clopper and Pearson
    assert (found.accuracy.low, found.accuracy.high) == (pytest.approx(at_least), 1)
    of_six = stats.beta.ppf(0.025, 6, 1)
    assert (found.balanced_accuracy.low, found.balanced_accuracy.high) == (
        pytest.approx(of_six),
        1,
    )


def test_a_recall_of_few_images_has_no_interval_though_all_together_have():
    found = figures_of_twelve_right()

    assert found.recall["a"].value == 1
    assert np.isnan(found.recall["a"].low)


@pytest.mark.parametrize(("n_groups", "has_interval"), [(1, False), (9, False), (10, True)])
def test_few_groups_have_no_interval_however_many_their_images(n_groups, has_interval):
    predictions, truth = random_case()
    groups = np.array([f"hospital-{i % n_groups}" for i in range(200)])

    found = score(predictions, Truth(truth.ids, truth.labels, truth.class_names, groups))

    estimates = [*found.metrics.values(), *found.recall.values()]
    assert found.n_groups == n_groups
    assert all(np.isfinite(e.value) and np.isfinite(e.low) == has_interval for e in estimates)
