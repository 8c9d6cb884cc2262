"""Ask for any image: what every strategy must beat."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voisin.querying.suggestion import Suggestion, askable
from voisin.types import UNLABELED, Indices, Labeling, Problem


@dataclass(frozen=True)
class RandomChoice:
    """Images drawn at random, each as likely as the other.

    The draw depends on ``problem.random_state`` and on how many labels there are, so that asking
    twice gives the same images, and the next batch others.
    """

    def suggest(
        self,
        problem: Problem,
        labeling: Labeling,  # noqa: ARG002 - every strategy is asked alike
        n: int,
        *,
        candidates: Indices | None = None,
        class_names: Sequence[str] = (),  # noqa: ARG002
    ) -> Suggestion:
        """Draw images; see `QueryStrategy.suggest`."""
        rows = askable(problem, n, candidates)
        n_labeled = int((problem.labels != UNLABELED).sum())
        generator = np.random.default_rng([problem.random_state, n_labeled])
        picked = generator.permutation(rows)[:n]
        return Suggestion(picked, np.ones(len(picked)), ("drawn at random",) * len(picked))
