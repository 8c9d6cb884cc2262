"""What a user passes as new images."""

import numpy as np
import pytest
from PIL import Image

from voisin.errors import InputError
from voisin.sources.new_images import open_new_images


def test_files_beside_one_another_are_one_collection_and_the_order_stays(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("b.png", "a.png", "folder/c.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    given = [tmp_path / "b.png", tmp_path / "a.png", tmp_path / "folder", np.zeros((2, 8, 8))]

    opened = open_new_images(given)

    assert [len(images) for images in opened] == [2, 1, 2]
    assert opened[0].ids.tolist() == [str(tmp_path / "b.png"), str(tmp_path / "a.png")]
    assert opened[0].reader.path(1) == str(tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 3), (1, 8, 6), (1, 8, 6, 3)])
def test_an_array_of_one_image_needs_no_axis_for_it(shape):
    (images,) = open_new_images(np.zeros(shape))

    assert len(images) == 1
    assert images.reader.load(0).size == (6, 8)


def test_a_picture_with_transparency_is_placed_on_white():
    (images,) = open_new_images(Image.new("RGBA", (2, 2), (0, 0, 0, 0)))

    assert images.reader.load(0).getpixel((0, 0)) == (255, 255, 255)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        open_new_images([tmp_path / "gone.png"])


def test_nothing_is_refused():
    with pytest.raises(InputError, match="There is no image to label"):
        open_new_images([])


def test_a_folder_without_images_is_told_so_in_the_words_of_new_images(tmp_path):
    (tmp_path / "notes.txt").write_text("none yet")
    with pytest.raises(InputError, match="holds no image: pass image files, or folders of them"):
        open_new_images(tmp_path)
