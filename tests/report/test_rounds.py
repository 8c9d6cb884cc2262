"""The page shows what rounds of pseudo-labels brought, and claims no more than that."""

import pytest

from tests.report.samples import page_of
from voisin.training.pseudo_labels import PseudoLabelRound


def test_rounds_show_growth_and_precision_and_name_confirmation_bias(page):
    assert page.table("Pseudo-labels added in each round")[1:] == [
        ["1", "20", "20", "90%", "20"],
        ["2", "30", "50", "60%", "30"],
    ]
    assert "confirmation bias" in page.text
    assert (
        "Of the 20 pseudo-labels added in round 1, 90.0% are correct; "
        "of the 30 added in round 2, 60.0%." in page.text
    )
    assert "a new network is trained on the given labels" in page.text


@pytest.mark.parametrize(
    ("precisions", "n", "words", "never"),
    [
        ((0.994, 0.986), 300, "about equal", "more than chance"),
        ((0.99, 0.90), 300, "This fall is more than chance explains", "about equal"),
        ((0.99, 0.90), 30, "about equal", "more than chance"),
        ((0.90, 0.99), 300, "This rise is more than chance explains", "This fall"),
        ((1.0, 1.0), 300, "about equal", "more than chance"),
        ((1.0, 0.0), 2, "about equal", "more than chance"),
    ],
)
def test_a_change_of_precision_is_claimed_only_where_it_is_clear(precisions, n, words, never):
    rounds = tuple(
        PseudoLabelRound(i, n, (n, 0, 0), p, n) for i, p in enumerate(precisions, start=1)
    )
    text = page_of(rounds=rounds).text

    assert words in text
    assert never not in text


def test_a_clear_fall_has_two_possible_reasons(page):
    assert "two possible reasons" in page.text
    assert "the network repeats its mistakes, or later rounds are left with harder images" in (
        page.text
    )


def test_a_round_that_added_nothing_is_a_row():
    rounds = (
        PseudoLabelRound(1, 20, (20, 0, 0), 0.9, 20),
        PseudoLabelRound(2, 0, (0, 0, 0), None, 0),
    )
    page = page_of(rounds=rounds)

    assert page.table("Pseudo-labels added in each round")[2] == ["2", "0", "20", "–", "0"]
    assert "Here 90% of the 20 pseudo-labels of round 1 are correct" in page.text


@pytest.mark.parametrize(
    ("precisions", "words"),
    [
        ((None, 0.5), "Here 50% of the 10 pseudo-labels of round 2 are correct"),
        ((0.5, 0.7), "Of the 10 pseudo-labels added in round 1, 50.0% are correct"),
    ],
)
def test_rounds_are_described_as_they_were(precisions, words):
    rounds = tuple(
        PseudoLabelRound(i, 10, (10, 0, 0), p, 0 if p is None else 10)
        for i, p in enumerate(precisions, start=1)
    )
    assert words in page_of(rounds=rounds).text
