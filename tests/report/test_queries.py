"""The page of a comparison of query strategies says who saves labels, and what may be chance."""

import numpy as np
import pytest

from tests.report.reader import Page
from voisin.evaluation.savings import savings
from voisin.querying import STRATEGIES
from voisin.report.queries import QueriesContent, render_queries
from voisin.report.query_wording import meaning_of

N_LABELS = np.arange(20, 101, 20)
RISES = {"random": 0.30, "keen": 0.40, "alike": 0.30, "far": 0.15, "theirs": 0.35}


def sample_curves(draws):
    generator = np.random.default_rng(0)
    level = generator.normal(0.5, 0.02, (draws, 1))
    return {
        name: level
        + rise * np.log(N_LABELS / 20) / np.log(5)
        + generator.normal(0, 0.01, (draws, 5))
        for name, rise in RISES.items()
    }


def content(draws=12, **changes):
    curves = sample_curves(draws)
    parts = {
        "name": "pets",
        "n_pool": 800,
        "n_apart": 160,
        "has_groups": True,
        "method": "consensus",
        "n_labels": N_LABELS,
        "curves": curves,
        "auc": {name: curve + 0.1 for name, curve in curves.items()},
        "savings": savings(N_LABELS, curves, "random"),
        "peers": {"theirs": "another library's"},
        "left_out": {"absent": "it needs absent: pip install 'voisin[bench]'"},
        "learns_from_labels": False,
        "settings": {"embedding": "pixels"},
        "warnings": ("<b>few</b> images of cats",),
        "versions": {"voisin": "0.1.0"},
    }
    return QueriesContent(**{**parts, **changes})


@pytest.fixture(scope="module")
def page():
    return Page(render_queries(content()))


def test_the_headline_says_who_needs_the_fewest_labels_and_who_is_worse_than_random(page):
    best = next(one for one in content().savings if one.name == "keen")

    assert "pets: 5 ways to choose which images to label" in page.text
    assert "keen needs the fewest labels" in page.text
    assert f"{best.mean:.0f} ± {best.std:.0f}, {100 * best.ratio:.0f}% of what random" in page.text
    assert "Chance alone is an unlikely reason." in page.text
    assert "In need of more labels than random images, and not by chance: far." in page.text


def test_few_draws_and_one_draw_are_called_so_and_nobody_is_praised_for_nothing():
    few = Page(render_queries(content(draws=3)))
    one = Page(render_queries(content(draws=1)))
    curves = {name: sample_curves(12)[name] for name in ("random", "far")}
    none = Page(
        render_queries(
            content(curves=curves, auc=curves, savings=savings(N_LABELS, curves, "random"))
        )
    )

    assert "In 3 draws, " in few.text
    assert "One draw says nothing of chance" in one.text
    assert "No strategy needs fewer labels than random images do." in none.text


def test_the_table_has_a_row_a_strategy_fewest_labels_first(page):
    told = content()
    rows = page.table("Fewest labels first")[1:]

    assert [row[0] for row in rows] == [one.name for one in told.savings]
    for row, one in zip(rows, told.savings, strict=True):
        bound = "" if one.always_reached else "~ "
        assert row[1] == f"{bound}{one.mean:.0f} ± {one.std:.0f}"
        assert row[4] == str(one.n_reached)
        end = told.curves[one.name][:, -1]
        assert row[5] == f"{end.mean():.3f} ± {end.std(ddof=1):.3f}"
    far = next(row for row in rows if row[0] == "far")
    assert far[1].startswith("~ ")
    assert next(row for row in rows if row[0] == "random")[3] == "–"


def test_a_chart_and_a_panel_a_strategy_have_words_for_who_cannot_see_them(page):
    told = [one["aria-label"] for one in page.all("svg")]
    ends = {name: curve[:, -1].mean() for name, curve in sample_curves(12).items()}

    assert len(told) == 1 + len(RISES)
    assert told[0].startswith("Mean balanced accuracy by labels; with 100: keen ")
    assert f"random {ends['random']:.3f}." in told[0]
    assert any(
        one.startswith("Balanced accuracy of far by labels: ")
        and one.endswith(f"{ends['far']:.3f} with 100.")
        for one in told
    )


def test_it_says_what_was_left_out_warned_of_and_done_with_groups(page):
    assert "pip install 'voisin[bench]'" in page.text
    assert "<b>few</b> images of cats" in page.text
    assert "Of a group only one image may be asked for" in page.text
    assert "Of a group" not in Page(render_queries(content(has_groups=False))).text


def test_it_fetches_nothing_ids_are_unique_and_it_is_the_same_every_time(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]

    assert [*page.all("img"), *page.all("script"), *page.all("link")] == []
    assert page.misnested == []
    assert len(ids) == len(set(ids))
    assert "http" not in page.html.replace("http://www.w3.org", "")
    assert page.html == render_queries(content())


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_has_words(name):
    assert meaning_of(name) != "–"
