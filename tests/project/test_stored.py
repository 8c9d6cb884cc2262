"""A dataclass of arrays is saved and loaded as it is, whatever it is made of."""

from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from scipy import sparse

from voisin.errors import ProjectError
from voisin.project.stored import load, save
from voisin.writing import REPLACED


@dataclass(frozen=True)
class Round:
    number: int
    loss: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    values: np.ndarray
    affinity: sparse.csr_array
    rounds: tuple[Round, ...]
    by_name: dict[str, Round]
    weights: dict[str, np.ndarray]
    best: Round | None
    share: float | None
    reached: bool
    note: str = ""


@dataclass(frozen=True)
class WithCallable:
    value: int
    make: object = field(default=None, metadata={"stored": False})


@dataclass(frozen=True, eq=False)
class NewerResult(Result):
    FORMAT = 2


def result(values=None, **changes):
    fields = {
        "values": np.arange(3) if values is None else values,
        "affinity": sparse.csr_array(np.array([[0, 0.5], [0.5, 0]], dtype=np.float32)),
        "rounds": (Round(1, 0.1, ("a", "é")), Round(2, float("inf"))),
        "by_name": {"first": Round(1, 0.25)},
        "weights": {"layer.0.weight": np.ones((2, 2), dtype=np.float32)},
        "best": Round(2, 1 / 3),
        "share": None,
        "reached": True,
        **changes,
    }
    return Result(**fields)


TYPES = st.sampled_from([np.dtype(name) for name in ("f4", "f8", "i8", "?", "<U5")])


@given(TYPES.flatmap(lambda kind: st_numpy.arrays(kind, st_numpy.array_shapes(max_dims=3))))
def test_every_field_comes_back_equal_and_of_its_type(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("stored") / "result"
    saved = result(values)
    save(folder, saved)

    loaded = load(folder, Result)

    np.testing.assert_array_equal(loaded.values, values)
    assert loaded.values.dtype == values.dtype
    assert (loaded.affinity != saved.affinity).nnz == 0
    assert loaded.affinity.dtype == np.float32
    assert loaded.rounds == saved.rounds
    assert loaded.by_name == saved.by_name
    assert loaded.best == saved.best
    assert (loaded.share, loaded.reached, loaded.note) == (None, True, "")
    np.testing.assert_array_equal(loaded.weights["layer.0.weight"], np.ones((2, 2)))


def test_any_name_may_be_a_key(tmp_path):
    value = {"array": np.arange(2), "a.b": np.arange(3), "a": {"b": np.arange(4)}, "shape": 1}
    save(tmp_path / "value", value)

    loaded = load(tmp_path / "value", dict)

    assert [len(loaded["array"]), len(loaded["a.b"]), len(loaded["a"]["b"])] == [2, 3, 4]


def test_a_field_that_is_not_stored_comes_back_as_none(tmp_path):
    save(tmp_path / "value", WithCallable(3, print))

    assert load(tmp_path / "value", WithCallable) == WithCallable(3, None)


def test_large_arrays_are_mapped_and_not_read(tmp_path):
    save(tmp_path / "result", result(np.zeros(100_000)))

    assert isinstance(load(tmp_path / "result", Result).values, np.memmap)


def test_another_value_takes_the_place_of_the_old_one_as_a_whole(tmp_path):
    save(tmp_path / "result", {"old": np.arange(3), "both": np.arange(2)})
    save(tmp_path / "result", {"both": np.arange(4)})

    assert sorted(path.name for path in tmp_path.iterdir()) == ["result"]
    (loaded,) = load(tmp_path / "result", dict).values()
    np.testing.assert_array_equal(loaded, np.arange(4))


@pytest.mark.parametrize("damage", ["format", "field", "array", "json", "nothing there"])
def test_what_cannot_be_used_says_in_one_line_what_to_do(tmp_path, damage):
    folder = tmp_path / "result"
    if damage != "nothing there":
        save(folder, NewerResult(**vars(result())) if damage == "format" else result())
    if damage == "array":
        (folder / "values.npy").write_bytes(b"")
    if damage == "json":
        (folder / "value.json").write_text("{")

    with pytest.raises(ProjectError, match=r"result cannot be used \(.*\): run again") as raised:
        load(folder, Round if damage == "field" else Result)

    assert "\n" not in str(raised.value)


def test_objects_are_not_saved_since_loading_them_would_run_code(tmp_path):
    with pytest.raises(ValueError, match=r"(?i)object arrays"):
        save(tmp_path / "result", {"values": np.array([{}], dtype=object)})


def test_killed_between_two_renames_the_old_value_is_found(tmp_path):
    save(tmp_path / "result", {"values": np.arange(3)})
    (tmp_path / "result").rename(tmp_path / f"result{REPLACED}")

    np.testing.assert_array_equal(load(tmp_path / "result", dict)["values"], np.arange(3))


@pytest.mark.parametrize("name", ["value.json", "values.npy", "affinity.indices.npy"])
def test_damage_of_any_kind_is_one_error(tmp_path, name):
    save(tmp_path / "saved", result())
    path = tmp_path / "saved" / name
    whole = path.read_bytes()
    rng = np.random.default_rng(0)

    for trial in range(200):
        content = bytearray(whole)
        if trial % 2:
            content = content[: int(rng.integers(len(content)))]
        else:
            for at in rng.integers(len(content), size=2).tolist():
                content[at] = int(rng.integers(256))
        path.write_bytes(content)
        with suppress(ProjectError):
            load(tmp_path / "saved", Result)
