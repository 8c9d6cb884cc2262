"""The risk target is kept, by exact probabilities, and answers may come bit by bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voisin.certificate.betting import (
    Bets,
    RiskTarget,
    certify_sets,
    forecast_checks,
    nested_sizes,
    random_order,
)
from voisin.errors import InputError


def chance_to_win(n_images, n_wrong, target):
    """Exact probability that the bets ever win: every order of right and wrong, by recursion."""
    states = {(0,): 1.0}
    won = 0.0
    for step in range(n_images):
        after = {}
        for history, weight in states.items():
            wrong_so_far = sum(history[1:])
            p_wrong = (n_wrong - wrong_so_far) / (n_images - step)
            for wrong, p in ((0, 1 - p_wrong), (1, p_wrong)):
                if p > 0:
                    after[(*history, wrong)] = after.get((*history, wrong), 0) + weight * p
        states = {}
        for history, weight in after.items():
            bets = Bets(target, n_images)
            for wrong in history[1:]:
                bets.settle(right=not wrong)
            if bets.won:
                won += weight
            else:
                states[history] = weight
    return won


@pytest.mark.parametrize(
    ("n_images", "error", "confidence"), [(10, 0.2, 0.8), (12, 0.1, 0.9), (9, 0.34, 0.7)]
)
def test_a_set_with_one_wrong_too_many_is_certified_with_the_stated_probability_at_most(
    n_images, error, confidence
):
    target = RiskTarget(error, confidence)
    for n_wrong in range(target.most_wrong(n_images) + 1, n_images + 1):
        assert chance_to_win(n_images, n_wrong, target) <= 1 - confidence + 1e-12


def test_the_risk_target_is_kept_where_only_the_surest_images_are_good_enough():
    n_images, target = 600, RiskTarget()
    generator = np.random.default_rng(0)
    broken = 0
    for run in range(200):
        right = generator.random(n_images) >= np.linspace(0, 0.15, n_images)
        answers = dict(enumerate(right.tolist()))
        size = certify_sets(random_order(n_images, run), answers, target).n_certified
        broken += bool(size and (~right[:size]).mean() > target.error)
    assert broken <= 0.05 * 200 + 2 * np.sqrt(200 * 0.05 * 0.95)


def test_all_right_certifies_everything_with_few_checks():
    found = certify_sets(random_order(5_000, 0), dict.fromkeys(range(5_000), True), RiskTarget())
    assert found.n_certified == 5_000
    assert all(one.n_checks <= 70 and one.n_wrong == 0 for one in found.sets)


def test_half_wrong_certifies_nothing():
    answers = {image: image % 2 == 0 for image in range(1_000)}
    assert certify_sets(random_order(1_000, 0), answers, RiskTarget()).n_certified == 0


@settings(max_examples=25, deadline=None)
@given(
    state=st.integers(0, 1_000),
    n_images=st.integers(30, 300),
    rate=st.sampled_from([0.0, 0.02, 0.1]),
)
def test_answers_given_only_when_asked_for_lead_to_the_same_sets_as_all_at_once(
    state, n_images, rate
):
    right = np.random.default_rng(state).random(n_images) >= rate
    order, target = random_order(n_images, state), RiskTarget(0.1, 0.9)
    answers = {}
    found = certify_sets(order, answers, target)
    while len(found.waiting):
        asked = int(found.waiting[0])
        assert asked < found.sets[-1].n_images
        assert asked not in answers
        answers[asked] = bool(right[asked])
        found = certify_sets(order, answers, target)
    at_once = certify_sets(order, dict(enumerate(right.tolist())), target)
    assert found.sets == at_once.sets


def test_the_images_asked_for_certify_the_set_if_all_are_right():
    order, target = random_order(2_000, 3), RiskTarget()
    asked = certify_sets(order, {}, target).waiting
    found = certify_sets(order, dict.fromkeys(asked.tolist(), True), target)
    assert found.sets[0].certified
    assert found.sets[0].n_checks <= len(asked)
    assert len(asked) >= 50


def test_sets_are_nested_and_end_with_all():
    sizes = nested_sizes(6_657)
    assert sizes[-1] == 6_657
    assert list(sizes) == sorted(set(sizes))


def test_a_forecast_grows_with_the_share_of_wrong_labels():
    costs = [forecast_checks(3_000, wrong, RiskTarget()).first for wrong in (0.0, 0.01, 0.025)]
    assert costs == sorted(costs)
    assert forecast_checks(3_000, 0.3, RiskTarget()).certified == 0


def test_a_forecast_by_confidences_certifies_the_surest_images_alone():
    wrong = np.where(np.arange(3_000) < 1_500, 0.0, 0.3)
    forecast = forecast_checks(3_000, wrong, RiskTarget())
    assert forecast.wrong == pytest.approx(0.15)
    assert 0.4 < forecast.certified <= 0.6
    assert not forecast.is_even


@pytest.mark.parametrize("setting", [{"error": 0}, {"error": 1.0}, {"confidence": 1.0}])
def test_impossible_risk_targets_are_refused(setting):
    with pytest.raises(InputError, match="is outside"):
        RiskTarget(**setting)
