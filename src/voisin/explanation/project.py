"""Explain labels of a finished run, from the linear system that is saved when the run ends."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voisin.errors import InputError
from voisin.explanation.attribution import (
    TopContributors,
    table_is_cheap,
    top_contributors,
)
from voisin.explanation.evidence import DualClassifier, Evidence
from voisin.explanation.linear_system import LinearSystem, linear_system_of
from voisin.explanation.page import (
    CLASS_PRIORS,
    CLASSIFIER,
    Explanation,
    render_explanation,
)
from voisin.neighbors.search import query_neighbors
from voisin.project.finished_run import FinishedRun, RunResult
from voisin.report.language import choose_language
from voisin.types import UNLABELED, Labeling, Labels, Names, Problem
from voisin.validation import did_you_mean
from voisin.writing import write_atomically

SYSTEM = "linear_system"  # the folder of a project that holds its `StoredSystem`


@dataclass(frozen=True, eq=False)
class StoredSystem:
    """How the scores of a run came about, as far as they can be taken apart.

    Attributes
    ----------
    method : str
        The method that found the labels; for ``auto``, the method that it chose.
    system : LinearSystem, optional
        None where the scores solve no linear system of the graph.
    classifier : DualClassifier, optional
        None where the method has no classifier.
    """

    FORMAT = 2

    method: str
    system: LinearSystem | None
    classifier: DualClassifier | None = None


def take_apart(
    labeling: Labeling, problem: Problem, method: str, found: Labels
) -> tuple[StoredSystem, TopContributors | None]:
    """Write the scores of a labeling as a linear system, and find what the labels found come from.

    The table of all contributions is computed only if it has at most 200 million entries. If not,
    there are no main contributors, and each explanation solves an equation of its own.
    """
    system = linear_system_of(labeling, problem)
    classifier = DualClassifier.of(labeling, problem.data.embeddings)
    if system is None or not table_is_cheap(len(system.labels), len(system.labeled)):
        return StoredSystem(method, system, classifier), None
    system = system.with_contributions()
    assigned = np.where(system.labels >= 0, system.labels, found)
    return StoredSystem(method, system, classifier), top_contributors(system, assigned)


def describe_contributors(contributors: TopContributors, ids: Names) -> list[str]:
    """Write each image's main contributors as ``id share``, then classifier and class priors."""
    others = {
        CLASSIFIER: contributors.classifier_shares.tolist(),
        CLASS_PRIORS: contributors.class_prior_shares.tolist(),
    }
    pairs = zip(contributors.images.tolist(), contributors.shares.tolist(), strict=True)
    lines = []
    for row, pair in enumerate(pairs):
        parts = [(ids[i], share) for i, share in zip(*pair, strict=True) if i >= 0]
        parts += [(name, shares[row]) for name, shares in others.items() if shares[row] > 0]
        lines.append("; ".join(f"{name} {share:.3f}" for name, share in parts))
    return lines


def explain_image(
    run: FinishedRun, stored: StoredSystem, image: int | str, *, n_paths: int = 3
) -> Explanation:
    """Explain the label of an image of the pool, by its id or its position; or of a test image.

    Raises
    ------
    InputError
        If there is no such image.
    """
    result = run.result
    metric, n_pool = str(run.settings["metric"]), len(result.ids)
    position = _position(result, image)
    evidence = Evidence(
        stored.method,
        stored.system,
        stored.classifier,
        result.affinity,
        result.embeddings,
        result.labels,
        result.propagation.probabilities,
        metric,
    )
    if position < n_pool:
        label, reached = int(result.assigned[position]), bool(result.linked[position])
        stated = np.asarray(result.stated[position])
        attribution = evidence.attribute(position, label=label, n_paths=n_paths)
    else:
        vector = np.asarray(result.test_embeddings[position - n_pool])
        n_neighbors = min(int(run.settings["n_neighbors"]), n_pool - 1)
        near = query_neighbors(vector[None], result.embeddings, n_neighbors, metric=metric)
        (stated,), (answered,) = result.state(vector[None], near)
        label = int(result.decision.apply(stated[None])[0]) if answered else UNLABELED
        reached = bool(result.linked[near.indices].any())
        attribution = evidence.attribute_new(position, vector, near, result.rule_for_new, label)
    ids = np.concatenate([result.ids, result.test_ids])
    labels = np.concatenate([result.labels, np.full(len(result.test_ids), UNLABELED)])
    # Only images without a given label have an estimated probability.
    is_stated = result.is_calibrated and label != UNLABELED and labels[position] == UNLABELED
    return Explanation(
        attribution,
        ids,
        labels,
        result.class_names,
        stored.method,
        stated if is_stated else None,
        reached=reached,
        in_graph=position < n_pool,
        metric=metric,
        open_images=lambda: run.images if position < n_pool else run.open_pictures(ids),
        language=choose_language(run.settings["language"]),
    )


def write_explanation(
    run: FinishedRun, explanation: Explanation, picture: Path | None = None
) -> tuple[Path, str]:
    """Write an explanation as a page, by default into the run's folder.

    Returns
    -------
    page : Path
    missing : str
        Why the page has no pictures; empty if it has.

    Raises
    ------
    InputError
        If the page cannot be written there.
    """
    images, missing = explanation.pictures()
    page = picture or run.folder / "explanations" / explanation.file_name
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(page) as partial:
            html = render_explanation(explanation, images, missing)
            partial.write_text(html, encoding="utf-8")
    except OSError as error:
        message = f"{page} cannot be written ({error.strerror}): pass another `picture`."
        raise InputError(message) from error
    return page, missing


def _position(result: RunResult, image: int | str) -> int:
    """Return the position of an image among those of the pool, followed by the test images.

    An image has its number, its id, or, where that is one image's alone, the end of its id after a
    slash, as a file name is, or a path that ends with its id, as a shell completes it.
    """
    ids = np.concatenate([result.ids, result.test_ids])
    if not isinstance(image, str):
        if not 0 <= image < len(ids):
            message = f"There is no image {image}: they are numbered from 0 to {len(ids) - 1}."
            raise InputError(message)
        return int(image)
    positions = np.flatnonzero(ids == image)
    if not len(positions):
        named = [id_.endswith(f"/{image}") or image.endswith(f"/{id_}") for id_ in ids.tolist()]
        positions = np.flatnonzero(named)
    if len(positions) != 1:
        message = (
            f"There is no image {image!r} in this run.{did_you_mean(image, ids.tolist())} "
            "Ids are those of labels.csv, and of test images."
        )
        raise InputError(message)
    return int(positions[0])
