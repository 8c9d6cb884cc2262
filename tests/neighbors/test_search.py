"""Neighbors are those that a plain computation of all distances finds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from voisin.errors import InputError, InputWarning
from voisin.neighbors.search import find_neighbors, query_neighbors

METRICS = pytest.mark.parametrize("metric", ["cosine", "euclidean"])


def clusters(n_samples, n_dims=24, n_clusters=30, random_state=0):
    generator = np.random.default_rng(random_state)
    centers = generator.normal(size=(n_clusters, n_dims))
    chosen = generator.integers(n_clusters, size=n_samples)
    noise = generator.normal(scale=0.5, size=(n_samples, n_dims))
    return (centers[chosen] + noise).astype(np.float32)


def all_distances(queries, vectors, metric):
    queries, vectors = queries.astype(np.float64), vectors.astype(np.float64)
    if metric == "euclidean":
        return cdist(queries, vectors)
    lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(vectors, axis=1)
    cosines = np.zeros_like(lengths)
    return 1 - np.divide(queries @ vectors.T, lengths, where=lengths > 0, out=cosines)


def share_found(found, vectors, metric):
    distances = all_distances(vectors, vectors, metric)
    np.fill_diagonal(distances, np.inf)
    last = np.sort(distances, axis=1)[:, found.indices.shape[1] - 1]
    return (np.take_along_axis(distances, found.indices, 1) <= last[:, None] + 1e-6).mean()


@METRICS
@settings(deadline=None, max_examples=25)
@given(random_state=st.integers(0, 2**32 - 1), n_samples=st.integers(12, 200), k=st.integers(1, 11))
def test_exact_neighbors_are_the_nearest_of_all(metric, random_state, n_samples, k):
    vectors = clusters(n_samples, random_state=random_state)

    found = find_neighbors(vectors, k, metric=metric)

    distances = all_distances(vectors, vectors, metric)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :k], atol=1e-5)
    np.testing.assert_allclose(
        np.take_along_axis(distances, found.indices, 1), found.distances, atol=1e-5
    )


@METRICS
def test_exact_search_crosses_the_borders_of_its_blocks(metric):
    vectors = clusters(2_500, n_dims=8)

    found = find_neighbors(vectors, 10, metric=metric)

    assert share_found(found, vectors, metric) == 1


@METRICS
@pytest.mark.parametrize("flat", [True, False], ids=["few telling dimensions", "noise"])
def test_exact_search_of_long_vectors_is_exact(metric, flat):
    vectors = clusters(1_500, n_dims=720, n_clusters=1)
    if flat:
        vectors *= np.linspace(1, 0, 720, dtype=np.float32) ** 6
    vectors[[10, 11]] = 0

    found = find_neighbors(vectors, 10, metric=metric)

    assert share_found(found, vectors, metric) == 1


@METRICS
def test_queries_find_the_nearest_of_the_others(metric):
    vectors, queries = clusters(300), clusters(40, random_state=1)

    found = query_neighbors(queries, vectors, 5, metric=metric)

    distances = all_distances(queries, vectors, metric)
    np.testing.assert_array_equal(found.indices, np.argsort(distances, axis=1)[:, :5])


def test_equal_distances_keep_the_order_of_the_samples():
    vectors = np.ones((100, 3), dtype=np.float32)

    found = find_neighbors(vectors, 3, metric="euclidean")

    assert found.indices[:4].tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]
    assert (found.distances == 0).all()


def test_a_zero_vector_is_at_cosine_distance_one_from_every_other():
    vectors = clusters(50)
    vectors[[3, 4]] = 0

    found = find_neighbors(vectors, 49)

    assert (found.distances[[3, 4]] == 1).all()


def test_zero_vectors_do_not_crowd_out_neighbors():
    vectors = clusters(52, n_dims=3, n_clusters=1)
    vectors[:40] = 0

    found = find_neighbors(vectors, 2)

    assert share_found(found, vectors, "cosine") == 1


def test_near_duplicates_far_from_the_origin_are_told_apart():
    line = np.array([[1000.0, 0], [1000, 0.01], [1000, 0.03], [1000, 0.07]], dtype=np.float32)

    found = find_neighbors(line, 1, metric="euclidean")

    assert found.indices.ravel().tolist() == [1, 0, 1, 2]


@METRICS
def test_neighbors_closer_than_rounding_tells_are_told_apart(metric):
    vectors = 1 + clusters(400) / 1_000

    found = find_neighbors(vectors, 10, metric=metric)

    distances = all_distances(vectors, vectors, "euclidean")
    np.fill_diagonal(distances, np.inf)
    if metric == "euclidean":
        np.testing.assert_allclose(found.distances, np.sort(distances)[:, :10], rtol=1e-3)
    assert share_found(found, vectors, metric) == 1


@METRICS
@pytest.mark.parametrize("method", ["exact", "partitions"])
def test_searches_do_without_a_matrix_unit(metric, method, monkeypatch):
    monkeypatch.setattr("voisin.neighbors.kernels.bfloat16.has_matrix_unit", lambda: False)
    vectors = clusters(3_000, n_dims=300)

    found = find_neighbors(vectors, 10, metric=metric, method=method, random_state=0)

    assert share_found(found, vectors, metric) >= (1 if method == "exact" else 0.95)


@METRICS
def test_partitions_reach_the_recall_that_they_report(metric):
    vectors = clusters(6_000)

    found = find_neighbors(
        vectors, 10, metric=metric, method="partitions", target_recall=0.97, random_state=0
    )

    assert found.recall >= 0.97
    assert abs(share_found(found, vectors, metric) - found.recall) < 0.01
    assert (found.indices != np.arange(6_000)[:, None]).all()
    assert (np.diff(found.distances, axis=1) >= 0).all()


def test_partitions_compare_long_vectors_in_fewer_dimensions_first():
    vectors = clusters(4_000, n_dims=600)

    found = find_neighbors(vectors, 10, method="partitions", random_state=0)

    assert found.recall >= 0.95
    assert abs(share_found(found, vectors, "cosine") - found.recall) < 0.02


def test_partitions_do_not_depend_on_the_number_of_threads():
    vectors = clusters(5_000)

    one, four = (
        find_neighbors(vectors, method="partitions", random_state=3, n_jobs=n) for n in (1, 4)
    )

    np.testing.assert_array_equal(one.indices, four.indices)
    np.testing.assert_array_equal(one.distances, four.distances)


def test_partitions_with_many_leaders_group_them(monkeypatch):
    monkeypatch.setattr("voisin.neighbors.kernels.pivots._FEW", 20)
    monkeypatch.setattr("voisin.neighbors.approximate._LEAF", 10)
    monkeypatch.setattr("voisin.neighbors.approximate._LEAF_ROUNDED", 10)
    vectors = clusters(6_000)

    found = find_neighbors(vectors, method="partitions", random_state=0)

    assert share_found(found, vectors, "cosine") >= 0.95


def test_partitions_bear_thousands_of_equal_and_zero_vectors():
    vectors = clusters(9_000)
    vectors[:3_000] = vectors[0]
    vectors[3_000:5_000] = 0

    found = find_neighbors(vectors, 10, method="partitions", random_state=0)

    assert found.recall >= 0.95
    assert (found.distances[:3_000] < 1e-6).all()
    assert (found.distances[3_000:5_000] == 1).all()
    assert all(len(set(row)) == 10 for row in found.indices.tolist())


def test_partitions_bear_clusters_of_very_unequal_size():
    generator = np.random.default_rng(0)
    crowd = generator.normal(scale=0.01, size=(7_000, 16)) + 5
    others = generator.normal(size=(500, 16)) * 20
    vectors = np.concatenate([crowd, others]).astype(np.float32)

    found = find_neighbors(vectors, metric="euclidean", method="partitions", random_state=0)

    assert share_found(found, vectors, "euclidean") >= 0.95


def test_partitions_tell_points_apart_that_rounding_would_not():
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(40, 24))
    vectors = centers[generator.integers(40, size=6_000)]
    vectors = (vectors + generator.normal(scale=0.01, size=vectors.shape)).astype(np.float32)

    found = find_neighbors(vectors, metric="euclidean", method="partitions", random_state=0)

    assert share_found(found, vectors, "euclidean") >= 0.94


def test_partitions_read_vectors_from_disk(tmp_path):
    vectors = clusters(5_000)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")

    found = find_neighbors(mapped, method="partitions", random_state=0)

    expected = find_neighbors(vectors, method="partitions", random_state=0)
    np.testing.assert_array_equal(found.indices, expected.indices)


def test_partitions_of_a_handful_of_vectors_are_exact():
    vectors = clusters(12)

    found = find_neighbors(vectors, 11, method="partitions", random_state=0)

    np.testing.assert_array_equal(found.indices, find_neighbors(vectors, 11).indices)


def test_partitions_warn_when_the_recall_stays_below_its_target(monkeypatch):
    monkeypatch.setattr("voisin.neighbors.approximate._MOST_STEPS", 1)
    monkeypatch.setattr("voisin.neighbors.approximate._FAN_OUT", 1)
    monkeypatch.setattr("voisin.neighbors.approximate._LEAF", 1)
    monkeypatch.setattr("voisin.neighbors.approximate._LEAF_ROUNDED", 1)
    noise = np.random.default_rng(0).normal(size=(5_000, 40)).astype(np.float32)

    with pytest.warns(InputWarning, match=r"of the true neighbors, not the target_recall=0.95"):
        find_neighbors(noise, method="partitions", random_state=0)


def test_auto_is_exact_for_few_vectors():
    assert find_neighbors(clusters(100)).recall == 1


def test_progress_ends_with_everything_done():
    told = []

    find_neighbors(clusters(3_000), method="partitions", progress=lambda *news: told.append(news))

    assert told[-1][1] == told[-1][2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_neighbors": 12}, "each image has 11 others"),
        ({"n_neighbors": 0}, "n_neighbors=0 is too small"),
        ({"n_neighbors": 2.5}, "n_neighbors=2.5 is no whole number: pass 1 or more"),
        ({"random_state": -1}, "random_state=-1 is too small: pass 0 or more"),
        ({"random_state": "a"}, "random_state='a' is no whole number"),
        ({"metric": "manhattan"}, "metric='manhattan' is not known: choose one of cosine, eucl"),
        ({"method": "magic"}, "method='magic' is not known: choose one of auto, exact, part"),
        ({"target_recall": 1.5}, r"target_recall=1.5 is outside \[0, 1\]"),
        ({"n_jobs": 0}, "n_jobs=0"),
    ],
)
def test_refuses_settings_that_make_no_sense(change, message):
    with pytest.raises(InputError, match=message):
        find_neighbors(clusters(12), **change)


def test_says_how_many_rows_are_not_finite_and_which_is_first():
    vectors = clusters(12)
    vectors[[5, 7], 2] = np.nan

    with pytest.raises(InputError, match="in 2 of 12 rows, first in row 5"):
        find_neighbors(vectors)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(
    ("unit", "message"),
    [
        (1e20, r"huge entries \(beyond 1e\+15\) in 12 of 12 rows"),
        (1e-23, "no entry beyond .*e-23, too small for distances in float32: multiply all"),
    ],
)
def test_refuses_vectors_whose_distances_leave_the_range_of_float32(metric, unit, message):
    with pytest.raises(InputError, match=message):
        find_neighbors(clusters(12) * np.float32(unit), 3, metric=metric)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("unit", [1e13, 1e-13])
def test_the_unit_of_the_vectors_does_not_matter(metric, unit):
    vectors = clusters(50)

    plain = find_neighbors(vectors, 3, metric=metric)
    other = find_neighbors(vectors * np.float32(unit), 3, metric=metric)

    assert (other.indices == plain.indices).all()
    scale = unit if metric == "euclidean" else 1
    np.testing.assert_allclose(other.distances, plain.distances * scale, rtol=1e-3)


def test_refuses_half_precision_that_has_overflowed():
    vectors = clusters(12).astype(np.float16)
    vectors[4] = np.inf

    with pytest.raises(InputError, match="in 1 of 12 rows, first in row 4"):
        find_neighbors(vectors, 3)


def test_refuses_vectors_without_dimensions():
    with pytest.raises(
        InputError, match=r"shape \(12, 0\): pass \(n_samples, n_dims\), n_dims > 0"
    ):
        find_neighbors(np.empty((12, 0), dtype=np.float32), 3)


def test_says_that_no_vectors_have_no_others():
    with pytest.raises(InputError, match="each image has 0 others"):
        find_neighbors(np.empty((0, 3), dtype=np.float32), 3)


def test_refuses_integers():
    with pytest.raises(InputError, match="dtype int64: pass float32"):
        find_neighbors(np.arange(20).reshape(10, 2), 1)


def test_refuses_queries_of_another_length():
    with pytest.raises(InputError, match="queries has 3 dimensions and embeddings 24"):
        query_neighbors(np.ones((2, 3), dtype=np.float32), clusters(12), 1)


@pytest.mark.parametrize("noise", [3e-3, 3e-4])
def test_near_copies_are_told_from_one_another(noise):
    generator = np.random.default_rng(0)
    photos = generator.normal(size=(20, 64)) / 8
    vectors = photos.repeat(50, axis=0) + noise * generator.normal(size=(1000, 64)) / 8
    vectors = vectors.astype(np.float32)
    distances = np.linalg.norm(vectors[:, None].astype(np.float64) - vectors, axis=2)
    np.fill_diagonal(distances, np.inf)
    last = np.sort(distances, axis=1)[:, 9:10]

    found = find_neighbors(vectors, 10, metric="euclidean", method="exact")

    kept = np.take_along_axis(distances, found.indices, axis=1)
    assert (kept <= last * (1 + 1e-5)).mean() == 1
