"""``voisin compare``: every method on the same draws of labels."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voisin.cli import options as option
from voisin.cli.screen import p_text, progress_bars, show_line, show_table
from voisin.errors import InputError
from voisin.labeling.peers.registry import PEERS
from voisin.labeling.registry import METHODS

if TYPE_CHECKING:
    from voisin.comparison.outputs import Comparison

_COLUMNS = ("AUC", "p", "balanced", "accuracy", "F1", "ECE", "seconds")
_FIGURES = ("balanced_accuracy", "accuracy", "macro_f1", "ece")
_ALL = ", ".join((*METHODS, *PEERS))


def compare_command(
    source: option.Source,
    out: option.Out = Path("voisin-comparison"),
    draws: Annotated[int, typer.Option(help="Draws of labels, each for every method.")] = 20,
    labels_per_class: Annotated[
        list[str] | None,
        typer.Option(help="Labels drawn of each class (50); several as 1,5,10 or by repeating."),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(help=f"By default all that are installed, of: {_ALL}. Several as a,b."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes; the cores are divided among them.")] = 1,
    random_state: option.RandomState = 0,
    size: option.Size = 28,
    test_share: option.TestShare = 0.2,
    embedding: option.Embedding = "cnn",
    embedding_size: option.EmbeddingSize = None,
    onnx_normalization: option.OnnxNormalization = "imagenet",
    orientation: option.Orientation = "upright",
    n_neighbors: option.NNeighbors = 10,
    metric: option.Metric = "cosine",
    class_priors: option.ClassShares = "uniform",
    alpha: option.Alpha = 0.99,
    expert: option.Expert = None,
    epochs: option.Epochs = 20,
    threshold: option.Threshold = 0.95,
    quota: option.Quota = 100,
    rounds: option.Rounds = 3,
    max_unreadable: option.MaxUnreadable = 0.05,
    device: option.Device = "auto",
    id_column: option.IdColumn = None,
    path_column: option.PathColumn = None,
    label_column: option.LabelColumn = None,
    group_column: option.GroupColumn = None,
    split_column: option.SplitColumn = None,
    as_json: option.AsJson = False,
) -> None:
    """Compare all ways to label on the same draws of labels: means, tests, learning curves."""
    from voisin.comparison.compare import compare as compare_methods

    numbers, names = _numbers(labels_per_class), _listed(methods)
    with progress_bars() as progress:
        found = compare_methods(
            source,
            out,
            draws=draws,
            labels_per_class=numbers or (50,),
            methods=names or None,
            jobs=jobs,
            opening={
                "size": size,
                "id_column": id_column,
                "path_column": path_column,
                "label_column": label_column,
                "group_column": group_column,
                "split_column": split_column,
            },
            progress=progress,
            log=show_line,
            random_state=random_state,
            test_share=test_share,
            embedding=embedding,
            embedding_size=embedding_size,
            onnx_normalization=onnx_normalization,
            orientation=orientation,
            n_neighbors=n_neighbors,
            metric=metric,
            class_priors=class_priors,
            alpha=alpha,
            expert=expert,
            epochs=epochs,
            threshold=threshold,
            quota=quota,
            rounds=rounds,
            max_unreadable=max_unreadable,
            device=device,
        )
    _show(found)
    if as_json:
        sys.stdout.write(found.page.with_suffix(".json").read_text(encoding="utf-8"))
    show_line("")
    show_line(f"Comparison: {found.page.resolve()}")


def _listed(values: Sequence[str] | None) -> tuple[str, ...]:
    """Take ``a,b`` and repeated options alike."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(part for part in parts if part)


def _numbers(values: Sequence[str] | None) -> tuple[int, ...]:
    parts = _listed(values)
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong:
        message = f"--labels-per-class {wrong[0]} is no whole number: write 5, or 1,5,10."
        raise InputError(message)
    return tuple(int(part) for part in parts)


def _show(found: "Comparison") -> None:
    """Show a table for each number of labels, in the scope that matters most."""
    scopes = tuple(dict.fromkeys(one.scope for one in found.trials))
    scope = "unlabeled" if "unlabeled" in scopes else scopes[0]
    draws = len({one.draw for one in found.trials})
    for number in sorted({one.labels_per_class for one in found.trials}):
        title = f"{scope}, {number} labels a class, mean ± standard deviation of {draws} draws"
        show_table(title, ("method", *_COLUMNS), _rows(found, scope, number))
    show_line(
        "  p: how often chance alone would put it this far below the best (paired t-test on the "
        "AUC, Holm's correction)"
    )
    if len(scopes) > 1:
        others = ", ".join(one for one in scopes if one != scope)
        show_line(f"  The page and the files also have: {others}.")


def _rows(found: "Comparison", scope: str, number: int) -> list[tuple[str, ...]]:
    by_figure = {
        figure: {
            one.method: one
            for one in found.rank_methods(figure, scope=scope, labels_per_class=number)
        }
        for figure in _FIGURES
    }
    seconds: dict[str, list[float]] = {}
    for trial in found.trials:
        if trial.labels_per_class == number:
            seconds.setdefault(trial.method, []).append(trial.seconds)
    rows = []
    for one in found.rank_methods("auc", scope=scope, labels_per_class=number):
        others = (by_figure[figure][one.method] for figure in _FIGURES)
        rows.append(
            (
                one.method,
                f"{one.mean:.3f} ± {one.std:.3f}".replace("nan", "–"),
                "best" if one.is_best else p_text(one.p_value),
                *(f"{other.mean:.3f}" for other in others),
                f"{sum(seconds[one.method]) / len(seconds[one.method]):.2f}",
            )
        )
    return rows
