"""The stages of trust: probabilities calibrated by labels held out in turn, and reasons."""

from dataclasses import dataclass

import numpy as np

from voisin.calibration.calibrate import CalibrationResult, calibrate
from voisin.explanation.contributors import TopContributors
from voisin.explanation.page import FAR, OPINIONS
from voisin.explanation.project import save_explanation
from voisin.labeling.registry import make_method
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.experiment import Experiment
from voisin.pipeline.label import LabeledImages
from voisin.pipeline.stages import all_ids
from voisin.types import Labeling, Names, Predictions, Problem


@dataclass(frozen=True, eq=False)
class CalibratedLabels:
    """How sure the labels of the pool are, and why.

    Attributes
    ----------
    how_sure : CalibrationResult
    why : TopContributors, optional
        None where the method cannot be taken apart, or the table would be too large.
    """

    how_sure: CalibrationResult
    why: TopContributors | None

    def reasons(self, ids: Names) -> list[str] | None:
        """Write each image's largest sources as ``id share``, then the shares of all else."""
        if self.why is None:
            return None
        why = self.why
        others = {OPINIONS: why.opinions.tolist(), FAR: why.far.tolist()}
        told = []
        for row, pair in enumerate(zip(why.images.tolist(), why.shares.tolist(), strict=True)):
            parts = [(ids[i], share) for i, share in zip(*pair, strict=True) if i >= 0]
            parts += [(name, shares[row]) for name, shares in others.items() if shares[row] > 0]
            told.append("; ".join(f"{name} {share:.3f}" for name, share in parts))
        return told


def calibrated_predictions(
    trusted: CalibratedLabels, labeled: LabeledImages, experiment: Experiment
) -> Predictions:
    """Join the calibrated probabilities of pool and test; those without evidence stay as they are.

    The most probable class of each is the best guess where as many images as possible should be
    right: the class shares that were told, or else estimated, are in it.
    """
    new = labeled.new.copy()
    if trusted.how_sure.n_labels and labeled.new_reached.any():
        reached = labeled.new_reached
        new[reached] = trusted.how_sure.calibration.apply(new[reached])
    return Predictions(
        "calibrated",
        all_ids(experiment),
        np.concatenate([trusted.how_sure.probabilities, new]),
        np.concatenate([labeled.propagation.reached, labeled.new_reached]),
    )


def calibrate_labels(
    context: Context, graph_data: StoredGraphData, labeled: LabeledImages
) -> CalibratedLabels:
    """Calibrate what was found for the pool, and keep what explanations need."""
    stages, experiment, settings = context.stages, context.experiment, context.stages.settings
    method = make_method(labeled.chosen, alpha=settings.alpha)
    problem = Problem(
        graph_data.data, experiment.labels, experiment.n_classes, class_priors=labeled.class_priors
    )
    sure = stages.timed(
        "calibration",
        lambda: calibrate(
            labeled.propagation,
            labeled.held_out,
            class_priors=problem.class_priors,
            groups=experiment.pool.groups,
            random_state=settings.random_state,
        ),
    )
    labeling = Labeling(
        labeled.propagation,
        labeled.new,
        labeled.new_reached,
        method,
        start=labeled.start,
        alpha=labeled.alpha,
        prior_propagation_share=labeled.prior_propagation_share,
    )
    folder = stages.cache.folder.parent
    stated = sure.probabilities if sure.n_labels else None
    name = labeled.chosen if settings.method == "auto" else settings.method
    why = stages.timed(
        "reasons",
        lambda: save_explanation(folder, experiment.pool, problem, labeling, name, stated),
    )
    return CalibratedLabels(sure, why)
