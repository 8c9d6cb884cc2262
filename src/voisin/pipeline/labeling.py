"""The stage that labels every image: by the method of the settings, kept like any stage."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.labeling import make_method
from voisin.pipeline.stages import ids_of
from voisin.pipeline.views import Sight, Viewpoint
from voisin.project.cache import Arrays, hash_of
from voisin.types import Predictions, Probabilities, Propagation


@dataclass(frozen=True, eq=False)
class Labeled:
    """What was found for the images of pool and test.

    Attributes
    ----------
    propagation : Propagation
        Of the pool.
    new : array of shape (n_test, n_classes)
    new_reached : array of shape (n_test,)
    reason : str
        What the method decided for itself, and why; may be empty.
    start : array of shape (n_pool, n_classes), optional
        What the scores come from, as `voisin.types.Labeling` says.
    alpha : float, optional
    """

    propagation: Propagation
    new: Probabilities
    new_reached: NDArray[np.bool_]
    reason: str
    start: Probabilities | None
    alpha: float | None


def label(viewpoint: Viewpoint, sight: Sight) -> Labeled:
    """Label pool and test from what is seen."""
    stages, task = viewpoint.stages, viewpoint.task
    method = make_method(stages.settings.method, alpha=stages.settings.alpha)
    problem = viewpoint.problem(sight)

    def compute(_: Path) -> dict[str, Any]:
        found = method.label(problem)
        arrays = {
            **vars(found.propagation),
            "new": found.new,
            "new_reached": found.new_reached,
            "reason": found.reason,
        }
        if found.start is not None and found.alpha is not None:
            arrays |= {"start": found.start, "alpha": found.alpha}
        return arrays

    inputs = {
        "view": sight.key,
        "labels": hash_of(task.labels),
        "groups": None if task.pool.groups is None else hash_of(task.pool.groups),
        "method": repr(method),
        "random_state": stages.settings.random_state,
    }
    arrays, _ = stages.recall("labeling", inputs, compute)
    return _from_arrays(arrays)


def predictions(labeled: Labeled, viewpoint: Viewpoint) -> Predictions:
    """Join what was found for pool and test, each row with its image's id."""
    found = labeled.propagation
    return Predictions(
        "propagated",
        ids_of(viewpoint.task),
        np.concatenate([found.probabilities, labeled.new]),
        np.concatenate([found.reached, labeled.new_reached]),
    )


def _from_arrays(arrays: Arrays) -> Labeled:
    return Labeled(
        Propagation(
            np.asarray(arrays["probabilities"]),
            np.asarray(arrays["reached"]),
            int(arrays["n_iter"]),
            float(arrays["residual"]),
            bool(arrays["converged"]),
        ),
        new=arrays["new"],
        new_reached=arrays["new_reached"],
        reason=str(arrays["reason"]),
        start=arrays.get("start"),
        alpha=float(arrays["alpha"]) if "alpha" in arrays else None,
    )
