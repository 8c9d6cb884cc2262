"""The page says what happened, to anyone, in one file that fetches nothing."""

import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from markupsafe import escape

from tests.report.reader import Page
from tests.report.samples import around, sample_content, sample_images, sample_scores
from voisin.errors import UnreadableImageError
from voisin.labeling.cross_fitting import HeldOut
from voisin.report import render_report
from voisin.sources.summary import Summary
from voisin.trust.calibrating import calibrate
from voisin.types import Propagation


@pytest.fixture(scope="module")
def page():
    return Page(render_report(sample_content()))


def page_of(**changes):
    return Page(render_report(sample_content(**changes)))


# What it says


def test_the_headline_counts_images_and_labels_and_names_the_best_method_with_its_interval(page):
    assert "pets: from 6 labels to 60" in page.text
    assert "linked 60 images, 6 of them with a label, each to the ones" in page.text
    assert "found a label for 54 more" in page.text
    assert "the best method is propagated labels" in page.text
    assert "balanced accuracy 0.550, 95% interval 0.530–0.570" in page.text


def test_the_headline_speaks_of_the_test_where_there_is_one_else_of_the_unlabeled(page):
    only_unlabeled = page_of(scores=(sample_scores("propagated", "unlabeled"),))

    assert "On the 30 test images" in page.text
    assert "On the 30 unlabeled images" in only_unlabeled.text
    assert "30 test images" not in only_unlabeled.text


def test_the_headline_adds_the_figure_without_leaking_groups(page):
    assert "Without the test images whose group is also in the training set, it is 0.550" in (
        page.text
    )


@pytest.mark.parametrize(
    ("second", "words"), [(0.52, "may be chance"), (0.40, "the intervals do not overlap")]
)
def test_the_headline_says_whether_the_lead_may_be_chance(second, words):
    scores = (
        sample_scores("retrained", balanced_accuracy=0.55),
        sample_scores("propagated", balanced_accuracy=second),
    )
    assert words in page_of(scores=scores).text


def test_the_ceiling_is_never_the_best(page):
    rows = page.table("Figures of every method, by scope")
    assert rows[4] == ["Ceiling", *rows[4][1:]]
    assert not any("best" in cell for cell in rows[4])
    assert "the best method is ceiling" not in page.text


def test_every_scope_is_a_block_of_the_methods_in_their_order(page):
    rows = page.table("Figures of every method, by scope")
    methods = ("Few labels only", "Propagated labels", "Ceiling")
    assert [row[0] for row in rows] == [
        "Method",
        *("Unlabeled images unlabeled · 30 images", *methods),
        *("Test images test · 30 images", *methods),
        *("Test images without leak test-no-leak · 30 images", *methods),
    ]
    assert rows[0][1:] == ["AUC", "Balanced accuracy", "Accuracy", "Macro F1", "ECE less is better"]
    assert rows[2][2] == "0.500 0.480–0.520"


def test_the_best_of_a_column_is_marked_in_words_and_by_a_sign(page):
    rows = page.table("Figures of every method, by scope")
    assert rows[3][2] == "0.550 ★ best 0.530–0.570"


def test_less_calibration_error_is_better():
    scores = (sample_scores("few-labels", ece=0.02), sample_scores("propagated", ece=0.20))
    rows = page_of(scores=scores).table("Figures of every method, by scope")
    assert "best" in rows[2][-1]
    assert "best" not in rows[3][-1]


def test_figures_that_are_not_defined_are_dashes_never_best_and_explained():
    scores = (
        sample_scores("few-labels", auc=np.nan),
        sample_scores("propagated", confusion=np.array([[3, 1, 0], [0, 5, 0], [0, 0, 0]])),
    )
    page = page_of(scores=scores)
    assert page.table("Figures of every method, by scope")[2][1] == "–"
    assert page.table("Recall of each class, by method")[3] == ["owl", "10", "1.00 0.98–1.02", "–"]
    assert "not defined, as for a class without images" in page.text
    assert "nan" not in page.text.lower().split()


def test_a_run_without_truth_has_no_verdict_and_says_how_to_get_one():
    content = sample_content()
    content = replace(content, scores=(), truth=np.full(60, -1))
    page = Page(render_report(content))

    assert "No verdict: no true label was kept apart" in page.text
    assert "--labels-per-class" in page.text
    assert "draw a few hundred images at random" in page.text
    assert "Surest mistakes" not in page.text
    assert "truth unknown" in page.text
    assert "Figures of every method, by scope" not in page.tables


def test_what_was_understood_of_the_source_is_told():
    summary = Summary(
        "pets", 90, 70, {"cat": 40, "dog": 30, "owl": 0}, 12, {"train": 60, "test": 30}
    )
    page = page_of(summary=summary, warnings=("2 images cannot be read: a.png, b.png.",))

    assert "holds 90 images (60 train, 30 test); the true class of 70 is known" in page.text
    assert "They belong to 12 groups" in page.text
    assert "2 images cannot be read: a.png, b.png." in page.text
    assert [row[:3] for row in page.table("Images of each class")[1:]] == [
        ["cat", "40", "2"],
        ["dog", "30", "2"],
        ["owl", "0", "2"],
        ["All", "70", "6"],
    ]


@pytest.mark.parametrize(
    ("n_source", "split_counts", "scopes", "words"),
    [
        (90, {"train": 60, "test": 30}, ("test",),
         "The graph is made of the 60 training images. 30 test images are kept for the verdict."),
        (101, {"train": 60, "val": 11, "test": 30}, ("unlabeled", "test"),
         "made of the 60 training images. 30 test images are kept for the verdict. "
         "The 11 images of val are not used."),
        (91, {"train": 60, "val": 1, "test": 30}, (),
         "60 training images. The 30 test images give no verdict. The 1 image of val is not used."),
        (102, {"train": 62, "test": 40}, ("test",),
         "the 60 training images; 2 more could not be read. 30 test images whose true class is "
         "known are kept for the verdict."),
        (63, {}, ("unlabeled",), "The graph is made of the 60 images; 3 more could not be read."),
        (93, {}, ("test",),
         "The graph is made of the 60 training images. 30 test images are kept for the verdict."),
        (60, {}, (), None),
    ],
)  # fmt: skip
def test_what_became_of_the_images_outside_the_graph_is_told(n_source, split_counts, scopes, words):
    content = sample_content(scores=tuple(sample_scores("propagated", s) for s in scopes))
    summary = replace(content.summary, n_images=n_source, split_counts=split_counts)
    text = Page(render_report(replace(content, summary=summary))).text
    told = text[text.index("What was understood") : text.index("Images of each class")]

    assert words is None or words in told
    for word, is_meant in [
        ("graph is made", words),
        ("verdict", "test" in split_counts or "test" in scopes),
        ("val ", "val" in split_counts),
        ("could not be read", words and "read" in words),
    ]:
        assert (word in told) == bool(is_meant), word


def test_an_expert_from_a_file_is_named_and_may_have_seen_the_test():
    scores = tuple(
        sample_scores(method, scope)
        for scope in ("unlabeled", "test", "test-no-leak")
        for method in ("few-labels", "expert", "propagated")
    )
    page = page_of(scores=scores, rounds=())

    assert page.table("Figures of every method, by scope")[3][0] == "Expert (from a file)"
    assert "what it was trained on is not known here" in page.text
    assert page.text.count("had learned from them before is not known here") == 3
    assert "no method learned" not in page.text
    assert "The expert was loaded from a file" in page.text


def test_without_an_expert_from_a_file_nothing_was_trained_on_the_test(page):
    assert "nothing in this run was trained on them" in page.text
    assert "had learned from them" not in page.text


def test_methods_of_one_chart_have_different_looks():
    from voisin.report.charts import _look

    for third in ("pseudo-labels", "expert"):
        methods = (
            "few-labels",
            third,
            "propagated",
            "balanced",
            "calibrated",
            "retrained",
            "ceiling",
        )
        assert len({_look(method) for method in methods}) == len(methods)


@pytest.mark.parametrize(("ceiling", "is_explained"), [(0.5, True), (0.9, False)])
def test_a_ceiling_below_another_method_is_explained(ceiling, is_explained):
    scores = (
        sample_scores("retrained", balanced_accuracy=0.6),
        sample_scores("ceiling", balanced_accuracy=ceiling),
    )
    text = page_of(scores=scores).text

    assert ("below that of retrained here: it learns from the classes" in text) == is_explained


def test_scopes_are_not_to_be_compared_with_one_another(page):
    assert "compare methods within a scope, not scopes" in page.text


def test_images_without_evidence_are_counted_and_stand_under_no_answer():
    answered = np.array([[6, 2, 0], [0, 5, 0], [0, 0, 4]])
    in_part = np.array([[4, 1, 0], [0, 5, 0], [0, 0, 4]])
    scores = (
        replace(sample_scores("propagated", confusion=in_part), n=17, n_unanswered=3),
        sample_scores("few-labels", confusion=answered),
    )
    page = page_of(scores=scores)

    figures = page.table("Figures of every method, by scope")
    assert figures[2][0] == "Propagated labels 3 without evidence, counted as not found"
    assert figures[3][0] == "Few labels only"
    assert page.table("Propagated labels")[:2] == [
        ["True class", "cat", "dog", "owl", "no answer"],
        ["cat", "50% 4", "12% 1", "0", "38% 3"],
    ]
    assert page.table("Few labels only")[0] == ["True class", "cat", "dog", "owl"]
    assert "Images under “no answer” have no evidence" in page.text
    assert [row[1] for row in page.table("Recall of each class, by method")[1:]] == ["8", "5", "4"]


def test_without_unanswered_images_none_are_spoken_of(page):
    assert "no answer" not in page.text
    assert "without evidence" not in page.text


def test_the_images_labeled_by_voisin_add_up_and_leave_out_the_unreached():
    reached = np.arange(60) != 59
    rows = page_of(reached=reached).table("Images of each class")
    assert rows[-1][3] == "53"
    assert sum(int(row[3]) for row in rows[1:-1]) == 53


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


def test_settings_times_and_versions_are_listed(page):
    assert page.table("Settings") == [["labels_per_class", "2"], ["random_state", "0"]]
    assert page.table("Time of each stage")[1:] == [
        ["Training", "1 min 15 s", "computed"],
        ["Neighbors", "0.4 s", "from the cache"],
        ["All", "1 min 15 s", ""],
    ]
    assert page.table("Versions")[0] == ["voisin", "0.1.0"]


def test_the_accuracy_of_the_most_certain_images_is_a_table():
    truth = np.zeros(20, dtype=np.int64)
    sure = np.linspace(0.99, 0.6, 20)
    right = np.arange(20) < 10  # the ten most certain
    other = (1 - sure) / 2
    probabilities = np.stack([np.where(right, sure, other), np.where(right, other, sure), other], 1)
    labels = np.full(20, -1)
    labels[19] = 0  # given, so not counted
    page = page_of(n_images=20, truth=truth, labels=labels, probabilities=probabilities)

    rows = {row[0]: row for row in page.table("If you keep only the most certain images")}
    assert rows["50%"][1] == "10"
    assert rows["50%"][3] == "100%"
    assert rows["100%"][1] == "19"
    assert rows["100%"][3] == "53%"


# Whom it serves


def test_it_fetches_nothing_and_runs_nothing(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:image/png;base64,")), (
                tag,
                target,
            )
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in page.elements}
    assert "http" not in page.html
    assert "@import" not in page.html
    assert re.findall(r"url\((?!#)", page.html) == []


def test_every_picture_has_an_alternative_text_and_every_chart_a_label(page):
    pictures = page.all("img")
    assert pictures
    assert all(picture["alt"].strip() for picture in pictures)
    assert any("labeled dog, in truth owl" in picture["alt"] for picture in pictures)
    charts = page.all("svg")
    assert len(charts) == 2 + 3 + 1 + 1  # comparisons, reliability, certainty, growth
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)


def test_headings_go_down_by_one_level_and_tables_have_captions_and_scopes(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.get("scope") for cell in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"


def test_tags_are_nested_and_ids_are_unique_and_references_lead_somewhere(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert page.misnested == []
    assert page.open == []
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")]
    targets += re.findall(r"url\(#([^)]+)\)", page.html)
    targets += [a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a]
    assert set(targets) <= set(ids)


def test_charts_follow_the_theme_of_the_page(page):
    drawn = "".join(re.findall(r"<svg.*?</svg>", page.html, flags=re.DOTALL))
    used = set(re.findall(r"var\((--[\w-]+)\)", page.html))
    defined = set(re.findall(r"(--[\w-]+):", page.html))
    assert not re.findall(r"#0103\d\d|#0102\d\d", drawn)
    assert "font-family" not in drawn
    assert used <= defined
    assert "prefers-color-scheme: dark" in page.html


def test_two_renderings_are_equal():
    assert render_report(sample_content()) == render_report(sample_content())


def test_what_users_wrote_is_text_and_never_markup():
    attack = '<script>alert("x")</script>'
    names = (attack, "a & b", '" onload="x')
    ids = [f"{attack}{i}" for i in range(60)]
    content = sample_content(
        class_names=names, ids=ids, warnings=(attack,), settings={attack: attack}
    )
    content = replace(
        content,
        summary=replace(content.summary, name=attack),
        scores=(sample_scores(attack, class_names=names),),
        versions={attack: attack},
    )
    page = Page(render_report(content))

    assert "<script" not in page.html
    assert page.all("script") == []
    assert not any("onload" in attributes for _, attributes in page.elements)
    assert attack in page.text
    assert any(attack in picture["alt"] for picture in page.all("img"))
    assert page.misnested == []


def test_a_name_in_another_script_or_with_dollars_is_shown_as_it_is():
    names = ("猫", "$x^2$", "ف")
    page = page_of(class_names=names, scores=(sample_scores("$m$", class_names=names),))
    assert "猫" in page.text
    assert "$x^2$" in page.text
    assert ">$m$</text>" in page.html


def test_a_hundred_classes_still_render_and_say_what_is_left_out():
    names = tuple(f"class {c}" for c in range(100))
    page = page_of(n_images=600, class_names=names)

    assert len(page.html) < 3_000_000
    assert "Shown are the 12 classes with the most images of 100" in page.text
    assert len(page.table("Propagated labels")[0]) == 1 + 12 + 1
    assert (
        "Shown are the 10 classes that were given most often; 90 classes are left out." in page.text
    )
    assert len(page.table("Recall of each class, by method")) == 101


def test_an_image_that_no_label_reaches_says_so_and_is_not_given_a_class():
    page = page_of(reached=np.arange(60) != 41)
    assert "No label reaches 1 image: no path of neighbors leads there" in page.text
    assert "No label reaches it" in page.text
    assert "pet-41" in page.text


def test_a_picture_that_cannot_be_decoded_leaves_a_note():
    class Vanished:
        n_channels = 3

        def load(self, position):
            message = "gone"
            raise UnreadableImageError(message)

        def fingerprint(self):
            return ""

    images = replace(sample_images(60), reader=Vanished())
    page = page_of(images=images)
    assert page.all("img") == []
    assert "picture cannot be read" in page.text


def test_everything_labeled_or_a_single_labeled_image_can_be_reported():
    everything = page_of(labels=np.arange(60) % 3, truth=np.full(60, -1))
    one = page_of(labels=np.r_[0, np.full(59, -1)])
    assert "from 60 labels to 60" in everything.text
    assert "No image was given this class." in everything.text
    assert "from 1 label to 60" in one.text


def test_figures_of_a_scope_where_none_is_defined_do_not_stop_the_page():
    undefined = around(np.nan)
    scores = replace(sample_scores("propagated"), auc=undefined, balanced_accuracy=undefined)
    assert "the best method" not in page_of(scores=(scores,)).text


def test_importing_voisin_loads_neither_matplotlib_nor_jinja():
    code = "import sys, voisin; print([m for m in ('matplotlib', 'jinja2') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    render_report(sample_content())
    assert dict(mpl.rcParams) == before


def test_how_sure_is_told_in_words_and_by_class():
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
    sure = calibrate(propagation, held_out)

    page = render_report(replace(content, how_sure=sure))

    for sentence in sure.words:
        assert str(escape(sentence)) in page
    for label in range(n_classes):
        assert f"class-reliability-{label}" in page
    assert "were not calibrated in this run" in render_report(replace(content, how_sure=None))
