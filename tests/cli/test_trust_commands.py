"""``voisin audit`` and ``voisin certify`` as their users meet them."""

import json

import numpy as np
import pytest

from tests.certificate.test_project import answer, write_labels
from tests.cli.test_commands import voisin
from tests.finished_runs import write_run
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors


@pytest.fixture
def project(tmp_path):
    vectors = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    vectors[1] = vectors[0]
    labels = np.full(60, -1)
    labels[:12] = np.arange(12) % 2
    affinity = build_affinity(find_neighbors(vectors, 10))
    ids = np.array([f"image-{i:02d}" for i in range(60)])
    return write_run(
        tmp_path / "project",
        settings={"source": "nowhere", "embedding": "pixels:8"},
        ids=ids,
        class_names=("a", "b"),
        labels=labels,
        embeddings=vectors,
        affinity=affinity,
    )


def test_an_audit_tells_the_worst_first_and_where_the_pictures_are(project):
    ended = voisin("audit", project)
    assert ended.returncode == 0, ended.stderr
    lines = ended.stderr.splitlines()
    assert lines[0] == "!! 1 pair of near-duplicates with different labels"
    assert "image-00 and image-01" in lines[2]
    assert lines[-1] == f"Pictures: {project / 'audit.html'}"
    assert ended.stdout == ""


def test_an_audit_as_json_is_one_object(project):
    told = json.loads(voisin("audit", project, "--json").stdout)
    assert told["findings"][0]["check"] == "duplicates-with-different-labels"
    assert told["findings"][0]["images"] == ["image-00", "image-01"]


def test_certify_tells_the_cost_then_the_set_then_whether_it_holds(project):
    truth = write_labels(project)
    first = voisin("certify", project)
    assert first.returncode == 0, first.stderr
    assert first.stderr.splitlines()[0] == "Nothing is certified yet."
    assert "checks for the first set" in first.stderr
    answer(project, truth)
    second = voisin("certify", project, "--json")
    assert json.loads(second.stdout)["certified"]["n_images"] >= 100
    assert voisin("certify", project, "--verify").returncode == 0

    path = project / "certificate.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["n_wrong"] = 3
    path.write_text(json.dumps(told), encoding="utf-8")
    forged = voisin("certify", project, "--verify")
    assert forged.returncode == 1
    assert forged.stderr.splitlines()[-1] == "The certificate does not hold."


def test_label_tells_what_was_taken_in_what_is_disputed_and_what_to_run_then(project, tmp_path):
    ann, ben = tmp_path / "ann.csv", tmp_path / "ben.csv"
    ann.write_text("id,label\nimage-20,a\nimage-21,cow\nimage-22,unsure\n", "utf-8")
    ben.write_text("id,label\nimage-20,b\n", "utf-8")

    ended = voisin("label", project, ann, ben)

    assert ended.returncode == 0, ended.stderr
    lines = ended.stderr.splitlines()
    assert lines[0] == "3 new labels (a: 1, b: 1, cow: 1)"
    assert "  'cow' is new: 1 image" in lines
    assert "  image-20: a (ann), b (ben)" in lines
    assert lines[-2] == "In all: 1 label for the next run"
    assert lines[-1] == f"Then: voisin run nowhere --out {project} --embedding pixels:8"
    assert json.loads(voisin("label", project, ann, "--json").stdout)["n_same"] == 3
    assert "4 answers taken back; 0 labels left" in voisin("label", project, "--undo").stderr


def test_label_names_what_the_user_typed(project, tmp_path):
    table = tmp_path / "ann.csv"
    table.write_text("id,Diagnosis\nimage-20,a\n", "utf-8")
    for arguments, words in {
        (): "No table: pass",
        (table,): "did you mean 'Diagnosis'? Name it by --label-column",
        (table, "--label-column", "dx"): "--label-column='dx' does not exist",
        (table, "--undo"): "--undo takes no table",
    }.items():
        ended = voisin("label", project, *arguments)
        assert (ended.returncode, words in ended.stderr) == (1, True), ended.stderr


@pytest.mark.parametrize("command", ["audit", "certify"])
def test_a_folder_that_is_no_project_is_one_line_and_exit_code_1(tmp_path, command):
    ended = voisin(command, tmp_path)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "pass the folder of a finished `voisin run`" in line
