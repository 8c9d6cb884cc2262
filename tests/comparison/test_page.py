"""The page of a comparison says who is best, by how much, and what may be chance."""

import numpy as np
import pytest

from tests.report.reader import Page
from voisin.comparison.page import ComparisonContent, render_comparison
from voisin.evaluation.significance import Trial


def figures(*values):
    names = ("auc", "accuracy", "balanced_accuracy", "macro_f1", "ece")
    return dict(zip(names, values, strict=True))


MEANS = {"near": 0.90, "alike": 0.894, "far": 0.70, "theirs": 0.80}


def sample_trials(numbers=(1, 5), draws=12, scopes=("unlabeled", "test")):
    generator = np.random.default_rng(0)
    trials = []
    for number in numbers:
        for scope in scopes:
            for draw in range(draws):
                for method, mean in MEANS.items():
                    value = mean + 0.005 * number + generator.normal(0, 0.01)
                    trials.append(
                        Trial(
                            draw,
                            number,
                            method,
                            scope,
                            60,
                            figures(value, value - 0.1, value - 0.2, value - 0.3, 0.1),
                            1.5,
                        )
                    )
    return tuple(trials)


def content(**changes):
    parts = {
        "name": "pets",
        "n_pool": 80,
        "n_test": 20,
        "n_classes": 3,
        "trials": sample_trials(),
        "peers": {"theirs": "another library's"},
        "left_out": {"absent": "it needs absent: pip install 'voisin[bench]'"},
        "notes": {"near": ("chose alpha 0.9", "chose alpha 0.9", "chose alpha 0.5")},
        "learns_from_labels": False,
        "settings": {"embedding": "pixels"},
        "warnings": ("<b>few</b> labels of cats",),
        "versions": {"voisin": "0.1.0"},
    }
    return ComparisonContent(**{**parts, **changes})


@pytest.fixture(scope="module")
def page():
    return Page(render_comparison(content()))


def test_the_headline_names_the_best_at_each_number_of_labels_and_what_equals_it(page):
    assert "pets: 4 methods on the same 12 draws of labels" in page.text
    assert "With 1 label per class, near has the best mean AUC" in page.text
    assert "Its lead over alike may be chance." in page.text


def test_few_draws_and_one_draw_are_called_so():
    few = Page(render_comparison(content(trials=sample_trials(draws=3))))
    one = Page(render_comparison(content(trials=sample_trials(draws=1))))

    assert "With only 3 draws, its lead over" in few.text
    assert "With a single draw, this may be chance." in one.text


def test_the_tables_have_every_method_in_every_scope_with_mean_and_spread(page):
    rows = page.table("Figures of every method with 5 labels per class, by set of images")
    trials = [
        t.metrics["auc"]
        for t in sample_trials()
        if (t.labels_per_class, t.scope, t.method) == (5, "unlabeled", "far")
    ]

    far = next(row for row in rows if row[0] == "far")
    assert far[1] == f"{np.mean(trials):.3f} ± {np.std(trials, ddof=1):.3f}"
    assert [row[0] for row in rows].count("theirs") == 2
    assert "★" in next(row for row in rows if row[0] == "near")[1]


def test_a_chart_and_a_panel_are_there_for_each_method_with_words_for_who_cannot_see_them(page):
    labels = [chart["aria-label"] for chart in page.all("svg")]

    assert len(labels) == 2 * 2 + 2 * len(MEANS)
    assert any("Mean AUC of each method over the draws: near 0.9" in label for label in labels)
    assert any(label.startswith("AUC of far by labels per class: 0.7") for label in labels)


def test_with_one_number_of_labels_there_is_no_curve():
    page = Page(render_comparison(content(trials=sample_trials(numbers=(5,)))))

    assert len(page.all("svg")) == 2
    assert "Learning curves" not in page.text


def test_it_says_what_was_left_out_noted_and_warned_of(page):
    assert "pip install 'voisin[bench]'" in page.text
    assert "in 2 trials: chose alpha 0.9" in page.text
    assert "<b>few</b> labels of cats" in page.text


def test_it_fetches_nothing_and_ids_are_unique(page):
    fetched = list(page.all("img") + page.all("script") + page.all("link"))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]

    assert fetched == []
    assert page.misnested == []
    assert len(ids) == len(set(ids))
    assert "http" not in page.html.replace("http://www.w3.org", "")


def test_a_figure_that_is_not_defined_is_a_dash():
    nan = tuple(
        Trial(d, 1, m, "unlabeled", 9, figures(float("nan"), 0.5 + 0.1 * d, 0.5, 0.5, 0.1), 1.0)
        for d in range(2)
        for m in MEANS
    )

    page = Page(render_comparison(content(trials=nan)))

    assert "has with others the highest mean accuracy" in page.text
    assert (
        page.table("Figures of every method with 1 label per class, by set of images")[2][1] == "–"
    )
