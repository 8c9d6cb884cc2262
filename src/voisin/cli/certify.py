"""``voisin certify``: the largest set of labels that random checks vouch for."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voisin.cli.screen import show_line


def certify_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    error: Annotated[float, typer.Option(help="Largest share of wrong labels in the set.")] = 0.05,
    confidence: Annotated[float, typer.Option(help="Probability that this is kept.")] = 0.95,
    n_checks: Annotated[int, typer.Option(help="Most images to check, in all.")] = 500,
    random_state: Annotated[int, typer.Option(help="Decides which images are checked.")] = 0,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compute the certificate again; say if it holds.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the certificate as one JSON object.")
    ] = False,
) -> None:
    """Certify the largest set of labels of which at most a given share is wrong."""
    if verify:
        _verify(folder, as_json=as_json)
        return
    from voisin.certificate.answers import CHECKS
    from voisin.certificate.project import PAGE
    from voisin.pipeline.open_run import open_run

    found = open_run(folder).certify(
        error=error,
        confidence=confidence,
        n_checks=n_checks,
        random_state=random_state,
    )
    if as_json:
        sys.stdout.write(json.dumps(found.document, ensure_ascii=False, indent=1) + "\n")
    show_line(found.statement)
    for one in found.forecasts:
        who = "" if one.is_even else ", as their confidences say"
        show_line(
            f"  If {100 * one.wrong:.2g} % of the labels are wrong{who}: "
            f"about {one.first:.0f} checks for the first set, {one.all_sets:.0f} in all, "
            f"which certify {one.certified:.0%}."
        )
    done = found.document["n_checks"]
    show_line(
        f"{done:,} checked, {found.document['n_wrong']:,} wrong; {found.n_waiting:,} to check."
    )
    if found.document["sets"][-1]["hopeless"]:
        which = "next larger" if found.document["certified"]["n_images"] else "smallest"
        show_line(
            f"The {which} set seems to hold more wrong labels: checking more would hardly help."
        )
    elif not found.n_waiting and done >= n_checks:
        show_line(f"That is all that --n-checks {n_checks} allows: with more, the set may grow.")
    if found.n_waiting:
        show_line(f"Answers: write them into the column answer of {(folder / CHECKS).resolve()}")
    show_line(f"Certificate: {(folder / PAGE).resolve()}")


def _verify(folder: Path, *, as_json: bool) -> None:
    from voisin.pipeline.open_run import open_run

    problems = open_run(folder).verify()
    if as_json:
        told = {"holds": not problems, "problems": list(problems)}
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    for problem in problems:
        show_line(f"  {problem}")
    show_line("The certificate does not hold." if problems else "The certificate holds.")
    if problems:
        raise typer.Exit(1)
