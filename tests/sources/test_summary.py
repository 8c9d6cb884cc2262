"""What is said of a source before any work."""

import numpy as np
import pytest

from tests.sources.small import write_folder, write_table
from voisin.errors import InputError, InputWarning
from voisin.sources.opening import open_images
from voisin.sources.summary import Summary, check_classes, summarize


def test_everything_is_counted(tmp_path):
    write_folder(tmp_path, *(f"{number}.png" for number in range(5)))
    table = write_table(
        tmp_path / "pets.csv",
        [
            ["path", "label", "group", "split"],
            ["0.png", "cat", "a", "test"],
            ["1.png", "cat", "a", "test"],
            ["2.png", "dog", "b", "train"],
            ["3.png", "", "", "train"],
            ["4.png", "", "", "train"],
        ],
    )

    assert summarize(open_images(table)) == Summary(
        name="pets",
        n_images=5,
        n_labeled=3,
        class_counts={"cat": 2, "dog": 1},
        n_groups=4,
        split_counts={"train": 3, "test": 2},
    )


def test_a_class_without_images_is_counted_as_zero(tmp_path):
    write_folder(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "cow").mkdir()

    summary = summarize(open_images(tmp_path))

    assert summary.class_counts == {"cat": 1, "cow": 0, "dog": 1}
    assert summary.n_groups is None
    assert summary.split_counts == {}


def test_two_classes_with_labels_are_well():
    check_classes(np.array([0, -1, 1]), ["cat", "dog"])


def test_no_label_is_an_error():
    with pytest.raises(InputError, match="None of the 2 images is labeled"):
        check_classes(np.array([-1, -1]), ["cat", "dog"])


@pytest.mark.parametrize("class_names", [["cat"], ["cat", "dog", "cow"]])
def test_a_single_label_is_told_in_the_singular(class_names):
    with pytest.raises(InputError, match="There is one label, so all are of one class, cat"):
        check_classes(np.array([0, -1]), class_names)


@pytest.mark.parametrize("class_names", [["cat"], ["cat", "dog", "cow"]])
def test_labels_of_one_class_are_an_error(class_names):
    with pytest.raises(InputError, match="All 2 labels are of one class, cat"):
        check_classes(np.array([0, 0, -1]), class_names)


def test_classes_without_labels_are_named():
    with pytest.warns(InputWarning, match="No image is labeled dog, ant: none will be found"):
        check_classes(np.array([0, 2, -1]), ["cat", "dog", "cow", "ant"])
