"""The stage that labels every image by the method of the settings."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voisin.labeling.class_prior_estimation import (
    ClassPriorEstimate,
    parse_class_priors,
    resolve_class_priors,
)
from voisin.labeling.cross_validation import cross_fit
from voisin.labeling.registry import make_method, name_of
from voisin.pipeline.context import Context, StoredGraphData
from voisin.pipeline.stages import capture_warnings
from voisin.project.cache import hash_of
from voisin.types import HeldOut, Labeling, Propagation


@dataclass(frozen=True, eq=False)
class LabeledImages:
    """The labels found for the images of pool and test, and how they were found.

    Attributes
    ----------
    labeling : Labeling
    method : str
        Name of the method that found the labels; another than asked for where that chooses.
    held_out : HeldOut
        Out-of-fold probabilities of the labeled images.
    class_priors : array of shape (n_classes,), optional
        Class priors used; None if calibration is to estimate them.
    estimate : ClassPriorEstimate, optional
        Given if the priors were estimated.
    notes : tuple of str
        Warnings that the user got.
    """

    labeling: Labeling
    method: str
    held_out: HeldOut
    class_priors: NDArray[np.float64] | None = None
    estimate: ClassPriorEstimate | None = None
    notes: tuple[str, ...] = ()

    @property
    def propagation(self) -> Propagation:
        """What was found for the pool."""
        return self.labeling.propagation


def label_images(context: Context, graph_data: StoredGraphData) -> LabeledImages:
    """Label pool and test, and find out-of-fold probabilities of the labeled images."""
    stages, experiment = context.stages, context.experiment
    settings = stages.settings
    method = make_method(settings.method, alpha=settings.alpha)
    way, given = parse_class_priors(settings.class_priors, experiment.pool.class_names)
    problem = context.problem(graph_data)

    def compute(_: Path) -> LabeledImages:
        with capture_warnings() as notes:
            priors, estimate = resolve_class_priors(way, problem, given)
        under_priors = replace(problem, class_priors=priors)
        labeling = method.label(under_priors)
        held_out = cross_fit(labeling.method, under_priors, progress=stages.progress)
        name = name_of(labeling.method)
        return LabeledImages(labeling, name, held_out, priors, estimate, tuple(notes))

    inputs = {
        "data": graph_data.key,
        "labels": hash_of(experiment.labels),
        "folds": [hash_of(fold.held_out) for fold in problem.folds],
        "method": repr(method),
        "class_priors": settings.class_priors,
        "random_state": settings.random_state,
    }
    labeled, _ = stages.recall("labeling", inputs, compute, LabeledImages)
    method = make_method(labeled.method, alpha=settings.alpha)
    return replace(labeled, labeling=replace(labeled.labeling, method=method))


def describe_estimate(estimate: ClassPriorEstimate, class_names: tuple[str, ...]) -> str:
    """Write the estimated class priors and their intervals in one line."""
    each = zip(class_names, estimate.class_priors, estimate.low, estimate.high, strict=True)
    classes = ", ".join(f"{name} {p:.0%} ({low:.0%} to {high:.0%})" for name, p, low, high in each)
    return f"Estimated class priors, with 95 % intervals: {classes}"
