"""Counts of a collection."""

from tests.sources.small import write_folder, write_table
from voisin.sources.collection import Summary, summarize
from voisin.sources.opening import open_images


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
