"""The stages of trust: probabilities calibrated by labels held out in turn, and reasons."""

from dataclasses import dataclass

import numpy as np

from voisin.labeling import make_method
from voisin.pipeline.explaining import keep_evidence
from voisin.pipeline.labeling import Labeled
from voisin.pipeline.stages import ids_of
from voisin.pipeline.task import Task
from voisin.pipeline.views import Sight, Viewpoint
from voisin.report.reasons import FAR, OPINIONS
from voisin.trust.calibrating import HowSure, calibrate
from voisin.trust.sources import TopSources
from voisin.types import Labeling, Names, Predictions, Problem


@dataclass(frozen=True, eq=False)
class Trust:
    """How sure the labels of the pool are, and why.

    Attributes
    ----------
    how_sure : HowSure
    why : TopSources, optional
        None where the method cannot be taken apart, or the table would be too large.
    """

    how_sure: HowSure
    why: TopSources | None

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


def calibrated(trusted: Trust, labeled: Labeled, task: Task) -> Predictions:
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
        ids_of(task),
        np.concatenate([trusted.how_sure.probabilities, new]),
        np.concatenate([labeled.propagation.reached, labeled.new_reached]),
    )


def trust(viewpoint: Viewpoint, sight: Sight, labeled: Labeled) -> Trust:
    """Calibrate what was found for the pool, and keep what explanations need."""
    stages, task, settings = viewpoint.stages, viewpoint.task, viewpoint.stages.settings
    method = make_method(labeled.chosen, alpha=settings.alpha)
    problem = Problem(sight.view, task.labels, task.n_classes, class_shares=labeled.class_shares)
    sure = stages.timed(
        "calibration",
        lambda: calibrate(
            labeled.propagation,
            labeled.held_out,
            shares=problem.class_shares,
            groups=task.pool.groups,
            random_state=settings.random_state,
        ),
    )
    labeling = Labeling(
        labeled.propagation, labeled.new, labeled.new_reached, method,
        start=labeled.start, alpha=labeled.alpha, far_share=labeled.far_share,
    )  # fmt: skip
    folder = stages.cache.folder.parent
    stated = sure.probabilities if sure.n_labels else None
    name = labeled.chosen if settings.method == "auto" else settings.method
    why = stages.timed(
        "reasons",
        lambda: keep_evidence(folder, task.pool, problem, labeling, name, stated),
    )
    return Trust(sure, why)
