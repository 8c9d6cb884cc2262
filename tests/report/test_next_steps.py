"""The report ends with commands that can be typed as they are, for its own folder."""

import shlex
from dataclasses import replace

import numpy as np
import pytest

from tests.report.reader import Page
from tests.report.samples import CLASSES, sample_content
from voisin.calibration.calibrate import calibrate
from voisin.report.next_steps import next_steps
from voisin.report.page import render_report
from voisin.types import HeldOut, Propagation


def commands(content):
    return [shlex.split(step.command) for step in next_steps(content)]


def test_the_four_commands_name_the_folder_and_the_most_doubtful_image():
    probabilities = np.tile([0.8, 0.1, 0.1], (60, 1))
    probabilities[0] = 1 / 3  # has a label
    probabilities[41] = [0.4, 0.3, 0.3]
    probabilities[50] = 1 / 3  # not reached
    content = sample_content(
        folder="my runs/pets", probabilities=probabilities, reached=np.arange(60) != 50
    )

    assert commands(content) == [
        ["voisin", "suggest", "my runs/pets"],
        ["voisin", "certify", "my runs/pets"],
        ["voisin", "audit", "my runs/pets"],
        ["voisin", "explain", "my runs/pets", "pet-41"],
    ]


@pytest.mark.parametrize(
    ("priors_from", "n_unlabeled", "expected"),
    [("images", 54, 50), ("even", 40, 39), ("even", 30, None), ("sample", 54, None)],
)
def test_a_random_sample_is_asked_for_where_nobody_knows_how_common_the_classes_are(
    priors_from, n_unlabeled, expected
):
    probabilities = np.tile([0.8, 0.1, 0.1], (60, 1))
    found = Propagation(probabilities, np.ones(60, bool), 1, 0.0, True)
    calibration = replace(
        calibrate(found, HeldOut(*[np.empty(0, int)] * 2, probabilities[:0])),
        priors_from=priors_from,
    )
    labels = np.where(np.arange(60) < n_unlabeled, -1, 0)
    content = sample_content(folder="pets", labels=labels, calibration=calibration)

    asked = [command for command in commands(content) if "random" in command]
    command = ["voisin", "suggest", "--strategy", "random", "--n", str(expected), "pets"]
    assert asked == ([] if expected is None else [command])


def test_the_page_shows_them_before_its_details_and_the_first_at_the_top():
    content = sample_content(folder="pets")
    page = Page(render_report(content))

    top, rest = page.html.split("</header>")
    section = rest[rest.index('<section id="next">') : rest.index('<section id="details">')]
    assert "<h2>What next</h2>" in section
    for step in next_steps(content):
        assert f"<code>{step.command}</code> {step.answer}" in section
        assert f"<dt>{step.question}</dt>" in section
    assert "<code>voisin suggest pets</code>" in top
    assert {"href": "#next"} in page.all("a")
    assert page.misnested == []


def test_a_page_that_knows_no_folder_has_no_such_section():
    html = render_report(sample_content())
    assert 'id="next"' not in html
    assert "#next" not in html


def test_where_to_start_them_is_written_for_a_relative_folder_alone(tmp_path):
    hint = "Start them in the folder from which the run was started."
    assert hint in render_report(sample_content(folder="pets"))
    assert hint not in render_report(sample_content(folder=str(tmp_path)))


def test_markup_in_names_is_escaped():
    html = render_report(sample_content(folder="a<b>"))
    assert "voisin audit &#39;a&lt;b&gt;&#39;" in html


def test_what_begins_with_a_dash_is_no_option():
    ids = [f"-{i}" for i in range(60)]
    for words in commands(sample_content(folder="pets", ids=ids)):
        assert ("--" in words) == (words[1] == "explain")
    assert all(words[2:4] == ["--", "-pets"] for words in commands(sample_content(folder="-pets")))


@pytest.mark.parametrize(
    ("n_labeled", "expected"), [(39, []), (40, ["--n", "19"]), (58, ["--n", "1"])]
)
def test_suggestions_ask_for_fewer_than_are_left(n_labeled, expected):
    labels = np.where(np.arange(60) < n_labeled, np.arange(60) % len(CLASSES), -1)
    words = commands(sample_content(folder="pets", labels=labels))[0]
    assert words == ["voisin", "suggest", *expected, "pets"]


def test_what_would_end_in_an_error_is_left_out():
    all_labeled = sample_content(folder="pets", labels=np.arange(60) % len(CLASSES))
    assert [words[1] for words in commands(all_labeled)] == ["audit"]
    unclear = sample_content(folder="pets", explainable=False)
    assert [words[1] for words in commands(unclear)] == ["suggest", "certify", "audit"]
