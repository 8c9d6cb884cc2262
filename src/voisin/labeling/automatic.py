"""The method for those who choose none: it lets the labels decide, and says what and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import weigh_by_class
from voisin.evaluation.metrics import macro_auc
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import SmoothedClassifier
from voisin.labeling.correct_and_smooth import CorrectAndSmooth
from voisin.labeling.cross_validation import cross_fit
from voisin.labeling.graph_only import GraphOnly
from voisin.labeling.model_selection import losses_at_best, select_by_losses
from voisin.propagation.poisson import Poisson
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Labeling, LabelingMethod, Problem

FEWEST = 3
DEFAULT = "consensus"
CANDIDATES: Mapping[str, LabelingMethod] = {
    DEFAULT: SmoothedClassifier(graph_share=None),
    "correct-and-smooth": CorrectAndSmooth(),
    "classifier": Classifier(),
    "spreading": GraphOnly(LabelSpreading(alpha=0.99)),
    "poisson": GraphOnly(Poisson()),
}


@dataclass(frozen=True)
class Automatic:
    """Takes the consensus of classifier and graph, unless held-out labels show a better method.

    Each candidate labels the images of each fold without the fold's labels. Another method than
    ``consensus`` is taken if its log loss (all classes weighing the same, at the temperature that
    suits it) is less by more than a standard error of the difference, and its AUC is no smaller.
    With fewer than three labels of some class, or nothing to hold out, nothing is compared.
    """

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        counts = np.bincount(problem.labels[problem.labels != UNLABELED])
        fewest = counts[counts > 0].min()
        if fewest < FEWEST or not problem.folds:
            found = CANDIDATES[DEFAULT].label(problem)
            why = f"{DEFAULT}, the rule where a class has fewer than {FEWEST} labels to compare by"
            return replace(found, reason=f"{why} ({found.reason})")
        name, method, why = _decide(replace(problem, class_priors=None))
        return replace(method.label(problem), reason=f"{name}: {why}")


@dataclass(frozen=True, eq=False)
class _Trial:
    method: LabelingMethod
    losses: NDArray[np.float64]
    loss: float
    auc: float


def _decide(problem: Problem) -> tuple[str, LabelingMethod, str]:
    """Return the name of the best method, the method with its choices fixed, and the figures."""
    trials = {name: _try(method, problem) for name, method in CANDIDATES.items()}
    worthy = [
        name
        for name, trial in trials.items()
        if name == DEFAULT or trial.auc >= trials[DEFAULT].auc
    ]
    weights = _weights(problem)
    best = worthy[
        select_by_losses([trials[n].losses for n in worthy], weights, worthy.index(DEFAULT))
    ]
    others = ", ".join(
        f"{name} {trial.loss:.2f} and {trial.auc:.3f}"
        for name, trial in trials.items()
        if name != best
    )
    why = (
        f"log loss {trials[best].loss:.2f} and AUC {trials[best].auc:.3f} on {len(weights)} "
        f"labels held out in turn ({others})"
    )
    return best, trials[best].method, why


def _try(method: LabelingMethod, problem: Problem) -> _Trial:
    """Fix the method's choices, and judge it by what it did not see."""
    fixed = method.label(problem).method
    held_out, weights = cross_fit(fixed, problem), _weights(problem)
    losses = losses_at_best(held_out.probabilities, held_out.labels)
    auc = float(macro_auc(held_out.labels, held_out.probabilities, weights[None])[0])
    return _Trial(fixed, losses, float(np.average(losses, weights=weights)), auc)


def _weights(problem: Problem) -> NDArray[np.float64]:
    rows = np.sort(np.concatenate([fold.held_out for fold in problem.folds]))  # as `cross_fit` does
    return weigh_by_class(problem.labels[rows])
