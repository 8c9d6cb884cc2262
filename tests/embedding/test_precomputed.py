"""Precomputed vectors, by order from .npy and by id from Parquet."""

import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from voisin.embedding.precomputed import read_parquet
from voisin.embedding.registry import EmbedderOptions, make_embedder
from voisin.embedding.specification import Part
from voisin.errors import InputError, InputWarning
from voisin.sources.opening import open_images


@pytest.fixture(scope="module")
def source():
    return open_images("digits").take(np.arange(6))


@pytest.fixture(scope="module")
def vectors():
    return np.random.default_rng(0).normal(size=(6, 3))


def open_vectors(path, source):
    return make_embedder(Part("vectors", str(path)), EmbedderOptions(source.ids))


def write_parquet(path, ids, vectors, **more):
    pq.write_table(pa.table({"id": ids, "vector": list(vectors), **more}), path)
    return path


def test_rows_of_npy_are_in_the_order_of_the_source(tmp_path, source, vectors):
    np.save(tmp_path / "v.npy", vectors)
    order = [4, 0, 2]

    found = open_vectors(tmp_path / "v.npy", source).embed(source.take(order))

    np.testing.assert_array_equal(found, vectors[order].astype(np.float32))


def test_rows_of_parquet_are_found_by_id(tmp_path, source, vectors):
    path = write_parquet(tmp_path / "v.parquet", source.ids[::-1], vectors[::-1])

    np.testing.assert_array_equal(
        open_vectors(path, source).embed(source), vectors.astype(np.float32)
    )


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 3)])
def test_lists_of_any_kind_are_read(tmp_path, source, vectors, kind):
    column = pa.array(vectors.tolist(), type=kind)
    pq.write_table(pa.table({"id": source.ids, "vector": column}), tmp_path / "v.parquet")

    found = open_vectors(tmp_path / "v.parquet", source).embed(source)

    np.testing.assert_allclose(found, vectors, atol=1e-6)


def test_numeric_columns_are_the_dimensions_where_there_is_no_column_of_lists(
    tmp_path, source, vectors
):
    columns = {f"f{k}": vectors[:, k] for k in range(3)}
    table = pa.table({"id": source.ids, "note": ["text"] * 6, **columns})
    pq.write_table(table, tmp_path / "v.parquet")

    found = open_vectors(tmp_path / "v.parquet", source).embed(source)

    np.testing.assert_array_equal(found, vectors.astype(np.float32))


def test_the_index_of_a_data_frame_is_no_dimension(tmp_path, source, vectors):
    frame = pd.DataFrame(vectors, columns=["x", "y", "z"]).assign(id=source.ids)
    shuffled = frame.sample(frac=1, random_state=0)  # now the index is saved as a column
    for kept in (shuffled, shuffled.set_index(np.arange(6) + 0.5), shuffled.set_index("id")):
        kept.rename_axis(index=kept.index.name or "row").to_parquet(tmp_path / "v.parquet")
        found = open_vectors(tmp_path / "v.parquet", source).embed(source)
        np.testing.assert_array_equal(found, vectors.astype(np.float32))


@pytest.mark.parametrize("more", [{"label": [0, 1] * 3}, {"label": [0.0, np.nan] * 3}])
def test_columns_beside_the_numbered_dimensions_are_left_out_with_a_warning(
    tmp_path, source, vectors, more
):
    columns = {"id": source.ids, **{f"e{k}": vectors[:, k] for k in range(3)}, **more}
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")

    with pytest.warns(InputWarning, match="have 3 dimensions, e0 to e2; left out: label"):
        found = open_vectors(tmp_path / "v.parquet", source).embed(source)

    np.testing.assert_array_equal(found, vectors.astype(np.float32))


@pytest.mark.parametrize("more", [{"kind": [0, 1] * 3}, {"Label": [0.0, 1.0] * 3}])
def test_what_may_be_labels_among_dimensions_without_numbers_is_refused(
    tmp_path, source, vectors, more
):
    columns = {"id": source.ids, "x": vectors[:, 0], "y": vectors[:, 1], **more}
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")

    with pytest.raises(InputError, match=f"{next(iter(more))} may be labels, not dimensions, by"):
        open_vectors(tmp_path / "v.parquet", source)


def test_an_id_is_found_whether_its_accents_are_letters_of_their_own_or_not(tmp_path, vectors):
    path = write_parquet(tmp_path / "v.parquet", ["caf\u00e9", "cafe\u0301s", "tea"], vectors[:3])

    found = read_parquet(path, np.array(["cafe\u0301", "caf\u00e9s", "tea"]))

    assert found._ids.tolist() == ["cafe\u0301", "caf\u00e9s", "tea"]


def test_missing_and_unknown_ids_are_named_in_one_line(tmp_path, source, vectors):
    ids = [*source.ids[:4], "stranger", "other"]
    path = write_parquet(tmp_path / "v.parquet", ids, vectors)

    with pytest.raises(InputError) as refused:
        open_vectors(path, source)

    assert str(refused.value) == (
        f"{path} lacks the vectors of 2 images (digit-0005, digit-0006) and has 2 ids that no "
        "image has (other, stranger): write exactly one row for each image of the source."
    )


def test_an_id_that_comes_twice_is_refused(tmp_path, source, vectors):
    path = write_parquet(tmp_path / "v.parquet", [*source.ids[:5], source.ids[0]], vectors)
    with pytest.raises(InputError, match="has 'digit-0001' twice"):
        open_vectors(path, source)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"vector": [[1.0]] * 6}, "has no column 'id', but vector"),
        ({"id": "ids", "note": ["x"] * 6}, "neither a column of lists 'vector' nor numeric"),
        ({"id": "ids", "vector": [[1.0]] * 5 + [[1.0, 2.0]]}, "different lengths"),
        ({"id": "ids", "vector": [[1.0]] * 5 + [None]}, "different lengths"),
        ({"id": "ids", "vector": ["x"] * 6}, "write lists of numbers"),
    ],
)
def test_a_parquet_file_of_another_make_is_refused(tmp_path, source, table, words):
    table = {k: source.ids if isinstance(v, str) else v for k, v in table.items()}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=words):
        open_vectors(tmp_path / "v.parquet", source)


def test_another_count_than_the_source_has_images_is_refused(tmp_path, source, vectors):
    np.save(tmp_path / "v.npy", vectors[:5])
    with pytest.raises(InputError, match=r"v.npy has 5 rows, but the source has 6 images"):
        open_vectors(tmp_path / "v.npy", source)


@pytest.mark.parametrize("array", [np.zeros(6), np.array([["a"]] * 6), np.zeros((6, 1), complex)])
def test_what_is_no_matrix_of_numbers_is_refused(tmp_path, source, array):
    np.save(tmp_path / "v.npy", array)
    with pytest.raises(InputError, match="save one matrix of numbers, one row per image"):
        open_vectors(tmp_path / "v.npy", source)


class Intruder:
    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


def test_a_pickle_is_refused_without_running_it(tmp_path, source):
    np.save(tmp_path / "object.npy", np.array([Intruder()] * 6, dtype=object), allow_pickle=True)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Intruder()))
    (tmp_path / "empty.npy").write_bytes(b"")
    for name in ("object.npy", "bare.npy", "empty.npy"):
        with pytest.raises(InputError, match="cannot be read as an array of numbers"):
            open_vectors(tmp_path / name, source)


def test_values_that_are_not_finite_are_refused(tmp_path, source, vectors):
    bad = vectors.copy()
    bad[2, 1] = np.nan
    np.save(tmp_path / "v.npy", bad)
    with pytest.raises(
        InputError, match=r"v.npy has NaN, infinite or huge entries .* in 1 of 6 rows"
    ):
        open_vectors(tmp_path / "v.npy", source).embed(source)


def test_a_row_that_is_not_finite_is_named_as_in_the_file(tmp_path, source, vectors):
    bad = vectors.copy()
    bad[4] = np.inf
    np.save(tmp_path / "v.npy", bad)
    embedder = open_vectors(tmp_path / "v.npy", source)
    with pytest.raises(InputError, match="in 1 of 2 rows, first in row 4"):
        embedder.embed(source.take(np.array([3, 4])))


def test_vectors_without_dimensions_are_refused(tmp_path, source):
    np.save(tmp_path / "v.npy", np.empty((6, 0)))
    with pytest.raises(InputError, match=r"v.npy holds \(6, 0\) float64: save one matrix"):
        open_vectors(tmp_path / "v.npy", source)


def test_a_file_that_is_not_there_or_of_another_kind_is_refused(tmp_path, source):
    with pytest.raises(InputError, match=r"none.npy is not a file"):
        open_vectors(tmp_path / "none.npy", source)
    with pytest.raises(InputError, match=r"neither .npy nor .parquet"):
        open_vectors(tmp_path / "v.csv", source)
    (tmp_path / "v.parquet").write_bytes(b"text")
    with pytest.raises(InputError, match="is no Parquet file"):
        open_vectors(tmp_path / "v.parquet", source)


@pytest.mark.parametrize("suffix", ["npy", "parquet"])
def test_vectors_whose_differences_float32_loses_are_told(tmp_path, source, vectors, suffix):
    late = vectors + np.array([0, 1.7e9, 0])
    path = tmp_path / f"v.{suffix}"
    np.save(path, late) if suffix == "npy" else write_parquet(path, source.ids, late)

    with pytest.warns(InputWarning, match=r"dimension 1 reaches 1.7e\+09, but its values differ"):
        open_vectors(path, source).embed(source)
