"""Class priors: given by the user, or estimated if the labels do not show them.

The estimate uses expectation-maximization on probabilities corrected by temperature and bias, which
Alexandari, Kundaje & Shrikumar 2020 found best. A confusion matrix (Lipton, Wang & Smola 2018)
checks it. This module must not know the graph.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from voisin.calibration.prior_shift import estimate_priors
from voisin.calibration.scaling import FLOOR, fit_scaling
from voisin.errors import InputError, InputWarning
from voisin.labeling.classifier import Classifier
from voisin.labeling.cross_validation import cross_fit
from voisin.types import UNLABELED, HeldOut, Probabilities, Problem
from voisin.validation import check_one_of

ClassPriors = NDArray[np.float64]  # (n_classes,), sums to 1

WAYS = ("given", "auto", "labels", "uniform", "estimate")
_MAX_IMAGES = 5_000  # used for an estimate, and for each resample: by hand, to bound the time
_FAR_APART = 0.15  # share of images by which two estimates may differ before a warning: by hand
# Variance of the normal priors of log T and log b. An error of b moves the priors as much, so b
# is held closer to 1 than in a run's calibration: over 12 uneven draws of noisy digits the priors
# missed by 0.082 of the images, not 0.084, with 20 labels per class (0.159 and 0.161 with 5).
_VARIANCE = 1 / 16
_ROUNDING = 0.02  # largest error of the sum of given priors: they may be rounded to two decimals


@dataclass(frozen=True, eq=False)
class ClassPriorEstimate:
    """Class priors among the unlabeled images.

    Attributes
    ----------
    class_priors : array of shape (n_classes,)
        Estimate by expectation-maximization; sums to one.
    low, high : arrays of shape (n_classes,)
        Bounds of the 95 % bootstrap interval, resampling images, and labels within each class.
    by_confusion : array of shape (n_classes,)
        Estimate by confusion matrix, to check the first.
    warning : str
        Text for the user if the two estimates disagree; else empty.
    """

    class_priors: ClassPriors
    low: ClassPriors
    high: ClassPriors
    by_confusion: ClassPriors
    warning: str = ""


def estimate_class_priors(problem: Problem, *, n_bootstrap: int = 50) -> ClassPriorEstimate:
    """Estimate the priors from the classifier's probabilities, before any smoothing.

    Parameters
    ----------
    problem : Problem
        Needs folds: held-out labels show which mistakes the classifier makes.
    n_bootstrap : int, default=50

    Returns
    -------
    ClassPriorEstimate

    Raises
    ------
    InputError
        If no label could be held out.

    Warns
    -----
    InputWarning
        If the two estimates disagree.
    """
    if not problem.folds:
        message = (
            "Class shares cannot be estimated from one label per class: label more images, "
            "or pass `class_priors='uniform'` or the shares themselves."
        )
        raise InputError(message)
    evenly = replace(problem, class_priors=None)
    labeling = Classifier().label(evenly)
    held_out = cross_fit(labeling.method, evenly)
    images = labeling.propagation.probabilities[problem.labels == UNLABELED]
    generator = np.random.default_rng(problem.random_state)
    if len(images) > _MAX_IMAGES:
        images = generator.choice(images, _MAX_IMAGES, replace=False)
    possible = np.isin(np.arange(problem.n_classes), problem.labels)
    priors = estimate_by_expectation(images, held_out, possible)
    by_confusion = estimate_by_confusion_matrix(images, held_out)
    draws = [_resample_estimate(images, held_out, possible, generator) for _ in range(n_bootstrap)]
    low, high = np.quantile(draws, [0.025, 0.975], axis=0) if draws else (priors, priors)
    warning, distance = "", np.abs(priors - by_confusion).sum() / 2
    if distance > _FAR_APART:
        warning = (
            f"The class priors are uncertain: two ways to estimate them differ by {distance:.0%} "
            "of the images. Label some images drawn at random, or pass the priors if you know them."
        )
        warnings.warn(warning, InputWarning, stacklevel=2)
    return ClassPriorEstimate(priors, low, high, by_confusion, warning)


def resolve_class_priors(
    way: str, problem: Problem, given: ClassPriors | None = None
) -> tuple[ClassPriors | None, ClassPriorEstimate | None]:
    """Turn the user's choice of class priors into numbers; None means that nothing is known yet.

    Parameters
    ----------
    way : {"given", "auto", "labels", "uniform", "estimate"}
        The priors passed as `given`; None, so that calibration estimates them after the labeling
        (`voisin.calibration.calibrate`); the frequencies of the labels, equal ones, or an estimate.
    problem : Problem
    given : array of shape (n_classes,), optional

    Raises
    ------
    InputError
        If `given` is missing or no distribution, or an estimate is impossible.

    Examples
    --------
    >>> from scipy import sparse
    >>> from voisin.types import GraphData
    >>> data = GraphData(np.zeros((4, 1)), sparse.csr_array((4, 4)), np.zeros((0, 1)))
    >>> resolve_class_priors("labels", Problem(data, np.array([0, 0, 0, 1]), 2))[0]
    array([0.75, 0.25])
    """
    check_one_of("class_priors", way, WAYS)
    if way == "estimate":
        estimate = estimate_class_priors(problem)
        return estimate.class_priors, estimate
    if way == "labels":
        counts = np.bincount(
            problem.labels[problem.labels != UNLABELED], minlength=problem.n_classes
        )
        return counts / counts.sum(), None
    if way == "auto":
        return None, None
    if way == "uniform":
        has_label = np.isin(np.arange(problem.n_classes), problem.labels)
        return has_label / has_label.sum(), None
    priors = np.asarray([] if given is None else given, dtype=np.float64)
    n_classes = problem.n_classes
    if len(priors) != n_classes or not (np.isfinite(priors).all() and (priors >= 0).all()):
        message = (
            f"`class_priors` has {len(priors)} numbers: pass one >= 0 per class ({n_classes})."
        )
        raise InputError(message)
    if not priors.sum() > 0:
        message = "`class_priors` are all 0: pass one share >= 0 per class."
        raise InputError(message)
    return priors / priors.sum(), None


def parse_class_priors(text: str, class_names: Sequence[str]) -> tuple[str, ClassPriors | None]:
    """Parse a setting: one of `WAYS` but ``given``, or ``name=share`` for every class.

    Returns
    -------
    way : str
        One of `WAYS`.
    given : array of shape (n_classes,), optional

    Raises
    ------
    InputError
        If a class is missing or unknown, a share is no number, or their sum is not 1.

    Examples
    --------
    >>> parse_class_priors("estimate", ["cat", "dog"])
    ('estimate', None)
    >>> parse_class_priors("dog=0.75,cat=0.25", ["cat", "dog"])
    ('given', array([0.25, 0.75]))
    """
    if "=" not in text:
        check_one_of("class_priors", text, [*WAYS[1:], "name=share,name=share,..."])
        return text, None
    # Names may hold commas and equal signs, and shares decimal commas: look for known names.
    known = "|".join(re.escape(name) for name in sorted(class_names, key=len, reverse=True))
    pair = rf"\s*({known})\s*=\s*([0-9.]+(?:,[0-9]+)?)\s*(?:,|$)"
    pairs = re.findall(pair, text) if re.fullmatch(f"(?:{pair})+", text) else None
    if pairs is None:  # an error is likely, which says what is wrong
        pairs = [
            (name.strip(), share)
            for name, _, share in (part.rpartition("=") for part in text.split(","))
        ]
    try:
        by_name = {name: float(share.replace(",", ".")) for name, share in pairs}
    except ValueError as error:
        message = f"`class_priors={text!r}` has a share that is no number: write name=0.25."
        raise InputError(message) from error
    if by_name.keys() != set(class_names) or len(pairs) > len(by_name):
        message = f"`class_priors={text!r}` must name every class once: {', '.join(class_names)}."
        raise InputError(message)
    priors = np.array([by_name[name] for name in class_names])
    if not (priors >= 0).all() or abs(priors.sum() - 1) > _ROUNDING:
        message = (
            f"`class_priors={text!r}` has the sum {priors.sum():g}: pass shares >= 0 that sum to 1."
        )
        raise InputError(message)
    return "given", priors / priors.sum()


def estimate_by_expectation(
    images: Probabilities, held_out: HeldOut, possible: NDArray[np.bool_] | None = None
) -> ClassPriors:
    """Estimate the priors by `estimate_priors`, from probabilities corrected by held-out labels.

    Temperature and biases are fitted to the held-out labels, each class with the same weight, so
    that the corrected probabilities assume equal priors. `possible` marks classes with labels.
    """
    scaling = fit_scaling(
        held_out.probabilities,
        held_out.labels,
        temperature_variance=_VARIANCE,
        factor_variance=_VARIANCE,
        floor=FLOOR,
    )
    return estimate_priors(scaling.apply(images), possible=possible)


def estimate_by_confusion_matrix(images: Probabilities, held_out: HeldOut) -> ClassPriors:
    """Find the priors that explain the mean probabilities best: ``min ‖C π − mean p‖, π ≥ 0``.

    ``C_ij`` is the mean probability of class i among held-out labels of class j.
    """
    n_classes = images.shape[1]
    confusion = np.zeros((n_classes, n_classes))
    for c in np.unique(held_out.labels):
        confusion[:, c] = held_out.probabilities[held_out.labels == c].mean(axis=0)
    priors, _ = nnls(confusion, images.mean(axis=0))
    return np.asarray(priors / priors.sum())


def _resample_estimate(
    images: Probabilities,
    held_out: HeldOut,
    possible: NDArray[np.bool_],
    generator: np.random.Generator,
) -> ClassPriors:
    """Estimate the priors from labels drawn anew within each class, and images drawn anew."""
    labels = held_out.labels
    chosen = np.concatenate(
        [
            generator.choice(np.flatnonzero(labels == c), (labels == c).sum())
            for c in np.unique(labels)
        ]
    )
    drawn = HeldOut(held_out.rows[chosen], labels[chosen], held_out.probabilities[chosen])
    return estimate_by_expectation(generator.choice(images, len(images)), drawn, possible)
