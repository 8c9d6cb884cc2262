"""Compare labeling methods on the same draws of labels: `voisin.compare`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from voisin.comparison.executor import run_trials
from voisin.comparison.outputs import Comparison, write_comparison
from voisin.comparison.trials import Trials, draw_all
from voisin.embedding.specification import AUTO
from voisin.errors import InputError, MissingDependencyError
from voisin.labeling.peers.registry import PEERS
from voisin.labeling.registry import METHODS
from voisin.pipeline.context import Context
from voisin.pipeline.messages import log_source
from voisin.pipeline.prepare import make_settings, open_source, warn_of_alpha
from voisin.pipeline.stages import Stages, capture_warnings
from voisin.progress import show_progress
from voisin.project.folder import Project
from voisin.types import AskedProgress, ImageCollection
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
    progress: AskedProgress = None,
    log: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Comparison:
    """Compare labeling methods on the same draws of labels.

    Each draw hides all labels but a few of each class. Every method gets the same few labels, the
    same vectors and the same graph, and is judged on the hidden labels and on the test images.
    Networks that learn from labels are trained again in each draw, from that draw's
    labels alone. Finished trials are kept in ``out/cache``: after an interruption, the same call
    computes only what is missing.

    Parameters
    ----------
    source : str, Path or ImageCollection
        Anything `open_images` opens, or what it returned.
    out : str or Path
        Folder of the comparison; it is created if it does not exist.
    draws : int, default=20
        Draw d has the seed ``random_state + d``; a smaller draw is part of a larger one. Networks
        and folds have the seed ``random_state``, so that label-free networks are trained once.
    labels_per_class : sequence of int, default=(50,)
        The numbers of labels per class; all draws are repeated for each of them.
    methods : sequence of str, optional
        Names in `METHODS` and `PEERS` of the registries of `voisin.labeling`; by default all whose
        library is installed.
    jobs : int, default=1
        Number of processes; they share the cores.
    opening : mapping, optional
        Options of `open_images`, if `source` is not an ImageCollection yet.
    progress : callable or bool, optional
        Called as ``progress(task, done, total)``. By default, progress is shown in a terminal and
        in a notebook; True shows it elsewhere, too, False nowhere.
    log : callable, optional
        Called with lines of text about the source, the draws and the methods.
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
        If PyTorch, or the library of a method in `methods`, is not installed.
    """
    check_count("draws", draws, 1)
    check_count("jobs", jobs, 1)
    numbers = _check_labels_per_class(labels_per_class)
    names, left_out = choose_methods(methods)
    # each draw trains its networks anew, so that ``auto`` is the embedding that trains least
    decided = {"labels_per_class": max(numbers), "ceiling": False, "effort": "quick"}
    settings = make_settings({**options, **decided})
    check_installed("A comparison", ["torch"], "torch")
    project = Project(Path(out))
    with show_progress(progress) as shown:
        with capture_warnings() as notes:
            warn_of_alpha(settings, names)
            images, origin = open_source(source, dict(opening or {}), shown)
        log_source(images, log)
        for line in left_out.values():
            log(f"  left out {line}")
        with project.locked() as cache:
            context = Context.of(Stages(cache, settings, shown, lambda _: None), images, notes)
            all_draws = draw_all(context, draws, numbers)
            counts = " / ".join(f"{draw.n_labels:,}" for draw in all_draws[::draws])
            n_images = len(context.experiment.pool)
            if settings.embedding == AUTO:
                log(
                    f"Embedding: {context.stages.settings.embedding}, as in a run with --effort "
                    "quick, since each draw trains its networks anew"
                )
            log(f"{draws} draws of {counts} labels among {n_images:,} images")
            run_trials(context, images, all_draws, names, jobs=jobs)
            trials, notes_by_method = Trials(context).collect(all_draws, names)
            comparison = Comparison(project.folder, trials, left_out, notes_by_method)
            write_comparison(project, images, context, comparison)
            chosen = {"draws": draws, "compared_labels_per_class": ", ".join(map(str, numbers))}
            project.write_settings({**origin, **settings.as_dict(), **chosen})
    return comparison


def _check_labels_per_class(labels_per_class: Any) -> tuple[int, ...]:
    if not isinstance(labels_per_class, Sequence):
        message = (
            f"`labels_per_class={labels_per_class}` is no sequence: pass one, such as (1, 5, 10)."
        )
        raise InputError(message)
    for number in labels_per_class:
        check_count("labels_per_class", number, 1)
    if not labels_per_class:
        message = "`labels_per_class` is empty: pass at least one number, such as (1, 5, 10)."
        raise InputError(message)
    return tuple(sorted(set(labels_per_class)))


def choose_methods(names: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Choose the methods to compare: by default, every method whose library is installed.

    Parameters
    ----------
    names : sequence of str, optional

    Returns
    -------
    names : tuple of str
    left_out : dict of str to str
        Methods whose library is not installed, each with the message that says how to get it.

    Raises
    ------
    InputError
        If a name is unknown, or fewer than two methods are left.
    MissingDependencyError
        If `names` has a method whose library is not installed.

    Examples
    --------
    >>> choose_methods(["spreading", "poisson", "spreading"])
    (('spreading', 'poisson'), {})
    """
    known = (*METHODS, *PEERS)
    left_out = {name: peer.missing for name, peer in PEERS.items() if peer.missing}
    chosen = dict.fromkeys(known if names is None else names)
    for name in chosen:
        if name not in known:
            message = f"{name!r} is no method: choose among {', '.join(known)}."
            raise InputError(message)
        if names is not None and name in left_out:
            message = f"{name}: {left_out[name]}"
            raise MissingDependencyError(message)
    if names is not None:
        left_out = {}
    kept = tuple(name for name in chosen if name not in left_out)
    if len(kept) < 2:
        message = f"Only {len(kept)} method to compare: name two or more, or none for all."
        raise InputError(message)
    return kept, left_out
