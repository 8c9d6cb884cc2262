"""Certificates on disk: checks are drawn, answers read, sets certified, and all of it verified."""

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.report.reader import Page
from voisin.certificate.answers import read_checks
from voisin.certificate.project import certify_run, verify_run
from voisin.errors import InputError, ProjectError
from voisin.project.finished_run import FinishedRun
from voisin.project.folder import Project
from voisin.sources.table import read_columns

NAMES = ("healthy", "sick, badly")


def certify_project(folder, separator=",", **options):
    return certify_run(
        FinishedRun(folder, {"source": "nowhere", "csv_separator": separator}), **options
    )


def verify_certificate(folder, separator=","):
    return verify_run(FinishedRun(folder, {"source": "nowhere", "csv_separator": separator}))


def write_labels(folder, n_images=400, n_given=20, random_state=0, ids=None):
    import pyarrow as pa
    import pyarrow.parquet

    generator = np.random.default_rng(random_state)
    confidence = generator.uniform(0.5, 1, n_images)
    labels = generator.integers(0, 2, n_images)
    source = np.where(np.arange(n_images) < n_given, "given", "propagated")
    columns = {
        "id": ids or [f"image-{i:04d}" for i in range(n_images)],
        "path": [None] * n_images,
        "label": labels,
        "label_name": [NAMES[c] for c in labels],
        "source": source,
        "confidence": confidence,
        **{f"probability_{name}": confidence for name in NAMES},
    }
    pyarrow.parquet.write_table(pa.table(columns), folder / "labels.parquet")
    return dict(zip(columns["id"], columns["label_name"], strict=True))


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    Project(folder).write_settings({"source": "nowhere"})
    return folder, write_labels(folder)


def table(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def rows_of(folder):
    return table(folder / "checks.csv")


def answer(folder, truth, count=10**6):
    rows = rows_of(folder)
    for row in rows[:count]:
        row["answer"] = truth[row["id"]]
    write_rows(folder, rows)


def write_rows(folder, rows, delimiter=","):
    with (folder / "checks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_the_first_call_draws_checks_and_says_what_to_expect(project):
    folder, truth = project
    found = certify_project(folder)
    assert found.statement == "Nothing is certified yet."
    np.testing.assert_allclose([one.wrong for one in found.forecasts[:3]], [0, 0.01, 0.02])
    assert [one.is_even for one in found.forecasts] == [True, True, True, False]
    rows = rows_of(folder)
    assert len(rows) == found.n_waiting >= 40
    assert all(row["proposed"] == truth[row["id"]] and not row["answer"] for row in rows)
    assert all(int(row["id"][-4:]) >= 20 for row in rows), "labels that were given are not checked"


def test_right_answers_certify_more_and_more_until_all_are(project):
    folder, truth = project
    sizes = [certify_project(folder).document["certified"]["n_images"]]
    while rows_of(folder) and any(not row["answer"] for row in rows_of(folder)):
        answer(folder, truth)
        sizes.append(certify_project(folder).document["certified"]["n_images"])
    assert sizes == sorted(sizes)
    assert sizes[-1] == 380
    certified = table(folder / "certified.csv")
    assert {row["id"]: row["label"] for row in certified}.items() <= truth.items()
    assert len(certified) == 380
    assert verify_certificate(folder) == ()


def test_the_answer_stands_beside_each_certified_label(project):
    folder, truth = project
    certify_project(folder, error=0.2)
    wrong = rows_of(folder)[0]["id"]
    said = {**truth, wrong: next(name for name in NAMES if name != truth[wrong])}
    while any(not row["answer"] for row in rows_of(folder)):
        answer(folder, said)
        certify_project(folder, error=0.2)
    certified = {row["id"]: row for row in table(folder / "certified.csv")}
    assert certified[wrong]["label"] == truth[wrong]
    assert certified[wrong]["answer"] == said[wrong]
    checked = {row["id"] for row in rows_of(folder) if row["answer"]}
    assert {id_ for id_, row in certified.items() if row["answer"]} == checked & set(certified)
    assert verify_certificate(folder) == ()


def test_wrong_answers_certify_nothing_and_stop_the_checks(project):
    folder, truth = project
    certify_project(folder)
    other = {NAMES[0]: NAMES[1], NAMES[1]: NAMES[0]}
    answer(folder, {id_: other[name] for id_, name in truth.items()})
    found = certify_project(folder)
    assert found.statement == "Nothing is certified yet."
    assert found.n_waiting == 0
    assert found.document["sets"][-1]["hopeless"]


def test_the_budget_bounds_the_checks(project):
    folder, truth = project
    certify_project(folder, n_checks=30)
    assert len(rows_of(folder)) == 30
    answer(folder, truth)
    assert certify_project(folder, n_checks=30).n_waiting == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"error": 0.1}, "`error=0.05`, `confidence=0.95`, not `error=0.1`, `confidence=0.95`"),
        ({"random_state": 1}, "`random_state=0`, not `random_state=1`"),
    ],
)
def test_a_risk_target_cannot_be_changed_after_the_answers(project, change, words):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    certify_project(folder)
    with pytest.raises(InputError, match=f"was drawn for {words}:"):
        certify_project(folder, **change)


def test_labels_that_changed_need_new_checks(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    certify_project(folder)
    write_labels(folder, random_state=1)
    with pytest.raises(ProjectError, match="changed since the checks were drawn"):
        certify_project(folder)
    assert any("population" in problem for problem in verify_certificate(folder))


@pytest.mark.parametrize("what", ["answer", "size", "risk target"])
def test_a_forged_certificate_does_not_hold(project, what):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    certify_project(folder)
    path = folder / "certificate.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    assert verify_certificate(folder) == ()
    if what == "answer":
        rows = rows_of(folder)
        rows[0]["answer"] = NAMES[rows[0]["answer"] == NAMES[0]]
        write_rows(folder, rows)
    elif what == "size":
        told["certified"]["n_images"] += 1
    else:
        told["risk_target"]["error"] = 0.01
    path.write_text(json.dumps(told), encoding="utf-8")
    assert verify_certificate(folder)


def test_answers_saved_by_a_spreadsheet_with_semicolons_are_read(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    write_rows(folder, rows_of(folder), delimiter=";")
    assert certify_project(folder).document["n_checks"] >= 40


@pytest.mark.parametrize("separator", [",", ";"])
def test_checks_and_certified_labels_open_in_excel_and_are_read_back(project, separator):
    folder, truth = project
    certify_project(folder, separator)
    checks = (folder / "checks.csv").read_bytes()
    assert checks.startswith(
        b"\xef\xbb\xbfid,path,proposed,answer\n".replace(b",", separator.encode())
    )
    columns = read_columns(folder / "checks.csv")
    lines = [f"{id_}{separator}{truth[id_].upper()}" for id_ in columns["id"]]
    quoted = [line.replace("SICK, BADLY", '"SICK, BADLY"') for line in lines]
    text = "\n".join([f"id{separator}answer", *quoted])
    (folder / "checks.csv").write_text(text, encoding="utf-8-sig")
    assert certify_project(folder, separator).document["n_checks"] == len(columns["id"])
    assert verify_certificate(folder, separator) == ()


def test_answers_and_certificates_of_older_files_are_read(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    certify_project(folder)
    for name in ("checks.csv", "certified.csv", "certificate.json"):
        text = (folder / name).read_text(encoding="utf-8")
        text = text.replace("answer\n", "expert\n", 1).replace('"answer"', '"expert"')
        (folder / name).write_text(text, encoding="utf-8")
    assert verify_certificate(folder) == ()
    assert certify_project(folder).document["n_checks"] >= 40
    assert "answer" in rows_of(folder)[0]


def test_an_answer_that_is_no_class_is_refused(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, dict.fromkeys(truth, "sik"), 1)
    with pytest.raises(InputError, match=r"'sik' of image-\d+ is no class: write one of healthy"):
        certify_project(folder)


def test_an_image_of_no_class_counts_as_wrong(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, dict.fromkeys(truth, "none"), 3)
    assert certify_project(folder).document["n_wrong"] == 3


def test_answers_are_understood_whatever_their_case_and_blanks(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, {id_: f" {name.upper()}" for id_, name in truth.items()})
    assert certify_project(folder).document["n_wrong"] == 0
    assert {row["answer"] for row in rows_of(folder)} <= {*NAMES, ""}


def test_a_class_called_none_has_another_answer_for_no_class(tmp_path):
    (tmp_path / "checks.csv").write_text("id,answer\na,none\nb,No class\n", encoding="utf-8")
    path = tmp_path / "checks.csv"
    assert read_checks(path, ["None", "scratch"]) == {"a": "None", "b": "no class"}
    (tmp_path / "checks.csv").write_text("id,answer\na,crack\n", encoding="utf-8")
    with pytest.raises(InputError, match="write one of None, scratch, no class if it is none of"):
        read_checks(path, ["None", "scratch"])


def test_what_the_annotator_cannot_tell_or_is_no_class_counts_as_wrong(project):
    folder, truth = project
    certify_project(folder)
    ids = [row["id"] for row in rows_of(folder)]
    answer(folder, {**truth, ids[0]: "Unsure", ids[1]: "none of these"})

    document = certify_project(folder).document

    assert document["n_wrong"] == 2
    answers = {check["id"]: check["answer"] for check in document["checks"]}
    assert (answers[ids[0]], answers[ids[1]]) == ("unsure", "none")


def test_answers_that_the_page_saved_elsewhere_are_added(project, tmp_path):
    folder, truth = project
    certify_project(folder)
    rows = rows_of(folder)
    saved = tmp_path / "checks (1).csv"
    lines = [f'{row["id"]},"{truth[row["id"]]}",Ann' for row in rows[:10]]
    saved.write_text("\n".join(["id,answer,rater", *lines]), encoding="utf-8")

    found = certify_project(folder, answers=saved)

    assert found.document["n_checks"] == 10
    assert sum(row["answer"] != "" for row in rows_of(folder)) == 10
    with pytest.raises(InputError, match="is no file: pass the table that the page of checks"):
        certify_project(folder, answers=tmp_path / "none.csv")


def test_the_page_of_checks_does_not_say_what_was_found(project):
    folder = project[0]
    certify_project(folder)

    page = (folder / "checks.html").read_text(encoding="utf-8")

    told = json.loads(re.search(r'id="questions">(.*?)</script>', page, re.DOTALL)[1])
    assert told["columns"] == ["id", "path", "proposed", "answer"]
    assert [row[0] for row in told["rows"]] == [row["id"] for row in rows_of(folder)]
    assert {row[2] for row in told["rows"]} == {""}
    assert Page(page).misnested == []
    assert "no picture" in page, "the source of this project is nowhere"


def test_the_page_of_checks_shows_no_path_beside_a_picture_for_it_may_name_the_class(tmp_path):
    ids = [f"healthy/{i:03d}.png" for i in range(400)]
    (tmp_path / "images" / "healthy").mkdir(parents=True)
    for id_ in ids:
        Image.new("L", (4, 4)).save(tmp_path / "images" / id_)
    folder, settings = tmp_path / "project", {"source": str(tmp_path / "images")}
    Project(folder).write_settings(settings)
    write_labels(folder, ids=ids)

    certify_run(FinishedRun(folder, {**settings, "csv_separator": ","}))

    page = (folder / "checks.html").read_text(encoding="utf-8")
    assert "data:image/" in page
    assert ".shown .id, .strip-of-images .id { display: none; }" in page


def test_the_page_states_the_certificate(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    found = certify_project(folder)
    page = Page((folder / "certificate.html").read_text(encoding="utf-8"))
    assert page.misnested == []
    assert found.statement in page.text
    assert len(page.table("Sets, smallest first")) == 1 + len(found.document["sets"])


def test_there_is_nothing_to_verify_before_there_is_a_certificate(project):
    with pytest.raises(ProjectError, match="make one with `voisin certify`"):
        verify_certificate(project[0])


def test_labels_changed_after_they_were_certified_do_not_hold(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    certify_project(folder)
    assert verify_certificate(folder) == ()
    certified = folder / "certified.csv"
    certified.write_text(certified.read_text(encoding="utf-8") + "image-9,cat\n", encoding="utf-8")
    assert any("certified.csv" in problem for problem in verify_certificate(folder))


def test_answers_of_ids_that_no_image_has_are_told_and_kept(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    rows = rows_of(folder)
    rows[0]["id"] = "0017"
    write_rows(folder, rows)
    before = (folder / "checks.csv").read_bytes()

    with pytest.raises(InputError, match="answers for ids that no image has, first '0017'"):
        certify_project(folder)

    assert (folder / "checks.csv").read_bytes() == before


def test_answers_without_the_certificate_they_were_drawn_for_prove_nothing(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    (folder / "certificate.json").unlink()
    with pytest.raises(ProjectError, match="which says for which risk target, is gone"):
        certify_project(folder, error=0.2)


def test_a_certificate_without_its_parts_is_told_in_words(project):
    folder, truth = project
    certify_project(folder)
    answer(folder, truth)
    (folder / "certificate.json").write_text('{"schema": 2}', encoding="utf-8")
    with pytest.raises(ProjectError, match="changed since the checks were drawn"):
        certify_project(folder)
