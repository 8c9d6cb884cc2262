"""The page describes the source, the settings and the stages, and what could not be used."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.report.reader import Page
from tests.report.samples import page_of, sample_content, sample_images, sample_scores
from voisin.errors import UnreadableImageError
from voisin.report.page import render_report
from voisin.sources.collection import Summary


def test_the_images_labels_groups_and_splits_of_the_source_are_counted():
    summary = Summary(
        "pets", 90, 70, {"cat": 40, "dog": 30, "owl": 0}, 12, {"train": 60, "test": 30}
    )
    page = page_of(summary=summary, warnings=("2 images cannot be read: a.png, b.png.",))

    assert "holds 90 images (60 train, 30 test). The true class of 70 is known" in page.text
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
         "The graph is made of 60 images. "
         "30 test images whose true class is known are kept to judge the methods."),
        (101, {"train": 60, "val": 11, "test": 30}, ("unlabeled", "test"),
         "made of 60 images. 30 test images whose true class is known are kept to judge the "
         "methods. "
         "The 11 images of the split val are not used."),
        (91, {"train": 60, "val": 1, "test": 30}, (),
         "made of 60 images. The 30 test images cannot be judged, since no true class is "
         "known there. The 1 image of the split val is not used."),
        (102, {"train": 62, "test": 40}, ("test",),
         "made of 60 images. 2 more could not be read. 30 test images whose true class is "
         "known are kept to judge the methods."),
        (63, {}, ("unlabeled",), "The graph is made of 60 images. 3 more could not be read."),
        (93, {}, ("test",),
         "The graph is made of 60 images. "
         "30 test images whose true class is known are kept to judge the methods."),
        (60, {}, (), None),
    ],
)  # fmt: skip
def test_what_became_of_the_images_outside_the_graph_is_described(
    n_source, split_counts, scopes, words
):
    content = sample_content(scores=tuple(sample_scores("propagated", s) for s in scopes))
    summary = replace(content.summary, n_images=n_source, split_counts=split_counts)
    text = Page(render_report(replace(content, summary=summary))).text
    section = text[
        text.index("The images and labels of this run") : text.index("Images of each class")
    ]

    assert words is None or words in section
    for word, is_meant in [
        ("graph is made", words),
        ("judge", "test" in split_counts or "test" in scopes),
        ("val ", "val" in split_counts),
        ("could not be read", words and "read" in words),
    ]:
        assert (word in section) == bool(is_meant), word


def test_the_images_labeled_by_voisin_add_up_and_leave_out_the_unreached():
    reached = np.arange(60) != 59
    rows = page_of(reached=reached).table("Images of each class")
    assert rows[-1][3] == "53"
    assert sum(int(row[3]) for row in rows[1:-1]) == 53


def test_settings_times_and_versions_are_listed(page):
    assert page.table("Settings") == [["labels_per_class", "2"], ["random_state", "0"]]
    assert page.table("Time of each stage")[1:] == [
        ["Training", "1 min 15 s", "computed"],
        ["Neighbors", "0.4 s", "from the cache"],
        ["All", "1 min 15 s", ""],
    ]
    assert page.table("Versions")[0] == ["voisin", "0.1.0"]


def test_a_hundred_classes_still_render_and_say_what_is_left_out():
    names = tuple(f"class {c}" for c in range(100))
    page = page_of(n_images=600, class_names=names)

    assert len(page.html) < 3_000_000
    assert "Shown are the 12 classes with the most images of 100" in page.text
    assert len(page.table("Confusion matrix")[0]) == 1 + 12 + 1
    assert (
        "Shown are the 10 classes that were given most often; 90 classes are left out." in page.text
    )
    assert len(page.table("Recall of each class, by method")) == 101


def test_an_image_that_no_label_reaches_says_so_and_is_not_given_a_class():
    page = page_of(reached=np.arange(60) != 41)
    assert (
        "1 more image has no label: no chain of similar images leads from it to a labeled one."
        in page.text
    )
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
    assert 'id="pictures"' not in everything.html
    ids = {attributes.get("id") for _, attributes in everything.elements}
    assert {link["href"][1:] for link in everything.all("a")} <= ids
    assert "from 1 label to 60" in one.text


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scores": (), "truth": np.full(60, -1)},
        {"rounds": ()},
        {"scores": (sample_scores("propagated", "unlabeled"),), "rounds": (), "folder": "pets"},
        {"labels": np.arange(60) % 3, "truth": np.full(60, -1), "scores": (), "rounds": ()},
        {"reached": np.arange(60) < 6},
    ],
)
def test_no_heading_stands_above_nothing(changes):
    html = page_of(**changes).html.split("<body>")[1]
    parts = [*re.split(r"<h([1-6])[^>]*>", html)[1:], "1"]
    for level, text, after in zip(parts[::2], parts[1::2], parts[2::2], strict=False):
        heading, _, below = text.partition(f"</h{level}>")
        said = re.sub(r"<svg.*?</svg>", "chart", below, flags=re.DOTALL)
        said = re.sub(r"<img[^>]*>", "picture", said)
        assert re.sub(r"<[^>]*>", "", said).strip() or after > level, heading


def test_details_are_folded_and_pictures_come_before_tables_of_figures(page):
    details = page.html[page.html.index('<section id="details">') :]
    assert details.count("<details") > 3
    assert "<details open" not in details
    order = ["<header>", 'id="pictures"', 'id="mistakes"', "<table><caption", 'id="details"']
    places = [page.html.index(mark) for mark in order]
    assert places == sorted(places)
