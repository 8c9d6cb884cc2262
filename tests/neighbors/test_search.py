"""Every search keeps its promises, and refuses what it cannot search."""

import numpy as np
import pytest

from tests.neighbors.problems import METRICS, clusters, share_found
from voisin.errors import InputError
from voisin.neighbors.search import find_neighbors, query_neighbors


def test_a_zero_vector_is_at_cosine_distance_one_from_every_other():
    vectors = clusters(50)
    vectors[[3, 4]] = 0

    found = find_neighbors(vectors, 49)

    assert (found.distances[[3, 4]] == 1).all()


@METRICS
@pytest.mark.parametrize("method", ["exact", "partitions"])
def test_searches_do_without_a_matrix_unit(metric, method, monkeypatch):
    monkeypatch.setattr("voisin.neighbors.kernels.instructions.has_matrix_unit", lambda: False)
    vectors = clusters(3_000, n_dims=300)

    found = find_neighbors(vectors, 10, metric=metric, method=method, random_state=0)

    assert share_found(found, vectors, metric) >= (1 if method == "exact" else 0.95)


def test_auto_is_exact_for_few_vectors():
    assert find_neighbors(clusters(100)).recall == 1


def test_progress_ends_with_everything_done():
    calls = []

    find_neighbors(clusters(3_000), method="partitions", progress=lambda *call: calls.append(call))

    assert calls[-1][1] == calls[-1][2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_neighbors": 12}, "each image has 11 others"),
        ({"n_neighbors": 0}, "`n_neighbors=0` is too small"),
        ({"n_neighbors": 2.5}, "`n_neighbors=2.5` is no whole number: pass 1 or more"),
        ({"random_state": -1}, "`random_state=-1` is too small: pass 0 or more"),
        ({"random_state": "a"}, "`random_state='a'` is no whole number"),
        ({"metric": "manhattan"}, "`metric='manhattan'` is not known: choose one of cosine, eucl"),
        ({"method": "magic"}, "`method='magic'` is not known: choose one of auto, exact, part"),
        ({"target_recall": 1.5}, r"`target_recall=1.5` is outside \[0, 1\]"),
        ({"n_jobs": 0}, "n_jobs=0"),
    ],
)
def test_refuses_settings_that_make_no_sense(change, message):
    with pytest.raises(InputError, match=message):
        find_neighbors(clusters(12), **change)


def test_says_how_many_rows_are_not_finite_and_which_is_first():
    vectors = clusters(12)
    vectors[[5, 7], 2] = np.nan

    with pytest.raises(
        InputError, match=r"NaN, infinite or huge entries .* in 2 of 12 rows, first in row 5"
    ):
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


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_refuses_masked_arrays_and_matrices():
    vectors = np.random.default_rng(0).normal(size=(9, 2))
    with pytest.raises(InputError, match="is a masked array: leave out or fill what is masked"):
        find_neighbors(np.ma.masked_greater(vectors, 9), 3)
    with pytest.raises(InputError, match=r"is a numpy\.matrix: pass numpy\.asarray\(embeddings"):
        find_neighbors(vectors.view(np.matrix), 3)


def test_says_that_no_vectors_have_no_others():
    with pytest.raises(InputError, match="each image has 0 others"):
        find_neighbors(np.empty((0, 3), dtype=np.float32), 3)


def test_refuses_integers():
    with pytest.raises(InputError, match="dtype int64: pass float32"):
        find_neighbors(np.arange(20).reshape(10, 2), 1)


def test_refuses_queries_of_another_length():
    with pytest.raises(InputError, match="queries has 3 dimensions and embeddings 24"):
        query_neighbors(np.ones((2, 3), dtype=np.float32), clusters(12), 1)
