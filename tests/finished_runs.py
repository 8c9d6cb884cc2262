"""Folders of finished runs, written without running anything."""

import numpy as np

from voisin.calibration.decision import Decision
from voisin.calibration.scaling import Calibration
from voisin.neighbors.novelty import Novelty
from voisin.project.finished_run import RESULT, RunResult
from voisin.project.folder import Project
from voisin.project.stored import save
from voisin.types import Induction, Propagation


def write_run(
    folder,
    *,
    ids,
    class_names,
    labels,
    embeddings,
    affinity,
    settings=None,
    propagation=None,
    stated=None,
    test_ids=(),
    test_embeddings=None,
    **more,
):
    """Write settings and result; by default all labels found are equally probable."""
    Project(folder).write_settings({"source": "digits", **(settings or {})})
    n_samples, n_classes = len(ids), len(class_names)
    even = np.full((n_samples, n_classes), 1 / n_classes)
    reached = np.ones(n_samples, dtype=bool)
    propagation = propagation or Propagation(even, reached, 1, 0.0, converged=True)
    result = {
        "groups": None,
        "linked": reached,
        "class_priors": None,
        "test_groups": None,
        "scores": (),
        "rounds": (),
        "is_calibrated": stated is not None,
        "decision": Decision("likeliest", np.ones(n_classes)),
        "calibration": Calibration(1.0, np.ones(n_classes), even[0]),
        "induction": Induction(0.0, neighbor_scores=even),
        "novelty": Novelty(
            1, 0.5, np.ones((1, 1), np.float32), np.ones((n_samples, 1), np.float32)
        ),
        **more,
    }
    save(
        folder / RESULT,
        RunResult(
            ids=np.asarray(ids),
            class_names=tuple(class_names),
            labels=labels,
            embeddings=embeddings,
            affinity=affinity,
            propagation=propagation,
            stated=propagation.probabilities if stated is None else stated,
            test_ids=np.asarray(test_ids, dtype=np.str_),
            test_embeddings=embeddings[:0] if test_embeddings is None else test_embeddings,
            **result,
        ),
    )
    return folder
