"""From labels that were held out to calibrated probabilities of all images, and how sure of that.

The map that is judged is not the one that is used: each label is mapped by what the other
folds' labels taught. It knows probabilities and labels, not methods or pictures.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import estimate_priors
from voisin.calibration.reliability import ClassReliability, calibration_error, reliability_by_class
from voisin.calibration.scaling import Calibration, class_weights, fit_calibration
from voisin.evaluation.bootstrap import (
    UNDEFINED,
    Estimate,
    draw_bootstrap_weights,
    estimate_interval,
)
from voisin.types import HeldOut, Labels, Names, Probabilities, Propagation

_RESAMPLES = 100
_FOLDS = 5  # where it is not told which fold held a label out
_SOME = 1_000  # images that stand for all in the bootstrap
_FEW, _VERY_FEW = 20, 5  # labels a class
_TO_ESTIMATE = 15  # labels a class, on average, from which on shares are estimated
_ESTIMATED = (
    "How common each class is among all images was estimated from the images themselves; "
    "the probabilities are right only as far as that is."
)
_EVEN = (
    "There are too few labels to estimate how common each class is among all images, so all "
    "were taken as equally common."
)


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """Calibrated probabilities, and how far they can be believed.

    Attributes
    ----------
    calibration : Calibration
    probabilities : array of shape (n_samples, n_classes)
        Calibrated; as they were where no label reaches the image.
    reached : array of shape (n_samples,)
    n_labels : int
        Labels held out in turn; 0 where none could be, and nothing was changed.
    error_before, error_after : Estimate
        Expected calibration error of the held-out labels, each weighed as the pool is expected.
    before, after : tuple of ClassReliability
    temperature : Estimate
        With the interval that other labels of the same number could have given.
    confidence : Estimate
        Mean calibrated probability of the predicted class, likewise.
    words : tuple of str
        What a reader should know, a sentence each.
    """

    calibration: Calibration
    probabilities: Probabilities
    reached: NDArray[np.bool_]
    n_labels: int
    error_before: Estimate
    error_after: Estimate
    before: tuple[ClassReliability, ...]
    after: tuple[ClassReliability, ...]
    temperature: Estimate
    confidence: Estimate
    words: tuple[str, ...]


def calibrate(
    propagation: Propagation,
    held_out: HeldOut,
    *,
    shares: NDArray[np.float64] | None = None,
    groups: Names | None = None,
    kind: str = "auto",
    random_state: int = 0,
) -> CalibrationResult:
    """Calibrate the probabilities of all images by labels that were held out.

    Parameters
    ----------
    propagation : Propagation
        Of all images, on the same footing as `held_out`.
    held_out : HeldOut
    shares : array of shape (n_classes,), optional
        Expected share of each class among the images; by default estimated from them, or even
        where there are fewer than 15 labels a class.
    groups : array of shape (n_samples,), optional
        Images of one group are resampled together.
    kind : {"auto", "temperature", "isotonic"}, default="auto"
    random_state : int, default=0
    """
    usable = _only_reached(held_out)
    names = None if groups is None else groups[usable.rows]
    reached = propagation.reached
    pool = propagation.probabilities[reached]
    if not len(usable.labels) or not len(pool):
        return _as_it_was(propagation, held_out)
    told, words = _expected(shares, usable, pool)
    fitted = fit_calibration(usable.probabilities, usable.labels, shares=told, kind=kind)
    probabilities = propagation.probabilities.copy()
    probabilities[reached] = fitted.apply(pool)
    temperature, confidence = _uncertainty(
        fitted, usable, names, pool, _ESTIMATED in words, random_state
    )
    before, after = (
        _judge(one, usable.labels, told, names, random_state)
        for one in (usable.probabilities, _each_by_the_others(usable, told, kind))
    )
    found = CalibrationResult(
        calibration=fitted,
        probabilities=probabilities,
        reached=reached,
        n_labels=len(usable.labels),
        error_before=before[0],
        error_after=after[0],
        before=before[1],
        after=after[1],
        temperature=temperature,
        confidence=confidence,
        words=words,
    )
    return replace(found, words=_words(found, held_out))


def _judge(
    probabilities: Probabilities,
    labels: Labels,
    shares: NDArray[np.float64],
    groups: Names | None,
    random_state: int,
) -> tuple[Estimate, tuple[ClassReliability, ...]]:
    """Compare with the held-out labels, each weighing as many images as it stands for."""
    weights = class_weights(labels, shares)
    error = calibration_error(
        probabilities, labels, weights, groups=groups, random_state=random_state
    )
    by_class = reliability_by_class(
        probabilities, labels, weights, groups=groups, random_state=random_state
    )
    return error, by_class


def _expected(
    shares: NDArray[np.float64] | None, held_out: HeldOut, pool: Probabilities
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Share of each class among the images, and what must be said of it."""
    n_classes = pool.shape[1]
    if shares is not None:
        return shares, ()
    if len(held_out.labels) < _TO_ESTIMATE * n_classes:
        return np.full(n_classes, 1 / n_classes), (_EVEN,)
    plain = fit_calibration(held_out.probabilities, held_out.labels, kind="temperature")
    return estimate_priors(plain.even(pool)), (_ESTIMATED,)


def _only_reached(held_out: HeldOut) -> HeldOut:
    reached, n = held_out.reached, len(held_out.labels)
    kept = np.ones(n, dtype=bool) if reached is None else reached
    folds = np.arange(n) % _FOLDS if held_out.folds is None else held_out.folds
    return HeldOut(
        held_out.rows[kept],
        held_out.labels[kept],
        held_out.probabilities[kept],
        kept[kept],
        folds[kept],
    )


def _each_by_the_others(held_out: HeldOut, shares: NDArray[np.float64], kind: str) -> Probabilities:
    mapped, folds = held_out.probabilities.copy(), np.asarray(held_out.folds)
    for fold in np.unique(folds):
        here = folds == fold
        others = fit_calibration(
            held_out.probabilities[~here], held_out.labels[~here], shares=shares, kind=kind
        )
        mapped[here] = others.apply(held_out.probabilities[here])
    return mapped


def _uncertainty(
    fitted: Calibration,
    held_out: HeldOut,
    groups: Names | None,
    pool: Probabilities,
    estimated: bool,  # noqa: FBT001
    random_state: int,
) -> tuple[Estimate, Estimate]:
    """Fit again to resampled labels, groups as wholes; estimate the shares anew, too."""
    some = pool[:: max(1, len(pool) // _SOME)]
    draws = draw_bootstrap_weights(
        len(held_out.labels), groups, n_resamples=_RESAMPLES, random_state=random_state, block=1
    )
    temperatures, confidences = [], []
    for draw in draws:
        again = fit_calibration(
            held_out.probabilities, held_out.labels, kind="temperature", weights=draw[0]
        )
        told = (
            estimate_priors(again.even(some), start=fitted.shares) if estimated else fitted.shares
        )
        temperatures.append(again.temperature)
        confidences.append(replace(again, shares=told).apply(some).max(axis=1).mean())
    mean = float(fitted.apply(some).max(axis=1).mean())
    return (
        estimate_interval(fitted.temperature, np.array(temperatures)),
        estimate_interval(mean, np.array(confidences)),
    )


def _as_it_was(propagation: Propagation, held_out: HeldOut) -> CalibrationResult:
    n_classes = propagation.probabilities.shape[1]
    neutral = Calibration(1.0, np.ones(n_classes), np.full(n_classes, 1 / n_classes))
    why = (
        "no class has two labels of different groups, so none could be held out"
        if not len(held_out.labels)
        else "no label that was held out is reached by the others"
    )
    words = (
        f"The probabilities could not be calibrated: {why}. Take them as a ranking.",
        *_of_unreached(propagation.reached),
    )
    return CalibrationResult(
        neutral, propagation.probabilities, propagation.reached, 0, UNDEFINED, UNDEFINED, (), (),
        UNDEFINED, UNDEFINED, words,
    )  # fmt: skip


def _words(found: CalibrationResult, held_out: HeldOut) -> tuple[str, ...]:
    n_classes = len(found.calibration.shares)
    counts = np.bincount(held_out.labels, minlength=n_classes)
    spread = found.confidence
    said = [
        f"With other labels of the same number, the mean confidence of {spread.value:.0%} could "
        f"have come out anywhere from {spread.low:.0%} to {spread.high:.0%}."
    ]
    least = int(counts.min())
    if least < _VERY_FEW:
        said.insert(0, _few("Too few labels to calibrate by", least, "a rough guess"))
    elif least < _FEW:
        said.insert(0, _few("Few labels to calibrate by", least, "uncertain themselves"))
    said += found.words
    missing = len(held_out.labels) - found.n_labels
    if missing:
        said.append(f"{missing:,} held-out labels are reached by no other and were left out.")
    return (*said, *_of_unreached(found.reached))


def _few(what: str, least: int, verdict: str) -> str:
    noun = "label" if least == 1 else "labels"
    return f"{what}: the rarest class has {least} held-out {noun}. The probabilities are {verdict}."


def _of_unreached(reached: NDArray[np.bool_]) -> tuple[str, ...]:
    n_unreached = int((~reached).sum())
    if not n_unreached:
        return ()
    verb = "has" if n_unreached == 1 else "have"
    noun = "image" if n_unreached == 1 else "images"
    return (f"{n_unreached:,} {noun} {verb} no evidence: no label reaches them by any path.",)
