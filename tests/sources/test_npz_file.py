"""Arrays of an NPZ file are the ones NumPy reads, whole or in streams of bounded memory."""

import io
import pickle
import threading
import time
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.small import random_pixels
from voisin.errors import InputError
from voisin.sources import npz_file
from voisin.sources.npz_file import NpzArray, NpzFile


@pytest.fixture(scope="module", params=[np.savez, np.savez_compressed])
def stored(request, tmp_path_factory):
    pixels = random_pixels(100, 7, 5, 3)
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    request.param(path, images=pixels, other=np.arange(3))
    return path, pixels


@given(rows=st.lists(st.integers(0, 99), min_size=1, max_size=30), block=st.integers(1, 3000))
def test_a_streamed_array_gives_any_row_in_any_order(stored, rows, block):
    path, pixels = stored
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(npz_file, "_BLOCK_BYTES", block)
        array = NpzArray(path, "images", whole_bytes=0)

        for row in rows:
            np.testing.assert_array_equal(array[row], pixels[row])


def test_ascending_rows_are_read_in_one_pass_with_one_block_in_memory(stored, monkeypatch):
    path, pixels = stored
    monkeypatch.setattr(npz_file, "_BLOCK_BYTES", 10 * pixels[0].nbytes)
    array = NpzArray(path, "images", whole_bytes=0)
    blocks = []
    read_block = array._read_block
    monkeypatch.setattr(
        array, "_read_block", lambda row: blocks.append(read_block(row)) or blocks[-1]
    )

    for row in range(100):
        np.testing.assert_array_equal(array[row], pixels[row])

    assert [start for start, _ in blocks] == list(range(0, 100, 10))
    assert all(values.nbytes == 10 * pixels[0].nbytes for _, values in blocks)


def test_a_small_array_is_read_once_and_kept(stored, monkeypatch):
    path, pixels = stored
    array = NpzArray(path, "images")
    reads = []
    read = array.read
    monkeypatch.setattr(array, "read", lambda: reads.append(1) or read())

    for row in (99, 0, 50):
        np.testing.assert_array_equal(array[row], pixels[row])

    assert len(reads) == 1


def test_threads_get_their_own_rows(stored, monkeypatch):
    path, pixels = stored
    monkeypatch.setattr(npz_file, "_BLOCK_BYTES", 300)
    array = NpzArray(path, "images", whole_bytes=0)
    seek = array._stream.seek

    def seek_and_dawdle(place):
        seek(place)
        time.sleep(0.0005)

    monkeypatch.setattr(array._stream, "seek", seek_and_dawdle)
    wrong = []

    def read_many(start):
        rows = range(start, 100, 4)
        wrong.extend(row for row in rows if not np.array_equal(array[row], pixels[row]))

    threads = [threading.Thread(target=read_many, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_shape_type_and_checksum_are_known_without_reading_values(stored):
    path, pixels = stored
    array = NpzFile(path).array("images")

    assert array.shape == pixels.shape
    assert array.dtype == np.uint8
    with zipfile.ZipFile(path) as archive:
        assert int(array.checksum, 16) == archive.getinfo("images.npy").CRC


def test_an_array_by_columns_is_read_whole_but_not_streamed(tmp_path):
    pixels = np.asfortranarray(random_pixels(4))
    np.savez(tmp_path / "f.npz", images=pixels)

    np.testing.assert_array_equal(NpzArray(tmp_path / "f.npz", "images")[2], pixels[2])
    with pytest.raises(InputError, match=r"Fortran order.*ascontiguousarray"):
        NpzArray(tmp_path / "f.npz", "images", whole_bytes=0)


@pytest.mark.parametrize("whole_bytes", [0, 1 << 20])
def test_a_member_shorter_than_its_header_says_is_damaged(tmp_path, whole_bytes):
    member = io.BytesIO()
    np.save(member, random_pixels(10))
    with zipfile.ZipFile(tmp_path / "short.npz", "w") as archive:
        archive.writestr("images.npy", member.getvalue()[:-50])
    array = NpzArray(tmp_path / "short.npz", "images", whole_bytes)

    with pytest.raises(InputError, match="images is damaged"):
        array[9]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY\x09\x00", b"nothing of NumPy"])
def test_a_member_without_a_header_is_damaged(tmp_path, content):
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        archive.writestr("images.npy", content)

    with pytest.raises(InputError, match="images is damaged"):
        NpzFile(tmp_path / "bad.npz").array("images")


def test_a_missing_key_says_which_there_are(stored):
    with pytest.raises(InputError, match="has no array 'labels': it has images, other"):
        NpzFile(stored[0]).array("labels")


def test_an_array_travels_to_another_process_as_its_place_and_is_read_anew_there(stored):
    path, pixels = stored
    array = NpzArray(path, "images", whole_bytes=10)
    array[3]

    sent = pickle.dumps(array)

    assert len(sent) < 1_000
    np.testing.assert_array_equal(pickle.loads(sent)[7], pixels[7])  # noqa: S301
