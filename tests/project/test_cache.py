"""The cache computes once for each set of inputs, and keeps whole results only."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as st_numpy

from voisin.errors import InputWarning
from voisin.project.cache import Cache, hash_of


class Counter:
    def __init__(self, **arrays):
        self.calls, self.arrays = 0, arrays

    def __call__(self):
        self.calls += 1
        return self.arrays


def test_a_stage_is_computed_once_for_its_inputs(tmp_path):
    cache, compute = Cache(tmp_path), Counter(value=np.arange(3), name=np.array("a text"))
    first = cache.recall("stage", {"a": 1}, compute, dict)
    second = Cache(tmp_path).recall("stage", {"a": 1}, compute, dict)

    assert compute.calls == 1
    assert (first.reused, second.reused) == (False, True)
    assert second.seconds == first.seconds
    np.testing.assert_array_equal(second.value["value"], [0, 1, 2])
    assert str(second.value["name"]) == "a text"
    cache.recall("stage", {"a": 2}, compute, dict)
    assert compute.calls == 2


def test_a_failed_stage_leaves_nothing_and_is_computed_again(tmp_path):
    cache = Cache(tmp_path)

    def fail():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        cache.recall("stage", {}, fail, dict)
    assert list(tmp_path.iterdir()) == []
    assert not cache.recall("stage", {}, Counter(value=np.array(1)), dict).reused


@pytest.mark.parametrize(
    "damage", ["remove an array", "empty an array", "cut the list", "empty the list"]
)
def test_a_damaged_result_is_computed_again(tmp_path, damage):
    cache = Cache(tmp_path)
    cache.recall("stage", {}, Counter(value=np.arange(3)), dict)
    (place,) = tmp_path.iterdir()
    if damage == "remove an array":
        (place / "value.npy").unlink()
    elif damage == "empty an array":
        (place / "value.npy").write_bytes(b"")
    else:
        text = (place / "value.json").read_text()
        (place / "value.json").write_text(text[:-9] if damage.startswith("cut") else "")
    again = cache.recall("stage", {}, Counter(value=np.arange(4)), dict)
    assert not again.reused
    np.testing.assert_array_equal(again.value["value"], [0, 1, 2, 3])


def test_what_an_interrupted_run_left_half_written_is_removed(tmp_path):
    (tmp_path / "stage-123.partial").mkdir()
    (tmp_path / "stage-123.partial" / "value.npy").write_bytes(b"half")
    Cache(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unfinished_work_is_removed_once_its_stage_is_done(tmp_path):
    cache = Cache(tmp_path)
    key = hash_of({"a": 1})
    scratch = cache.scratch("stage", key)

    def compute():
        scratch.mkdir()
        (scratch / "training.pt").write_bytes(b"state")
        return {"value": np.array(1)}

    cache.recall("stage", {"a": 1}, compute, dict)
    assert not scratch.exists()


def test_arrays_of_objects_are_refused_since_reading_them_would_run_code(tmp_path):
    with pytest.raises(ValueError, match=r"(?i)object arrays"):
        Cache(tmp_path).recall("stage", {}, Counter(value=np.array([{}], dtype=object)), dict)


@given(st_numpy.arrays(np.float32, st_numpy.array_shapes(max_dims=3)))
def test_equal_arrays_have_equal_hashes_and_a_change_changes_it(array):
    assert hash_of(array) == hash_of(array.copy(order="F"))
    changed = array.copy()
    changed.view(np.uint8).flat[0] ^= 1
    assert hash_of(changed) != hash_of(array)
    assert hash_of(array) != hash_of(array.ravel()[None, None, None])
    assert hash_of(array) != hash_of(array.view(np.int32))


def test_an_inner_cache_finds_what_the_outer_holds_and_ends_with_its_block(tmp_path):
    outer, kept, own = Cache(tmp_path), Counter(value=np.array(1)), Counter(value=np.array(2))
    outer.recall("kept", {}, kept, dict)

    with outer.inner("draw") as inner:
        assert inner.recall("kept", {}, kept, dict).value["value"] == 1
        inner.recall("own", {}, own, dict)
        assert outer.find("own", {}, dict) is None

    assert (kept.calls, own.calls) == (1, 1)
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == ["kept"]


def test_what_an_inner_cache_holds_outlives_an_interruption(tmp_path):
    compute = Counter(value=np.array(2))

    def interrupted():
        with Cache(tmp_path).inner("draw") as inner:
            inner.recall("own", {}, compute, dict)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with Cache(tmp_path).inner("draw") as inner:
        inner.recall("own", {}, compute, dict)

    assert compute.calls == 1


def test_without_room_for_the_cache_results_are_computed_each_time(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    cache, compute = Cache(tmp_path / "cache"), Counter(value=np.arange(3))
    monkeypatch.setattr(np, "save", full)

    with pytest.warns(InputWarning, match="No space left"):
        found = [cache.recall("stage", {"a": 1}, compute, dict) for _ in range(2)]

    assert [one.value["value"].tolist() for one in found] == [[0, 1, 2]] * 2
    assert compute.calls == 2
    assert list(cache.folder.iterdir()) == []
