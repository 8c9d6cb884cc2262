"""Methods side by side on the same draws of labels, in as many processes as are given."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from voisin.comparison.choosing import choose_methods
from voisin.comparison.outputs import write_comparison
from voisin.comparison.result import Comparison
from voisin.comparison.run_trials import run_trials
from voisin.comparison.trials import Draw, Trials
from voisin.errors import InputError, InputWarning
from voisin.evaluation.significance import Trial
from voisin.pipeline.context import Context
from voisin.pipeline.messages import log_source
from voisin.pipeline.prepare import make_settings, open_source, warn_of_alpha
from voisin.pipeline.stages import Stages, capture_warnings
from voisin.project.folder import Project
from voisin.sources.few_labels import draw_labels
from voisin.types import UNLABELED, ImageCollection, Progress, no_progress
from voisin.validation import check_count, check_installed


def compare(
    source: str | Path | ImageCollection,
    out: str | Path,
    *,
    draws: int = 20,
    labels_per_class: Sequence[int] = (50,),
    methods: Sequence[str] | None = None,
    jobs: int = 1,
    opening: Mapping[str, Any] | None = None,
    progress: Progress = no_progress,
    log: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Comparison:
    """Compare ways to label on the same draws of labels.

    Each draw hides all labels but a few of each class. Every method is given the same few, the
    same vectors and the same graph, and judged on the labels that were hidden, and on the test
    images. What learns from labels learns again in each draw, from that draw's labels alone.
    Finished trials are kept in ``out/cache``: the same call after an interruption goes on from
    there.

    Parameters
    ----------
    source : str, Path or ImageCollection
        Anything `open_images` opens, or what it returned.
    out : str or Path
        Folder of the comparison; made if absent.
    draws : int, default=20
        Draw d is drawn by ``random_state + d``; fewer labels are a part of more. Networks and folds
        are drawn by ``random_state`` itself, so that what no label changes is learned once.
    labels_per_class : sequence of int, default=(50,)
        Of each of these numbers, all draws.
    methods : sequence of str, optional
        Names in `METHODS` and `PEERS` of the registries of `voisin.labeling`; by default all whose
        library is installed.
    jobs : int, default=1
        Processes, among which the cores are divided.
    opening : mapping, optional
        Options of `open_images`, where `source` is opened here.
    progress : callable, optional
    log : callable, optional
        Told in one line a time what was understood and found.
    **options
        The fields of `Settings` other than labels and method, such as ``embedding="pixels"``.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If the source, a number or a setting cannot be used.
    ProjectError
        If `out` holds other files, or another run works in it.
    MissingDependencyError
        If PyTorch, or a peer asked for by name, is not installed.
    """
    numbers = _check(draws, labels_per_class, jobs)
    names, left_out = choose_methods(methods)
    settings = make_settings({**options, "labels_per_class": max(numbers), "ceiling": False})
    check_installed("A comparison", ["torch"], "torch")
    with capture_warnings() as notes:
        warn_of_alpha(settings, names)
        images, origin = open_source(source, dict(opening or {}), progress)
    log_source(images, log)
    for line in left_out.values():
        log(f"  left out {line}")
    project = Project(Path(out))
    with project.locked() as cache:
        context = Context.of(Stages(cache, settings, progress, lambda _: None), images, notes)
        plan = _draw_all(context, draws, numbers, log)
        run_trials(context, images, plan, names, jobs=jobs)
        trials, remarks = _collect(context, plan, names)
        found = Comparison(project.folder, trials, left_out, remarks)
        write_comparison(project, images, context, found)
        said = {"draws": draws, "compared_labels_per_class": ", ".join(map(str, numbers))}
        project.write_settings({**origin, **settings.as_dict(), **said})
    return found


def _check(draws: int, labels_per_class: Any, jobs: int) -> tuple[int, ...]:
    check_count("draws", draws, 1)
    check_count("jobs", jobs, 1)
    if not isinstance(labels_per_class, Sequence):
        message = (
            f"labels_per_class={labels_per_class} is no sequence: pass one, such as (1, 5, 10)."
        )
        raise InputError(message)
    for number in labels_per_class:
        check_count("labels_per_class", number, 1)
    if not labels_per_class:
        message = "labels_per_class is empty: pass at least one number, such as (1, 5, 10)."
        raise InputError(message)
    return tuple(sorted(set(labels_per_class)))


def _draw_all(
    context: Context, draws: int, numbers: Sequence[int], log: Callable[[str], None]
) -> list[Draw]:
    """Draw every set of labels, the fewest first; what cannot be drawn is told once."""
    pool, settings = context.experiment.pool, context.stages.settings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InputWarning)
        plan = [
            Draw(
                number,
                count,
                draw_labels(
                    pool.labels,
                    labels_per_class=count,
                    groups=pool.groups,
                    class_names=pool.class_names,
                    random_state=(settings.random_state + number) % 2**32,
                ),
            )
            for count in numbers
            for number in range(draws)
        ]
    for text in dict.fromkeys(str(one.message) for one in caught):
        warnings.warn(text, InputWarning, stacklevel=3)
    known = int((pool.labels != UNLABELED).sum())
    for one in plan:
        if known == (one.labels != UNLABELED).sum() and not len(context.experiment.test):
            message = (
                f"{one.labels_per_class} labels a class are all {known} that are known: "
                "none is left to judge by."
            )
            raise InputError(message)
    counts = " / ".join(f"{(one.labels != UNLABELED).sum():,}" for one in plan[::draws])
    log(f"{draws} draws of {counts} labels among {len(pool):,} images")
    return plan


def _collect(
    context: Context, plan: Sequence[Draw], names: Sequence[str]
) -> tuple[tuple[Trial, ...], dict[str, tuple[str, ...]]]:
    trials = Trials(context)
    rows: list[Trial] = []
    reasons: dict[str, list[str]] = {name: [] for name in names}
    remarks: dict[str, list[str]] = {name: [] for name in names}
    for draw in plan:
        found, said = trials.found(draw, names)
        rows += found
        for name, (reason, *others) in said.items():
            reasons[name] += filter(None, [reason])
            remarks[name] += others
    told = {name: (*remarks[name], *reasons[name]) for name in names}
    return tuple(rows), {name: lines for name, lines in told.items() if lines}
