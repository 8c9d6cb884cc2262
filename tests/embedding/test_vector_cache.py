"""Vectors are kept an image each, for all runs of a user, within a size."""

import os
import sqlite3
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest

from voisin.embedding.vector_cache import VectorCache
from voisin.errors import InputError, InputWarning

FLOAT = np.dtype(np.float32)


@pytest.fixture
def cache(tmp_path):
    return VectorCache(tmp_path, size=1)


def vectors_of(*numbers):
    return np.array([[number, -number] for number in numbers], dtype=np.float32)


def test_vectors_are_found_to_the_bit_in_the_order_asked_for(cache):
    images = [f"image {i}".encode() for i in range(1200)]
    vectors = np.random.default_rng(0).normal(size=(1200, 3)).astype(np.float32)
    cache.keep("net", "net 1", images, vectors)
    order = np.random.default_rng(1).permutation(1200)

    found, rows = cache.find("net 1", [images[i] for i in order], FLOAT)

    assert found.all()
    np.testing.assert_array_equal(rows, vectors[order])


def test_other_images_and_other_kinds_are_not_found(cache):
    cache.keep("net", "net 1", [b"cat"], vectors_of(1))

    assert cache.find("net 1", [b"dog"], FLOAT)[0].tolist() == [False]
    assert cache.find("net 2", [b"cat"], FLOAT)[0].tolist() == [False]


def test_equal_images_share_a_vector(cache):
    cache.keep("net", "net 1", [b"cat", b"cat"], vectors_of(1, 1))

    found, rows = cache.find("net 1", [b"cat", b"dog", b"cat"], FLOAT)

    assert found.tolist() == [True, False, True]
    assert rows.tolist() == [[1, -1], [1, -1]]
    assert [kept.n_images for kept in cache.contents()] == [1]


def test_beyond_the_size_the_vectors_used_longest_ago_go_first(tmp_path):
    cache = VectorCache(tmp_path, size=0.002)
    rows = np.ones((1, 50_000), dtype=np.float32)  # 0.2 MB each
    for name in (b"old", b"used"):
        cache.keep("net", "net 1", [name], rows)
    for i in range(20):
        cache.find("net 1", [b"used"], FLOAT)
        cache.keep("net", "net 1", [f"new {i}".encode()], rows)

    found, _ = cache.find("net 1", [b"old", b"used", b"new 0", b"new 19"], FLOAT)

    assert found.tolist() == [False, True, False, True]
    assert cache.path.stat().st_size < 2.5e6


def test_a_size_of_0_keeps_and_finds_nothing(cache):
    cache.keep("net", "net 1", [b"cat"], vectors_of(1))
    off = VectorCache(cache.path.parent, size=0)
    off.keep("net", "net 1", [b"dog"], vectors_of(2))

    assert not off.find("net 1", [b"cat"], FLOAT)[0].any()
    assert not cache.find("net 1", [b"dog"], FLOAT)[0].any()


@pytest.mark.parametrize("size", ["lots", "-1", "nan", "inf"])
def test_a_size_that_is_no_number_is_refused(tmp_path, monkeypatch, size):
    monkeypatch.setenv("VOISIN_CACHE_SIZE", size)

    with pytest.raises(InputError, match="no number of GB"):
        VectorCache(tmp_path)


def test_a_damaged_file_is_begun_anew_with_one_warning(cache):
    cache.path.write_bytes(b"no database " * 1000)

    with pytest.warns(InputWarning, match="begun anew"):
        assert not cache.find("net 1", [b"cat"], FLOAT)[0].any()

    cache.keep("net", "net 1", [b"cat"], vectors_of(1))
    assert cache.find("net 1", [b"cat"], FLOAT)[0].all()


def test_a_vector_of_another_length_than_its_kind_is_not_used(cache):
    cache.keep("net", "net 1", [b"cat", b"dog"], vectors_of(1, 2))
    with sqlite3.connect(cache.path) as database:
        database.execute("UPDATE vectors SET vector = x'00' WHERE entry = 1")

    found, rows = cache.find("net 1", [b"cat", b"dog"], FLOAT)

    assert found.tolist() == [False, True]
    assert rows.tolist() == [[2, -2]]


def test_a_full_disk_or_a_folder_that_cannot_be_made_is_told_once(tmp_path):
    (tmp_path / "file").write_text("")
    cache = VectorCache(tmp_path / "file" / "folder", size=1)

    with pytest.warns(InputWarning, match="keeps no vectors"):
        cache.keep("net", "net 1", [b"cat"], vectors_of(1))

    cache.keep("net", "net 1", [b"cat"], vectors_of(1))
    assert not cache.find("net 1", [b"cat"], FLOAT)[0].any()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anything")
def test_a_file_that_may_only_be_read_is_read(cache):
    cache.keep("net", "net 1", [b"cat"], vectors_of(1))
    cache.path.chmod(0o444)
    cache.path.parent.chmod(0o555)

    with warnings.catch_warnings(action="error"):
        assert cache.find("net 1", [b"cat"], FLOAT)[0].all()


def test_programs_that_write_at_once_lose_nothing(cache):
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from voisin.embedding.vector_cache import VectorCache\n"
        "cache, name = VectorCache(Path(sys.argv[1]), size=1), sys.argv[2]\n"
        "for i in range(30):\n"
        "    images = [f'{name} {i}'.encode(), f'shared {i}'.encode()]\n"
        "    cache.keep('net', 'net 1', images, np.full((2, 2), i, dtype='f4'))\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(cache.path.parent)]
    programs = [subprocess.Popen([*command, name]) for name in ("a", "b")]
    assert [program.wait() for program in programs] == [0, 0]

    images = [f"{name} {i}".encode() for name in ("a", "b", "shared") for i in range(30)]
    found, rows = cache.find("net 1", images, FLOAT)
    assert found.all()
    assert rows[:, 0].tolist() == list(range(30)) * 3


def test_contents_tell_what_was_used_last_first(cache):
    before = time.time()
    cache.keep("small", "small 1", [b"cat"], vectors_of(1))
    cache.keep("large", "large 1", [b"cat", b"dog"], np.ones((2, 10), dtype=np.float32))
    cache.find("small 1", [b"cat"], FLOAT)

    told = cache.contents()

    assert [(kept.name, kept.n_images, kept.n_bytes) for kept in told] == [
        ("small", 1, 8),
        ("large", 2, 80),
    ]
    assert before <= told[1].last_used <= told[0].last_used <= time.time()


def test_clearing_gives_the_room_back(cache):
    cache.keep("net", "net 1", [b"cat"], np.ones((1, 100_000), dtype=np.float32))
    cache.clear()

    assert cache.contents() == []
    assert not cache.find("net 1", [b"cat"], FLOAT)[0].any()
    assert cache.path.stat().st_size < 200_000
