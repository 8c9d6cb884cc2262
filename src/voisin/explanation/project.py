"""Explain labels of a finished run, from the linear system that is saved when the run ends."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voisin.errors import InputError, VoisinError
from voisin.explanation.attribution import (
    Attribution,
    TopContributors,
    attribute,
    table_is_cheap,
    top_contributors,
)
from voisin.explanation.linear_system import LinearSystem, linear_system_of, no_weighted_sum
from voisin.explanation.page import (
    CLASS_PRIORS,
    CLASSIFIER,
    Explanation,
    render_explanation,
)
from voisin.neighbors.graph import find_components
from voisin.project.finished_run import FinishedRun
from voisin.report.language import choose_language
from voisin.types import UNLABELED, Labeling, Labels, Names, Problem
from voisin.validation import did_you_mean
from voisin.writing import write_atomically

SYSTEM = "linear_system"  # the folder of a project that holds its `StoredSystem`


@dataclass(frozen=True, eq=False)
class StoredSystem:
    """The scores of a run as a linear system, or the reason why they are none.

    Attributes
    ----------
    method : str
        The method that found the labels; for ``auto``, the method that it chose.
    system : LinearSystem, optional
        None where the method's scores are no weighted sum of labels.
    """

    method: str
    system: LinearSystem | None


def take_apart(
    labeling: Labeling, problem: Problem, method: str, found: Labels
) -> tuple[StoredSystem, TopContributors | None]:
    """Write the scores of a labeling as a linear system, and find what the labels found come from.

    The table of all contributions is computed only if it has at most 200 million entries. If not,
    there are no main contributors, and each explanation solves an equation of its own.
    """
    try:
        system = linear_system_of(labeling, problem)
    except InputError:
        return StoredSystem(method, None), None
    if not table_is_cheap(len(system.labels), len(system.labeled)):
        return StoredSystem(method, system), None
    system = system.with_contributions()
    assigned = np.where(system.labels >= 0, system.labels, found)
    return StoredSystem(method, system), top_contributors(system, assigned)


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
    """Explain the label of an image of the pool, by its id or its position.

    Raises
    ------
    InputError
        If there is no such image, or the method's scores are no weighted sum of labels.
    """
    if stored.system is None:
        raise no_weighted_sum(stored.method)
    result = run.result
    position = _position(result.ids, image) if isinstance(image, str) else int(image)
    assigned = int(result.assigned[position]) if 0 <= position < len(result.ids) else UNLABELED
    attribution = attribute(stored.system, position, label=assigned, n_paths=n_paths)
    stated = np.asarray(result.stated[position]) if result.is_calibrated else None
    if assigned == UNLABELED or result.labels[position] != UNLABELED:
        stated = None  # only images without a given label have an estimated probability
    return Explanation(
        attribution,
        result.ids,
        result.labels,
        result.class_names,
        stored.method,
        stated,
        reached=_is_reached(stored.system, attribution, position),
    )


def write_explanation(
    run: FinishedRun, explanation: Explanation, page: Path | None = None
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
    images, missing = None, ""
    try:
        images = run.images
    except VoisinError as error:
        missing = str(error).rstrip(".")
    page = page or run.folder / "explanations" / explanation.file_name
    language = choose_language(run.settings["language"])
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(page) as partial:
            html = render_explanation(explanation, images, missing, language)
            partial.write_text(html, encoding="utf-8")
    except OSError as error:
        message = f"{page} cannot be written ({error.strerror}): pass another --picture."
        raise InputError(message) from error
    return page, missing


def _position(ids: Names, name: str) -> int:
    positions = np.flatnonzero(ids == name)
    if not len(positions):
        message = (
            f"There is no image {name!r} in the graph.{did_you_mean(name, ids.tolist())} "
            "Ids are those of labels.csv."
        )
        raise InputError(message)
    return int(positions[0])


def _is_reached(system: LinearSystem, attribution: Attribution, position: int) -> bool:
    """Tell whether a path leads to a labeled image, of these two classes or of any other."""
    classes = (attribution.predicted, attribution.runner_up)
    if any(len(account.contributors) for account in classes if account is not None):
        return True
    return bool(find_components(system.transition).reached(system.labels)[position])
