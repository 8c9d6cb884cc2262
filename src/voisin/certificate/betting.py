"""Certify the largest set of labels with at most a given share of errors, by random checks.

The images are sorted, most confident first, and cut into nested sets: the first 5 %, 10 %, ... One
random order of all images serves every set: restricted to a set, it is a random sample of that
set without replacement. So one check counts for every set that holds the image.

Each set is tested by betting against "more than the allowed share is wrong" (Waudby-Smith & Ramdas
2020, 2024): before each check, a bet is placed that the label is right, at odds that are fair or
worse if the claim is true. Then the capital ever exceeds ``1/δ`` with probability at most δ (Ville
1939), so the checks may stop at any time. The sets are tested from the smallest on, each at level
δ, up to the first that fails (fixed-sequence testing, Maurer, Hothorn & Lehmacher 1995): with
probability ``1 − δ``, no certified set holds too many wrong labels. This holds however good or bad
the labels and their probabilities are. This module must not know images, names or files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.types import Indices
from voisin.validation import check_in_open_interval

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""Sizes of the nested sets, as shares of all images; in steps of 5 %, chosen by hand."""

# All chosen by hand; `benchmarks.certificates` measured them together, as they are.
_BATCH = 50  # least number of images in a batch for the annotator
_SMALLEST_SET = 100  # images; smaller sets are better checked one by one
_HOPELESS = 0.02  # share of the initial capital; below it, more checks would hardly win
_BET_FRACTIONS = (0.0, 0.1, 0.25, 0.5)  # error rates the bets assume, as shares of the target


@dataclass(frozen=True)
class RiskTarget:
    """At most a share `error` of the labels is wrong, with probability `confidence`.

    Examples
    --------
    >>> RiskTarget().most_wrong(200), round(RiskTarget().goal, 9)
    (10, 20.0)
    """

    error: float = 0.05
    confidence: float = 0.95

    def __post_init__(self) -> None:
        check_in_open_interval("error", self.error, 0, 1)
        check_in_open_interval("confidence", self.confidence, 0, 1)

    @property
    def goal(self) -> float:
        """The capital at which a set is certified: ``1 / (1 − confidence)``."""
        return 1 / (1 - self.confidence)

    def most_wrong(self, n_images: int) -> int:
        """Return how many labels may be wrong in a set of this size."""
        return int(np.floor(self.error * n_images + 1e-9))


class Bets:
    """A few bets on one set; their total capital starts at 1 and changes with each check.

    The claim says that at least M of the N labels are wrong. After t checks that found e wrong
    labels, the next is wrong with probability ``m = (M − e) / (N − t)`` or more. A bet that assumes
    the error rate h < m multiplies its capital by ``(1 − h) / (1 − m)`` if the label is right, and
    by ``h / m`` if it is wrong.

    Parameters
    ----------
    target : RiskTarget
    n_images : int
        Number of images in the set.

    Examples
    --------
    In a large set, a single bet on "no mistake" would certify 5 % with 95 % confidence after 59
    checks without a mistake; the mixture of bets needs more checks, but survives mistakes.

    >>> bets = Bets(RiskTarget(), 1_000_000)
    >>> while not bets.won:
    ...     bets.settle(right=True)
    >>> bets.n_checks
    70
    """

    def __init__(self, target: RiskTarget, n_images: int) -> None:
        self.n_images, self.n_checks, self.n_wrong = n_images, 0, 0
        self._claimed = target.most_wrong(n_images) + 1
        self._goal = target.goal
        self._error_rates = tuple(share * target.error for share in _BET_FRACTIONS)
        self._capitals = [1 / len(_BET_FRACTIONS)] * len(_BET_FRACTIONS)
        self.won = self._claimed > n_images

    @property
    def capital(self) -> float:
        """The capital of all bets together."""
        return float(sum(self._capitals))

    @property
    def is_hopeless(self) -> bool:
        """Whether nearly all of the capital is lost, or the claim has turned out true."""
        true = self.n_wrong >= self._claimed or self.n_checks == self.n_images
        return not self.won and (true or self.capital < _HOPELESS)

    def settle(self, *, right: bool) -> None:
        """Settle the bets on the next check; checks must come in the random order."""
        claimed = (self._claimed - self.n_wrong) / (self.n_images - self.n_checks)
        self.n_checks += 1
        self.n_wrong += not right
        if claimed >= 1 and right:  # the claim is refuted: too few images are left
            self.won = True
        elif 0 < claimed < 1:
            for i, rate in enumerate(self._error_rates):
                if rate < claimed:
                    self._capitals[i] *= (1 - rate) / (1 - claimed) if right else rate / claimed
        self.won = self.won or self.capital >= self._goal


@dataclass(frozen=True)
class NestedSet:
    """The outcome of the checks for the set of the `n_images` most confident labels."""

    n_images: int
    n_checks: int
    n_wrong: int
    capital: float
    certified: bool
    hopeless: bool = False


@dataclass(frozen=True, eq=False)
class Certification:
    """The sets that the checks certify, and what to check next.

    Attributes
    ----------
    sets : tuple of NestedSet
        The sets tested so far, smallest first; only the last may be uncertified.
    waiting : array
        Images to check next, in this order. If all their labels are right, they certify the set
        under test, and further sets until there are 50 images or more. Empty if every set is
        certified, or if the set under test looks so bad that more checks would hardly help.
    """

    sets: tuple[NestedSet, ...]
    waiting: Indices

    @property
    def n_certified(self) -> int:
        """Number of images in the largest certified set; 0 if there is none."""
        return max((one.n_images for one in self.sets if one.certified), default=0)


def nested_sizes(n_images: int, shares: Sequence[float] = SHARES) -> tuple[int, ...]:
    """Return the sizes of the sets to test, smallest first.

    Examples
    --------
    >>> nested_sizes(1000)[:3], nested_sizes(3)
    ((100, 150, 200), (3,))
    """
    smallest = min(_SMALLEST_SET, n_images)
    return tuple(sorted({max(smallest, round(share * n_images)) for share in shares}))


def random_order(n_images: int, random_state: int) -> Indices:
    """Draw the order in which images are checked; all orders are equally probable."""
    return np.random.default_rng(random_state).permutation(n_images)


def certify_sets(
    order: Indices,
    answers: Mapping[int, bool],
    target: RiskTarget,
    shares: Sequence[float] = SHARES,
) -> Certification:
    """Test the nested sets against the risk target, by the answers so far.

    Parameters
    ----------
    order : array of shape (n_images,)
        A random permutation of the images, which are numbered from the most confident.
    answers : mapping of int to bool
        Whether the label of an image is right. In each set, answers count in the random order, up
        to the first image without an answer.
    target : RiskTarget
    shares : sequence of float
        Sizes of the sets as shares of all images; they must be fixed before the first check.

    Examples
    --------
    >>> order = random_order(200, random_state=0)
    >>> all_right = dict.fromkeys(range(200), True)
    >>> certify_sets(order, all_right, RiskTarget()).n_certified
    200
    >>> certify_sets(order, {}, RiskTarget()).n_certified
    0
    """
    sets: list[NestedSet] = []
    for size in nested_sizes(len(order), shares):
        bets = Bets(target, size)
        for image in order[order < size].tolist():
            if bets.won or bets.is_hopeless or image not in answers:
                break
            bets.settle(right=answers[image])
        outcome = (bets.capital, bets.won, bets.is_hopeless)
        sets.append(NestedSet(size, bets.n_checks, bets.n_wrong, *outcome))
        if bets.is_hopeless:
            break
        if not bets.won:
            return Certification(tuple(sets), _next_checks(order, answers, target, shares, size))
    return Certification(tuple(sets), np.empty(0, dtype=np.int64))


def _next_checks(
    order: Indices,
    answers: Mapping[int, bool],
    target: RiskTarget,
    shares: Sequence[float],
    smallest: int,
) -> Indices:
    """Return one batch of checks, supposing that all labels without an answer are right."""
    waiting: list[int] = []
    supposed = dict(answers)
    for size in nested_sizes(len(order), shares):
        if size < smallest or len(waiting) >= _BATCH:
            continue
        bets = Bets(target, size)
        for image in order[order < size].tolist():
            if image not in supposed:
                waiting.append(image)
                supposed[image] = True
            bets.settle(right=supposed[image])
            if bets.won:
                break
    return np.array(waiting, dtype=np.int64)


@dataclass(frozen=True)
class CheckForecast:
    """The expected number of checks if a share `wrong` of the labels is wrong.

    Attributes
    ----------
    wrong : float
    first : float
        Mean number of checks for the smallest set.
    all_sets : float
        Mean number of checks for all sets together.
    certified : float
        Mean share of images that are certified.
    is_even : bool
        Whether the same share was supposed in every set; False if each image has its own.
    """

    wrong: float
    first: float
    all_sets: float
    certified: float
    is_even: bool = True


def forecast_checks(
    n_images: int,
    wrong: float | NDArray[np.float64],
    target: RiskTarget,
    *,
    most: int = 1_000,
    n_runs: int = 20,
    random_state: int = 0,
) -> CheckForecast:
    """Simulate the checks of several runs before the first real check, and average over the runs.

    Parameters
    ----------
    n_images : int
    wrong : float or array of shape (n_images,)
        The supposed share of wrong labels, or for each image, most confident first, the
        probability that its label is wrong.
    target : RiskTarget
    most : int, default=1000
        Number of checks after which the annotator stops.
    n_runs : int, default=20
    random_state : int, default=0

    Examples
    --------
    >>> forecast_checks(2_000, 0.0, RiskTarget()).first
    42.0
    """
    rng = np.random.default_rng(random_state)
    runs = [_simulate_checks(n_images, wrong, target, most, rng) for _ in range(n_runs)]
    first, checks, certified = np.mean(runs, axis=0).tolist()
    is_even = isinstance(wrong, float)
    return CheckForecast(float(np.mean(wrong)), first, checks, certified / n_images, is_even)


def _simulate_checks(
    n_images: int,
    wrong: float | NDArray[np.float64],
    target: RiskTarget,
    most: int,
    rng: np.random.Generator,
) -> tuple[int, int, int]:
    """Return the numbers of checks for the first set, of all checks, and of certified images."""
    order = rng.permutation(n_images)
    right = (rng.random(n_images) >= wrong).tolist()
    checked: set[int] = set()
    first = certified = 0
    for size in nested_sizes(n_images):
        bets = Bets(target, size)
        for image in order[order < size].tolist():
            if bets.won or bets.is_hopeless or len(checked) >= most:
                break
            checked.add(image)
            bets.settle(right=right[image])
        first = first or len(checked)
        if not bets.won:
            break
        certified = size
    return first, len(checked), certified
