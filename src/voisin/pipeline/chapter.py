"""The order of the chapter: expert, embeddings, graph, spreading, retraining, verdict, report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from voisin.errors import InputError
from voisin.evaluation.scores import Scores
from voisin.evaluation.verdict import score
from voisin.neighbors.graph import find_components
from voisin.pipeline import stages as stage
from voisin.pipeline.deep_loop import LoopRound, deep_loop
from voisin.pipeline.explaining import Evidence
from voisin.pipeline.labeling import label
from voisin.pipeline.networks import retrained
from voisin.pipeline.outputs import Findings, write_outputs
from voisin.pipeline.preparing import (
    check_shares,
    make_settings,
    open_source,
    prepare,
    warn_of_alpha,
)
from voisin.pipeline.stages import Stages
from voisin.pipeline.task import Task, noting_warnings
from voisin.pipeline.telling import (
    tell_older,
    tell_scores,
    tell_source,
    tell_task,
    tell_unlinked,
)
from voisin.pipeline.trusting import calibrated, trust
from voisin.pipeline.views import Viewpoint
from voisin.project.folder import Project
from voisin.report.reasons import Reasons
from voisin.training.rounds import PseudoLabelRound
from voisin.types import ImageCollection, Labels, Predictions, Progress, Propagation, no_progress
from voisin.validation import check_installed


@dataclass(frozen=True, eq=False)
class Run:
    """What a run found, and where its files are.

    Attributes
    ----------
    folder : Path
        Holds ``report.html``, ``labels.parquet``, ``metrics.json`` and ``model.safetensors``.
    images : ImageCollection
        The pool, in the order of its ids.
    labels : array of shape (n_pool,)
        The few labels the run started from, -1 elsewhere.
    propagation : Propagation
        Of the pool's images.
    scores : tuple of Scores
        One a method and scope.
    rounds : tuple of PseudoLabelRound
    """

    folder: Path
    images: ImageCollection
    labels: Labels
    propagation: Propagation
    scores: tuple[Scores, ...]
    rounds: tuple[PseudoLabelRound, ...]

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / "report.html"

    def explain(self, image: int | str) -> Reasons:
        """Say why an image of the pool got its label, by its position or id.

        Parameters
        ----------
        image : int or str

        Returns
        -------
        Reasons
            Its ``explanation`` holds the shares; ``document()`` gives them as JSON can write them.

        Raises
        ------
        InputError
            If there is no such image, or the run's method is no weighted sum of its labels.
        """
        return self._evidence.explain(image)

    @cached_property
    def _evidence(self) -> Evidence:
        return Evidence(self.folder)

    def score_of(self, method: str, scope: str) -> Scores:
        """Return the scores of one method in one scope.

        Raises
        ------
        InputError
            If there are none; says which there are.
        """
        for one in self.scores:
            if (one.method, one.scope) == (method, scope):
                return one
        there = ", ".join(f"{one.method} on {one.scope}" for one in self.scores) or "none"
        message = f"There are no scores of {method!r} on {scope!r}; there are: {there}."
        raise InputError(message)


def run(
    source: str | Path | ImageCollection,
    out: str | Path,
    *,
    opening: Mapping[str, Any] | None = None,
    progress: Progress = no_progress,
    announce: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Run:
    """Take images and a few labels through the whole chapter.

    The expert is trained (or loaded), every image embedded, linked to its neighbors and given a
    label by spreading; a classifier is retrained on the result; all are scored side by side. What
    is finished is kept in ``out/cache``: the same call after an interruption goes on from there
    and ends with the same figures.

    Parameters
    ----------
    source : str, Path or ImageCollection
        Anything `open_images` opens, or what it returned.
    out : str or Path
        Folder of the project; made if absent.
    opening : mapping, optional
        Options of `open_images`, such as ``{"label_column": "dx"}``, where `source` is opened here.
    progress : callable, optional
    announce : callable, optional
        Told in one line a time what was understood and found.
    **options
        The fields of `Settings`, such as ``labels_per_class=50, random_state=42``.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        If the source, the labels or a setting cannot be used.
    ProjectError
        If `out` holds other files, or another run works in it.
    MissingDependencyError
        If PyTorch is not installed.
    """
    settings = make_settings(options)
    check_installed("A run", ["torch"], "torch")
    with noting_warnings() as notes:
        warn_of_alpha(settings, [settings.method])
        images, origin = open_source(source, dict(opening or {}), progress)
    tell_source(images, announce)
    project = Project(Path(out))
    with project.locked() as cache:
        stages = Stages(cache, settings, progress, announce)
        viewpoint = prepare(stages, images, notes)
        task = viewpoint.task
        tell_task(task, announce)
        check_shares(viewpoint)
        findings = _compute(viewpoint)
        scores = stages.timed("verdict", lambda: _judge(findings.predictions, task, stages))
        tell_scores(scores, announce)
        write_outputs(project, images, task, stages, replace(findings, scores=scores))
        tell_older(project.folder, announce)
        project.write_settings({**origin, **settings.as_dict()})
    return Run(
        project.folder, task.pool, task.labels, findings.propagation, scores, findings.rounds
    )


def _compute(viewpoint: Viewpoint) -> Findings:
    """Run the stages up to the predictions of every method."""
    stages, task, data_key = viewpoint.stages, viewpoint.task, viewpoint.data_key
    few, expert = viewpoint.experts()
    sight = viewpoint.sight(expert)
    labeled = label(viewpoint, sight)
    if labeled.reason:
        stages.announce(f"  {labeled.reason}")
    for remark in labeled.remarks:
        stages.announce(f"  {remark}")
    loop_rounds: tuple[LoopRound, ...] = ()
    if stages.settings.loop_rounds:
        looped = deep_loop(viewpoint, sight, labeled)
        sight, labeled, loop_rounds = looped.sight, looped.labeled, looped.rounds
        stages.announce(f"  {looped.told}")
    linked = find_components(sight.view.affinity).reached(task.labels)
    unlinked = tell_unlinked(labeled.propagation.reached, linked, stages.announce)
    trusted = trust(viewpoint, sight, labeled)
    model = retrained(stages, task, labeled.propagation, data_key)
    trained = [few, expert, model]
    if stages.settings.ceiling and _has_ceiling(task):
        trained.append(stage.ceiling(stages, task, data_key))
    by_networks = [stage.predictions(one, task) for one in trained]
    return Findings(
        predictions=(
            *by_networks[:2],
            *labeled.predictions(task),
            calibrated(trusted, labeled, task),
            *by_networks[2:],
        ),
        propagation=labeled.propagation,
        class_shares=labeled.class_shares,
        reason=labeled.reason,
        remarks=(*labeled.remarks, *unlinked),
        trust=trusted,
        embeddings=sight.view.embeddings,
        affinity=sight.view.affinity,
        linked=linked,
        test_embeddings=sight.view.new,
        recall=sight.neighbors.recall,
        rounds=tuple(PseudoLabelRound(**one) for one in expert.notes or ()),
        loop_rounds=loop_rounds,
        model=model.weights,
        architecture=model.architecture,
        scores=(),
    )


def _has_ceiling(task: Task) -> bool:
    """Tell whether there are true labels to train on, and others to test on."""
    return "test" in task.truths() and bool((task.hidden >= 0).any())


def _judge(predictions: Sequence[Predictions], task: Task, stages: Stages) -> tuple[Scores, ...]:
    """Score every method in every scope; the ceiling has seen the pool's truth, so not there."""
    pairs = [
        (scope, truth, one)
        for scope, truth in task.truths().items()
        for one in predictions
        if not (scope == "unlabeled" and one.method == "ceiling")
    ]
    scores = []
    for done, (scope, truth, one) in enumerate(pairs, start=1):
        scores.append(score(one, truth, scope=scope))
        stages.progress("Scoring", done, len(pairs))
    return tuple(scores)
