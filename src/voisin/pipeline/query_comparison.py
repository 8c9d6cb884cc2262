"""Query strategies side by side, on the same first labels and the same answers."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from voisin.errors import InputError
from voisin.evaluation.savings import savings
from voisin.labeling import METHODS
from voisin.pipeline.compared import QueryComparison
from voisin.pipeline.preparing import make_settings, open_source, prepare
from voisin.pipeline.query_outputs import write_query_comparison
from voisin.pipeline.query_starts import Schedule, Start
from voisin.pipeline.query_trials import BASELINE, QueryTrials, choose_strategies
from voisin.pipeline.stages import Stages
from voisin.pipeline.telling import tell_source
from voisin.pipeline.trying import try_all
from voisin.pipeline.views import Viewpoint, learns_from_labels
from voisin.project.folder import Project
from voisin.types import ImageCollection, Progress, no_progress
from voisin.validation import check_count, check_in_open_interval, check_installed, check_one_of

_TASK = "Following strategies"


def compare_queries(
    source: str | Path | ImageCollection,
    out: str | Path,
    *,
    draws: int = 20,
    labels_per_class: Sequence[int] = (2, 50),
    batch: int | None = None,
    strategies: Sequence[str] | None = None,
    method: str = "consensus",
    jobs: int = 1,
    opening: Mapping[str, Any] | None = None,
    progress: Progress = no_progress,
    announce: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> QueryComparison:
    """Compare ways to choose which images to label next.

    Each draw sets a share of each class apart, whole groups of it, and draws a few labels among
    the others. From these labels every strategy asks, a batch at a time; the answers are the
    source's labels, the same method labels all images after each batch, and is judged on the
    images set apart. Of a group only one image may be asked for. What learns from labels learns
    again after each batch, from the labels so far alone. Finished curves are kept in
    ``out/cache``: the same call after an interruption goes on from there.

    Parameters
    ----------
    source : str, Path or ImageCollection
        Anything `open_images` opens, or what it returned. Images of the splits ``val`` and
        ``test`` are not used.
    out : str or Path
        Folder of the comparison; made if absent.
    draws : int, default=20
        Draw d is drawn by ``random_state + d``.
    labels_per_class : (int, int), default=(2, 50)
        Labels a class at the start, and on average at the end.
    batch : int, optional
        Questions between two labelings; by default two a class.
    strategies : sequence of str, optional
        Of `voisin.querying.STRATEGIES` and `voisin.querying.peers.PEERS`; by default all that are
        installed. ``random`` is always among them.
    method : str, default="consensus"
        Of `voisin.labeling.METHODS`. It holds no labels out: what it leaves open, it decides by
        its rule.
    jobs : int, default=1
        Processes, among which the cores are divided.
    opening : mapping, optional
        Options of `open_images`, where `source` is opened here.
    progress : callable, optional
    announce : callable, optional
        Told in one line a time what was understood and found.
    **options
        The fields of `Settings` other than labels and method; ``test_share`` is the share of each
        class that is set apart.

    Returns
    -------
    QueryComparison

    Raises
    ------
    InputError
        If the source, a number or a setting cannot be used, or there are too few images.
    ProjectError
        If `out` holds other files, or another run works in it.
    MissingDependencyError
        If PyTorch, or a peer asked for by name, is not installed.
    """
    check_count("draws", draws, 1)
    check_count("jobs", jobs, 1)
    check_one_of("method", method, tuple(METHODS))
    names, left_out = choose_strategies(strategies)
    share = options.get("test_share", 0.2)
    check_in_open_interval("test_share", share, 0, 1)
    schedule = _schedule(labels_per_class, batch, share)
    fixed = {"labels_per_class": schedule.start, "method": method, "ceiling": False}
    settings = make_settings({**options, **fixed, "test_share": 0.0})
    check_installed("A comparison", ["torch"], "torch")
    images, origin = open_source(source, dict(opening or {}), progress)
    tell_source(images, announce)
    if images.splits is not None:
        images = images.take(images.splits == "train")
    for line in left_out.values():
        announce(f"  left out {line}")
    project = Project(Path(out))
    with project.locked() as cache:
        viewpoint = prepare(Stages(cache, settings, progress, lambda _: None), images)
        trials = QueryTrials(viewpoint, schedule)
        plan = [trials.begin(number) for number in range(draws)]
        _tell(viewpoint, trials, plan, names, announce)
        make = partial(QueryTrials, schedule=schedule)
        try_all(make, viewpoint, images, plan, names, jobs=jobs, title=_TASK)
        curves = trials.curves(plan, names)
        saved = savings(curves.n_labels, {name: curves.of(name) for name in names}, BASELINE)
        found = QueryComparison(project.folder, curves, saved, left_out)
        write_query_comparison(project, images, viewpoint, schedule, plan, found)
        said = {"draws": draws, "test_share": schedule.apart, "labels_at_the_end": schedule.until}
        project.write_settings({**origin, **settings.as_dict(), **said})
    return found


def _schedule(labels_per_class: Sequence[int], batch: int | None, apart: float) -> Schedule:
    numbers = tuple(labels_per_class)
    if len(numbers) != 2 or not numbers[0] < numbers[1]:
        message = (
            f"labels_per_class={', '.join(map(str, numbers)) or 'nothing'}: a comparison of "
            "queries needs two numbers, at the start and at the end, such as 2,50."
        )
        raise InputError(message)
    return Schedule(numbers[0], numbers[1], batch, apart)


def _tell(
    viewpoint: Viewpoint,
    trials: QueryTrials,
    plan: Sequence[Start],
    names: Sequence[str],
    announce: Callable[[str], None],
) -> None:
    first, *_, last = trials.n_labels.tolist()
    announce(
        f"{len(plan)} draws: {first:,} to {last:,} labels by {len(names)} strategies in "
        f"{len(trials.n_labels) - 1} batches, judged on {len(plan[0].apart):,} of "
        f"{len(viewpoint.task.pool):,} images"
    )
    if learns_from_labels(viewpoint.stages.settings):
        count = len(plan) * len(names) * len(trials.n_labels)
        announce(f"  vectors are learned from labels, {count:,} times: pixels, say, are not")
