"""From texts to classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.small import random_pixels, write_folder, write_table
from voisin.errors import InputError, InputWarning
from voisin.sources.classes import encode_labels, find_class, name_splits, sort_class_names
from voisin.sources.few_labels import check_classes
from voisin.sources.opening import open_images

texts = st.lists(st.text("ab12", max_size=3), min_size=1)


@given(texts)
def test_decoding_gives_the_texts_back(texts):
    labels, class_names = encode_labels(texts)

    assert [class_names[label] if label >= 0 else "" for label in labels] == texts
    assert set(class_names) == set(texts) - {""}


@given(st.lists(st.integers(-1000, 1000)), st.randoms())
def test_integers_are_sorted_as_numbers(numbers, random):
    shuffled = random.sample(numbers, len(numbers))

    assert sort_class_names(map(str, shuffled)) == tuple(map(str, sorted(set(numbers))))


def test_numbers_go_before_words_and_words_by_letter():
    assert sort_class_names(["b", "10", "a", "9", "²"]) == ("9", "10", "a", "b", "²")


def test_given_class_names_keep_their_order():
    labels, class_names = encode_labels(["dog", "", "cat"], ["dog", "cat", "cow"])

    assert labels.tolist() == [0, -1, 1]
    assert labels.dtype == np.int64
    assert class_names == ("dog", "cat", "cow")


def test_a_text_that_is_no_class_names_the_closest():
    with pytest.raises(InputError, match=r"'Katzen' is no class: there are katze, hund\. .*katze"):
        encode_labels(["Katzen"], ["katze", "hund"])


# --- unknown labels ------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["NA", "n/a", "NaN", "NULL", "None", "?", "-", "-1", " Unknown "])
def test_a_word_for_unknown_is_no_class_and_is_counted(word):
    with pytest.warns(InputWarning, match=rf"taken as unlabeled: '{word.replace('?', '.')}' \(2\)"):
        labels, class_names = encode_labels(["dog", word, "cat", word])

    assert labels.tolist() == [1, -1, 0, -1]
    assert class_names == ("cat", "dog")


def test_words_for_unknown_are_unlabeled_in_every_kind_of_source(tmp_path):
    write_folder(tmp_path / "photos", "cat/1.png", "dog/1.png", "unknown/1.png", "NA/1.png")
    paths = ["cat/1.png", "dog/1.png", "unknown/1.png", "NA/1.png"]
    rows = zip(["path", *paths], ["label", "cat", "dog", "unknown", "NA"], strict=True)
    write_table(tmp_path / "photos" / "t.csv", rows)
    np.savez(tmp_path / "t.npz", images=random_pixels(4), labels=["cat", "dog", "unknown", "NA"])
    message = r"'NA' \(1\), 'unknown' \(1\)\. If one of them is a class, give it another name"

    for source in ("photos", "photos/t.csv", "t.npz"):
        with pytest.warns(InputWarning, match=message):
            images = open_images(tmp_path / source)
        assert images.class_names == ("cat", "dog")
        assert sorted(images.labels.tolist()) == [-1, -1, 0, 1]


def test_a_word_for_unknown_that_was_named_as_a_class_is_one():
    labels, class_names = encode_labels(["unknown", "cat", ""], ["cat", "unknown"])

    assert labels.tolist() == [1, 0, -1]
    assert class_names == ("cat", "unknown")


@pytest.mark.parametrize("pair", [("-1", "1"), ("+", "-")])
def test_two_signs_are_two_classes(tmp_path, pair):
    labels, class_names = encode_labels([*pair, pair[0], ""])

    assert (labels.tolist(), class_names) == ([0, 1, 0, -1], pair)
    write_folder(tmp_path, f"{pair[0]}/1.png", f"{pair[1]}/1.png")
    assert open_images(tmp_path).class_names == pair


def test_empty_is_a_class_since_camera_traps_have_it(tmp_path):
    write_folder(tmp_path, "deer/1.png", "empty/1.png")

    assert open_images(tmp_path).class_names == ("deer", "empty")


def test_whole_numbers_that_became_floats_beside_missing_labels_are_whole_again():
    labels, class_names = encode_labels(["10.0", "", "2.0", "2,0"])

    assert (labels.tolist(), class_names) == ([1, -1, 0, 0], ("2", "10"))
    assert encode_labels(["1.0", ""], ["0", "1"])[0].tolist() == [1, -1]
    assert encode_labels(["1.0", "1.5"])[1] == ("1.0", "1.5")


# --- names that look alike -----------------------------------------------------------------


def test_names_that_look_the_same_are_one_class(tmp_path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    labels, class_names = encode_labels([composed, f" {decomposed}", "tea  bag", "tea\u00a0bag"])

    assert (labels.tolist(), class_names) == ([0, 0, 1, 1], (composed, "tea bag"))
    write_folder(tmp_path, f"{composed}/1.png", f"{decomposed}/2.png", "tea/1.png")
    assert open_images(tmp_path).class_names == (composed, "tea")


def test_a_label_finds_its_class_whatever_its_case_and_form():
    assert encode_labels(["DOG", "cafe\u0301", "cat "], ["cat", "dog", "caf\u00e9"])[
        0
    ].tolist() == [
        1,
        2,
        0,
    ]
    assert find_class("a", ["A", "a"]) == 1
    with pytest.raises(InputError, match="'DOG' is no class"):
        encode_labels(["DOG"], ["Dog", "dog"])


def test_classes_that_differ_only_by_case_stay_apart_and_are_warned_of():
    labels, class_names = encode_labels(["Cat", "cat", "dog"])

    assert class_names == ("Cat", "cat", "dog")
    with pytest.warns(InputWarning, match="differ only by upper and lower case: Cat, cat"):
        check_classes(labels, class_names)


def test_splits_have_their_usual_names():
    written = ["train", "Training", "", "val", "VALID", "validation", "Test"]

    assert name_splits(written).tolist() == ["train"] * 3 + ["val"] * 3 + ["test"]
    with pytest.raises(InputError, match="'dev' is no split: there are train, val and test"):
        name_splits(np.array(["dev"]))
