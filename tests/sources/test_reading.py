"""A collection becomes one array, without the images that cannot be read."""

import numpy as np
import pytest
from PIL import Image

from tests.sources.small import random_pixels, write_folder, write_image
from voisin.errors import InputError, InputWarning, UnreadableImageError
from voisin.sources import reading as reading_module
from voisin.sources.opening import open_images
from voisin.sources.reading import load_picture, read_images


@pytest.fixture
def photos(tmp_path):
    """Twenty images of two classes, of which some can be spoiled."""
    names = [f"{'cat' if number % 2 else 'dog'}/{number:02d}.png" for number in range(20)]
    return write_folder(tmp_path / "photos", *names)


def spoil(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"broken")


def test_images_of_the_size_asked_for_are_left_as_they_are(tmp_path):
    pixels = random_pixels(1, 6, 6, 3)[0]
    write_image(tmp_path / "cat" / "1.png", pixels)

    read = read_images(open_images(tmp_path), size=6)

    np.testing.assert_array_equal(read.pixels[0], pixels)


def test_other_sizes_are_squashed_to_the_square_by_bicubic_interpolation(tmp_path):
    pixels = random_pixels(1, 30, 40, 3)[0]
    write_image(tmp_path / "cat" / "1.png", pixels)
    write_image(tmp_path / "cat" / "2.png", random_pixels(1, 7, 3, 3)[0])

    read = read_images(open_images(tmp_path), size=8)

    expected = Image.fromarray(pixels).resize((8, 8), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(read.pixels[0], expected)
    assert read.pixels.shape == (2, 8, 8, 3)


def test_all_gray_files_give_one_channel_and_a_mixture_three(tmp_path):
    write_image(tmp_path / "cat" / "1.png", random_pixels(1, 5, 5)[0])
    assert read_images(open_images(tmp_path), size=5).pixels.shape == (1, 5, 5, 1)

    write_image(tmp_path / "cat" / "2.png", random_pixels(1, 5, 5, 3)[0])
    pixels = read_images(open_images(tmp_path), size=5).pixels
    assert pixels.shape == (2, 5, 5, 3)
    assert (pixels[0] == pixels[0][..., :1]).all()


def test_unreadable_images_are_listed_with_their_reason_and_left_out(photos):
    whole = read_images(open_images(photos), size=4)
    spoil(photos, "dog/04.png", "cat/01.png")

    read = read_images(open_images(photos), size=4, max_unreadable=0.1)

    assert list(read.unreadable) == ["cat/01.png", "dog/04.png"]
    assert "dog/04.png cannot be read: it is none of" in read.unreadable["dog/04.png"]
    kept = ~np.isin(whole.images.ids, list(read.unreadable))
    assert read.images.ids.tolist() == whole.images.ids[kept].tolist()
    assert read.images.labels.tolist() == whole.images.labels[kept].tolist()
    np.testing.assert_array_equal(read.pixels, whole.pixels[kept])


def test_up_to_the_share_is_left_out_and_above_it_is_an_error(photos):
    spoil(photos, "dog/00.png")
    assert len(read_images(open_images(photos), size=4, max_unreadable=0.05).images) == 19

    spoil(photos, "dog/02.png")
    with pytest.raises(InputError, match=r"2 of the 20 images .*max_unreadable=0\.05.*dog/00"):
        read_images(open_images(photos), size=4, max_unreadable=0.05)


def test_an_error_names_no_more_than_the_first_three(photos):
    spoil(photos, *(f"dog/{number:02d}.png" for number in range(0, 20, 2)))

    with pytest.raises(InputError) as caught:
        read_images(open_images(photos), size=4, max_unreadable=0.2)

    line = str(caught.value)
    assert [name in line for name in ("dog/00", "dog/02", "dog/04", "dog/06")] == [True] * 3 + [
        False
    ]
    assert "allow a larger share" in line


def test_nothing_readable_is_an_error_whatever_the_share(tmp_path):
    write_folder(tmp_path / "photos", "cat/1.png")
    spoil(tmp_path / "photos", "cat/1.png")

    with pytest.raises(InputError, match="1 of the 1 images cannot be read"):
        read_images(open_images(tmp_path / "photos"), max_unreadable=1)


@pytest.mark.parametrize(("highest", "brightest"), [(4095, 16), (31 * 257, 31)])
def test_images_that_came_out_black_are_warned_of_once(tmp_path, highest, brightest):
    for number in range(3):
        path = tmp_path / "cat" / f"{number}.png"
        write_image(path, np.full((4, 4), highest if number == 1 else 0, dtype=np.uint16))

    with pytest.warns(InputWarning) as caught:
        read_images(open_images(tmp_path), size=4)

    (warning,) = caught
    assert f"brightest pixel is {brightest} of 255" in str(warning.message)
    assert "scale them to the full range first" in str(warning.message)


def test_a_single_image_that_is_bright_enough_gives_no_warning(tmp_path):
    write_image(tmp_path / "cat" / "1.png", np.zeros((4, 4), dtype=np.uint8))
    write_image(tmp_path / "cat" / "2.png", np.full((4, 4), 32 * 257, dtype=np.uint16))

    assert read_images(open_images(tmp_path), size=4).pixels.max() == 32


def test_pixels_are_written_to_the_array_given(photos, tmp_path):
    spoil(photos, "dog/10.png")
    images = open_images(photos)
    out = np.lib.format.open_memmap(
        tmp_path / "pixels.npy", mode="w+", dtype=np.uint8, shape=(20, 4, 4, 3)
    )

    read = read_images(images, size=4, out=out)

    assert np.shares_memory(read.pixels, out)
    np.testing.assert_array_equal(read.pixels, read_images(images, size=4).pixels)


def test_an_array_of_another_shape_is_refused(photos):
    with pytest.raises(InputError, match=r"out has shape \(20, 4, 4, 1\) .*\(20, 4, 4, 3\)"):
        read_images(open_images(photos), size=4, out=np.zeros((20, 4, 4, 1), dtype=np.uint8))


@pytest.mark.parametrize("block", [1, 7, 20, 512])
def test_progress_ends_with_all_images_whatever_the_block(photos, monkeypatch, block):
    monkeypatch.setattr(reading_module, "_BLOCK", block)
    calls = []
    read = read_images(open_images(photos), size=4, progress=lambda *call: calls.append(call))

    assert calls[-1] == ("Reading images", 20, 20)
    assert [done for _, done, _ in calls] == sorted({done for _, done, _ in calls})
    assert len(np.unique(read.pixels, axis=0)) == 20


def test_files_with_several_pages_are_counted_in_a_warning(tmp_path):
    write_folder(tmp_path, "cat/1.png", "dog/1.png")
    pages = [Image.new("L", (4, 4), 60 * page) for page in range(4)]
    for name in ("cat/stack.tif", "dog/stack.tif"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])

    with pytest.warns(InputWarning, match=r"several pages or frames: 2 of 4, first cat/stack\.tif"):
        read_images(open_images(tmp_path))


def test_positions_are_asked_for_in_ascending_order():
    images = open_images("digits").take(np.array([5, 3, 900, 1]))
    asked = []

    class Watched:
        n_channels = 1
        fingerprint = images.reader.fingerprint

        def load(self, position):
            asked.append(position)
            return images.reader.load(position)

    from dataclasses import replace

    read_images(replace(images, reader=Watched()), size=8)

    assert asked == [1, 3, 5, 900]


@pytest.mark.parametrize("option", [{"size": 0}, {"max_unreadable": 1.5}])
def test_settings_out_of_range_are_refused(option):
    with pytest.raises(InputError, match=next(iter(option))):
        read_images(open_images("digits"), **option)


def test_a_picture_to_look_at_keeps_its_shape_and_is_never_enlarged(tmp_path):
    write_image(tmp_path / "cat" / "1.png", random_pixels(1, 30, 60, 3)[0])
    images = open_images(tmp_path)

    assert load_picture(images, 0, size=20).size == (20, 10)
    assert load_picture(images, 0, size=500).size == (60, 30)


def test_a_picture_that_cannot_be_read_says_so(photos):
    spoil(photos, "cat/01.png")

    with pytest.raises(UnreadableImageError, match=r"cat/01\.png"):
        load_picture(open_images(photos), 0, size=20)
