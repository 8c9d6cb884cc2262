"""``voisin compare``: test every method on the same random draws of labels."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voisin.cli.options import AsJson, Out, Source, Values, with_settings
from voisin.cli.screen import format_p_value, progress_bars, show_line, show_table
from voisin.errors import InputError
from voisin.evaluation.metrics import METRICS
from voisin.labeling.peers.registry import PEERS
from voisin.labeling.registry import METHODS

if TYPE_CHECKING:
    from voisin.comparison.outputs import Comparison

_ALL = ", ".join((*METHODS, *PEERS))


@with_settings("compare")
def compare_command(
    source: Source,
    *,
    out: Out = Path("voisin-comparison"),
    draws: Annotated[
        int,
        typer.Option(
            help="How often to draw labels anew. All methods get the same draws; more of them show "
            "smaller differences and take longer."
        ),
    ] = 20,
    labels_per_class: Annotated[
        list[str] | None,
        typer.Option(
            metavar="N,...",
            help="Labels to draw of each class (default: 50). Several numbers, such as 1,5,10, "
            "give a learning curve.",
        ),
    ] = None,
    methods: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help=f"Methods to compare (default: all that are installed). There are: {_ALL}.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            help="Draws to work on at the same time. Each gets a process of its own and its part "
            "of the processor's cores; raise it for small data on many cores."
        ),
    ] = 1,
    settings: Values,
    opening: Values,
    as_json: AsJson = False,
) -> None:
    """Compare ways to label images on the same random draws of a few labels."""
    from voisin.comparison.compare import compare

    with progress_bars() as progress:
        comparison = compare(
            source,
            out,
            draws=draws,
            labels_per_class=_parse_numbers(labels_per_class) or (50,),
            methods=_split(methods) or None,
            jobs=jobs,
            opening=opening,
            progress=progress,
            log=show_line,
            **settings,
        )
    _show(comparison)
    if as_json:
        sys.stdout.write(comparison.page.with_suffix(".json").read_text(encoding="utf-8"))
    show_line("")
    show_line(f"Comparison: {comparison.page.resolve()}")


def _split(values: Sequence[str] | None) -> tuple[str, ...]:
    """Split values such as ``a,b``; an option may also be repeated."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(part for part in parts if part)


def _parse_numbers(values: Sequence[str] | None) -> tuple[int, ...]:
    parts = _split(values)
    wrong = [part for part in parts if not part.isdecimal()]
    if wrong:
        message = f"--labels-per-class {wrong[0]} is no whole number: write 5, or 1,5,10."
        raise InputError(message)
    return tuple(int(part) for part in parts)


def _show(comparison: "Comparison") -> None:
    """Show one table for each number of labels; on unlabeled images if any were scored."""
    scopes = tuple(dict.fromkeys(trial.scope for trial in comparison.trials))
    scope = "unlabeled" if "unlabeled" in scopes else scopes[0]
    draws = len({trial.draw for trial in comparison.trials})
    others = {name: metric.title for name, metric in METRICS.items() if name != "auc"}
    columns = ("method", "AUC", "p", *others.values(), "seconds")
    for number in sorted({trial.labels_per_class for trial in comparison.trials}):
        title = f"{scope}, {number} labels per class, mean ± standard deviation of {draws} draws"
        show_table(title, columns, _make_rows(comparison, scope, number, list(others)))
    show_line(
        "  p: how often chance alone would put a method this far below the best (paired t-test on "
        "the AUC, Holm's correction)"
    )
    if len(scopes) > 1:
        more = ", ".join(other for other in scopes if other != scope)
        show_line(f"  The page and the files also have: {more}.")


def _make_rows(
    comparison: "Comparison", scope: str, number: int, others: list[str]
) -> list[tuple[str, ...]]:
    """Make one row per method, sorted by AUC, the best first."""
    means = {
        (figure, ranked.method): ranked.mean
        for figure in others
        for ranked in comparison.rank_methods(figure, scope=scope, labels_per_class=number)
    }
    seconds: dict[str, list[float]] = {}
    for trial in comparison.trials:
        if trial.labels_per_class == number:
            seconds.setdefault(trial.method, []).append(trial.seconds)
    return [
        (
            ranked.method,
            f"{ranked.mean:.3f} ± {ranked.std:.3f}".replace("nan", "–"),
            "best" if ranked.is_best else format_p_value(ranked.p_value),
            *(f"{means[figure, ranked.method]:.3f}" for figure in others),
            f"{sum(seconds[ranked.method]) / len(seconds[ranked.method]):.2f}",
        )
        for ranked in comparison.rank_methods("auc", scope=scope, labels_per_class=number)
    ]
