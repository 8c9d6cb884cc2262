"""The verdict names the best method, how sure that is, and what each class comes to."""

from dataclasses import replace

import numpy as np
import pytest
from markupsafe import escape

from tests.report.reader import Page
from tests.report.samples import around, page_of, sample_content, sample_scores
from voisin.calibration.calibrate import calibrate
from voisin.calibration.expected_verdict import ExpectedVerdict
from voisin.evaluation.bootstrap import Estimate
from voisin.report.gallery import select_images
from voisin.report.page import render_report
from voisin.report.sections import expected_pairs
from voisin.types import HeldOut, Propagation


def top_of(page):
    return Page(page.html.split("</header>")[0]).text


def test_the_top_says_how_many_how_good_what_is_mixed_up_and_what_next():
    confusion = np.array([[40, 9, 1], [2, 30, 0], [0, 10, 8]])
    labels = sample_scores("propagated", "unlabeled", confusion=confusion, accuracy=0.78)
    top = top_of(page_of(scores=(labels,), folder="pets"))

    assert "pets: from 6 labels to 60" in top
    assert "54 images labeled from 6 labels that you gave, in 3 classes." in top
    assert "78% right 76% to 80%" in top
    assert "Counted on the 100 unlabeled images whose true class was hidden from voisin." in top
    assert "Most found: dog (94%). Least found: owl (44%)." in top
    assert "owl taken for dog : 10 images cat taken for dog : 9 images" in top
    assert "voisin suggest pets" in top


def test_the_labels_are_judged_on_the_unlabeled_images_and_on_a_test_where_these_are_unknown():
    on_both = [
        sample_scores("propagated", s, accuracy=a) for s, a in (("test", 0.9), ("unlabeled", 0.8))
    ]
    assert "80% right" in top_of(page_of(scores=tuple(on_both)))
    on_test = top_of(page_of(scores=tuple(on_both[:1])))
    assert "90% right" in on_test
    assert "Counted on the 30 test images that were kept apart." in on_test


def test_a_verdict_on_few_images_is_a_rough_hint_without_an_interval():
    few = np.eye(3, dtype=np.int64)
    top = top_of(page_of(scores=(sample_scores("propagated", confusion=few, accuracy=0.8),)))
    assert "80% right Counted on the 3 test images" in top
    assert "These are too few for more than a rough hint." in top


def test_the_comparison_names_the_best_method_with_its_interval_and_its_images(page):
    only_unlabeled = page_of(scores=(sample_scores("propagated", "unlabeled"),))

    assert "the best method is propagated labels" in page.text
    assert "balanced accuracy 0.550, 95%: 0.530–0.570" in page.text
    assert "On the 30 test images" in page.text
    assert "On the 30 unlabeled images" in only_unlabeled.text
    assert "30 test images" not in only_unlabeled.text


def test_the_comparison_adds_the_figure_without_leaking_groups(page):
    assert (
        "Without the test images whose group is also in the training set, "
        "its balanced accuracy is 0.550"
    ) in page.text


@pytest.mark.parametrize(
    ("second", "words"), [(0.52, "may be chance"), (0.40, "the intervals do not overlap")]
)
def test_the_comparison_says_whether_the_lead_may_be_chance(second, words):
    scores = (
        sample_scores("retrained", balanced_accuracy=0.55),
        sample_scores("propagated", balanced_accuracy=second),
    )
    assert words in page_of(scores=scores).text


def test_the_ceiling_is_never_the_best(page):
    rows = page.table("Figures of every method, by set of images")
    assert rows[4] == ["Ceiling", *rows[4][1:]]
    assert not any("best" in cell for cell in rows[4])
    assert "the best method is ceiling" not in page.text


def test_every_scope_is_a_block_of_the_methods_in_their_order(page):
    rows = page.table("Figures of every method, by set of images")
    methods = ("Few labels only", "Propagated labels", "Ceiling")
    assert [row[0] for row in rows] == [
        "Method",
        *("Unlabeled images unlabeled · 30 images", *methods),
        *("Test images test · 30 images", *methods),
        *("Test images of new groups test-no-leak · 30 images", *methods),
    ]
    assert rows[0][1:] == ["AUC", "Balanced accuracy", "Accuracy", "Macro F1", "ECE less is better"]
    assert rows[2][2] == "0.500 0.480–0.520"


def test_the_best_of_a_column_is_marked_in_words_and_by_a_sign(page):
    rows = page.table("Figures of every method, by set of images")
    assert rows[3][2] == "0.550 ★ best 0.530–0.570"


def test_less_calibration_error_is_better():
    scores = (sample_scores("few-labels", ece=0.02), sample_scores("propagated", ece=0.20))
    rows = page_of(scores=scores).table("Figures of every method, by set of images")
    assert "best" in rows[2][-1]
    assert "best" not in rows[3][-1]


def test_figures_that_are_not_defined_are_dashes_never_best_and_explained():
    scores = (
        sample_scores("few-labels", auc=np.nan),
        sample_scores("propagated", confusion=np.array([[3, 1, 0], [0, 5, 0], [0, 0, 0]])),
    )
    page = page_of(scores=scores)
    assert page.table("Figures of every method, by set of images")[2][1] == "–"
    assert page.table("Recall of each class, by method")[3] == ["owl", "10", "1.00 0.98–1.02", "–"]
    assert "not defined, as for a class without images" in page.text
    assert "nan" not in page.text.lower().split()


def test_a_run_without_truth_has_no_verdict_and_says_how_to_get_one():
    content = sample_content()
    content = replace(content, scores=(), truth=np.full(60, -1))
    page = Page(render_report(content))

    assert "Not known No true label was kept apart." in page.text
    assert "--labels-per-class" in page.text
    assert "label a few hundred images drawn at random" in page.text
    for empty in ("Surest mistakes", "true class unknown", "mixed up", "Every method compared"):
        assert empty not in page.text
    assert "Figures of every method, by set of images" not in page.tables


def test_an_expert_from_a_file_is_named_and_may_have_seen_the_test():
    scores = tuple(
        sample_scores(method, scope)
        for scope in ("unlabeled", "test", "test-no-leak")
        for method in ("few-labels", "expert", "propagated")
    )
    page = page_of(scores=scores, rounds=())

    assert (
        page.table("Figures of every method, by set of images")[3][0]
        == "Expert network (from a file)"
    )
    assert "what it was trained on is not known here" in page.text
    assert page.text.count("was trained on these images before is not known here") == 3
    assert "no method learned" not in page.text
    assert "Pseudo-labels" not in page.text


def test_without_an_expert_from_a_file_nothing_was_trained_on_the_test(page):
    assert "nothing in this run was trained on them" in page.text
    assert "was trained on these images before" not in page.text


def test_methods_of_one_chart_have_different_styles():
    from voisin.report.charts import method_style

    for third in ("pseudo-labels", "expert"):
        methods = (
            "few-labels",
            third,
            "propagated",
            "retrained",
            "ceiling",
        )
        assert len({method_style(method) for method in methods}) == len(methods)


@pytest.mark.parametrize(("ceiling", "is_explained"), [(0.5, True), (0.9, False)])
def test_a_ceiling_below_another_method_is_explained(ceiling, is_explained):
    scores = (
        sample_scores("retrained", balanced_accuracy=0.6),
        sample_scores("ceiling", balanced_accuracy=ceiling),
    )
    text = page_of(scores=scores).text

    assert ("below that of retrained here: it learns from the classes" in text) == is_explained


def test_sets_of_images_are_not_to_be_compared_with_one_another(page):
    assert "compare methods within one set of images, not one set with another" in page.text


def test_images_without_evidence_are_counted_and_stand_under_no_answer():
    answered = np.array([[6, 2, 0], [0, 5, 0], [0, 0, 4]])
    in_part = np.array([[4, 1, 0], [0, 5, 0], [0, 0, 4]])
    scores = (
        replace(sample_scores("propagated", confusion=in_part), n=17, n_unanswered=3),
        sample_scores("few-labels", confusion=answered),
    )
    page = page_of(scores=scores)

    figures = page.table("Figures of every method, by set of images")
    assert figures[2][0] == "Propagated labels 3 without an answer, counted as not found"
    assert figures[3][0] == "Few labels only"
    assert page.table("Propagated labels")[:2] == [
        ["True class", "cat", "dog", "owl", "no answer"],
        ["cat", "50% 4", "12% 1", "0", "38% 3"],
    ]
    assert page.table("Few labels only")[0] == ["True class", "cat", "dog", "owl"]
    assert "The column “no answer” counts images" in page.text
    assert [row[1] for row in page.table("Recall of each class, by method")[1:]] == ["8", "5", "4"]


def test_without_unanswered_images_none_are_spoken_of(page):
    assert "no answer" not in page.text
    assert "without an answer" not in page.text


def test_a_confusion_matrix_shows_shares_of_rows_and_counts():
    confusion = np.array([[3, 1, 0], [0, 5, 0], [0, 0, 0]])
    page = page_of(scores=(sample_scores("propagated", confusion=confusion),))

    assert page.table("Propagated labels") == [
        ["True class", "cat", "dog", "owl"],
        ["cat", "75% 3", "25% 1", "0"],
        ["dog", "0", "100% 5", "0"],
        ["owl", "–", "–", "–"],
    ]
    assert "cat taken for dog : 1 image (25% of the class)" in page.text


def test_columns_of_long_names_have_the_numbers_of_their_rows():
    names = ("domestic cat", "dog")
    scores = (sample_scores("propagated", class_names=names),)
    page = page_of(class_names=names, scores=scores)

    assert page.table("Propagated labels") == [
        ["True class", "1 given domestic cat", "2 given dog"],
        ["1 domestic cat", "100% 10", "0"],
        ["2 dog", "0", "100% 10"],
    ]


def test_the_accuracy_of_the_surest_images_is_a_table():
    truth = np.zeros(20, dtype=np.int64)
    sure = np.linspace(0.99, 0.6, 20)
    right = np.arange(20) < 10  # the ten surest
    other = (1 - sure) / 2
    probabilities = np.stack([np.where(right, sure, other), np.where(right, other, sure), other], 1)
    labels = np.full(20, -1)
    labels[19] = 0  # given, so not counted
    page = page_of(n_images=20, truth=truth, labels=labels, probabilities=probabilities)

    rows = {row[0]: row for row in page.table("If you keep only the surest images")}
    assert rows["50%"][1] == "10"
    assert rows["50%"][3] == "100%"
    assert rows["100%"][1] == "19"
    assert rows["100%"][3] == "53%"


def test_figures_of_a_scope_where_none_is_defined_do_not_stop_the_page():
    undefined = around(np.nan)
    scores = sample_scores("propagated")
    undefined = {**scores.metrics, "auc": undefined, "balanced_accuracy": undefined}
    scores = replace(scores, metrics=undefined)
    assert "the best method" not in page_of(scores=(scores,)).text


def test_calibration_is_described_in_notes_and_by_class():
    content = sample_content()
    n_classes = content.probabilities.shape[1]
    rows = np.flatnonzero(content.labels >= 0)
    held_out = HeldOut(
        rows,
        content.labels[rows],
        content.probabilities[rows],
        np.ones(len(rows), dtype=bool),
        np.arange(len(rows)) % 5,
    )
    propagation = Propagation(content.probabilities, content.reached, 1, 0.0, converged=True)
    calibration = calibrate(propagation, held_out)

    page = render_report(replace(content, calibration=calibration))

    for sentence in calibration.notes:
        assert str(escape(sentence)) in page
    for label in range(n_classes):
        assert f"class-reliability-{label}" in page
    assert 'id="calibration"' not in render_report(replace(content, calibration=None))


def test_methods_that_are_level_are_named_together_and_none_is_the_best():
    scores = (sample_scores("few-labels"), sample_scores("propagated"), sample_scores("ceiling"))
    page = page_of(scores=scores)

    assert "no method is the best: few labels only, propagated labels are level" in page.text
    assert "the best method is" not in page.text
    rows = page.table("Figures of every method, by set of images")
    assert "★ best" not in " ".join(map(" ".join, rows))


def test_too_few_groups_for_an_interval_are_told():
    one = sample_scores("propagated", confusion=np.eye(3, dtype=np.int64) * 40)
    blind = {name: Estimate(e.value, np.nan, np.nan) for name, e in one.metrics.items()}
    page = page_of(scores=(replace(one, metrics=blind, n_groups=1),))

    assert "80% right Counted" in page.text
    assert "They are of 1 group: too few to say how far this may be off" in page.text
    assert page.table("Figures of every method, by set of images")[2][2].endswith("no interval")
    assert "fewer than 10 images, or groups of images" in page.text
    assert "nan" not in page.text.lower().split()


def expected_content(**changes):
    """A run without truth, whose held-out labels tell that cats are taken for dogs."""
    shares = np.zeros((3, 3, 3))
    shares[0, 1] = 0.25, 0.03, 0.5
    shares[2, 1] = 0.1, 0.001, 0.4  # one of ten may be chance
    recall = (around(0.7), around(0.9), around(0.6))
    verdict = ExpectedVerdict(30, around(0.61, 0.1), around(0.7), recall, shares)
    content = sample_content(scores=(), truth=np.full(60, -1), folder="pets", **changes)
    rows = np.flatnonzero(content.labels >= 0)
    held_out = HeldOut(rows, content.labels[rows], content.probabilities[rows])
    propagation = Propagation(content.probabilities, content.reached, 1, 0.0, converged=True)
    calibration = calibrate(propagation, held_out)
    priors = (around(1 / 3),) * 3
    return replace(content, calibration=replace(calibration, verdict=verdict, class_priors=priors))


def test_without_truth_the_top_says_what_held_out_labels_let_expect():
    page = Page(render_report(expected_content()))
    top = top_of(page)

    assert "about 61% right 51% to 71%" in top
    assert "Expected from 30 labels that were held out in turn" in top
    assert "Least found: owl (60%)." in top
    assert "What is probably mixed up cat taken for dog : about 25%" in top
    assert "owl taken for dog" not in page.text
    assert "To measure it, label a few hundred images drawn at random" in page.text
    assert "cat taken for dog : about 25% of the class (3% to 50%)" in page.text
    assert [row[:2] for row in page.table("Each class")[1:]] == [
        ["cat", "70% 68% to 72%"],
        ["dog", "90% 88% to 92%"],
        ["owl", "60% 58% to 62%"],
    ]


def test_a_probable_confusion_shows_the_images_in_which_the_true_class_is_most_probable():
    content = expected_content()
    pairs = expected_pairs(content)
    shown = select_images(content, pairs).confused[0, 1]

    assert [(pair.truth, pair.predicted) for pair in pairs] == [(0, 1)]
    dogs = np.flatnonzero((content.predicted == 1) & (content.labels == -1))
    likely_cats = dogs[np.argsort(-content.probabilities[dogs, 0])]
    assert shown.tolist() == likely_cats[: len(shown)].tolist()
    assert len(shown) == 8
