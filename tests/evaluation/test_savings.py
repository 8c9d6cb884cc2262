"""Labels saved: counted draw by draw, against what random images reach, and never flattered."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_rel
from sklearn.isotonic import IsotonicRegression

from voisin.evaluation.savings import labels_to_reach, rising, savings

N_LABELS = np.array([10, 20, 30, 40])
CURVES = arrays(float, (5, 4), elements=st.floats(0, 1, width=16))


def by_name(curves):
    return {one.name: one for one in savings(N_LABELS, curves, "random")}


def test_each_draw_is_judged_by_what_random_has_at_its_own_end():
    easy, hard = [0.6, 0.7, 0.8, 0.9], [0.1, 0.2, 0.3, 0.4]
    found = by_name(
        {
            "random": np.array([easy, hard]),
            "keen": np.array([[0.6, 0.9, 0.9, 0.9], [0.1, 0.1, 0.4, 0.5]]),
        }
    )

    assert found["random"].labels == (40, 40)
    assert found["keen"].labels == (20, 30)
    assert found["keen"].ratio == pytest.approx(np.sqrt(20 * 30) / 40)
    assert found["keen"].std == pytest.approx(np.std([20, 30], ddof=1))


def test_where_it_never_gets_there_random_is_asked_for_what_it_has_at_the_end():
    random = np.array([[0.1, 0.2, 0.3, 0.4]] * 3)
    lazy = random.copy()
    lazy[:2] /= 2
    found = by_name({"random": random, "lazy": lazy})

    assert found["lazy"].labels == (80, 80, 40)
    assert (found["lazy"].n_reached, found["lazy"].always_reached) == (1, False)
    assert found["random"].always_reached


def test_one_lucky_step_decides_nothing():
    random = np.array([[0.1, 0.2, 0.3, 0.4]])
    lucky = np.array([[0.1, 0.45, 0.2, 0.42]])

    assert by_name({"random": random, "lucky": lucky})["lucky"].labels[0] > 30


def test_the_test_is_students_paired_one_against_random_with_holms_correction():
    generator = np.random.default_rng(0)
    line = np.linspace(0.2, 0.8, 4) + generator.normal(0, 0.03, (8, 4))
    curves = {"random": line, "one": line + 0.1, "other": line + generator.normal(0, 0.05, (8, 1))}
    found = by_name(curves)
    raw = {
        name: ttest_rel(np.log(found[name].labels), np.log(found["random"].labels)).pvalue
        for name in ("one", "other")
    }
    small, large = sorted(raw, key=raw.get)

    assert found[small].p_value == pytest.approx(2 * raw[small])
    assert found[large].p_value == pytest.approx(max(2 * raw[small], raw[large]))
    assert np.isnan(found["random"].p_value)
    assert not found["random"].differs


@given(CURVES, CURVES)
def test_random_is_its_own_measure_and_changing_places_turns_the_ratio_round(one, other):
    found = by_name({"random": one, "other": other})
    turned = by_name({"random": other, "other": one})

    assert found["random"].ratio == 1
    assert found["random"].always_reached
    assert found["other"].ratio == pytest.approx(1 / turned["other"].ratio)
    assert found["other"].p_value == pytest.approx(turned["other"].p_value, nan_ok=True)


def test_of_strategies_that_are_no_better_one_in_twenty_is_told_from_random():
    """Curves wander: who ends above random by chance has been above it for a while."""
    generator = np.random.default_rng(0)
    n_labels = np.arange(20, 301, 20)
    line = 0.85 + 0.03 * np.log(n_labels)
    told, ratios = [], []
    for _ in range(200):
        curves = {
            name: line + np.cumsum(generator.normal(0, 0.004, (10, 15)), axis=1)
            for name in ("random", "other")
        }
        (found,) = [s for s in savings(n_labels, curves, "random") if s.name == "other"]
        told.append(found.differs)
        ratios.append(found.ratio)

    assert np.mean(told) < 0.1
    assert np.exp(np.mean(np.log(ratios))) == pytest.approx(1, abs=0.05)


@given(CURVES)
def test_a_strategy_with_the_curves_of_random_saves_nothing(curves):
    found = by_name({"random": curves, "same": curves.copy()})

    assert found["same"].labels == found["random"].labels
    assert found["same"].p_value == 1
    assert not found["same"].differs


@given(arrays(float, 6, elements=st.floats(0, 1, width=16)))
def test_a_rising_curve_is_that_of_isotonic_regression(curve):
    expected = IsotonicRegression().fit_transform(np.arange(6), curve)

    np.testing.assert_allclose(rising(curve), expected)


def test_labels_for_a_level_lie_on_the_line_between_two_steps():
    curve = np.array([0.2, 0.4, 0.8])

    assert labels_to_reach(np.array([10, 20, 30]), curve, 0.6) == pytest.approx(25)
    assert labels_to_reach(np.array([10, 20, 30]), curve, 0.1) == 10
    assert labels_to_reach(np.array([10, 20, 30]), curve, 0.9) == float("inf")
