"""``voisin explain``: why an image got its label, as a table and as a page of pictures."""

import json
import math
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from voisin.cli.options import AsJson, RunFolder
from voisin.cli.screen import show_line
from voisin.errors import InputError

_SHOWN = 6  # rows per kind of contributor, by hand: both tables should fit on a screen


def explain_command(
    folder: RunFolder,
    image: Annotated[
        str, typer.Argument(help="The image: its id in labels.csv, its file name or path.")
    ],
    picture: Annotated[
        Path | None,
        typer.Option(help="Page to write (default: explanations/ID.html in the folder)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Explain why an image got its label: which labeled images, neighbors and paths count."""
    from voisin.explanation.project import write_explanation
    from voisin.pipeline.open_run import open_run

    if picture is not None and picture.is_dir():
        message = f"--picture {picture} is a folder: pass a file, such as {picture / 'why.html'}."
        raise InputError(message)
    if picture is not None and picture.suffix.lower() not in (".html", ".htm"):
        message = f"--picture {picture} would be a page: pass {picture.with_suffix('.html')}."
        raise InputError(message)
    run = open_run(folder)
    explanation = run.explain(image)
    place, missing = write_explanation(run, explanation, picture)
    if as_json:
        sys.stdout.write(json.dumps(explanation.as_dict(), ensure_ascii=False, indent=1) + "\n")
    else:
        _show(explanation.as_dict())
    if missing:
        show_line(f"Warning: the page has no pictures: {missing}.")
    show_line(f"Page: {place.resolve()}")


def _show(explanation: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if explanation["predicted"] is None:
        console.print(
            f"{explanation['id']}: no evidence. No label reaches it by any path.", markup=False
        )
        return
    text, given = explanation["predicted"]["label"], explanation["given_label"]
    if given is not None:
        text = f"its label was given: {given}. Below is what its score is made of, label included."
    console.print(f"{explanation['id']}: {text}", markup=False)
    if explanation["likeliest"] is not None:
        console.print(
            f"Its likeliest class is {explanation['likeliest']}; the decision gave it another.",
            markup=False,
        )
    if not explanation["in_graph"]:
        console.print(
            "It is a test image: its score is made of those of its neighbors in the pool."
        )
    if explanation["evidence"] == "classifier":
        console.print("No label reaches it along the graph: its label is the classifier's alone.")
    if explanation["predicted"]["nearest"]:
        console.print("Of this score no shares are known: the nearest labeled images are shown.")
    best, second = explanation["predicted"], explanation["runner_up"]
    if second is not None and second["share_of_scores"] > best["share_of_scores"]:
        console.print(
            f"The runner-up has the larger score: calibration and decision put {best['label']} "
            "before it.",
            markup=False,
        )
    for account, role in ((best, "For"), (second, "Runner-up")):
        if account is not None:
            console.print(_table(account, role))


def _table(account: dict[str, Any], role: str) -> Table:
    from voisin.explanation.page import CLASS_PRIORS, CLASSIFIER
    from voisin.report.wording import percent

    probability = account["calibrated_probability"]
    note = "" if probability is None else f", calibrated probability {percent(probability)}"
    title = (
        f"{role}: {account['label']} ({percent(account['share_of_scores'])} of the scores{note})"
    )
    table = Table(title=Text(title), title_justify="left")
    for name, justify in (("what", "left"), ("id", "left"), ("label", "left"), ("share", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    sources, near = account["by_contributors"], account["by_neighbors"]
    learned = account["by_classifier"] or {"labeled": [], "constant": 0, "against": 0}
    for kind, rows, rest in (
        ("labeled image", sources["labeled"],
         {CLASSIFIER: sources["classifier"], CLASS_PRIORS: sources["class_priors"],
          "against it": sources["against"]}),
        ("neighbor", near["neighbors"],
         {"the image itself": near["own"], "prior propagation": near["prior_propagation"]}),
        ("for the classifier", learned["labeled"],
         {"whatever the image": learned["constant"], "against it": learned["against"]}),
    ):  # fmt: skip
        for row in rows[:_SHOWN]:
            _add(table, kind, row["id"], row["label"] or "", f"{row['share']:.1%}")
        others = rows[_SHOWN:]
        if others:
            share = sum(row["share"] for row in others)
            _add(table, f"{len(others)} more", "", "", f"{share:.1%}")
        for name, share in rest.items():
            if share > 0:
                _add(table, name, "", "", f"{share:.1%}")
        table.add_section()
    for row in account["nearest"]:
        what, value = next((name, row[name]) for name in ("similarity", "distance") if name in row)
        _add(table, "nearest labeled", row["id"], row["label"] or "", f"{what} {value:.3f}")
    for path in account["paths"]:
        if len(path["ids"]) > 1:
            product = math.prod(path["weights"])
            table.add_row("path", Text(" > ".join(path["ids"])), "", f"{product:.1e}")
    return table


def _add(table: Table, kind: str, name: str, label: str, share: str) -> None:
    table.add_row(kind, Text(name), Text(label), share)
