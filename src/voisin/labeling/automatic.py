"""The default method ``auto``: it selects a labeling method by cross-validation, and says why.

This module must not know how the candidates work.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from voisin.calibration.prior_shift import weigh_by_class
from voisin.evaluation.metrics import macro_auc
from voisin.labeling.classifier import Classifier
from voisin.labeling.consensus import SmoothedClassifier
from voisin.labeling.correct_and_smooth import CorrectAndSmooth
from voisin.labeling.cross_validation import (
    cross_fit,
    losses_at_best_temperature,
    select_by_losses,
)
from voisin.labeling.graph_only import GraphOnly
from voisin.propagation.poisson import Poisson
from voisin.propagation.spreading import LabelSpreading
from voisin.types import UNLABELED, Labeling, LabelingMethod, Problem

FEWEST = 3  # labels per class needed to compare methods; of two, a fold may leave only one
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
    """Selects the consensus of classifier and graph, unless held-out labels show a better method.

    Each candidate labels the images of each fold without the fold's labels. Another method than
    ``consensus`` is selected if its log loss is smaller by more than a standard error of the
    difference, and its AUC is no smaller. The log loss gives all classes the same weight, at each
    method's best temperature. With fewer than three labels of some class, nothing is compared.
    """

    def label(self, problem: Problem) -> Labeling:
        """Give every image a distribution over the classes."""
        counts = np.bincount(problem.labels[problem.labels != UNLABELED])
        fewest = counts[counts > 0].min()
        if fewest < FEWEST or not problem.folds:
            labeling = CANDIDATES[DEFAULT].label(problem)
            why = f"{DEFAULT}, the rule where a class has fewer than {FEWEST} labels to compare by"
            return replace(labeling, reason=f"{why} ({labeling.reason})")
        name, method, why = _select_method(replace(problem, class_priors=None))
        return replace(method.label(problem), reason=f"{name}: {why}")


def _select_method(problem: Problem) -> tuple[str, LabelingMethod, str]:
    """Return the name of the best method, the method with its settings fixed, and the figures."""
    methods, losses, means, aucs = {}, {}, {}, {}
    for name, candidate in CANDIDATES.items():
        methods[name] = candidate.label(problem).method
        held_out = cross_fit(methods[name], problem)
        weights = weigh_by_class(held_out.labels)
        losses[name] = losses_at_best_temperature(held_out.probabilities, held_out.labels)
        aucs[name] = float(macro_auc(held_out.labels, held_out.probabilities, weights[None])[0])
        means[name] = float(np.average(losses[name], weights=weights))
    worthy = [name for name in CANDIDATES if name == DEFAULT or aucs[name] >= aucs[DEFAULT]]
    best = worthy[
        select_by_losses([losses[name] for name in worthy], weights, worthy.index(DEFAULT))
    ]
    others = ", ".join(
        f"{name} {means[name]:.2f} and {aucs[name]:.3f}" for name in CANDIDATES if name != best
    )
    why = (
        f"log loss {means[best]:.2f} and AUC {aucs[best]:.3f} on {len(weights)} labels held out "
        f"in turn ({others})"
    )
    return best, methods[best], why
