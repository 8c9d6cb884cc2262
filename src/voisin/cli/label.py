"""``voisin label``: take people's answers from tables into a project, or take them back."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voisin.cli.options import AsJson, RunFolder
from voisin.cli.screen import show_line
from voisin.errors import InputError

if TYPE_CHECKING:
    from voisin.pipeline.open_run import Run
    from voisin.project.answers import TakenAnswers

_FIRST = 10  # disagreements shown, by hand: all are in the table


def label_command(
    folder: RunFolder,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Tables with answers: suggestions.csv, checks.csv, disagreements.csv, an edited "
            "labels.csv, or any table with the columns id (or path) and label."
        ),
    ] = None,
    rater: Annotated[
        str | None,
        typer.Option(
            help="Who answered, where no column rater says it (default: you for the tables that "
            "voisin writes, the name of the file for others). Different raters may disagree; an "
            "answer of the same rater replaces the earlier one."
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help="Column with the images (default: id, path or image).")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column with the answers (default: answer or label).")
    ] = None,
    new_class: Annotated[
        list[str] | None,
        typer.Option(
            help="Class that is new although it looks like a typing error of another; may be given "
            "again. Others need no such word."
        ),
    ] = None,
    undo: Annotated[
        bool,
        typer.Option(
            "--undo",
            help="Take back the answers of the last call that still counts (of --rater alone, if "
            "given). Earlier answers to the same images count again; nothing is removed.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take labels from tables into a project: the next run on it uses them."""
    from voisin.pipeline.open_run import open_run

    run = open_run(folder)
    if undo:
        if files:
            message = f"--undo takes no table, and {files[0]} is one: give one or the other."
            raise InputError(message)
        _undo(run, rater, as_json=as_json)
        return
    if not files:
        message = f"No table: pass {folder / 'suggestions.csv'} or another with answers, or --undo."
        raise InputError(message)
    taken = run.label(
        *files,
        rater=rater,
        id_column=id_column,
        label_column=label_column,
        new_class=new_class or (),
    )
    if as_json:
        sys.stdout.write(json.dumps(taken.as_dict(), ensure_ascii=False, indent=1) + "\n")
    _show(taken)
    show_line(f"Then: {run.next_command()}")


def _undo(run: "Run", rater: str | None, *, as_json: bool) -> None:
    n_undone = run.label_events.undo(rater=rater)
    if as_json:
        sys.stdout.write(json.dumps({"n_undone": n_undone}) + "\n")
    left = len(run.label_events.agreement().labels)
    show_line(
        f"{_count(n_undone, 'answer')} taken back; {_count(left, 'label')} left."
        if n_undone
        else "There is no answer to take back."
    )


def _show(taken: "TakenAnswers") -> None:
    from voisin.project.label_events import DISAGREEMENTS
    from voisin.types import CLEARED, LABEL, REJECT, SKIP, UNSURE

    counts = ", ".join(f"{name}: {count:,}" for name, count in sorted(taken.counts.items()))
    show_line(f"{_count(taken.count(LABEL), 'new label')}{f' ({counts})' if counts else ''}")
    others = {UNSURE: "unsure", REJECT: "none of these", SKIP: "skipped", CLEARED: "taken back"}
    for kind, words in others.items():
        if taken.count(kind):
            show_line(f"  {taken.count(kind):,} {words}")
    shown = [event for event in taken.stored if event.kind == LABEL and event.proposal]
    if shown:
        n_right = sum(event.label == event.proposal for event in shown)
        show_line(
            f"  {n_right:,} confirm what the run proposed, {len(shown) - n_right:,} correct it"
        )
    for name, count in taken.new_classes.items():
        show_line(f"  {name!r} is new: {_count(count, 'image')}")
    if taken.n_same:
        show_line(f"  {_count(taken.n_same, 'answer')} known already")
    if taken.n_replaced:
        show_line(f"  {taken.n_replaced:,} in place of earlier ones of the same rater")
    disagreements = taken.agreement.disagreements
    if disagreements:
        images = _count(len(disagreements), "image")
        show_line(f"Raters disagree on {images}, which have no label until this is settled:")
        for image, said in list(disagreements.items())[:_FIRST]:
            answers = ", ".join(f"{event.answer} ({event.rater})" for event in said)
            show_line(f"  {image}: {answers}")
        table = (taken.folder / DISAGREEMENTS).resolve()
        left = "" if taken.is_table_new else " (left as it is: it holds answers that were not read)"
        show_line(f"Settle them in the column answer of {table}{left}, and pass it to voisin label")
    n_labels = len(taken.agreement.labels)
    show_line(f"In all: {_count(n_labels, 'label')} for the next run")


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
