"""The largest set of images of which at most a given share is wrong, by checks of a random few.

The images are put in order, surest first, and cut into nested sets: the surest 5 %, 10 %, ... A
single random order of all images serves every set: its images within a set are a random sample of
that set without replacement, so that one check counts for every set that holds the image.

Each set is tested by betting against "more than the allowed share is wrong" (Waudby-Smith & Ramdas
2020, 2024): before each check, a bet is placed that the image is right, at odds that are fair or
worse while the claim is true. Then the capital exceeds ``1/δ`` with probability δ at most, whenever
one looks (Ville 1939): one may stop at any check. The sets are tested from the surest on, each at
level δ, up to the first that fails (fixed-sequence testing, Maurer, Hothorn & Lehmacher 1995): with
probability ``1 − δ`` no set is certified that holds too many wrong ones. Nothing is assumed of how
good the labels or their probabilities are. This module knows counts and orders, not images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voisin.types import Indices
from voisin.validation import check_in_open_interval

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 21))
_SITTING = 50  # images that an expert is asked for at a time, at least
_SMALLEST = 100  # images of a set: fewer are better checked one by one
_HOPELESS = 0.02  # of the stake, after which more checks would hardly win
_BETS = (0.0, 0.1, 0.25, 0.5)  # wrong ones hoped for, as shares of what is allowed


@dataclass(frozen=True)
class RiskTarget:
    """At most a share `error` is wrong, said with probability `confidence` of being kept.

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
        """The capital at which a set is certified."""
        return 1 / (1 - self.confidence)

    def most_wrong(self, n_images: int) -> int:
        """Count the wrong ones that a set of this size may hold."""
        return int(np.floor(self.error * n_images + 1e-9))


class Bets:
    """Capital won on a set so far, starting from 1, spread over a few hopes.

    Under the claim at least ``M`` of the N images are wrong; after t checks with e wrong ones, the
    next is wrong with probability ``m = (M − e) / (N − t)`` or more. A bet that hopes for the share
    h < m multiplies its capital by ``(1 − h) / (1 − m)`` if it is right, by ``h / m`` if wrong.

    Parameters
    ----------
    promise : RiskTarget
    n_images : int
        In the set.

    Examples
    --------
    Of a large set, 59 checks without a mistake certify 5 % with 95 % confidence at the boldest bet;
    the mixture of bets needs a few more, and survives mistakes.

    >>> bets = Bets(RiskTarget(), 1_000_000)
    >>> while not bets.won:
    ...     bets.take(right=True)
    >>> bets.n_checks
    70
    """

    def __init__(self, promise: RiskTarget, n_images: int) -> None:
        self.n_images, self.n_checks, self.n_wrong = n_images, 0, 0
        self._claimed = promise.most_wrong(n_images) + 1
        self._goal = promise.goal
        self._hopes = tuple(bet * promise.error for bet in _BETS)
        self._capitals = [1 / len(_BETS)] * len(_BETS)
        self.won = self._claimed > n_images

    @property
    def capital(self) -> float:
        """What the bets are worth together."""
        return float(sum(self._capitals))

    @property
    def is_hopeless(self) -> bool:
        """Whether nearly all of the stake is lost, or the claim has turned out true."""
        true = self.n_wrong >= self._claimed or self.n_checks == self.n_images
        return not self.won and (true or self.capital < _HOPELESS)

    def take(self, *, right: bool) -> None:
        """Settle the bets on one check, in the random order."""
        claimed = (self._claimed - self.n_wrong) / (self.n_images - self.n_checks)
        self.n_checks += 1
        self.n_wrong += not right
        if claimed >= 1 and right:  # the claim is refuted: too few images are left
            self.won = True
        elif 0 < claimed < 1:
            for place, hope in enumerate(self._hopes):
                if hope < claimed:
                    self._capitals[place] *= (1 - hope) / (1 - claimed) if right else hope / claimed
        self.won = self.won or self.capital >= self._goal


@dataclass(frozen=True)
class NestedSet:
    """What the checks say of one set: the `n_images` surest."""

    n_images: int
    n_checks: int
    n_wrong: int
    capital: float
    certified: bool
    hopeless: bool = False


@dataclass(frozen=True, eq=False)
class Certification:
    """How far the checks reach.

    Attributes
    ----------
    stages : tuple of NestedSet
        The sets tested so far, smallest first; only the last may be uncertified.
    waiting : array
        Images to check next, in this order: those that certify the set under test, and further
        sets until there are 50 or more, if all of them are right. Empty once every set is
        certified, or the set under test looks so bad that more checks would hardly help.
    """

    stages: tuple[NestedSet, ...]
    waiting: Indices

    @property
    def n_certified(self) -> int:
        """Images of the largest certified set; 0 if there is none."""
        return max((stage.n_images for stage in self.stages if stage.certified), default=0)


def nested_sizes(n_images: int, shares: Sequence[float] = SHARES) -> tuple[int, ...]:
    """Sizes of the sets to test, smallest first.

    Examples
    --------
    >>> nested_sizes(1000)[:3], nested_sizes(3)
    ((100, 150, 200), (3,))
    """
    smallest = min(_SMALLEST, n_images)
    return tuple(sorted({max(smallest, round(share * n_images)) for share in shares}))


def random_order(n_images: int, random_state: int) -> Indices:
    """Order in which images are checked; all orders are equally probable."""
    return np.random.default_rng(random_state).permutation(n_images)


def certify_sets(
    order: Indices,
    answers: Mapping[int, bool],
    promise: RiskTarget,
    shares: Sequence[float] = SHARES,
) -> Certification:
    """Say which of the nested sets keep the promise, by the answers there are.

    Parameters
    ----------
    order : array of shape (n_images,)
        A random permutation of the images, which are numbered from the surest.
    answers : mapping of int to bool
        Whether the label of an image is right. Answers count in the random order, up to the first
        image of a set that has none.
    promise : RiskTarget
    shares : sequence of float
        The sets, as shares of all images; fixed before the first check.

    Examples
    --------
    >>> order = random_order(200, random_state=0)
    >>> all_right = dict.fromkeys(range(200), True)
    >>> certify_sets(order, all_right, RiskTarget()).n_certified
    200
    >>> certify_sets(order, {}, RiskTarget()).n_certified
    0
    """
    stages: list[NestedSet] = []
    for size in nested_sizes(len(order), shares):
        bets = Bets(promise, size)
        for image in order[order < size].tolist():
            if bets.won or bets.is_hopeless or image not in answers:
                break
            bets.take(right=answers[image])
        outcome = (bets.capital, bets.won, bets.is_hopeless)
        stages.append(NestedSet(size, bets.n_checks, bets.n_wrong, *outcome))
        if bets.is_hopeless:
            break
        if not bets.won:
            return Certification(tuple(stages), _waiting(order, answers, promise, shares, size))
    return Certification(tuple(stages), np.empty(0, dtype=np.int64))


def _waiting(
    order: Indices,
    answers: Mapping[int, bool],
    promise: RiskTarget,
    shares: Sequence[float],
    smallest: int,
) -> Indices:
    """Go on as if all that is not answered were right, set by set, for one sitting."""
    waiting: list[int] = []
    supposed = dict(answers)
    for size in nested_sizes(len(order), shares):
        if size < smallest or len(waiting) >= _SITTING:
            continue
        bets = Bets(promise, size)
        for image in order[order < size].tolist():
            if image not in supposed:
                waiting.append(image)
                supposed[image] = True
            bets.take(right=supposed[image])
            if bets.won:
                break
    return np.array(waiting, dtype=np.int64)


@dataclass(frozen=True)
class CheckForecast:
    """What to expect if a share `wrong` of the labels is wrong.

    Attributes
    ----------
    wrong : float
    first : float
        Mean number of checks for the smallest set.
    all_sets : float
        Mean number of checks for all sets together.
    certified : float
        Mean share of the images certified.
    is_even : bool
        Whether every set was supposed to hold the same share; else more, the less sure it is.
    """

    wrong: float
    first: float
    all_sets: float
    certified: float
    is_even: bool = True


def forecast_checks(
    n_images: int,
    wrong: float | NDArray[np.float64],
    promise: RiskTarget,
    *,
    most: int = 1_000,
    n_runs: int = 20,
    random_state: int = 0,
) -> CheckForecast:
    """Simulate the checks before any is made.

    Parameters
    ----------
    n_images : int
    wrong : float or array of shape (n_images,)
        The supposed share of wrong labels, or how probably each is wrong, surest first.
    promise : RiskTarget
    most : int, default=1000
        Checks after which the expert gives up.
    n_runs : int, default=20
    random_state : int, default=0

    Examples
    --------
    >>> forecast_checks(2_000, 0.0, RiskTarget()).first
    42.0
    """
    generator = np.random.default_rng(random_state)
    runs = np.array([_simulate(n_images, wrong, promise, most, generator) for _ in range(n_runs)])
    first, checks, certified = runs.mean(axis=0).tolist()
    is_even = isinstance(wrong, float)
    return CheckForecast(float(np.mean(wrong)), first, checks, certified / n_images, is_even)


def _simulate(
    n_images: int,
    wrong: float | NDArray[np.float64],
    promise: RiskTarget,
    most: int,
    generator: np.random.Generator,
) -> tuple[int, int, int]:
    order = generator.permutation(n_images)
    right = (generator.random(n_images) >= wrong).tolist()
    checked: set[int] = set()
    first = certified = 0
    for size in nested_sizes(n_images):
        bets = Bets(promise, size)
        for image in order[order < size].tolist():
            if bets.won or bets.is_hopeless or len(checked) >= most:
                break
            checked.add(image)
            bets.take(right=right[image])
        first = first or len(checked)
        if not bets.won:
            break
        certified = size
    return first, len(checked), certified
