"""Every strategy picks what its equation says, on problems that one can work out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from tests.querying.problems import blobs, labeled
from voisin.calibration.decision import fit_decision
from voisin.calibration.scaling import Calibration, fit_scaling
from voisin.labeling.cross_validation import make_folds
from voisin.labeling.registry import make_method
from voisin.propagation.reweighted import ReweightedLaplace
from voisin.querying.batches import novelty, pick_diverse
from voisin.querying.forecast import forecast_changes
from voisin.querying.registry import make_strategy
from voisin.types import Fold, GraphData, Labeling, Problem, Propagation


def problem_with(probabilities, affinity=None, labels=None, vectors=None, class_priors=None):
    """A problem and a labeling with just these probabilities; vectors far from one another."""
    n, n_classes = np.shape(probabilities)
    if affinity is None:
        affinity = np.ones((n, n)) - np.eye(n)
    vectors = np.eye(n) if vectors is None else vectors
    data = GraphData(np.asarray(vectors, np.float32), sparse.csr_array(affinity), np.empty((0, n)))
    labels = np.full(n, -1) if labels is None else np.asarray(labels)
    problem = Problem(data, labels, n_classes, class_priors=class_priors)
    found = Propagation(np.asarray(probabilities, float), np.ones(n, bool), 1, 0.0, converged=True)
    method = make_method("spreading")
    return problem, Labeling(found, np.empty((0, n_classes)), np.empty(0, bool), method)


def test_margin_and_entropy_ask_for_different_images():
    problem, labeling = problem_with([[0.5, 0.49, 0.01], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0]])

    assert make_strategy("margin").suggest(problem, labeling, 1).positions.tolist() == [0]
    assert make_strategy("entropy").suggest(problem, labeling, 1).positions.tolist() == [1]


@pytest.mark.parametrize("name", ["margin", "entropy", "mixed"])
def test_an_image_that_no_label_reaches_is_asked_for_first(name):
    problem, labeling = problem_with([[0.9, 0.1], [0.6, 0.4], [1.0, 0.0]])
    reached = np.array([True, True, False])
    labeling = replace(labeling, propagation=replace(labeling.propagation, reached=reached))

    found = make_strategy(name).suggest(problem, labeling, 3)

    assert found.positions[0] == 2
    assert "no label reaches it" in found.reasons[0]


def test_random_draws_every_image_about_as_often_and_changes_with_the_labels():
    problem, labeling = problem_with(np.full((6, 2), 0.5))
    draws = [
        make_strategy("random")
        .suggest(replace(problem, random_state=state), labeling, 2)
        .positions.tolist()
        for state in range(600)
    ]
    counts = np.bincount(np.concatenate(draws), minlength=6)
    longer = replace(problem, labels=np.array([0, -1, -1, -1, -1, -1]))

    assert (abs(counts - 200) < 60).all()
    assert make_strategy("random").suggest(longer, labeling, 2).positions.tolist() != draws[0]


def test_minimum_norm_asks_where_the_shifted_solution_has_the_smallest_norm():
    problem, labeling = labeled(blobs(1))
    solution = ReweightedLaplace().scores(problem.data.affinity, problem.labels, n_classes=3)
    norms = np.linalg.norm(solution, axis=1)
    norms[problem.labels >= 0] = np.inf

    found = make_strategy("minimum-norm").suggest(problem, labeling, 1)

    assert found.positions[0] == norms.argmin()
    assert found.scores[0] == pytest.approx(1 - norms.min())
    closeness = "below 0.01" if norms.min() < 0.005 else f"{norms.min():.2f}"
    assert f"closeness {closeness}, where a labeled image has 1" in found.reasons[0]


def test_the_scores_of_reweighted_laplace_are_its_probabilities_before_division():
    problem, _ = labeled(blobs(1))
    scores = ReweightedLaplace().scores(problem.data.affinity, problem.labels, n_classes=3)
    found = ReweightedLaplace().propagate(problem.data.affinity, problem.labels, n_classes=3)

    assert (scores.sum(axis=1) <= 1 + 1e-6).all()
    np.testing.assert_allclose(
        scores / scores.sum(axis=1, keepdims=True), found.probabilities, atol=1e-6
    )


def test_coverage_picks_what_brute_force_picks():
    problem, labeling = labeled(blobs(5))
    weights = problem.data.affinity.toarray().astype(float)
    cover = weights / weights.max(axis=0) + np.eye(len(weights))
    chosen = np.flatnonzero(problem.labels >= 0).tolist()
    expected = []
    for _ in range(5):
        covered = cover[chosen].max(axis=0)
        gains = np.maximum(cover - covered, 0).sum(axis=1)
        gains[chosen] = -1
        expected.append(int(gains.argmax()))
        chosen.append(expected[-1])

    assert make_strategy("coverage").suggest(problem, labeling, 5).positions.tolist() == expected


def test_mixed_multiplies_uncertainty_of_the_neighborhood_density_and_novelty():
    problem, labeling = labeled(blobs(7))
    weights = problem.data.affinity.toarray().astype(float)
    ordered = np.sort(labeling.propagation.probabilities, axis=1)
    uncertainty = 1 - (ordered[:, -1] - ordered[:, -2])
    degrees = weights.sum(axis=1)
    vectors = problem.data.embeddings - problem.data.embeddings.mean(axis=0)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    labeled_rows = problem.labels >= 0
    new = 1 - np.clip((vectors @ vectors[labeled_rows].T).max(axis=1), 0, 1) ** 4
    utility = (
        (uncertainty + weights @ uncertainty / degrees)
        * np.minimum(degrees / np.median(degrees), 1)
        * new
    )
    utility[labeled_rows] = -1

    found = make_strategy("mixed").suggest(problem, labeling, 3)

    assert found.positions[0] == utility.argmax()
    assert found.scores[0] == pytest.approx(utility.max(), rel=1e-4)


def test_mixed_measures_uncertainty_as_if_all_classes_were_equally_frequent():
    shares = np.array([0.9, 0.1])
    problem, labeling = problem_with([[0.5, 0.5], [0.9, 0.1], [0.99, 0.01]], class_priors=shares)

    assert make_strategy("mixed").suggest(problem, labeling, 1).positions.tolist() == [1]


def test_mixed_says_of_which_class_few_are_labeled():
    labels = [0] * 9 + [1] + [-1]
    problem, labeling = problem_with([[0.6, 0.4]] * 11, labels=labels)

    (reason,) = make_strategy("mixed").suggest(problem, labeling, 1, class_names="ab").reasons

    assert reason == "a (60%) or b (40%); only 1 labeled of b"


def test_a_batch_has_no_near_duplicates_while_there_is_something_else():
    vectors = np.repeat(np.eye(4), 5, axis=0)
    problem, labeling = problem_with(np.full((20, 2), 0.5), vectors=vectors)

    for name in ("margin", "entropy", "mixed", "minimum-norm"):
        labels = problem.labels.copy()
        labels[:2] = [0, 1]
        started = replace(problem, labels=labels)
        picked = make_strategy(name).suggest(started, labeling, 4).positions
        assert len(set((picked // 5).tolist())) >= 3, name


def test_a_picked_image_discounts_by_the_fourth_power_of_the_cosine():
    angle = np.array([0, 0.5, np.pi, np.pi + 1])
    vectors = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    vectors = np.concatenate([vectors, -vectors])  # so that the mean is zero
    utility = np.array([1, 0.9, 0, 0, 0, 0, 0, 0])

    picked, scores = pick_diverse(vectors, np.arange(8), utility, 2)

    assert picked.tolist() == [0, 1]
    assert scores[1] == pytest.approx(0.9 * (1 - np.cos(0.5) ** 4), rel=1e-5)
    assert novelty(vectors, np.array([1]), np.array([0]))[0] == pytest.approx(
        1 - np.cos(0.5) ** 4, rel=1e-5
    )


def test_the_forecast_is_what_happens_when_the_answers_are_sure():
    problem, labeling = labeled(blobs(2))
    positions = np.array([10, 11, 12])
    sure = labeling.propagation.probabilities.copy()
    sure[positions] = np.eye(3)[[2, 2, 2]]
    believed = replace(labeling, propagation=replace(labeling.propagation, probabilities=sure))
    answered = problem.labels.copy()
    answered[positions] = 2
    after = labeling.method.label(replace(problem, labels=answered)).propagation
    others = (problem.labels < 0) & ~np.isin(np.arange(60), positions)
    expected = (after.labels != labeling.propagation.labels)[others].sum()

    forecast = forecast_changes(problem, believed, positions)

    assert expected > 0
    assert forecast.flips == forecast.fewest == forecast.most == expected
    assert forecast.n_others == others.sum()
    assert forecast.may_stop == (expected < 3)


@pytest.mark.parametrize("way", ["proportional", "balanced", "likeliest"])
def test_the_forecast_counts_the_labels_that_the_runs_decision_gives(way):
    problem, labeling = labeled(blobs(2))
    positions, priors = np.array([10, 11, 12]), np.array([0.7, 0.2, 0.1])
    run = Calibration(0.8, np.array([1.0, 2.0, 0.5]), priors)
    sure = labeling.propagation.probabilities.copy()
    sure[positions] = [[0, 0, 1]] * 3
    believed = replace(labeling, propagation=replace(labeling.propagation, probabilities=sure))
    answered = problem.labels.copy()
    answered[positions] = 2
    again = labeling.method.label(replace(problem, labels=answered)).propagation.probabilities
    others = (problem.labels < 0) & ~np.isin(np.arange(60), positions)
    rows = [run.apply(found[others]) for found in (sure, again)]
    before, after = (fit_decision(each, priors, way).apply(each) for each in rows)

    forecast = forecast_changes(
        problem,
        believed,
        positions,
        calibration=replace(run, floors=0.0),
        decision=fit_decision(rows[0], priors, way),
    )

    assert forecast.flips == forecast.most == (after != before).sum()
    assert (after != before).sum() != (rows[1].argmax(axis=1) != rows[0].argmax(axis=1)).sum() or (
        way == "likeliest"
    )


def test_answers_that_change_nothing_are_a_sign_to_stop():
    pairs = sparse.csr_array(np.kron(np.eye(6), [[0.0, 1], [1, 0]]))
    data = GraphData(np.eye(12, dtype=np.float32), pairs, np.empty((0, 12), np.float32))
    labels = np.tile([0, -1, 1, -1], 3)
    problem = Problem(data, labels, 2)
    labeling = make_method("spreading").label(problem)

    forecast = forecast_changes(problem, labeling, np.array([1, 3]))

    assert forecast.flips == 0
    assert forecast.may_stop


def test_the_forecast_is_calibrated_by_the_labels_that_folds_hold_out():
    problem, labeling = labeled(blobs(5))
    folds = tuple(Fold(rows, problem.data) for rows in make_folds(problem.labels))
    held_out = [
        labeling.method.label(problem.without(fold)).propagation.probabilities[fold.held_out]
        for fold in folds
    ]
    truth = problem.labels[np.concatenate([fold.held_out for fold in folds])]
    calibration = fit_scaling(np.concatenate(held_out), truth)
    calibrated = calibration.apply(labeling.propagation.probabilities)
    believed = replace(
        labeling, propagation=replace(labeling.propagation, probabilities=calibrated)
    )

    forecast = forecast_changes(
        replace(problem, folds=folds), labeling, np.array([10, 11, 12]), n_draws=9
    )
    plain = forecast_changes(problem, believed, np.array([10, 11, 12]), n_draws=9)

    assert abs(calibration.temperature - 1) > 0.1
    assert (forecast.flips, forecast.fewest, forecast.most) == (
        plain.flips,
        plain.fewest,
        plain.most,
    )
