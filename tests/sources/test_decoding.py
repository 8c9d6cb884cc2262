"""Image files of every make become upright gray or color of 8 bits, or say why they cannot."""

import struct
import threading
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.sources.small import random_pixels
from voisin.errors import UnreadableImageError
from voisin.sources.decoding import SEVERAL, FileReader, decode_file, is_gray_file, to_gray_or_color

RED, BLUE = (255, 0, 0), (0, 0, 255)


def saved(tmp_path, picture, suffix=".png", **options):
    path = tmp_path / f"picture{suffix}"
    picture.save(path, **options)
    return path


def decoded(path):
    return np.asarray(decode_file(path))


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".tiff", ".webp"])
def test_color_without_loss_is_read_as_it_was_written(tmp_path, suffix):
    pixels = random_pixels(1)[0]
    path = saved(tmp_path, Image.fromarray(pixels), suffix, lossless=True)

    np.testing.assert_array_equal(decoded(path), pixels)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".gif", ".tif", ".jpg", ".jpeg"])
def test_gray_stays_gray(tmp_path, suffix):
    pixels = np.full((3, 4), 77, dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(pixels), suffix)

    np.testing.assert_allclose(decoded(path), pixels, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    # How the upright picture must be turned to lie in the file (EXIF 2.3, tag 0x0112).
    turn = {
        1: lambda upright: upright,
        2: np.fliplr,
        3: lambda upright: np.rot90(upright, 2),
        4: np.flipud,
        5: lambda upright: upright.swapaxes(0, 1),
        6: np.rot90,
        7: lambda upright: np.rot90(upright, 2).swapaxes(0, 1),
        8: lambda upright: np.rot90(upright, -1),
    }[orientation]
    upright = random_pixels(1)[0]
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = Image.fromarray(np.ascontiguousarray(turn(upright)))

    np.testing.assert_array_equal(decoded(saved(tmp_path, lying, exif=exif)), upright)


def test_damaged_exif_leaves_the_pixels_as_they_lie(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (4, 2), RED), ".jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff")

    assert decode_file(path).size == (4, 2)


def test_a_palette_is_looked_up(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)

    assert decoded(saved(tmp_path, picture)).tolist() == [[list(RED), list(BLUE)]]


def test_a_gray_palette_is_gray(tmp_path):
    picture = Image.new("P", (2, 1), 1)
    picture.putpalette([9, 9, 9, 200, 200, 200])
    path = saved(tmp_path, picture)

    assert is_gray_file(path)
    assert decoded(path).tolist() == [[200, 200]]


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("RGBA", (255, 0, 0, 51), [255, 204, 204]),  # 0.2 · red + 0.8 · white
        ("LA", (0, 0), 255),
        ("LA", (0, 255), 0),
        ("LA", (100, 51), 224),  # 0.2 · 100 + 0.8 · 255
    ],
)
def test_alpha_is_laid_over_white(tmp_path, mode, value, expected):
    path = saved(tmp_path, Image.new(mode, (1, 1), value))

    np.testing.assert_allclose(decoded(path)[0, 0], expected, atol=1)


@pytest.mark.parametrize(("mode", "transparent"), [("P", 0), ("P", b"\0\xff"), ("L", 0)])
def test_a_transparent_color_is_white(tmp_path, mode, transparent):
    picture = Image.new(mode, (2, 1), 0)
    if mode == "P":
        picture.putpalette([*RED, 0, 0, 0])
    picture.putpixel((1, 0), 1)
    path = saved(tmp_path, picture, transparency=transparent)

    assert decoded(path)[0, 0].min() == 255
    assert decoded(path)[0, 1].max() <= 1


@pytest.mark.parametrize("n_color", [0, 1])
def test_one_color_picture_among_many_gray_ones_makes_all_color(tmp_path, n_color):
    gray, color = tmp_path / "gray.png", tmp_path / "color.png"
    Image.new("L", (2, 2), 9).save(gray)
    Image.new("RGB", (2, 2), RED).save(color)
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    paths = [gray.name] * 300
    paths[77] = "damaged.png"
    paths[188 : 188 + n_color] = [color.name] * n_color  # spaced looks would miss it

    assert FileReader(tmp_path, tuple(paths)).n_channels == (3 if n_color else 1)


def pages_of(tmp_path, suffix, *pages, **options):
    first, *others = (Image.new("L", (4, 4), value) for value in pages)
    return saved(tmp_path, first, suffix, save_all=True, append_images=others, **options)


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_the_first_of_several_pages_is_read_and_marked(tmp_path, suffix):
    path = pages_of(tmp_path, suffix, 10, 200, 90, **({"lossless": True} if "w" in suffix else {}))

    assert decode_file(path).info == {SEVERAL: True}
    assert decoded(path).max() == 10
    assert decode_file(saved(tmp_path, Image.new("L", (4, 4)), suffix)).info == {}


@pytest.mark.parametrize("suffix", [".tif", ".gif", ".png", ".webp"])
def test_damage_behind_the_first_page_leaves_it_readable(tmp_path, suffix):
    path = pages_of(tmp_path, suffix, 10, 200, 90)
    whole = path.read_bytes()

    for length in range(20, len(whole)):
        path.write_bytes(whole[:length])
        try:
            with Image.open(path) as picture:
                picture.load()
        except Exception:  # noqa: BLE001 - Pillow cannot read the first page
            continue
        assert decode_file(path).size == (4, 4)


def test_smaller_copies_and_previews_in_a_file_are_no_other_images(tmp_path):
    copy = Image.new("L", (2, 2), 10)
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    tiff = saved(tmp_path, Image.new("L", (4, 4), 10), ".tif", save_all=True, append_images=[copy])
    photo = Image.new("RGB", (4, 4), RED)
    photo.save(tmp_path / "photo.mpo", save_all=True, append_images=[photo])

    assert decode_file(tiff).info == decode_file(tmp_path / "photo.mpo").info == {}


def test_one_bit_is_black_and_white(tmp_path):
    picture = Image.new("1", (2, 1))
    picture.putpixel((1, 0), 1)

    assert decoded(saved(tmp_path, picture)).tolist() == [[0, 255]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_brought_to_eight_over_their_full_range(tmp_path, suffix):
    values = np.array([[0, 128, 129, 257, 32896, 65535]], dtype=np.uint16)
    path = saved(tmp_path, Image.fromarray(values), suffix)

    assert is_gray_file(path)
    assert decoded(path).tolist() == [[0, 0, 1, 1, 128, 255]]


def test_sixteen_bit_color_is_brought_to_eight(tmp_path):
    row = b"\0" + struct.pack(">6H", 65535, 0, 32896, 0, 257 * 7, 65535)

    def chunk(kind, data):
        whole = kind + data
        return struct.pack(">I", len(data)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )

    assert decoded(path).tolist() == [[[255, 0, 128], [0, 7, 255]]]


def test_values_beyond_sixteen_bits_are_unreadable(tmp_path):
    path = saved(tmp_path, Image.new("I", (1, 1), 70_000), ".tif")

    with pytest.raises(UnreadableImageError, match="from 70000 to 70000, beyond 16 bits"):
        decode_file(path)


def test_floats_are_unreadable_with_a_reason(tmp_path):
    path = saved(tmp_path, Image.new("F", (1, 1), 0.5), ".tif")

    with pytest.raises(UnreadableImageError, match=r"picture\.tif .* no known range"):
        decode_file(path)


def test_cmyk_becomes_color(tmp_path):
    path = saved(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), ".jpg", quality=100)

    np.testing.assert_allclose(decoded(path)[4, 4], RED, atol=3)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".tif"])
def test_of_several_frames_the_first_is_read(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), color) for color in (RED, BLUE)]
    path = saved(tmp_path, frames[0], suffix, save_all=True, append_images=frames[1:])

    np.testing.assert_allclose(decoded(path)[0, 0], RED, atol=5)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_a_truncated_file_is_unreadable_and_named(tmp_path, suffix):
    picture = Image.fromarray(random_pixels(1, 64, 64, 3)[0])
    path = saved(tmp_path, picture, suffix)
    path.write_bytes(path.read_bytes()[:-2000])

    with pytest.raises(UnreadableImageError, match=rf"picture\{suffix} cannot be read: \w"):
        decode_file(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is none of BMP, GIF, JPEG"),
        # PostScript would start another program, whatever the file's name.
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "it is none of BMP"),
    ],
)
def test_what_is_no_image_is_unreadable(tmp_path, content, reason):
    path = tmp_path / "picture.png"
    path.write_bytes(content)

    with pytest.raises(UnreadableImageError, match=reason):
        decode_file(path)
    assert is_gray_file(path) is None


def test_a_missing_file_and_a_folder_are_unreadable(tmp_path):
    with pytest.raises(UnreadableImageError, match="there is no such file"):
        decode_file(tmp_path / "picture.png")
    with pytest.raises(UnreadableImageError, match=r"is a directory|permission denied"):
        decode_file(tmp_path)


@pytest.mark.parametrize("size", [(20, 10), (40, 10)])  # Pillow warns of one, refuses the other
def test_a_decompression_bomb_is_refused_in_any_thread(tmp_path, monkeypatch, size):
    path = saved(tmp_path, Image.new("L", size))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)
    reasons = []

    def decode():
        try:
            decode_file(path)
        except UnreadableImageError as error:
            reasons.append(str(error))

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(reasons) == 8
    assert all("more pixels than the 150 allowed" in reason for reason in reasons)


@given(st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"]))
def test_every_mode_becomes_gray_or_color_of_the_same_size(mode):
    picture = to_gray_or_color(Image.new(mode, (3, 2)))

    assert picture.mode in ("L", "RGB")
    assert picture.size == (3, 2)


@given(data=st.data())
def test_a_damaged_file_is_read_or_unreadable_but_never_a_crash(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("damaged") / "picture.png"
    suffix = data.draw(st.sampled_from([".png", ".jpg", ".gif", ".bmp", ".tif", ".webp"]))
    path = path.with_suffix(suffix)
    Image.fromarray(random_pixels(1, 9, 9, 3)[0]).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)

    try:
        mode = decode_file(path).mode
    except UnreadableImageError:
        return
    assert mode in ("L", "RGB")
