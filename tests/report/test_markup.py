"""The page is one file that fetches nothing, and serves whoever reads it, however they do."""

import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

from tests.report.reader import Page
from tests.report.samples import page_of, sample_content, sample_scores
from voisin.report.page import render_report


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
    assert any("labeled dog, true class owl" in picture["alt"] for picture in pictures)
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


def test_importing_voisin_loads_neither_matplotlib_nor_jinja():
    code = "import sys, voisin; print([m for m in ('matplotlib', 'jinja2') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    render_report(sample_content())
    assert dict(mpl.rcParams) == before
