"""The stage that labels every image: by the method of the settings, kept like any stage."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.labeling import make_method
from voisin.labeling.class_shares import (
    SharesEstimate,
    parse_class_shares,
    resolve_class_shares,
)
from voisin.labeling.cross_fitting import HeldOut, cross_fit
from voisin.labeling.decisions import BALANCED, even_out
from voisin.labeling.registry import name_of
from voisin.pipeline.stages import ids_of
from voisin.pipeline.task import Task, noting_warnings
from voisin.pipeline.views import Sight, Viewpoint
from voisin.project.cache import Arrays, hash_of
from voisin.types import Predictions, Probabilities, Propagation

ESTIMATED = "Estimated class shares"
_HELD_OUT = "held_out_"  # names the arrays of what was said without the labels


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
    far_share : float
    chosen : str
        Name of the method that found them; another than asked for where that chooses.
    held_out : HeldOut
        What was said of labeled images without their labels.
    class_shares : array of shape (n_classes,), optional
        Those that the labels were found under; None where all classes count the same.
    remarks : tuple of str
        What was estimated of the shares, and how far to believe it.
    """

    propagation: Propagation
    new: Probabilities
    new_reached: NDArray[np.bool_]
    reason: str
    start: Probabilities | None
    alpha: float | None
    far_share: float
    chosen: str
    held_out: HeldOut
    class_shares: NDArray[np.float64] | None
    remarks: tuple[str, ...]

    def predictions(self, task: Task) -> tuple[Predictions, ...]:
        """Join what was found for pool and test; under class shares, balanced again beside it."""
        found = self.propagation
        probabilities = np.concatenate([found.probabilities, self.new])
        reached = np.concatenate([found.reached, self.new_reached])
        ids = ids_of(task)
        propagated = Predictions("propagated", ids, probabilities, reached)
        if self.class_shares is None:
            return (propagated,)
        balanced = even_out(probabilities, self.class_shares, BALANCED)
        return propagated, Predictions("balanced", ids, balanced, reached)


def label(viewpoint: Viewpoint, sight: Sight) -> Labeled:
    """Label pool and test from what is seen, and the labeled images without their labels."""
    stages, task = viewpoint.stages, viewpoint.task
    method = make_method(stages.settings.method, alpha=stages.settings.alpha)
    way, given = parse_class_shares(stages.settings.class_shares, task.pool.class_names)
    problem = viewpoint.problem(sight)

    def compute(_: Path) -> dict[str, Any]:
        with noting_warnings() as notes:
            shares, estimate = resolve_class_shares(way, problem, given)
        stated = replace(problem, class_shares=shares)
        found = method.label(stated)
        held_out = cross_fit(found.method, stated, progress=stages.progress)
        arrays = {
            **vars(found.propagation),
            "new": found.new,
            "new_reached": found.new_reached,
            "reason": found.reason,
            "far_share": found.far_share,
            "chosen": name_of(found.method),
            "remarks": np.array([*_tell(estimate, task), *notes], dtype=np.str_),
            **{f"{_HELD_OUT}{name}": value for name, value in vars(held_out).items()},
        }
        if shares is not None:
            arrays["class_shares"] = shares
        if found.start is not None and found.alpha is not None:
            arrays |= {"start": found.start, "alpha": found.alpha}
        return arrays

    inputs = {
        "view": sight.key,
        "labels": hash_of(task.labels),
        "groups": None if task.pool.groups is None else hash_of(task.pool.groups),
        "method": repr(method),
        "told_apart": ["start", "far_share"],  # results that lack them are none of this stage
        "class_shares": stages.settings.class_shares,
        "random_state": stages.settings.random_state,
    }
    arrays, _ = stages.recall("labeling", inputs, compute)
    return _from_arrays(arrays)


def _tell(estimate: SharesEstimate | None, task: Task) -> list[str]:
    """Say what was estimated of the class shares."""
    if estimate is None:
        return []
    each = zip(task.pool.class_names, estimate.shares, estimate.low, estimate.high, strict=True)
    told = ", ".join(f"{name} {s:.0%} ({low:.0%} to {high:.0%})" for name, s, low, high in each)
    return [f"{ESTIMATED}, with 95 % intervals: {told}"]


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
        far_share=float(arrays["far_share"]),
        chosen=str(arrays["chosen"]),
        held_out=HeldOut(
            **{
                name.removeprefix(_HELD_OUT): np.asarray(value)
                for name, value in arrays.items()
                if name.startswith(_HELD_OUT)
            }
        ),
        class_shares=arrays.get("class_shares"),
        remarks=tuple(arrays["remarks"].tolist()),
    )
