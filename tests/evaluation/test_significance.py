"""Means, spreads and tests over draws, against SciPy and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from voisin.evaluation.metrics import METRICS
from voisin.evaluation.significance import Trial, holm, paired_p_value, rank_methods


def trials_of(figure="auc", **methods):
    """One trial a draw and method, with the values of one figure."""
    return [
        Trial(
            draw,
            5,
            method,
            "unlabeled",
            100,
            {**dict.fromkeys(METRICS, 0.5), figure: value},
            value if figure == "seconds" else 1.0,
        )
        for method, values in methods.items()
        for draw, value in enumerate(values)
    ]


def test_methods_are_ranked_by_their_mean_with_the_samples_standard_deviation():
    values = {"a": [0.7, 0.8, 0.75], "b": [0.9, 0.85, 0.8]}

    best, other = rank_methods(trials_of(**values))

    assert (best.method, other.method) == ("b", "a")
    assert best.mean == pytest.approx(np.mean(values["b"]))
    assert best.std == pytest.approx(np.std(values["b"], ddof=1))
    assert best.deficit == 0
    assert math.isnan(best.p_value)
    assert other.deficit == pytest.approx(0.1)
    assert other.values == (0.7, 0.8, 0.75)


def test_the_test_is_students_paired_one():
    first, second = np.random.default_rng(0).normal(size=(2, 12))

    assert paired_p_value(first - second) == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_what_varies_with_the_draw_alone_hides_no_difference_between_methods():
    draws = np.array([0.5, 0.9, 0.6, 0.8, 0.7])
    noise = np.array([0.001, -0.001, 0.0, 0.001, -0.001])

    _, other = rank_methods(trials_of(a=draws, b=draws - 0.01 + noise))

    assert other.p_value < 0.001
    assert not other.may_be_as_good


def test_several_tests_are_corrected_by_holms_rule():
    generator = np.random.default_rng(1)
    best = generator.normal(0.9, 0.01, 8)
    rivals = {name: best - 0.01 + generator.normal(0, 0.02, 8) for name in "bcd"}
    ranked = rank_methods(trials_of(a=best, **rivals))[1:]

    raw = {name: stats.ttest_rel(best, values).pvalue for name, values in rivals.items()}
    smallest, middle, largest = sorted(raw.values())
    expected = np.maximum.accumulate([3 * smallest, 2 * middle, largest]).clip(max=1)
    assert sorted(one.p_value for one in ranked) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_the_raw_value_and_bonferronis(p_values):
    raw = np.array(p_values)
    corrected = holm(raw)

    assert (corrected >= raw).all()
    assert (corrected <= np.minimum(raw * len(raw), 1) + 1e-15).all()
    assert (np.diff(corrected[np.argsort(raw)]) >= 0).all()


def test_less_of_the_calibration_error_is_better():
    best, other = rank_methods(trials_of("ece", a=[0.2, 0.3], b=[0.1, 0.1]), "ece")

    assert (best.method, other.method) == ("b", "a")
    assert other.deficit == pytest.approx(0.15)


def test_one_draw_has_no_spread_and_no_test():
    best, other = rank_methods(trials_of(a=[0.7], b=[0.8]))

    assert math.isnan(best.std)
    assert math.isnan(other.p_value)
    assert other.may_be_as_good


def test_equal_methods_are_told_apart_by_nothing():
    _, other = rank_methods(trials_of(a=[0.7, 0.8], b=[0.7, 0.8]))

    assert other.p_value == 1


def test_a_draw_that_one_method_lacks_counts_for_none():
    best, other = rank_methods(trials_of(a=[0.7, 0.8, 0.1], b=[0.9, float("nan"), 0.2]))

    assert (best.method, best.values) == ("b", (0.9, 0.2))
    assert other.values == (0.7, 0.1)
    assert rank_methods(trials_of(a=[float("nan")])) == ()


def test_methods_that_are_level_are_none_of_them_the_best():
    first, second, third = rank_methods(trials_of(a=[1, 1], b=[1, 1], c=[0.8, 0.9]))

    assert not first.is_best
    assert not second.is_best
    assert first.may_be_as_good
    assert second.may_be_as_good
    assert third.deficit == pytest.approx(0.15)
    assert rank_methods(trials_of(a=[1, 1]))[0].is_best
