"""Images are embedded and read once, whatever their folder, and the results are the same."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.embedding.small_models import write_onnx, write_resnet
from voisin.embedding.cached import CachedEmbedder, hash_images, read_cached_images
from voisin.embedding.registry import EmbedderOptions, make_embedder
from voisin.embedding.specification import KINDS, Part
from voisin.embedding.vector_cache import VectorCache
from voisin.errors import InputWarning
from voisin.sources import decoding
from voisin.sources.opening import open_images
from voisin.sources.reading import read_images

N_IMAGES = 40  # two batches of 32, or two and a half of 16


@pytest.fixture(autouse=True)
def room(monkeypatch, tmp_path):
    monkeypatch.setenv("VOISIN_CACHE_SIZE", "1")
    monkeypatch.setenv("VOISIN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    """Pictures of noise, last changed long ago."""
    place = tmp_path / "pictures"
    place.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (N_IMAGES, 9, 9, 3), dtype=np.uint8)
    for number, pixels in enumerate(noise):
        Image.fromarray(pixels).save(place / f"{number:02}.png")
        os.utime(place / f"{number:02}.png", (1e9, 1e9))
    return place


class Watched:
    """An embedder that counts how often it sees each image."""

    input_size = 9

    def __init__(self):
        self.seen = []

    def fingerprint(self):
        return "watched"

    def embed(self, images, *, progress=None):
        self.seen += images.ids.tolist()
        pixels = read_images(images, size=9).pixels
        return pixels.reshape(len(images), -1).astype(np.float32)


def embed(images):
    watched = Watched()
    told = []
    vectors = CachedEmbedder(watched, "watched").embed(
        images, progress=lambda *now: told.append(now)
    )
    assert told[-1][1:] == (len(images), len(images)) or watched.seen
    np.testing.assert_array_equal(vectors, Watched().embed(images))
    return watched.seen


def test_no_image_is_embedded_twice_and_one_more_is_one_more(folder):
    images = open_images(folder)
    assert len(embed(images.take(np.arange(1, N_IMAGES)))) == N_IMAGES - 1

    assert embed(images) == [images.ids[0]]
    assert embed(images.take(np.arange(N_IMAGES)[::-1])) == []


def test_the_same_images_are_found_in_another_folder_under_other_names(folder, tmp_path):
    embed(open_images(folder))
    shutil.copytree(folder, tmp_path / "copy")
    for path in (tmp_path / "copy").iterdir():
        path.rename(path.with_name(f"other-{path.name}"))

    assert embed(open_images(tmp_path / "copy")) == []


def test_a_changed_image_is_embedded_again(folder):
    embed(open_images(folder))
    Image.new("RGB", (9, 9), "red").save(folder / "07.png")

    assert len(embed(open_images(folder))) == 1


def test_images_read_as_color_are_not_found_as_gray(tmp_path):
    for name in ("gray", "color"):
        (tmp_path / name).mkdir()
        Image.new("L", (9, 9), 7).save(tmp_path / name / "one.png")
    Image.new("RGB", (9, 9), "red").save(tmp_path / "color" / "two.png")
    with pytest.warns(InputWarning, match="nearly black"):
        embed(open_images(tmp_path / "gray"))

    assert len(embed(open_images(tmp_path / "color"))) == 2


def test_images_in_arrays_are_known_by_their_pixels(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 9), dtype=np.uint8)
    np.savez(tmp_path / "one.npz", images=pixels[:4], labels=np.zeros(4, int))
    np.savez(tmp_path / "two.npz", images=pixels[::-1], labels=np.zeros(6, int))
    assert len(embed(open_images(tmp_path / "one.npz"))) == 4

    assert len(embed(open_images(tmp_path / "two.npz"))) == 2


def test_a_file_is_hashed_once_unless_its_size_or_time_changes(folder, monkeypatch, tmp_path):
    images, cache = open_images(folder), VectorCache()
    first = hash_images(images, cache)
    Image.new("RGB", (9, 9), "red").save(folder / "07.png")

    again = hash_images(images, cache)
    assert [a == b for a, b in zip(first, again, strict=True)].count(False) == 1
    monkeypatch.setattr("voisin.embedding.cached._hash_file", lambda path: b"hashed anew")
    assert hash_images(images, cache).count(b"hashed anew") == 1  # just changed, so not trusted yet


MAKERS = {
    "backbone": lambda folder: "",
    "onnx": lambda folder: write_onnx(folder / "net.onnx"),
    "pretrained": lambda folder: write_resnet(folder / "resnet"),
}


def test_every_embedder_that_keeps_vectors_is_tested_here():
    assert {name for name, kind in KINDS.items() if kind.by_image} == set(MAKERS)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_vector_is_the_same_to_the_bit_whatever_the_images_beside_it(folder, tmp_path, kind):
    from voisin.embedding.networks.efficientnet import load_backbone

    images = open_images(folder)
    network = load_backbone() if KINDS[kind].network else None
    options = EmbedderOptions(images.ids, size=32, device="cpu", network=network)
    embedder = make_embedder(Part(kind, str(MAKERS[kind](tmp_path))), options)

    together = embedder.embed(images)

    for some in ([5], [39, 2, 17], np.arange(3, 36)):
        np.testing.assert_array_equal(embedder.embed(images.take(np.array(some))), together[some])


def read(images):
    return read_cached_images(images, size=6, max_unreadable=0.1)


def test_pixels_are_decoded_once(folder, monkeypatch):
    images = open_images(folder)
    expected = read_images(images, size=6).pixels
    np.testing.assert_array_equal(read(images.take(np.arange(1, N_IMAGES))).pixels, expected[1:])
    decoded = []
    decode = decoding.decode_file
    monkeypatch.setattr(decoding, "decode_file", lambda path: decoded.append(path) or decode(path))

    np.testing.assert_array_equal(read(images).pixels, expected)
    assert [path.name for path in decoded] == ["00.png"]


def test_every_run_tells_of_files_that_are_unreadable_or_hold_several_images(folder):
    (folder / "03.png").write_bytes(b"no picture")
    frames = [Image.new("RGB", (9, 9), color) for color in ("red", "blue")]
    frames[0].save(folder / "05.gif", save_all=True, append_images=frames[1:])
    images = open_images(folder)
    for _ in range(2):
        with pytest.warns(InputWarning, match="several pages or frames: 1 of 41"):
            found = read(images)
        assert list(found.unreadable) == ["03.png"]
        assert len(found.pixels) == N_IMAGES
