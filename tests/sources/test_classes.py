"""From texts to classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voisin.errors import InputError
from voisin.sources.classes import encode_labels, name_splits, sort_class_names

texts = st.lists(st.text("ab1-", max_size=3), min_size=1)


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
    with pytest.raises(InputError, match=r"'Katze' is no class: there are katze, hund\. .*katze\?"):
        encode_labels(["Katze"], ["katze", "hund"])


def test_splits_have_their_usual_names():
    written = ["train", "Training", "", "val", "VALID", "validation", "Test"]

    assert name_splits(written).tolist() == ["train"] * 3 + ["val"] * 3 + ["test"]
    with pytest.raises(InputError, match="'dev' is no split: there are train, val and test"):
        name_splits(["dev"])
