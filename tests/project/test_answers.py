"""Answers go from tables into the store of a project: all or none, and never a proposal."""

import getpass

import numpy as np
import pytest
from scipy import sparse

from tests.finished_runs import write_run
from tests.sources.small import write_table
from voisin.errors import InputError, ProjectError
from voisin.pipeline.open_run import open_run
from voisin.project.label_events import DISAGREEMENTS
from voisin.sources.table import read_columns
from voisin.types import LABEL, REJECT, UNSURE

IDS = [f"unlabeled/{name}.png" for name in "abcdef"]


@pytest.fixture
def run(tmp_path):
    """A run of six images; the first was given as cat, and the others seem to be dogs."""
    folder = write_run(
        tmp_path / "project",
        ids=IDS,
        class_names=("cat", "dog"),
        labels=np.array([0, -1, -1, -1, -1, -1]),
        embeddings=np.zeros((6, 2), dtype=np.float32),
        affinity=sparse.csr_array((6, 6), dtype=np.float32),
        stated=np.array([[0.2, 0.8]] * 6),
        test_ids=["test/1.png"],
    )
    return open_run(folder)


def table(run, name, *rows, header=("id", "label")):
    return write_table(run.folder.parent / name, [header, *rows])


def labels(run):
    agreement = run.label_events.agreement()
    return {image.split("/")[1][0]: label for image, label in agreement.labels.items()}


def test_answers_are_stored_with_what_the_run_had_proposed(run):
    taken = run.label(table(run, "ann.csv", ["a", "cat"], ["b", "dog"], ["c", "CAT"], ["d", "?"]))

    assert labels(run) == {"a": "cat", "b": "dog", "c": "cat"}
    assert (taken.counts, taken.count(UNSURE)) == ({"cat": 2, "dog": 1}, 1)
    first, second, *_ = run.label_events.events()
    assert (first.rater, first.proposal, first.probability) == ("ann", "", None)
    assert (second.proposal, second.probability) == ("dog", 0.8)
    assert second.run == first.run != ""
    assert second.source == str(run.folder.parent / "ann.csv")


def test_the_same_table_twice_changes_nothing(run):
    path = table(run, "ann.csv", ["b", "dog"], ["c", "unsure"])
    run.label(path)

    again = run.label(path)

    assert (again.stored, again.n_same) == ((), 2)
    assert len(run.label_events.events()) == 2


def test_an_answer_of_the_same_rater_replaces_the_earlier_which_is_kept(run):
    run.label(table(run, "ann.csv", ["b", "dog"]))

    taken = run.label(table(run, "later.csv", ["b", "cat"]), rater="ann")

    assert (taken.n_replaced, labels(run)) == (1, {"b": "cat"})
    assert [event.label for event in run.label_events.events()] == ["dog", "cat"]


def test_tables_of_voisin_are_of_whoever_is_logged_in(run):
    run.label(table(run, "suggestions.csv", ["b", "dog"]))
    run.label(table(run, "checks (1).csv", ["b", "cat"], header=["id", "answer"]))

    assert {event.rater for event in run.label_events.events()} == {getpass.getuser()}
    assert labels(run) == {"b": "cat"}


def test_two_tables_of_one_name_are_of_two_raters(run):
    paths = [table(run, f"{who}/suggestions.csv", ["b", label]) for who, label in ANSWERS.items()]

    taken = run.label(*paths)

    (said,) = taken.agreement.disagreements.values()
    assert {event.rater: event.label for event in said} == {
        f"{who}/suggestions": label for who, label in ANSWERS.items()
    }


ANSWERS = {"ann": "cat", "ben": "dog"}


def test_raters_who_disagree_are_listed_until_it_is_settled_in_the_list(run):
    run.label(table(run, "ann.csv", ["b", "cat"], ["c", "cat"]))
    run.label(table(run, "ben.csv", ["b", "dog"], ["c", "cat"]))
    path = run.folder / DISAGREEMENTS

    assert labels(run) == {"c": "cat"}
    assert read_columns(path) == {
        "id": ["unlabeled/b.png"],
        "path": [""],
        "answers": ["ann: cat; ben: dog"],
        "answer": [""],
    }

    path.write_text(path.read_text("utf-8-sig").replace("ben: dog,", "ben: dog,dog"), "utf-8")
    taken = run.label(path)

    assert taken.agreement.disagreements == {}
    assert labels(run) == {"b": "dog", "c": "cat"}
    assert path.read_text("utf-8-sig").splitlines() == ["id,path,answers,answer"]


def test_a_list_of_disagreements_with_answers_that_were_not_read_is_not_written_over(run):
    run.label(table(run, "ann.csv", ["b", "cat"], ["c", "cat"]))
    run.label(table(run, "ben.csv", ["b", "dog"]))
    path = run.folder / DISAGREEMENTS
    path.write_text(path.read_text("utf-8-sig").replace("ben: dog,", "ben: dog,dog"), "utf-8")
    before = path.read_bytes()

    taken = run.label(table(run, "ben.csv", ["b", "dog"], ["c", "dog"]))

    assert len(taken.agreement.disagreements) == 2
    assert not taken.is_table_new
    assert path.read_bytes() == before


def test_an_emptied_cell_takes_an_answer_back_only_in_the_file_it_came_from(run):
    run.label(table(run, "ann.csv", ["b", "cat"], ["c", "cat"]))

    run.label(table(run, "other.csv", ["b", ""]), rater="ann")
    assert labels(run) == {"b": "cat", "c": "cat"}
    run.label(table(run, "ann.csv", ["b", ""], ["c", "cat"], ["d", ""]))
    assert labels(run) == {"c": "cat"}
    run.label(table(run, "other.csv", ["c", "undo"], ["d", "undo"]), rater="ann")
    assert labels(run) == {}
    assert len(run.label_events.events()) == 4


def test_a_new_class_is_told_with_its_number_of_images_and_known_from_then_on(run):
    taken = run.label(table(run, "ann.csv", ["b", "cow"], ["c", "Cow"]))
    assert taken.new_classes == {"cow": 2}

    again = run.label(table(run, "ben.csv", ["d", "COW"]))

    assert again.new_classes == {}
    assert labels(run) == {"b": "cow", "c": "cow", "d": "cow"}
    with pytest.raises(InputError, match="did you mean cow"):
        run.label(table(run, "cy.csv", ["d", "coww"]))


def test_if_one_of_several_tables_cannot_be_used_nothing_is_stored(run):
    right, wrong = table(run, "a.csv", ["b", "cat"]), table(run, "b.csv", ["b", "dogg"])

    with pytest.raises(InputError, match="did you mean dog"):
        run.label(right, wrong)
    assert run.label_events.events() == ()


def test_images_of_the_test_and_those_left_out_later_can_be_answered(run, tmp_path):
    run.label(table(run, "ann.csv", ["test/1.png", "cat"], ["b", "none of these"]))
    kept = [row for row in range(6) if IDS[row] != "unlabeled/b.png"]
    result = run.result
    smaller = write_run(
        run.folder,
        ids=np.array(IDS)[kept],
        class_names=result.class_names,
        labels=result.labels[kept],
        embeddings=result.embeddings[kept],
        affinity=sparse.csr_array((5, 5), dtype=np.float32),
        test_ids=["test/1.png"],
    )

    taken = open_run(smaller).label(table(run, "ann.csv", ["b", "cat"]))

    assert taken.agreement.of_kind(REJECT) == []
    assert taken.count(LABEL) == 1


def test_a_folder_without_a_finished_run_takes_no_answers(tmp_path):
    (tmp_path / "voisin.toml").write_text('schema = 2\nsource = "digits"\n')

    with pytest.raises(ProjectError, match="holds no finished run"):
        open_run(tmp_path).label(write_table(tmp_path / "a.csv", [["id", "label"], ["a", "b"]]))
