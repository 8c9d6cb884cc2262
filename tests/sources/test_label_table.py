"""Tables of labels are read as what people wrote in them, and nothing else."""

import numpy as np
import pytest

from tests.sources.small import write_folder, write_table
from voisin.errors import InputError, InputWarning
from voisin.sources.label_table import KnownImages, read_label_table
from voisin.sources.opening import open_images

ANIMALS = KnownImages([f"image-{n}" for n in range(4)], ("cat", "dog"))


def read(path, known=ANIMALS, **options):
    events = read_label_table(path, known, **options)
    return [(event.image, event.answer) for event in events]


def written(tmp_path, *rows, header=("id", "label"), name="mine.csv"):
    return write_table(tmp_path / name, [header, *rows])


# --- which image ---------------------------------------------------------------------------


def test_labels_are_given_by_id_in_columns_of_any_case_and_order(tmp_path):
    path = written(
        tmp_path,
        *[["DOG", "image-3"], ["Cat ", "image-1"], ["", "image-0"]],
        header=["Label", "File_Name"],
    )

    assert read(path) == [("image-3", "dog"), ("image-1", "cat"), ("image-0", "")]


@pytest.mark.parametrize(
    "value",
    [
        *("cat/1.png", "./cat/1.png", "cat\\1.png", "/data/photos/cat/1.png", " cat/1.png "),
        *("C:\\photos\\cat\\1.png", "1.png", "1"),
    ],
)
def test_an_image_is_found_by_its_id_by_the_end_of_a_path_and_by_its_name(tmp_path, value):
    known = KnownImages(["cat/1.png", "cat/2.png"], ("cat",))

    assert read(written(tmp_path, [value, "cat"]), known) == [("cat/1.png", "cat")]


def test_an_image_is_found_by_its_file_where_ids_are_no_paths(tmp_path):
    known = KnownImages(["A7"], ("cat",), paths={"/data/photos/7.png": "A7"})

    assert read(written(tmp_path, ["7.png", "cat"]), known) == [("A7", "cat")]
    assert read(written(tmp_path, ["/data/photos/7.png", "cat"]), known) == [("A7", "cat")]


def test_a_name_of_several_images_is_refused(tmp_path):
    known = KnownImages(["a/1.png", "b/1.png"], ("cat",))

    with pytest.raises(InputError, match=r"first '1\.png'.* 2 images have this name: write their"):
        read(written(tmp_path, ["1.png", "cat"]), known)


def test_an_id_is_looked_for_as_it_is_written_before_it_is_made_regular(tmp_path):
    ids = ["a/b", "a\\b", "./a/b", " a/b", "plain"]
    rows = [[id_, f" {number} "] for number, id_ in enumerate([*ids[:4], " .\\plain "])]
    path = written(tmp_path, *rows, header=["id ", " label"])

    assert read(path, KnownImages(ids, ())) == list(zip(ids, "01234", strict=True))


def test_an_id_is_found_whether_its_accents_are_letters_of_their_own_or_not(tmp_path):
    known = KnownImages(["cafe\u0301/1.png"], ())

    assert read(written(tmp_path, ["caf\u00e9/1.png", "0"]), known) == [(known.ids[0], "0")]


def test_a_typing_error_among_many_ids_is_reported_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "difflib.get_close_matches", lambda *_, **__: pytest.fail("compared with every id")
    )
    known = KnownImages([f"image-{number}" for number in range(20_000)], ())

    with pytest.raises(InputError, match=r"first 'image'\. Ids look like image-0\.$"):
        read(written(tmp_path, ["image", "0"]), known)


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (["id", "label"], ["imag-2", "cat"], r"Not among the 4 images: 1 .*Did you mean image-2\?"),
        (["name", "label"], ["image-1", ""], "has the columns name, label: it needs id or path"),
        (["id", "klass"], ["image-1", ""], r"has no column 'label': the columns are id, klass"),
        (["id", "Diagnosis"], ["image-1", "x"], "no column 'label'; did you mean 'Diagnosis'"),
        (["id", "seen"], ["image-1", "Cat"], "no column 'label'; did you mean 'seen'"),
    ],
)
def test_a_table_that_does_not_fit_says_why(tmp_path, header, row, message):
    with pytest.raises(InputError, match=message):
        read(written(tmp_path, row, header=header))


def test_columns_of_other_names_are_chosen(tmp_path):
    path = written(tmp_path, ["image-1", "dog"], header=["picture", "seen"])

    assert read(path, id_column="picture", label_column="seen") == [("image-1", "dog")]
    with pytest.raises(InputError, match=r"`label_column='sen'` does not exist.* mean seen\?"):
        read(path, id_column="picture", label_column="sen")


def test_a_table_must_exist_and_be_one(tmp_path):
    with pytest.raises(InputError, match=r"mine\.txt is no table: pass a \.csv, \.tsv"):
        read(written(tmp_path, name="mine.txt"))
    with pytest.raises(InputError, match="is a folder: pass a table with the columns id and label"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"gone\.csv does not exist"):
        read(tmp_path / "gone.csv")


# --- which answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        *[("Unsure", "unsure"), ("?", "unsure"), ("none of these", "none of these")],
        *[("reject", "none of these"), ("skip", "skip"), ("undo", "cleared"), ("  ", "")],
        *[("caf\u00e9 noir", "caf\u00e9 noir"), ("cafe\u0301  noir", "caf\u00e9 noir")],
    ],
)
def test_words_that_are_no_class_are_answers_of_their_own(tmp_path, text, answer):
    assert read(written(tmp_path, ["image-0", text])) == [("image-0", answer)]


def test_a_class_may_be_called_like_such_a_word(tmp_path):
    known = KnownImages(["a"], ("unsure", "cat"))

    assert read_label_table(written(tmp_path, ["a", "Unsure"]), known)[0].label == "unsure"


def test_none_is_an_answer_in_a_column_of_answers_and_a_missing_label_elsewhere(tmp_path):
    row = ["image-0", "none"]

    assert read(written(tmp_path, row, header=["id", "answer"])) == [("image-0", "none of these")]
    with pytest.warns(InputWarning, match=r"taken as unlabeled: 'none' \(1\)"):
        assert read(written(tmp_path, row)) == [("image-0", "")]


def test_new_classes_are_born_in_one_spelling(tmp_path):
    rows = [["image-0", "Cow"], ["image-1", "cow"], ["image-2", "cow"], ["image-3", "DOG"]]

    assert [answer for _, answer in read(written(tmp_path, *rows))] == ["cow", "cow", "cow", "dog"]


@pytest.mark.parametrize(
    ("name", "classes"),
    [("melanona", ("melanoma",)), ("cats", ("cat",)), ("glas", ("glass", "paper"))],
)
def test_a_new_class_like_a_typing_error_is_asked_about(tmp_path, name, classes):
    known = KnownImages(["a"], classes)
    path = written(tmp_path, ["a", name])

    with pytest.raises(
        InputError, match=rf"'{name}' \(1 row\) is no class; did you mean {classes[0]}"
    ):
        read(path, known)
    assert read(path, known, new_class=[name]) == [("a", name)]


@pytest.mark.parametrize(
    ("name", "class_"),
    [
        ("melanoma in situ", "melanoma"),
        ("type 2", "type 1"),
        ("male", "female"),
        ("class 11", "class 10"),
    ],
)
def test_a_new_class_with_a_name_of_its_own_is_not(tmp_path, name, class_):
    assert read(written(tmp_path, ["a", name]), KnownImages(["a"], (class_,))) == [("a", name)]


def test_numbers_may_be_written_as_pandas_and_spreadsheets_do(tmp_path):
    known = KnownImages(["a", "b", "c"], tuple("0123"))

    rows = [["a", "1.0"], ["b", ""], ["c", "2.0"]]
    assert read(written(tmp_path, *rows), known) == [("a", "1"), ("b", ""), ("c", "2")]


@pytest.mark.parametrize("value", ["unlabeled/1.png", "unlabeled\\1.png"])
def test_an_unlabeled_folder_gets_the_classes_of_the_table(tmp_path, value):
    images = open_images(write_folder(tmp_path / "unsorted", "unlabeled/1.png", "2.png"))
    path = write_table(
        tmp_path / "mine.tsv", [["path", "label"], [value, "10"], ["2.png", "9"]], delimiter="\t"
    )

    said = read(path, KnownImages(images.ids.tolist(), images.class_names))

    assert said == [("unlabeled/1.png", "10"), ("2.png", "9")]


# --- who -----------------------------------------------------------------------------------


def test_the_rater_is_that_of_the_row_or_the_one_named(tmp_path):
    path = written(
        tmp_path, ["image-0", "cat", "Ben"], ["image-1", "cat", ""], header=["id", "label", "Rater"]
    )

    assert [event.rater for event in read_label_table(path, ANIMALS, rater="Ann")] == ["Ben", "Ann"]


def test_different_answers_to_one_image_without_raters_are_of_several(tmp_path):
    rows = [["image-0", "cat"], ["image-0", "dog"], ["image-0", "cat"], ["image-1", "dog"]]
    events = read_label_table(written(tmp_path, *rows), ANIMALS, rater="Ann")

    assert [event.rater for event in events] == ["Ann", "Ann (2)", "Ann", "Ann"]


# --- proposals are no answers --------------------------------------------------------------

RUN = KnownImages(
    ["a", "b", "c", "d"],
    ("cat", "dog"),
    given={"d": "dog"},
    found={"a": ("cat", 0.75), "b": ("dog", 0.5), "c": ("dog", 0.98765)},
    run="f00d",
)
LABELS_CSV = {
    "a": ["a", "0", "cat", "propagated", "0.75"],
    "b": ["b", "1", "dog", "propagated", "0.5"],
    "c": ["c", "1", "dog", "propagated", "0.9877"],
    "d": ["d", "1", "dog", "given", "1"],
}
HEADER = ["id", "label", "label_name", "source", "confidence", "probability_cat", "probability_dog"]


def labels_csv(tmp_path, **changed):
    rows = [[*row, "0", "1"] for row in ({**LABELS_CSV, **changed}).values()]
    return written(tmp_path, *rows, header=HEADER, name="labels.csv")


def test_a_table_of_labels_as_the_run_wrote_it_holds_no_answer(tmp_path):
    assert read(labels_csv(tmp_path), RUN) == []


def test_a_proposal_for_an_image_that_is_not_there_any_more_is_passed_over(tmp_path):
    gone = labels_csv(tmp_path, e=["e", "1", "dog", "propagated", "0.6"])
    assert read(gone, RUN) == []

    edited = labels_csv(tmp_path, e=["e", "1", "cat", "propagated", "0.6"])
    with pytest.raises(InputError, match=r"Not among the 4 images: 1 of .*, first 'e'"):
        read(edited, RUN)


@pytest.mark.parametrize(
    "row",
    [
        ["c", "1", "cat", "propagated", "0.9877"],  # the name was changed
        ["c", "0", "dog", "propagated", "0.9877"],  # the number was
        ["c", "0", "cat", "propagated", "0,9877"],  # both were, and a spreadsheet wrote a comma
    ],
)
def test_an_edited_cell_is_an_answer(tmp_path, row):
    (event,) = read_label_table(labels_csv(tmp_path, c=row), RUN)

    assert (event.image, event.label) == ("c", "cat")
    assert (event.proposal, event.probability, event.run) == ("dog", 0.98765, "f00d")


def test_a_new_class_and_a_rejection_may_be_written_over_a_proposal(tmp_path):
    path = labels_csv(
        tmp_path,
        a=["a", "0", "cow", "propagated", "0.75"],
        b=["b", "1", "none of these", "propagated", "0.5"],
        d=["d", "1", "cat", "given", "1"],
    )

    assert read(path, RUN) == [("a", "cow"), ("b", "none of these"), ("d", "cat")]


def test_proposals_of_another_run_are_no_answers_but_its_edits_and_given_labels_are(tmp_path):
    path = labels_csv(
        tmp_path,
        a=["a", "1", "dog", "propagated", "0.6"],
        b=["b", "0", "dog", "propagated", "0.61"],
        c=["c", "0", "cat", "given", "1"],
    )

    assert read(path, RUN) == [("b", "cat"), ("c", "cat")]
    without_run = KnownImages(RUN.ids, RUN.class_names)
    assert read(path, without_run) == [("b", "dog"), ("c", "cat"), ("d", "dog")]


def test_suggestions_that_were_labeled_before_are_no_answers_unless_changed(tmp_path):
    header = ["id", "current", "reason", "strategy", "label"]
    rows = [["a", "cat", "?", "random", "dog"], ["b", "dog", "?", "mixed", ""]]
    path = written(tmp_path, *rows, ["d", "dog", "", "", "dog"], header=header)

    events = read_label_table(path, RUN)

    assert [(e.image, e.answer, e.drawn) for e in events] == [
        ("a", "dog", "random"),
        ("b", "", "mixed"),
    ]
    changed = written(tmp_path, *rows, ["d", "dog", "", "", "cat"], header=header)
    assert read(changed, RUN)[-1] == ("d", "cat")


def test_an_answer_to_a_disagreement_settles_it(tmp_path):
    header = ["id", "path", "answers", "answer"]
    path = written(tmp_path, ["a", "", "Ann: cat; Ben: dog", "cat"], header=header)

    assert [event.settles for event in read_label_table(path, RUN)] == [True]
    assert not np.any([event.settles for event in read_label_table(labels_csv(tmp_path), RUN)])
