"""Learning curves: the same start for all, honest images to judge on, nothing computed twice."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from tests.querying.problems import blobs
from voisin.errors import InputError, VoisinError
from voisin.labeling import make_method
from voisin.pipeline.query_curves import QueryCurves, query_curves
from voisin.pipeline.query_starts import Schedule, begin
from voisin.project.cache import Cache
from voisin.querying import Suggestion, make_strategy
from voisin.querying.suggestion import askable
from voisin.types import Problem

SCHEDULE = Schedule(start=2, until=8, batch=5)
TRUTH = np.arange(120) % 3
METHOD = make_method("spreading", alpha=0.9)


@pytest.fixture(scope="module")
def view():
    return blobs(4, n_samples=120).view


@dataclass(frozen=True)
class Spy:
    """Asks for the first candidates, and remembers what it was shown."""

    seen: list[tuple[Problem, object]] = field(default_factory=list, repr=False)

    def suggest(self, problem, labeling, n, *, candidates=None, class_names=()):
        rows = askable(problem, n, candidates)
        self.seen.append((problem, candidates))
        return Suggestion(rows[:n], np.ones(n), ("first",) * n)


def curves(view, strategies, **options):
    return query_curves(view, TRUTH, strategies, METHOD, n_draws=2, schedule=SCHEDULE, **options)


def test_labels_grow_by_batches_from_two_a_class_to_the_end(view):
    spy = Spy()
    found = curves(view, {"spy": spy})

    assert found.n_labels.tolist() == [6, 11, 16, 21, 24]
    assert found.figures["spy"].shape == (2, 5, 4)
    assert found.found["spy"].sum(axis=1).tolist() == [24, 24]
    assert [(one.labels >= 0).sum() for one, _ in spy.seen] == [6, 11, 16, 21] * 2


def test_images_set_apart_are_never_labeled_nor_asked_for(view):
    spy = Spy()
    curves(view, {"spy": spy})

    for problem, candidates in spy.seen:
        assert len(candidates) == 120 - 3 * 12
        assert (problem.labels[np.setdiff1d(np.arange(120), candidates)] == -1).all()


def test_every_strategy_starts_from_the_same_labels(view):
    first, second = Spy(), Spy()
    found = curves(view, {"first": first, "second": second})

    np.testing.assert_array_equal(found.figures["first"], found.figures["second"])
    np.testing.assert_array_equal(first.seen[0][0].labels, second.seen[0][0].labels)
    assert (first.seen[0][0].labels != first.seen[4][0].labels).any()


def test_the_strategy_sees_no_truth(view):
    spy = Spy()
    curves(view, {"spy": spy})

    problem, _ = spy.seen[0]
    known = problem.labels >= 0
    assert known.sum() == 6
    assert (problem.labels[known] == TRUTH[known]).all()


def test_balanced_accuracy_is_that_of_the_images_set_apart(view):
    spy = Spy()
    found = curves(view, {"spy": spy})
    problem, candidates = spy.seen[0]
    apart = np.setdiff1d(np.arange(120), candidates)
    given = METHOD.label(problem).propagation.labels
    recalls = [(given[apart] == c)[TRUTH[apart] == c].mean() for c in range(3)]

    assert found.figures["spy"][0, 0, 0] == pytest.approx(np.mean(recalls))


def test_finished_curves_are_found_again(view, tmp_path):
    spy = Spy()
    once = curves(view, {"spy": spy}, cache=Cache(tmp_path))
    asked = len(spy.seen)
    again = curves(view, {"spy": spy}, cache=Cache(tmp_path))

    assert asked == len(spy.seen) == 8
    np.testing.assert_array_equal(once.figures["spy"], again.figures["spy"])


def test_progress_ends_at_its_total(view):
    told = []
    curves(view, {"random": make_strategy("random")}, progress=lambda *news: told.append(news))

    assert told == [("Asking", 1, 2), ("Asking", 2, 2)]


def test_labels_for_a_level_lie_between_two_steps():
    figures = np.zeros((1, 3, 4))
    figures[0, :, 0] = [0.2, 0.4, 0.8]
    found = QueryCurves(np.array([10, 20, 30]), {"one": figures}, {}, {})

    assert found.labels_for("one", 0.6) == pytest.approx(25)


def test_images_whose_class_is_unknown_are_neither_asked_for_nor_judged(view):
    some, spy = TRUTH.copy(), Spy()
    some[::7] = -1
    found = query_curves(view, some, {"spy": spy}, METHOD, n_draws=2, schedule=SCHEDULE)

    assert (some[found.asked["spy"]] >= 0).all()
    for problem, candidates in spy.seen:
        assert (some[candidates] >= 0).all()
        assert (problem.labels[some < 0] == -1).all()


GROUPS = np.array([f"patient-{i // 2}" for i in range(120)])


def test_of_a_group_one_image_is_asked_for_and_none_is_set_apart_beside_it():
    starts = [begin(TRUTH, SCHEDULE, draw, draw, GROUPS) for draw in range(20)]

    for start in starts:
        assert len(np.unique(GROUPS[start.candidates])) == len(start.candidates)
        assert not np.isin(GROUPS[start.apart], GROUPS[start.candidates]).any()
        assert np.isin(np.flatnonzero(start.labels >= 0), start.candidates).all()
        assert len(start.apart) == 2 * (60 - len(start.candidates))
    assert len({tuple(start.candidates) for start in starts}) == 20


def test_no_image_of_a_labeled_group_is_judged(view):
    asked = query_curves(
        view, TRUTH, {"spy": Spy()}, METHOD, groups=GROUPS, n_draws=1, schedule=SCHEDULE
    )
    start = begin(TRUTH, SCHEDULE, 0, 0, GROUPS)
    labels = start.labels.copy()
    labels[asked.asked["spy"][0]] = TRUTH[asked.asked["spy"][0]]
    given = METHOD.label(replace(blobs(4, n_samples=120), labels=labels)).propagation.labels
    free = ~np.isin(GROUPS, GROUPS[labels >= 0])
    recalls = [(given[free] == c)[TRUTH[free] == c].mean() for c in range(3)]

    assert free.sum() < (labels < 0).sum()
    assert asked.of("spy", "unlabeled_balanced_accuracy")[0, -1] == pytest.approx(np.mean(recalls))


def test_too_many_answers_or_too_few_images_of_a_class_are_refused(view):
    with pytest.raises(InputError, match="too many for the 84 of 120 images that may be"):
        query_curves(view, TRUTH, {}, METHOD)
    few = np.append(np.full(117, 0), [1, 1, 1])
    with pytest.raises(InputError, match="class 1 has too few images: 0 set apart to judge by"):
        query_curves(view, few, {}, METHOD, schedule=SCHEDULE)
    with pytest.raises(InputError, match="until=2 is too small"):
        Schedule(start=2, until=2)


@pytest.mark.parametrize("wrong", ["twice", "labeled", "apart", "too few"])
def test_a_strategy_that_asks_for_what_it_may_not_is_refused(view, wrong):
    class Wrong:
        def suggest(self, problem, labeling, n, *, candidates=None, class_names=()):
            rows = askable(problem, n, candidates)[:n].copy()
            others = {"labeled": np.flatnonzero(problem.labels >= 0)[0], "twice": rows[1]}
            others["apart"] = np.setdiff1d(np.arange(120), candidates)[0]
            rows = rows[1:] if wrong == "too few" else np.append(rows[1:], others[wrong])
            return Suggestion(rows, np.ones(len(rows)), ("wrong",) * len(rows))

    with pytest.raises(VoisinError, match="did not ask for 5 images, each once"):
        curves(view, {"wrong": Wrong()})
