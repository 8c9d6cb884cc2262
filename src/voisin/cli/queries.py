"""``voisin compare --queries``: every query strategy from the same first labels."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from voisin.cli.screen import note, p_text, progress_bars, show_table
from voisin.errors import InputError

if TYPE_CHECKING:
    from voisin.pipeline import QueryComparison

_COLUMNS = ("labels needed", "of random's", "p", "reached", "balanced at the end", "of the curve")


def compare_strategies(
    source: str,
    out: Path,
    numbers: tuple[int, ...],
    methods: tuple[str, ...],
    options: dict[str, Any],
) -> Path:
    """Compare query strategies, show a table, and return the page."""
    from voisin.pipeline import compare_queries

    if len(methods) > 1:
        message = f"With --queries one method labels all images, not {len(methods)}: name one."
        raise InputError(message)
    with progress_bars() as progress:
        found = compare_queries(
            source,
            out,
            labels_per_class=numbers or (2, 50),
            method=methods[0] if methods else "consensus",
            progress=progress,
            announce=note,
            **options,
        )
    _show(found)
    return found.page


def _show(found: "QueryComparison") -> None:
    """Show what each strategy needs, fewest labels first."""
    n_draws = len(found.savings[0].labels)
    title = (
        "labels needed for the balanced accuracy that random has with "
        f"{found.curves.n_labels[-1]:,}, mean ± standard deviation of {n_draws} draws"
    )
    show_table(title, ("strategy", *_COLUMNS), _rows(found))
    note(
        "  p: how often chance alone would make it differ from random so much (paired t-test on "
        "the logarithm of the labels, Holm's correction)"
    )
    if not all(one.always_reached for one in found.savings):
        note("  ~: not reached in every draw; there, random is asked for what it has at the end")


def _rows(found: "QueryComparison") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for one in found.savings:
        curves = found.curves.of(one.name)
        about = "" if one.always_reached else "~ "
        rows.append(
            (
                one.name,
                f"{about}{one.mean:.0f} ± {one.std:.0f}".replace("nan", "–"),
                f"{one.ratio:.0%}",
                p_text(one.p_value),
                f"{one.n_reached}/{len(one.labels)}",
                f"{curves[:, -1].mean():.3f}",
                f"{curves.mean():.3f}",
            )
        )
    return rows
