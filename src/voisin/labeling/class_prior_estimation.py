"""How frequent each class is among the images, where the labels were drawn class by class.

By expectation-maximization, on probabilities corrected by temperature and bias, as Alexandari,
Kundaje & Shrikumar 2020 found best; by confusion matrix: Lipton, Wang & Smola 2018. It knows
probabilities and labels, no graph.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from voisin.calibration.prior_shift import estimate_priors
from voisin.calibration.scaling import fit_scaling
from voisin.errors import InputError, InputWarning
from voisin.labeling.classifier import Classifier
from voisin.labeling.cross_validation import cross_fit
from voisin.types import UNLABELED, HeldOut, Probabilities, Problem
from voisin.validation import check_one_of

Shares = NDArray[np.float64]

WAYS = ("given", "labels", "uniform", "estimate")
_MOST_IMAGES = 5_000
_FAR_APART = 0.15
_VARIANCE = 1 / 16
_ROUNDED = 0.02  # by which the sum of given shares may miss 1


@dataclass(frozen=True, eq=False)
class ClassPriorEstimate:
    """Shares of the classes among the unlabeled images.

    Attributes
    ----------
    shares : array of shape (n_classes,)
        By expectation-maximization; sums to one.
    low, high : arrays of shape (n_classes,)
        Of the 95 % bootstrap interval: labels drawn anew within each class, and images.
    by_confusion : array of shape (n_classes,)
        The second opinion.
    warning : str
        Empty unless the two disagree.
    """

    shares: Shares
    low: Shares
    high: Shares
    by_confusion: Shares
    warning: str = ""


def estimate_class_priors(problem: Problem, *, n_bootstrap: int = 50) -> ClassPriorEstimate:
    """Estimate the shares from the classifier's opinions, before any smoothing.

    Parameters
    ----------
    problem : Problem
        With folds: the classifier's mistakes are known from labels it did not see.
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
        If both ways disagree.
    """
    if not problem.folds:
        message = (
            "Class shares cannot be estimated from one label a class: label more images, "
            "or pass class_priors 'uniform' or the shares themselves."
        )
        raise InputError(message)
    labeling = Classifier().label(_evenly(problem))
    held_out = cross_fit(labeling.method, _evenly(problem))
    images = labeling.propagation.probabilities[problem.labels == UNLABELED]
    generator = np.random.default_rng(problem.random_state)
    if len(images) > _MOST_IMAGES:
        images = generator.choice(images, _MOST_IMAGES, replace=False)
    possible = np.isin(np.arange(problem.n_classes), problem.labels)
    shares = by_expectation(images, held_out, possible)
    by_confusion = by_confusion_matrix(images, held_out)
    draws = [_draw_anew(images, held_out, possible, generator) for _ in range(n_bootstrap)]
    low, high = np.quantile(draws, [0.025, 0.975], axis=0) if draws else (shares, shares)
    warning = _disagreement(shares, by_confusion)
    if warning:
        warnings.warn(warning, InputWarning, stacklevel=2)
    return ClassPriorEstimate(shares, low, high, by_confusion, warning)


def resolve_class_priors(
    way: str, problem: Problem, given: Shares | None = None
) -> tuple[Shares | None, ClassPriorEstimate | None]:
    """Turn what a user says of the shares into numbers; None means even ones.

    Parameters
    ----------
    way : {"given", "labels", "uniform", "estimate"}
        The shares passed as `given`; those of the labels; even ones; or estimated.
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
        return estimate.shares, estimate
    if way == "labels":
        counts = np.bincount(
            problem.labels[problem.labels != UNLABELED], minlength=problem.n_classes
        )
        return counts / counts.sum(), None
    if way == "uniform":
        return None, None
    return _check_given(given, problem.n_classes), None


def parse_class_priors(text: str, class_names: Sequence[str]) -> tuple[str, Shares | None]:
    """Read what a user writes: the name of a way, or ``name=share`` for every class.

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
    pairs = [part.rpartition("=") for part in text.split(",")]
    try:
        found = {name.strip(): float(share) for name, _, share in pairs}
    except ValueError as error:
        message = f"class_priors={text!r} has a share that is no number: write name=0.25."
        raise InputError(message) from error
    if found.keys() != set(class_names):
        message = f"class_priors={text!r} must name every class once: {', '.join(class_names)}."
        raise InputError(message)
    shares = np.array([found[name] for name in class_names])
    if not (shares >= 0).all() or abs(shares.sum() - 1) > _ROUNDED:
        message = (
            f"class_priors={text!r} has the sum {shares.sum():g}: pass shares >= 0 that sum to 1."
        )
        raise InputError(message)
    return "given", shares / shares.sum()


def by_expectation(
    images: Probabilities, held_out: HeldOut, possible: NDArray[np.bool_] | None = None
) -> Shares:
    """`estimate_priors` in the images' probabilities, corrected by what held-out labels teach.

    The temperature and the biases that suit the held-out labels best, all classes weighing the
    same, make the classes count as equally frequent. `possible` are the classes with a label.
    """
    scaling = fit_scaling(
        held_out.probabilities,
        held_out.labels,
        temperature_variance=_VARIANCE,
        factor_variance=_VARIANCE,
    )
    return estimate_priors(scaling.apply(images), possible=possible)


def by_confusion_matrix(images: Probabilities, held_out: HeldOut) -> Shares:
    """Find the shares whose mixture of confusions is what is seen: ``min ‖C π − mean p‖, π ≥ 0``.

    ``C_ij`` is the mean probability of class i among held-out labels of class j.
    """
    n_classes = images.shape[1]
    confusion = np.zeros((n_classes, n_classes))
    for c in np.unique(held_out.labels):
        confusion[:, c] = held_out.probabilities[held_out.labels == c].mean(axis=0)
    found, _ = nnls(confusion, images.mean(axis=0))
    return np.asarray(found / found.sum())


def _draw_anew(
    images: Probabilities,
    held_out: HeldOut,
    possible: NDArray[np.bool_],
    generator: np.random.Generator,
) -> Shares:
    labels = held_out.labels
    chosen = np.concatenate(
        [
            generator.choice(np.flatnonzero(labels == c), (labels == c).sum())
            for c in np.unique(labels)
        ]
    )
    drawn = HeldOut(held_out.rows[chosen], labels[chosen], held_out.probabilities[chosen])
    return by_expectation(generator.choice(images, len(images)), drawn, possible)


def _evenly(problem: Problem) -> Problem:
    return replace(problem, class_priors=None)


def _disagreement(shares: Shares, by_confusion: Shares) -> str:
    distance = np.abs(shares - by_confusion).sum() / 2
    if distance <= _FAR_APART:
        return ""
    return (
        f"The class shares are uncertain: two ways to estimate them differ by {distance:.0%} of "
        "the images. Label some images drawn at random, or pass the shares if you know them."
    )


def _check_given(given: Shares | None, n_classes: int) -> Shares:
    shares = np.asarray([] if given is None else given, dtype=np.float64)
    if len(shares) != n_classes or not (np.isfinite(shares).all() and (shares >= 0).all()):
        message = f"class_priors has {len(shares)} numbers: pass one >= 0 a class ({n_classes})."
        raise InputError(message)
    if not shares.sum() > 0:
        message = "class_priors are all 0: pass one share >= 0 a class."
        raise InputError(message)
    return shares / shares.sum()
