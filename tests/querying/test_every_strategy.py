"""What every query strategy promises, whatever it looks for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from tests.querying.problems import blobs, labeled
from voisin.errors import InputError
from voisin.querying.registry import DEFAULT, STRATEGIES, make_strategy
from voisin.types import UNLABELED

every_strategy = pytest.mark.parametrize(
    "strategy", [make() for make in STRATEGIES.values()], ids=STRATEGIES
)
quick = settings(deadline=None, max_examples=10)
seeds = st.integers(0, 2**16)


@every_strategy
@quick
@given(seed=seeds, n=st.integers(1, 12))
def test_images_without_label_are_suggested_each_once(strategy, seed, n):
    problem, labeling = labeled(blobs(seed))

    found = strategy.suggest(problem, labeling, n)

    assert len(found) == len(found.scores) == len(found.reasons) == n
    assert len(np.unique(found.positions)) == n
    assert (problem.labels[found.positions] == UNLABELED).all()


@every_strategy
@quick
@given(seed=seeds)
def test_scores_are_finite_and_never_rise(strategy, seed):
    problem, labeling = labeled(blobs(seed))

    scores = strategy.suggest(problem, labeling, 10).scores

    assert np.isfinite(scores).all()
    assert (np.diff(scores) <= 1e-12).all()


@every_strategy
def test_asking_twice_gives_the_same(strategy):
    problem, labeling = labeled(blobs(3))

    once, again = (strategy.suggest(problem, labeling, 5) for _ in range(2))

    assert once.positions.tolist() == again.positions.tolist()
    assert once.reasons == again.reasons


@every_strategy
def test_a_smaller_batch_is_the_start_of_a_larger(strategy):
    problem, labeling = labeled(blobs(3))

    few, many = (strategy.suggest(problem, labeling, n) for n in (3, 9))

    assert few.positions.tolist() == many.positions[:3].tolist()


@every_strategy
def test_only_candidates_are_asked_for(strategy):
    problem, labeling = labeled(blobs(0))
    candidates = np.array([1, 2, 40, 41, 42])

    found = strategy.suggest(problem, labeling, 20, candidates=candidates)

    unlabeled = candidates[problem.labels[candidates] == UNLABELED]
    assert sorted(found.positions.tolist()) == unlabeled.tolist()


@every_strategy
def test_every_reason_is_a_line_of_words(strategy):
    problem, labeling = labeled(blobs(0))

    found = strategy.suggest(problem, labeling, 4, class_names=("ham", "eggs", "spam"))

    assert all(reason and "\n" not in reason and "nan" not in reason for reason in found.reasons)


@every_strategy
def test_nothing_to_ask_is_an_error_that_says_so(strategy):
    problem, labeling = labeled(blobs(0))
    full = replace(problem, labels=np.zeros(len(problem.labels), dtype=np.int64))

    with pytest.raises(InputError, match="nothing to suggest"):
        strategy.suggest(full, labeling, 5)
    with pytest.raises(InputError, match="`n=0` is too small"):
        strategy.suggest(problem, labeling, 0)


@every_strategy
def test_images_without_ties_and_equal_images_do_no_harm(strategy):
    problem, _ = labeled(blobs(0))
    data = problem.data
    cut = data.affinity.tolil()
    cut[50:, :] = 0
    cut[:, 50:] = 0
    affinity = sparse.csr_array(cut, dtype=np.float32)
    affinity.eliminate_zeros()
    embeddings = data.embeddings.copy()
    embeddings[30:] = 1
    alone = replace(problem, data=replace(data, affinity=affinity, embeddings=embeddings))

    found = strategy.suggest(*labeled(alone), 10)

    assert len(np.unique(found.positions)) == 10
    assert np.isfinite(found.scores).all()


def test_the_default_is_one_of_them_and_an_unknown_name_is_told_which_there_are():
    assert DEFAULT in STRATEGIES
    with pytest.raises(InputError, match=r"`strategy='luck'` is not known: choose one of mixed"):
        make_strategy("luck")
