"""Calibrate the probabilities of a run by held-out labels, decide by them, say how far to trust.

The map and the decision that are used are fitted to all held-out labels. To judge them, each label
is mapped and decided by those that are fitted to the other folds only. This module must not know
methods, images or files.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.decision import Decision, fit_decision
from voisin.calibration.expected_verdict import (
    ExpectedVerdict,
    expect_verdict,
    unknown_priors_covariance,
)
from voisin.calibration.prior_shift import estimate_priors, weigh_by_class
from voisin.calibration.reliability import ClassReliability, calibration_error, reliability_by_class
from voisin.calibration.scaling import Calibration, fit_calibration
from voisin.evaluation.bootstrap import (
    UNDEFINED,
    Estimate,
    count_units,
    draw_bootstrap_weights,
    estimate_interval,
)
from voisin.types import UNLABELED, HeldOut, Labels, Names, Probabilities, Propagation

_RESAMPLES = 100  # chosen by hand to bound the time: each of them fits the map again
_FOLDS = 5  # used if `held_out.folds` is None; as many as `make_folds` makes
_BOOTSTRAP_IMAGES = 1_000  # a sample, used in each resample; chosen by hand to bound the time
_SAMPLE_TO_DECIDE = 5_000  # images that each fold's decision is fitted to; by hand, for the time
_FEW, _VERY_FEW = 20, 5  # labels of the rarest class, below which a note warns; chosen by hand
# Priors are estimated only with at least this many labels per class on average: with fewer, the
# estimate did harm (DermaMNIST, the second table of docs/trust.md).
_ENOUGH_TO_ESTIMATE = 15
# As many labels drawn at random tell the class priors about as well as the images do: their
# estimate missed by 0.14 of the images on DermaMNIST (`benchmarks.estimates`).
_WEIGHT_OF_IMAGES = 50
# Answers for images drawn at random, from which on they tell the class priors, by hand: then the
# standard error of a share is at most 0.09.
FEWEST_AT_RANDOM = 30
_PRIORS_ESTIMATED = (
    "How common each class is among all images was estimated from the images themselves; "
    "if that estimate is wrong, so are the probabilities."
)
_PRIORS_EVEN = (
    "There are too few labels to estimate how common each class is among all images, so all "
    "were taken as equally common."
)
_NOTES_ON_PRIORS = {
    "images": _PRIORS_ESTIMATED,
    "labels": _PRIORS_ESTIMATED,
    "even": _PRIORS_EVEN,
}


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """Calibrated probabilities, the labels decided by them, and how far they can be believed.

    Attributes
    ----------
    calibration : Calibration
    probabilities : array of shape (n_samples, n_classes)
        Calibrated; unchanged for an image that no label reaches.
    reached : array of shape (n_samples,)
    decision : Decision
        The rule that turns the probabilities into labels.
    notes : tuple of str
        Warnings and assumptions for the reader, one sentence per note.
    n_labels : int
        Number of labels held out in turn; if 0, the probabilities were not changed.
    error_before, error_after : Estimate
        Expected calibration error of the held-out labels, with classes weighted by the priors.
    before, after : tuple of ClassReliability
    temperature : Estimate
        With its bootstrap interval over resampled labels.
    confidence : Estimate
        Mean calibrated probability of the labels found, with its interval.
    class_priors : tuple of Estimate
        One per class; without width if they were not estimated.
    priors_from : {"given", "sample", "labels", "images", "even"}
        Where the class priors come from: the caller; labels that were drawn at random; labels that
        look so; the images alone; or nothing is known, so all are equal.
    verdict : ExpectedVerdict, optional
        How good the labels are expected to be; None if no label could be held out.
    """

    calibration: Calibration
    probabilities: Probabilities
    reached: NDArray[np.bool_]
    decision: Decision
    notes: tuple[str, ...]
    n_labels: int = 0
    error_before: Estimate = UNDEFINED
    error_after: Estimate = UNDEFINED
    before: tuple[ClassReliability, ...] = ()
    after: tuple[ClassReliability, ...] = ()
    temperature: Estimate = UNDEFINED
    confidence: Estimate = UNDEFINED
    class_priors: tuple[Estimate, ...] = ()
    priors_from: str = "even"
    verdict: ExpectedVerdict | None = None

    @property
    def labels(self) -> Labels:
        """The label decided for each image; -1 where there is no evidence."""
        return np.where(self.reached, self.decision.apply(self.probabilities), UNLABELED)


def calibrate(
    propagation: Propagation,
    held_out: HeldOut,
    *,
    labels: Labels | None = None,
    class_priors: NDArray[np.float64] | None = None,
    at_random: NDArray[np.bool_] | None = None,
    decide: str = "proportional",
    groups: Names | None = None,
    kind: str = "auto",
    random_state: int = 0,
) -> CalibrationResult:
    """Calibrate the probabilities of all images by labels that were held out, and decide.

    Parameters
    ----------
    propagation : Propagation
        Result for all images, by the same method as `held_out`.
    held_out : HeldOut
    labels : array of shape (n_samples,), optional
        The labels given, -1 elsewhere; the class priors hold for the images without one.
    class_priors : array of shape (n_classes,), optional
        Expected share of each class among the images; by default estimated from the images and, if
        there are 30, from the labels of images that were drawn at random. With fewer than 15 labels
        per class on average and without such a sample, equal shares.
    at_random : array of shape (n_samples,), optional
        The images that were drawn at random to be labeled; by default none is known to be.
    decide : {"proportional", "likeliest", "balanced"}, default="proportional"
        See `fit_decision`.
    groups : array of shape (n_samples,), optional
        Images of one group are resampled together.
    kind : {"auto", "temperature", "isotonic"}, default="auto"
    random_state : int, default=0
    """
    n_held_out = len(held_out.labels)
    kept = np.ones(n_held_out, bool) if held_out.reached is None else held_out.reached
    folds = np.arange(n_held_out) % _FOLDS if held_out.folds is None else held_out.folds
    truth, predicted, folds = held_out.labels[kept], held_out.probabilities[kept], folds[kept]
    names = None if groups is None else groups[held_out.rows[kept]]
    reached = propagation.reached
    unlabeled = propagation.probabilities[_to_decide(reached, labels)]
    if not len(truth) or not len(unlabeled):
        decision = fit_decision(unlabeled, class_priors, decide)
        return _leave_uncalibrated(propagation, n_held_out, decision)
    possible = unlabeled.max(axis=0) > 0  # a class without any label has probability 0 everywhere
    priors_from, sample = "given", _count_sample(labels, at_random, len(possible))
    if class_priors is None:
        evenly = fit_calibration(predicted, truth, kind="temperature")
        estimate, priors_from = _estimate_priors(evenly, truth, unlabeled, possible, sample)
        class_priors = None if priors_from == "even" else estimate
    fitted = fit_calibration(predicted, truth, class_priors=class_priors, kind=kind)
    probabilities = propagation.probabilities.copy()
    probabilities[reached] = fitted.apply(probabilities[reached])
    rule = partial(fit_decision, class_priors=class_priors, way=decide)
    redrawn = None if priors_from in ("given", "even") else sample
    temperature, confidence, resampled = _estimate_uncertainty(
        fitted, predicted, truth, names, unlabeled, rule, redrawn, random_state
    )
    priors = fitted.class_priors
    crossed, decided = _map_by_other_folds(predicted, truth, folds, unlabeled, rule, priors, kind)
    weights = weigh_by_class(truth, priors)
    covariance = unknown_priors_covariance(possible)
    if priors_from != "even":
        covariance = np.cov(resampled.T)
    judged: dict[str, Any] = {"groups": names, "random_state": random_state}
    counts = np.bincount(held_out.labels, minlength=len(priors))
    prior_notes = _note_priors(priors_from, sample)
    return CalibrationResult(
        calibration=fitted,
        probabilities=probabilities,
        reached=reached,
        decision=rule(fitted.apply(unlabeled)),
        notes=_write_notes(counts, confidence, prior_notes, n_held_out - len(truth), reached),
        n_labels=len(truth),
        error_before=calibration_error(predicted, truth, weights, **judged),
        error_after=calibration_error(crossed, truth, weights, predicted=decided, **judged),
        before=reliability_by_class(predicted, truth, weights, **judged),
        after=reliability_by_class(crossed, truth, weights, **judged),
        temperature=temperature,
        confidence=confidence,
        class_priors=tuple(map(estimate_interval, priors, resampled.T, repeat(len(truth)))),
        priors_from=priors_from,
        verdict=expect_verdict(truth, decided, priors * possible, covariance, confidence, names),
    )


def _count_sample(
    labels: Labels | None, at_random: NDArray[np.bool_] | None, n_classes: int
) -> NDArray[np.int64]:
    """Count the labels of each class among the images that were drawn at random."""
    if labels is None or at_random is None:
        return np.zeros(n_classes, dtype=np.int64)
    return np.bincount(labels[at_random & (labels != UNLABELED)], minlength=n_classes)


def _estimate_priors(
    without_priors: Calibration,
    labels: Labels,
    unlabeled: Probabilities,
    possible: NDArray[np.bool_],
    sample: NDArray[np.int64],
    *,
    start: NDArray[np.float64] | None = None,
    weights: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], str]:
    """Estimate the priors from the images and the labels; also return where they come from.

    Labels count only if they were drawn at random: those of the sample, if it is large enough; else
    all, if they look so. They do if the estimate from the images explains how many labels each
    class has better than equal shares do. The sample alone counts where the labels are too few to
    estimate anything from the images.
    """
    has_sample = sample.sum() >= FEWEST_AT_RANDOM
    guess, weight = possible / possible.sum(), int(possible.sum())  # as if one more of each class
    if len(labels) >= _ENOUGH_TO_ESTIMATE * possible.sum():
        guess = estimate_priors(without_priors.apply(unlabeled), start=start, possible=possible)
        weight = _WEIGHT_OF_IMAGES
    elif not has_sample:
        return guess, "even"
    counts = np.bincount(labels, minlength=len(guess))
    if has_sample:
        counts = sample * possible
    elif np.log(np.where(possible, guess, 1) * possible.sum()) @ counts <= 0:
        return guess, "images"
    else:
        counts = np.bincount(labels, weights=weights, minlength=len(guess))
    priors = (counts + weight * guess) / (counts.sum() + weight)
    return np.asarray(priors), "sample" if has_sample else "labels"


def _to_decide(reached: NDArray[np.bool_], labels: Labels | None) -> NDArray[np.bool_]:
    """Tell which images get a label by decision: those reached without one; else all reached."""
    unlabeled = reached if labels is None else reached & (labels == UNLABELED)
    return unlabeled if unlabeled.any() else reached


def _leave_uncalibrated(
    propagation: Propagation, n_held_out: int, decision: Decision
) -> CalibrationResult:
    """Return the probabilities unchanged, with a note that says why."""
    n_classes = propagation.probabilities.shape[1]
    neutral = Calibration(1.0, np.ones(n_classes), np.full(n_classes, 1 / n_classes))
    why = (
        "the other labels reach no held-out label"
        if n_held_out
        else "no class has two labels of different groups, so none could be held out"
    )
    notes = (
        f"The probabilities could not be calibrated: {why}. Take them as a ranking.",
        *_note_unreached(propagation.reached),
    )
    return CalibrationResult(
        neutral, propagation.probabilities, propagation.reached, decision, notes
    )


def _map_by_other_folds(
    predicted: Probabilities,
    labels: Labels,
    folds: NDArray[np.int64],
    unlabeled: Probabilities,
    rule: Callable[[Probabilities], Decision],
    class_priors: NDArray[np.float64],
    kind: str,
) -> tuple[Probabilities, Labels]:
    """Map and decide each row by the calibration that is fitted to the labels of other folds."""
    mapped, decided = predicted.copy(), labels.copy()
    sample = unlabeled[:: max(1, len(unlabeled) // _SAMPLE_TO_DECIDE)]
    for fold in np.unique(folds):
        here = folds == fold
        others = fit_calibration(
            predicted[~here], labels[~here], class_priors=class_priors, kind=kind
        )
        mapped[here] = others.apply(predicted[here])
        decided[here] = rule(others.apply(sample)).apply(mapped[here])
    return mapped, decided


def _estimate_uncertainty(
    fitted: Calibration,
    predicted: Probabilities,
    labels: Labels,
    groups: Names | None,
    unlabeled: Probabilities,
    rule: Callable[..., Decision],
    sample: NDArray[np.int64] | None,
    random_state: int,
) -> tuple[Estimate, Estimate, NDArray[np.float64]]:
    """Return temperature and mean confidence, with intervals, and class priors by resample.

    Labels are resampled, whole groups together; estimated class priors are estimated anew, from a
    new draw of the `sample`. They were not estimated if it is None.
    """
    generator = np.random.default_rng(random_state)
    images = unlabeled[:: max(1, len(unlabeled) // _BOOTSTRAP_IMAGES)]

    def mean_confidence(mapped: Probabilities, **priors: Any) -> float:
        shown = rule(mapped, **priors).apply(mapped)
        return float(mapped[np.arange(len(mapped)), shown].mean())

    temperatures, confidences, all_priors = [], [], []
    for weights in draw_bootstrap_weights(
        len(labels), groups, n_resamples=_RESAMPLES, random_state=random_state, block=1
    ):
        refitted = fit_calibration(predicted, labels, kind="temperature", weights=weights[0])
        priors = fitted.class_priors
        if sample is not None:
            start = {"start": priors, "weights": weights[0]}
            drawn = generator.multinomial(sample.sum(), sample / max(sample.sum(), 1))
            priors, _ = _estimate_priors(refitted, labels, images, priors > 0, drawn, **start)
        temperatures.append(refitted.temperature)
        all_priors.append(priors)
        again = {} if sample is None else {"class_priors": priors}
        mapped = replace(refitted, class_priors=priors).apply(images)
        confidences.append(mean_confidence(mapped, **again))
    mean, n_units = mean_confidence(fitted.apply(images)), count_units(len(labels), groups)
    return (
        estimate_interval(fitted.temperature, np.array(temperatures), n_units),
        estimate_interval(mean, np.array(confidences), n_units),
        np.array(all_priors),
    )


def _note_priors(priors_from: str, sample: NDArray[np.int64]) -> list[str]:
    """Say where the class priors come from, and how far a sample is from telling them."""
    n_at_random = int(sample.sum())
    if priors_from == "given":
        return []
    if priors_from == "sample":
        return [
            "How common each class is among all images was estimated with the help of "
            f"{n_at_random} that were drawn at random and labeled."
        ]
    notes = [_NOTES_ON_PRIORS[priors_from]]
    if n_at_random:
        notes.append(
            f"Of the images drawn at random, {n_at_random} are labeled: from {FEWEST_AT_RANDOM} "
            "on, they tell how common each class is."
        )
    return notes


def _write_notes(
    counts: NDArray[np.int64],
    confidence: Estimate,
    prior_notes: list[str],
    n_left_out: int,
    reached: NDArray[np.bool_],
) -> tuple[str, ...]:
    """Say how few labels there are, and which assumption each figure depends on."""
    notes, fewest = [], int(counts.min())
    if fewest < _FEW:
        very = fewest < _VERY_FEW
        notes.append(
            f"{'Too few' if very else 'Few'} labels to calibrate by: the rarest class has {fewest} "
            f"held-out {'label' if fewest == 1 else 'labels'}. The probabilities are "
            f"{'a rough guess' if very else 'uncertain themselves'}."
        )
    could_be = f"could have come out anywhere from {confidence.low:.0%} to {confidence.high:.0%}."
    if np.isnan(confidence.low):
        could_be = "has no interval: too few images, or groups of them, are labeled."
    notes.append(
        "With other labels of the same number, the mean probability of the labels found, "
        f"{confidence.value:.0%}, {could_be}"
    )
    notes += prior_notes
    if n_left_out:
        notes.append(f"{n_left_out:,} held-out labels were left out: no other label reaches them.")
    return (*notes, *_note_unreached(reached))


def _note_unreached(reached: NDArray[np.bool_]) -> list[str]:
    n_unreached = int((~reached).sum())
    if not n_unreached:
        return []
    images = "image has" if n_unreached == 1 else "images have"
    return [f"{n_unreached:,} {images} no evidence: no label reaches them by any path."]
