"""The stages of trust: labels held out in turn, probabilities calibrated by them, and reasons."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voisin.labeling import make_method
from voisin.labeling.cross_fitting import HeldOut, cross_fit
from voisin.pipeline.explaining import keep_evidence
from voisin.pipeline.labeling import Labeled
from voisin.pipeline.views import Sight, Viewpoint
from voisin.project.cache import hash_of
from voisin.trust.calibrating import HowSure, calibrate
from voisin.trust.sources import TopSources
from voisin.types import Labeling, Names


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
        """Write each image's largest sources as ``id share``; empty without any."""
        if self.why is None:
            return None
        pairs = zip(self.why.images.tolist(), self.why.shares.tolist(), strict=True)
        return [
            "; ".join(f"{ids[i]} {s:.3f}" for i, s in zip(*pair, strict=True) if i >= 0)
            for pair in pairs
        ]


def trust(viewpoint: Viewpoint, sight: Sight, labeled: Labeled) -> Trust:
    """Calibrate what was found for the pool, and keep what explanations need."""
    stages, task, settings = viewpoint.stages, viewpoint.task, viewpoint.stages.settings
    method = make_method(settings.method, alpha=settings.alpha)
    problem = viewpoint.problem(sight)

    def compute(_: Path) -> dict[str, Any]:
        return vars(cross_fit(method, problem, progress=stages.progress))

    inputs = {
        "view": sight.key,
        "labels": hash_of(task.labels),
        "folds": [hash_of(fold.held_out) for fold in problem.folds],
        "method": repr(method),
        "random_state": settings.random_state,
    }
    arrays, _ = stages.recall("held-out", inputs, compute)
    held_out = HeldOut(**{name: np.asarray(value) for name, value in arrays.items()})
    sure = stages.timed(
        "calibration",
        lambda: calibrate(
            labeled.propagation,
            held_out,
            shares=problem.class_shares,
            groups=task.pool.groups,
            random_state=settings.random_state,
        ),
    )
    labeling = Labeling(
        labeled.propagation, labeled.new, labeled.new_reached, method,
        start=labeled.start, alpha=labeled.alpha,
    )  # fmt: skip
    folder = stages.cache.folder.parent
    why = stages.timed(
        "reasons",
        lambda: keep_evidence(
            folder, task.pool, problem, labeling, settings.method, sure.probabilities
        ),
    )
    return Trust(sure, why)
