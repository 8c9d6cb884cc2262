"""The report speaks French as completely as English, and writes numbers the French way."""

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import voisin.report
from tests.report.reader import Page
from tests.report.samples import sample_content, sample_scores
from voisin.calibration.calibrate import calibrate
from voisin.calibration.decision import MEANINGS
from voisin.report import wording
from voisin.report.french import NOTES, SENTENCES
from voisin.report.language import ENGLISH, FRENCH, Language, choose_language
from voisin.report.page import environment, render_report
from voisin.settings import LANGUAGES
from voisin.types import HeldOut, Propagation

FOLDER = Path(voisin.report.__file__).parent
OF_COMPARISONS = {"left_out.html", "what_was_run.html"}  # the page of a comparison is English
TEMPLATES = [
    *(path for path in FOLDER.rglob("*.html") if path.name not in OF_COMPARISONS),
    *(
        FOLDER.parent / room / "page.html"
        for room in ("audit", "querying", "explanation", "certificate")
    ),
    FOLDER.parent / "certificate" / "checks.html",
]
PLACE = re.compile(r"%\(\w+\)s|%%|</?\w+>")
CLASSES = ("猫", "犬", "鳥")


def sentences_of_templates():
    found = set()
    for template in TEMPLATES:
        for _, _, text in environment().extract_translations(template.read_text(encoding="utf-8")):
            found |= {one for one in ([text] if isinstance(text, str) else text) if one}
    return found


def sentences_of_code():
    return {
        call.args[0].value
        for path in FOLDER.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in ("say", "language")
    }


def sentences_of_wordings():
    wordings = (*wording.METHODS.values(), *wording.SCOPES.values(), *wording.FIGURES)
    texts = {text for one in wordings for text in (one.title, one.meaning)}
    return texts | {wording.EXPERT_MAY_KNOW, "others", "no answer", *MEANINGS.values()}


def test_every_english_sentence_has_a_french_one_and_no_french_one_is_left_over():
    english = sentences_of_templates() | sentences_of_code() | sentences_of_wordings()

    assert len(english) > 200
    assert english - SENTENCES.keys() == set(), "write these in report/french.py"
    assert SENTENCES.keys() - english == set(), "these are said no more"


@pytest.mark.parametrize(("english", "french"), [*SENTENCES.items(), *NOTES.items()])
def test_a_french_sentence_has_the_places_and_the_markup_of_the_english_one(english, french):
    assert sorted(PLACE.findall(french)) == sorted(PLACE.findall(english))
    assert french.strip() == french != ""
    assert (english[-1] in ".?") == (french[-1] in ".?")


class Masked(Mapping[str, str]):
    """A language in which every letter is ◌: what is legible on its page was not translated."""

    def __getitem__(self, sentence):
        return re.sub(rf"({PLACE.pattern})|[^\W\d_]", lambda found: found[1] or "◌", sentence)

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0


def legible(page):
    """Words that a reader sees or hears, apart from code."""
    html = re.sub(r"<style>.*?</style>|<code>.*?</code>", "", page.html, flags=re.DOTALL)
    heard = re.findall(r'(?:alt|aria-label|title)="([^"]*)"', html)
    seen = re.sub(r"<[^>]*>", " ", html)
    return set(re.findall(r"[A-Za-z]{2,}", unescape(" ".join([seen, *heard]))))


def run_in(language, **changes):
    """A run whose own words have no Latin letter."""
    confusion = np.array([[40, 9, 1], [2, 30, 0], [0, 10, 8]])
    scores = tuple(
        sample_scores(method, scope, class_names=CLASSES, confusion=confusion)
        for scope in ("unlabeled", "test", "test-no-leak")
        for method in ("few-labels", "propagated", "ceiling")
    )
    content = sample_content(
        class_names=CLASSES, ids=[f"{i}" for i in range(60)], scores=scores, language=language,
        settings={"1": "2"}, versions={"voisin": "1"}, folder="1", **changes
    )  # fmt: skip
    timings = tuple(replace(one, stage="1") for one in content.timings)
    return replace(content, timings=timings, summary=replace(content.summary, name="動物"))


def calibration_of(content):
    rows = np.flatnonzero(content.labels >= 0)
    held_out = HeldOut(
        rows, content.labels[rows], content.probabilities[rows], np.ones(len(rows), dtype=bool),
        np.arange(len(rows)) % 5,
    )  # fmt: skip
    propagation = Propagation(content.probabilities, content.reached, 1, 0.0, converged=True)
    return calibrate(propagation, held_out)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_has_no_text_outside_of_a_translation(template):
    text = template.read_text(encoding="utf-8")
    for passed_over in (
        r"{#.*?#}",
        r"{% set style %}.*?{% endset %}",
        r"{% trans.*?{% endtrans \+?%}",
        r"{[{%].*?[%}]}",
        r"<code>.*?</code>",
        r"<[^>]*>",
    ):
        text = re.sub(passed_over, " ", text, flags=re.DOTALL)
    assert set(re.findall(r"[A-Za-z]{2,}", text)) <= {"voisin", "suggest", "certify", "ECE"}


@pytest.mark.parametrize("has_truth", [True, False])
def test_nothing_on_the_page_escapes_translation(has_truth):
    content = run_in(Language("xx", Masked()), reached=np.arange(60) != 41)
    calibration = replace(calibration_of(content), notes=())
    content = replace(content, calibration=calibration)
    if not has_truth:
        content = replace(content, scores=(), truth=np.full(60, -1))
    page = Page(render_report(content))

    assert page.text.count("◌") > 1000
    assert legible(page) <= {"voisin", "min", "ECE"}


def test_the_page_says_its_language_and_writes_numbers_the_french_way():
    page = Page(render_report(run_in(FRENCH)))

    assert page.all("html")[0]["lang"] == "fr"
    assert "動物\u00a0: de 6 étiquettes à 60" in page.html
    assert "80\u00a0% justes" in page.html
    assert "0,900" in page.text
    assert "0.900" not in page.text
    assert not re.search(r"--v:\s*\d,", page.html)
    assert FRENCH.count(12345) == "12\u202f345"
    assert FRENCH.duration(0.4) == "0,4 s"
    assert ENGLISH.percent(0.5) == "50%"


def test_a_french_line_never_begins_with_a_sign():
    html = render_report(run_in(FRENCH))
    seen = re.sub(r"<style>.*?</style>|<[^>]*>", "", html, flags=re.DOTALL)
    assert re.findall(r"[\w)] [:;?!%»]", seen) == []


def test_notes_of_other_parts_are_translated_with_their_values():
    for note in calibration_of(sample_content()).notes:
        assert FRENCH.note(note) != note
    assert FRENCH.note("left out b/c.png: truncated") == "laissée de côté, b/c.png\u00a0: truncated"
    statement = "Of the 1,200 surest of 2,000 labels at most 5 % are wrong, with 95 % confidence."
    assert FRENCH.note(statement).startswith(
        "Des 1\u202f200 plus sûres de 2\u202f000 étiquettes, 5\u00a0%"
    )
    assert FRENCH.note("Nobody wrote this.") == "Nobody wrote this."


def test_a_warning_that_stays_english_says_so_to_screen_readers():
    lost = "left out b.png: truncated"
    html = render_report(run_in(FRENCH, warnings=("Nobody wrote this.", lost)))

    assert '<li lang="en">Nobody wrote this.</li>' in html
    assert f"<li>{FRENCH.note(lost)}</li>" in html


@pytest.mark.parametrize(
    ("code", "environment", "expected"),
    [
        ("fr", {"LANG": "en_US.UTF-8"}, "fr"),
        ("en", {"LANG": "fr_FR.UTF-8"}, "en"),
        (None, {"LANG": "fr_FR.UTF-8"}, "fr"),
        (None, {"LANG": "fr_FR.UTF-8", "LC_MESSAGES": "en_GB"}, "en"),
        (None, {"LANG": "en_US", "LC_MESSAGES": "de", "LC_ALL": "fr"}, "fr"),
        (None, {"LANG": "", "LC_ALL": "de_DE.UTF-8"}, "en"),
        (None, {}, "en"),
    ],
)
def test_the_language_is_the_one_asked_for_else_that_of_the_locale_else_english(
    monkeypatch, code, environment, expected
):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert choose_language(code).code == expected


def test_the_setting_offers_the_languages_there_are():
    assert [choose_language(code).code for code in LANGUAGES] == list(LANGUAGES)
