"""The stage that labels every image: by the method of the settings, kept like any stage."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voisin.calibration.prior_shift import BALANCING_POWER, shift_priors
from voisin.labeling.class_prior_estimation import (
    ClassPriorEstimate,
    parse_class_priors,
    resolve_class_priors,
)
from voisin.labeling.cross_validation import cross_fit
from voisin.labeling.registry import make_method, name_of
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.experiment import Experiment, capture_warnings
from voisin.pipeline.stages import all_ids
from voisin.project.cache import Arrays, hash_of
from voisin.types import HeldOut, Predictions, Probabilities, Propagation

ESTIMATED = "Estimated class shares"
_HELD_OUT = "held_out_"  # names the arrays of what was said without the labels


@dataclass(frozen=True, eq=False)
class LabeledImages:
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
    prior_propagation_share : float
    chosen : str
        Name of the method that found them; another than asked for where that chooses.
    held_out : HeldOut
        What was said of labeled images without their labels.
    class_priors : array of shape (n_classes,), optional
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
    prior_propagation_share: float
    chosen: str
    held_out: HeldOut
    class_priors: NDArray[np.float64] | None
    remarks: tuple[str, ...]

    def predictions(self, experiment: Experiment) -> tuple[Predictions, ...]:
        """Join what was found for pool and test; under class shares, balanced again beside it."""
        found = self.propagation
        probabilities = np.concatenate([found.probabilities, self.new])
        reached = np.concatenate([found.reached, self.new_reached])
        ids = all_ids(experiment)
        propagated = Predictions("propagated", ids, probabilities, reached)
        if self.class_priors is None:
            return (propagated,)
        balanced = shift_priors(probabilities, old=self.class_priors, power=BALANCING_POWER)
        return propagated, Predictions("balanced", ids, balanced, reached)


def label_images(context: Context, graph_data: StoredGraphData) -> LabeledImages:
    """Label pool and test from what is seen, and the labeled images without their labels."""
    stages, experiment = context.stages, context.experiment
    method = make_method(stages.settings.method, alpha=stages.settings.alpha)
    way, given = parse_class_priors(stages.settings.class_priors, experiment.pool.class_names)
    problem = context.problem(graph_data)

    def compute(_: Path) -> dict[str, Any]:
        with capture_warnings() as notes:
            shares, estimate = resolve_class_priors(way, problem, given)
        stated = replace(problem, class_priors=shares)
        found = method.label(stated)
        held_out = cross_fit(found.method, stated, progress=stages.progress)
        arrays = {
            **vars(found.propagation),
            "new": found.new,
            "new_reached": found.new_reached,
            "reason": found.reason,
            "prior_propagation_share": found.prior_propagation_share,
            "chosen": name_of(found.method),
            "remarks": np.array([*_tell(estimate, experiment), *notes], dtype=np.str_),
            **{f"{_HELD_OUT}{name}": value for name, value in vars(held_out).items()},
        }
        if shares is not None:
            arrays["class_priors"] = shares
        if found.start is not None and found.alpha is not None:
            arrays |= {"start": found.start, "alpha": found.alpha}
        return arrays

    inputs = {
        "view": graph_data.key,
        "labels": hash_of(experiment.labels),
        "groups": None if experiment.pool.groups is None else hash_of(experiment.pool.groups),
        "method": repr(method),
        "told_apart": [
            "start",
            "prior_propagation_share",
        ],  # results that lack them are none of this stage
        "class_priors": stages.settings.class_priors,
        "random_state": stages.settings.random_state,
    }
    arrays, _ = stages.recall("labeling", inputs, compute)
    return _from_arrays(arrays)


def _tell(estimate: ClassPriorEstimate | None, experiment: Experiment) -> list[str]:
    """Say what was estimated of the class shares."""
    if estimate is None:
        return []
    each = zip(
        experiment.pool.class_names, estimate.class_priors, estimate.low, estimate.high, strict=True
    )
    told = ", ".join(f"{name} {s:.0%} ({low:.0%} to {high:.0%})" for name, s, low, high in each)
    return [f"{ESTIMATED}, with 95 % intervals: {told}"]


def _from_arrays(arrays: Arrays) -> LabeledImages:
    return LabeledImages(
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
        prior_propagation_share=float(arrays["prior_propagation_share"]),
        chosen=str(arrays["chosen"]),
        held_out=HeldOut(
            **{
                name.removeprefix(_HELD_OUT): np.asarray(value)
                for name, value in arrays.items()
                if name.startswith(_HELD_OUT)
            }
        ),
        class_priors=arrays.get("class_priors"),
        remarks=tuple(arrays["remarks"].tolist()),
    )
