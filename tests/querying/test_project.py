"""From the folder of a finished run to a table and a page of questions, and back into a run."""

import csv
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import voisin
from tests.sources.small import write_table
from voisin.errors import InputError, ProjectError
from voisin.pipeline.open_run import open_run
from voisin.project.finished_run import RESULT
from voisin.project.stored import save
from voisin.querying import project as suggesting
from voisin.sources.label_table import KnownImages, read_label_table
from voisin.types import LABEL

QUICK = {"epochs": 1, "rounds": 1, "retraining_epochs": 1, "ceiling": False, "device": "cpu"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    voisin.run("digits", folder, labels_per_class=3, embedding="pixels", **QUICK)
    return folder


@pytest.fixture(scope="module")
def suggested(project):
    return open_run(project).suggest(n=7)


def rows_of(folder):
    with (folder / "suggestions.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_what_suggestions_need(project):
    result = open_run(project).result

    assert (result.labels >= 0).sum() == 30
    assert result.affinity.shape == (len(result.ids), len(result.ids))
    assert len(result.embeddings) == len(result.ids)
    assert result.class_names == tuple("0123456789")


def test_the_table_has_the_questions_first_and_then_the_labels_so_far(project, suggested):
    rows = rows_of(project)
    asked, known = rows[:7], rows[7:]
    result = open_run(project).result

    assert list(rows[0]) == [*("id", "path", "current", "probability", "reason", "drawn", "label")]
    assert [row["drawn"] for row in rows] == ["mixed"] * 7 + [""] * 30
    assert [row["id"] for row in asked] == suggested.ids.tolist()
    assert {row["label"] for row in asked} == {""}
    assert all(row["reason"] and row["current"] for row in asked)
    given = result.labels >= 0
    assert [row["id"] for row in known] == result.ids[given].tolist()
    names = [result.class_names[c] for c in result.labels[given]]
    assert [row["label"] for row in known] == names


def test_a_random_sample_says_what_it_tells_and_keeps_who_was_drawn(project, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(project, folder)
    (folder / "suggestions.csv").unlink(missing_ok=True)
    run = open_run(folder)

    (line,) = run.suggest(n=36, strategy="random").outlook()
    assert line == (
        "With all 36 answered, the next run takes from them how common each class is: a share of "
        "50 % with a standard error of 8 points, one of 10 % with 5."
    )
    rows = [{**row, "label": row["label"] or "3"} for row in rows_of(folder)]
    assert [row["drawn"] for row in rows] == ["random"] * 36 + [""] * 30
    answered = write_table(tmp_path / "suggestions.csv", [rows[0], *(r.values() for r in rows)])
    run.label(answered)

    assert len(run.label_events.agreement().at_random) == 36
    assert "from 30 answers on" in run.suggest(n=4, strategy="random").outlook()[0]
    assert [row["drawn"] for row in rows_of(folder)][:4] == ["random"] * 4


def test_the_answered_table_is_the_next_runs_labels(project, suggested, tmp_path):
    rows = rows_of(project)
    truth = dict(
        zip(
            *(lambda c: (c.ids.tolist(), c.labels.tolist()))(voisin.open_images("digits")),
            strict=True,
        )
    )
    for row in rows[:6]:
        row["label"] = str(truth[row["id"]])
    answered = tmp_path / "answered.csv"
    with answered.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    images = voisin.open_images("digits")
    known = KnownImages(images.ids.tolist(), images.class_names)
    events = read_label_table(answered, known)

    assert sum(event.kind == LABEL for event in events) == 36
    assert {event.label for event in events} <= set("0123456789") | {""}


def test_the_page_shows_each_image_with_its_reason_and_the_forecast(project, suggested):
    page = (project / "suggestions.html").read_text(encoding="utf-8")

    assert page.count('src="data:image/png;base64,') == 7
    assert page.count('class="pixelated"') == 7
    assert all(f'<p class="id">{name}</p>' in page for name in suggested.ids)
    assert re.search(r"Other labels that the answers are expected to change</dt><dd>\d+ ", page)
    assert "http://" not in page
    assert "https://" not in page


def test_the_page_holds_the_whole_table_for_the_answers_to_be_saved_in(project, suggested):
    page = (project / "suggestions.html").read_text(encoding="utf-8")
    told = json.loads(re.search(r'id="questions">(.*?)</script>', page, re.DOTALL)[1])
    with (project / "suggestions.csv").open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)

    assert (told["columns"], told["rows"]) == (header, rows)
    assert header[told["answer"]] == "label"
    assert (told["n_asked"], told["file"]) == (7, "suggestions.csv")
    assert told["class_names"] == list("0123456789")


def test_images_that_were_answered_are_not_asked_about_again(project, suggested, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    rows = rows_of(copy)
    answers = ["unsure", "none of these", "3", "a new one"]
    for row, answer in zip(rows, answers, strict=False):
        row["label"] = answer
    with (copy / "suggestions.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(InputError, match=r"holds 4 answers, .*`voisin label "):
        open_run(copy).suggest(n=2)
    open_run(copy).label(copy / "suggestions.csv")

    again = open_run(copy).suggest(n=10)

    assert not {row["id"] for row in rows[:4]} & set(again.ids.tolist())
    assert "a new one" in (copy / "suggestions.html").read_text(encoding="utf-8")


def test_the_page_says_so_where_the_source_is_gone_in_the_language_of_the_run(project, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    settings = (project / "voisin.toml").read_text(encoding="utf-8")
    settings = settings.replace('"digits"', '"/no/where"') + 'language = "fr"\n'
    (gone / "voisin.toml").write_text(settings)
    shutil.copytree(project / RESULT, gone / RESULT)

    found = open_run(gone).suggest(n=3)

    assert len(found.ids) == 3
    page = (gone / "suggestions.html").read_text(encoding="utf-8")
    assert "La source des images n’est plus où elle était" in page
    assert "data:image" not in page


def test_the_command_prints_a_table_the_forecast_and_where_the_files_are(project):
    ended = subprocess.run(
        [sys.executable, "-m", "voisin", "suggest", str(project), "--n", "4", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert [row["id"] for row in told["suggestions"]] == open_run(project).suggest(n=4).ids.tolist()
    assert told["forecast"]["n_asked"] == 4
    for row in told["suggestions"]:
        assert re.search(rf"{row['id']}  \S+ +{re.escape(row['reason'])}", ended.stderr)
    assert "The 4 answers are expected to change" in ended.stderr
    assert "suggestions.csv" in ended.stderr


def test_every_strategy_can_be_asked_for_and_an_unknown_one_is_refused(project):
    assert open_run(project).suggest(n=2, strategy="coverage").strategy == "coverage"
    with pytest.raises(InputError, match="choose one of mixed"):
        open_run(project).suggest(strategy="luck")


def test_a_folder_without_a_run_is_refused_in_one_line(tmp_path):
    with pytest.raises(ProjectError, match="pass the folder of a finished `voisin run`"):
        open_run(tmp_path)
    (tmp_path / "voisin.toml").write_text('schema = 2\nsource = "digits"\n')
    with pytest.raises(ProjectError, match="holds no finished run"):
        open_run(tmp_path).suggest()
    save(tmp_path / RESULT, {"ids": np.array(["a"])})
    with pytest.raises(ProjectError, match=r"cannot be used .*: run again"):
        open_run(tmp_path).suggest()


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_answers_are_not_written_over(project, suggested, tmp_path, delimiter):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    rows = rows_of(copy)
    rows[0]["label"] = "3"
    with (copy / "suggestions.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    before = (copy / "suggestions.csv").read_bytes()
    with pytest.raises(InputError, match=r"holds 1 answer, .*`voisin label "):
        open_run(copy).suggest(n=2)
    assert (copy / "suggestions.csv").read_bytes() == before


def test_answers_in_another_encoding_are_told_and_kept(project, suggested, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    before = (copy / "suggestions.csv").read_bytes() + "digit-0000,,,,,naïve\n".encode("latin-1")
    (copy / "suggestions.csv").write_bytes(before)
    with pytest.raises(InputError, match="save the table as UTF-8"):
        open_run(copy).suggest(n=2)
    assert (copy / "suggestions.csv").read_bytes() == before


def test_what_is_said_of_an_image_is_what_the_labels_say(project, suggested):
    with (project / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
        said = {row["id"]: row for row in csv.DictReader(file)}
    for name, label, sure in zip(
        suggested.ids, suggested.current, suggested.probabilities, strict=True
    ):
        assert said[name]["label_name"] == label
        assert float(said[name]["confidence"]) == pytest.approx(sure, abs=5e-5)


def test_more_questions_than_images_are_refused(project):
    with pytest.raises(InputError, match="are unlabeled: ask for fewer"):
        open_run(project).suggest(n=5_000)


def test_questions_are_asked_under_the_class_shares_of_the_run(project, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)
    shares = np.array([0.91, *[0.01] * 9])
    save(copy / RESULT, replace(open_run(copy).result, class_priors=shares))

    problem = suggesting._problem(open_run(copy))

    np.testing.assert_array_equal(problem.class_priors, shares)
    assert suggesting._problem(open_run(project)).class_priors is None


def test_a_probability_that_nobody_knows_is_null_in_json(suggested):
    unknown = replace(suggested, probabilities=np.full(7, np.nan))
    told = json.loads(json.dumps(unknown.as_dict(), allow_nan=False))
    assert {row["probability"] for row in told["suggestions"]} == {None}
