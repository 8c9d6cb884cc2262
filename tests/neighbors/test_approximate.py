"""Partitions find nearly all neighbors, whatever the vectors, and measure how many they find."""

import numpy as np
import pytest

from tests.neighbors.problems import METRICS, clusters, share_found
from voisin.errors import InputWarning
from voisin.neighbors.search import find_neighbors


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


def test_partitions_with_many_pivots_group_them(monkeypatch):
    monkeypatch.setattr("voisin.neighbors.approximate._FEW_PIVOTS", 20)
    monkeypatch.setattr("voisin.neighbors.approximate._MEMBERS_PER_LEAF", 10)
    monkeypatch.setattr("voisin.neighbors.approximate._MEMBERS_PER_LEAF_BFLOAT16", 10)
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
    monkeypatch.setattr("voisin.neighbors.approximate._MAX_STEPS", 1)
    monkeypatch.setattr("voisin.neighbors.approximate._FAN_OUT", 1)
    monkeypatch.setattr("voisin.neighbors.approximate._MEMBERS_PER_LEAF", 1)
    monkeypatch.setattr("voisin.neighbors.approximate._MEMBERS_PER_LEAF_BFLOAT16", 1)
    noise = np.random.default_rng(0).normal(size=(5_000, 40)).astype(np.float32)

    with pytest.warns(InputWarning, match=r"of the true neighbors, not the target_recall=0.95"):
        find_neighbors(noise, method="partitions", random_state=0)
