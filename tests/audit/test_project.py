"""An audit of a project on disk: what was planted is found, worst first, and nothing is changed."""

import csv
import hashlib
import io
import json
import re

import numpy as np
import pytest
from scipy import sparse

from tests.finished_runs import write_run
from tests.report.reader import Page
from voisin.audit.audit import run_checks
from voisin.audit.findings import AuditedImages
from voisin.audit.project import _GONE, _LEARNED
from voisin.calibration.prior_shift import weigh_by_class
from voisin.errors import ProjectError
from voisin.neighbors.affinity import build_affinity
from voisin.neighbors.search import find_neighbors
from voisin.pipeline.open_run import open_run
from voisin.propagation.spreading import LabelSpreading
from voisin.report.language import FRENCH
from voisin.sources.opening import open_images
from voisin.types import Neighbors

EMBEDDING = "pixels:16"


@pytest.fixture
def project(tmp_path):
    """300 digits and their pixels as vectors; 60 labels, 4 of them wrong; 40 images set apart."""
    images = open_images("digits").take(np.arange(340))
    generator = np.random.default_rng(0)
    vectors = np.stack(
        [np.asarray(images.reader.load(int(p)), dtype=np.float32).ravel() for p in images.positions]
    )
    vectors[320] = vectors[10] + 0.1  # the same image on both sides of the split
    labels = np.full(300, -1)
    chosen = generator.choice(300, 60, replace=False)
    labels[chosen] = images.labels[chosen]
    wrong = chosen[:4]
    labels[wrong] = (labels[wrong] + 1) % 10
    groups = np.array([f"patient-{i % 170}" for i in range(340)])
    folder = write_run(
        tmp_path / "project",
        settings={"source": "digits", "embedding": EMBEDDING},
        ids=images.ids[:300],
        class_names=images.class_names,
        labels=labels,
        groups=groups[:300],
        embeddings=vectors[:300],
        affinity=build_affinity(find_neighbors(vectors[:300], 10)),
        test_ids=images.ids[300:],
        test_embeddings=vectors[300:],
        test_groups=groups[300:],
    )
    return folder, images.ids, images.ids[wrong]


def by_check(found):
    return {finding.check: finding for finding in found.findings}


def test_a_leak_is_found_and_comes_before_doubts(project):
    folder, ids, _ = project
    found = open_run(folder).audit()
    severities = [finding.severity for finding in found.findings]
    assert severities == sorted(severities, reverse=True)
    leak = by_check(found)["duplicates-across-splits"].entries
    assert (ids[10], ids[320]) in {(ids[entry.image], ids[entry.other]) for entry in leak}
    assert "groups-across-splits" in by_check(found)


def test_wrong_labels_are_among_the_first_suspects(project):
    folder, ids, wrong = project
    suspects = by_check(open_run(folder).audit())["suspect-labels"].entries
    first = {str(ids[entry.image]) for entry in suspects[:6]}
    assert set(map(str, wrong)) <= first


def test_each_source_against_a_label_is_named_with_its_probability():
    """The graph speaks for the label of image 2, a classifier against it: neither is hidden."""
    corners = np.ones((3, 3)) - np.eye(3)
    graph = sparse.block_diag([corners, corners]).toarray()
    graph[2, 3] = graph[3, 2] = 0.2
    affinity = sparse.csr_array(graph)
    labels = np.array([0, 0, 0, 1, 1, 1])
    by_classifier = np.array(
        [[0.9, 0.1]] * 2 + [[0.0, 1.0]] + [[0.2, 0.8]] * 2 + [[np.nan, np.nan]]
    )
    near = np.array([[i // 3 * 3 + (i + 1) % 3] for i in range(6)])
    images = AuditedImages(
        Neighbors(near, np.ones((6, 1), dtype=np.float32)), affinity, labels, ("cat", "dog"),
        np.full(6, "train"), classifier_probabilities=by_classifier,
    )  # fmt: skip
    others = np.array([0, 0, -1, 1, 1, 1])
    refit = LabelSpreading(alpha=0.9).propagate(
        affinity, others, sample_weight=weigh_by_class(others)
    )
    by_graph = refit.probabilities[2, 0]
    assert 0.5 < by_graph < 0.99

    (finding,) = [one for one in run_checks(images) if one.check == "suspect-labels"]
    assert [(entry.image, entry.note) for entry in finding.entries] == [
        (2, f"labeled cat; the graph without it says cat with {by_graph:.0%}, "
         "a classifier without it says dog with >99%, both together dog"),
    ]  # fmt: skip
    assert finding.advice.startswith("Without the label, the graph and a classifier together find")


def test_a_source_that_stands_alone_is_named_alone(project):
    folder, _, _ = project
    settings = (folder / "voisin.toml").read_text()
    (folder / "voisin.toml").write_text(settings.replace(EMBEDDING, "cnn"))  # learned: none else
    finding = by_check(open_run(folder).audit())["suspect-labels"]
    assert finding.advice.startswith("Without the label, the graph finds it less probable")
    for entry in finding.entries:
        assert re.fullmatch(r"labeled \d; the graph without it says \d with (\d+|>99)%", entry.note)


def test_the_table_has_a_row_an_entry_and_the_page_its_pictures(project):
    import pyarrow.parquet

    folder, _, _ = project
    found = open_run(folder).audit()
    n_entries = sum(len(finding.entries) for finding in found.findings)
    rows = list(csv.DictReader(io.StringIO((folder / "audit.csv").read_text("utf-8-sig"))))
    assert all(row["score"] == "" or float(row["score"]) >= 0 for row in rows)
    assert len(rows) == n_entries
    assert pyarrow.parquet.read_table(folder / "audit.parquet").num_rows == n_entries
    text = (folder / "audit.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.misnested == []
    pictures = [attributes for tag, attributes in page.elements if tag == "img"]
    assert pictures
    assert all(attributes["alt"] for attributes in pictures)
    assert "http" not in text.replace("http-equiv", "")


def test_nothing_but_the_audit_is_written(project):
    folder, _, _ = project

    def hashes():
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(("audit", ".voisin"))
        }

    before = hashes()
    open_run(folder).audit()
    assert hashes() == before


def test_without_the_source_the_tables_are_still_written(project):
    folder, _, _ = project
    settings = (folder / "voisin.toml").read_text()
    (folder / "voisin.toml").write_text(settings.replace('"digits"', '"gone/away"'))
    found = open_run(folder).audit()
    assert any("not where they were" in note for note in found.notes)
    assert "duplicates-across-splits" in by_check(found)
    assert (folder / "audit.csv").is_file()
    assert json.dumps(found.as_dict())


def test_vectors_that_learned_from_the_labels_are_told_of(project):
    folder, _, _ = project
    settings = (folder / "voisin.toml").read_text()
    (folder / "voisin.toml").write_text(settings.replace(EMBEDDING, "cnn"))
    assert any("learned from the labels" in note for note in open_run(folder).audit().notes)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ProjectError, match="pass the folder of a finished"):
        open_run(tmp_path)


def test_a_finding_of_one_is_told_in_the_singular():
    pair, single = np.ones((2, 2)) - np.eye(2), np.zeros((1, 1))
    affinity = sparse.csr_array(sparse.block_diag([pair, single]))
    images = AuditedImages(
        Neighbors(np.array([[1], [0], [0]]), np.ones((3, 1), dtype=np.float32)),
        affinity, np.array([0, 1, -1]), ("cat", "dog"), np.full(3, "train"),
    )  # fmt: skip
    (finding,) = [one for one in run_checks(images) if one.check == "unlabeled-components"]
    assert finding.title == "No label reaches 1 image along the graph, in 1 part of it"
    assert finding.entries[0].note == "alone"


def test_the_page_is_in_the_language_of_the_run(project):
    folder, *_ = project
    toml = folder / "voisin.toml"
    toml.write_text(toml.read_text("utf-8") + 'language = "fr"\n', "utf-8")
    found = open_run(folder).audit()
    page = Page((folder / "audit.html").read_text("utf-8"))

    assert page.all("html")[0]["lang"] == "fr"
    assert "ce qu’il ne faut pas croire" in page.text
    assert "corrélation 0," in page.text or "corrélation 1," in page.text
    for finding in found.findings:
        for said in (finding.title, finding.advice, *(one.note for one in finding.entries)):
            assert FRENCH.note(said) != said
    assert all(FRENCH.note(note) != note for note in (_GONE, _LEARNED))
    for english in ("wrong", "doubtful", "labeled", "picture"):
        assert english not in page.text


@pytest.mark.parametrize(("chosen", "learned"), [("backbone", False), ("cnn-augmented", True)])
def test_a_run_that_chose_its_vectors_is_audited_by_what_it_chose(project, chosen, learned):
    folder, *_ = project
    toml = folder / "voisin.toml"
    toml.write_text(toml.read_text("utf-8").replace(f'"{EMBEDDING}"', '"auto"'), "utf-8")
    (folder / "metrics.json").write_text(json.dumps({"settings": {"embedding": chosen}}), "utf-8")

    assert (_LEARNED in open_run(folder).audit().notes) == learned
