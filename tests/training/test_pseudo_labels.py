"""Rounds of pseudo-labels: threshold, quotas, and what each round reports."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.test_supervised import QUICK, assert_same_network, stripes
from voisin.errors import InputError
from voisin.training.pseudo_labels import PseudoLabels


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.floats(0.3, 0.95))
def test_chosen_images_are_the_surest_candidates_of_each_class_within_the_quota(
    seed, quota, threshold
):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(3, 0.3), size=50)
    candidates = rng.random(50) < 0.7

    chosen = PseudoLabels(threshold, quota).choose(probabilities, candidates)

    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    for c in range(3):
        possible = np.flatnonzero(candidates & (predicted == c) & (confidence >= threshold))
        expected = possible[np.argsort(-confidence[possible], kind="stable")][:quota]
        assert set(chosen[predicted[chosen] == c]) == set(expected)


def few_of(labels, n=8):
    few = np.full(len(labels), -1)
    few[:n] = labels[:n]
    return few


def run_rounds(labels, method, **more):
    pixels, _ = stripes(len(labels))
    few = few_of(labels)
    start = QUICK.fit(pixels[:8], labels[:8], n_classes=2)
    return method.fit(start, pixels, few, n_classes=2, truth=np.where(few < 0, labels, -1), **more)


def test_each_round_counts_what_it_added_and_how_much_was_right():
    _, labels = stripes(60)
    method = PseudoLabels(threshold=0.5, quota=6, rounds=3, training=QUICK)
    _, rounds = run_rounds(labels, method)

    assert [r.number for r in rounds] == [1, 2, 3]
    for r in rounds:
        assert r.n_added == sum(r.n_added_by_class) == r.n_known
        assert max(r.n_added_by_class) <= 6
        assert 0 <= r.precision <= 1


def test_truth_is_never_trained_on():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=60)  # of noise, so that many guesses are wrong
    pixels = rng.integers(0, 256, (60, 28, 28, 1), dtype=np.uint8)
    few = few_of(labels)
    method = PseudoLabels(threshold=0.5, quota=6, rounds=2, training=QUICK)
    start = QUICK.fit(pixels[:8], labels[:8], n_classes=2)
    truth = np.where(few < 0, labels, -1)
    with_truth, rounds = method.fit(start, pixels, few, n_classes=2, truth=truth)
    without, rounds_without = method.fit(start, pixels, few, n_classes=2)

    assert min(r.precision for r in rounds) < 0.9
    assert_same_network(with_truth, without)
    assert [r.n_added for r in rounds_without] == [r.n_added for r in rounds]
    assert all(r.precision is None for r in rounds_without)


def test_stops_when_no_image_is_sure_enough():
    _, labels = stripes(60)
    method = PseudoLabels(threshold=1.0, rounds=3, training=QUICK)
    _, rounds = run_rounds(labels, method)
    assert len(rounds) == 1
    assert rounds[0].n_added == 0
    assert rounds[0].precision is None


def test_finished_rounds_are_not_trained_again(tmp_path):
    _, labels = stripes(60)
    method = PseudoLabels(threshold=0.5, quota=6, rounds=2, training=QUICK)
    first, _ = run_rounds(labels, method, checkpoints=tmp_path)
    trained = []
    again, _ = run_rounds(
        labels, method, checkpoints=tmp_path, progress=lambda *update: trained.append(update)
    )
    assert_same_network(first, again)
    assert not [task for task, done, total in trained if "round" in task and done < total]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"threshold": 1.2}, r"outside \[0, 1\]"),
        ({"quota": 0}, "quota=0"),
        ({"rounds": 0}, "rounds=0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        PseudoLabels(**settings)
