"""``voisin certify``: certify by random checks that few labels of a set are wrong."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from voisin.cli.options import AsJson, RunFolder
from voisin.cli.screen import show_line


def certify_command(
    folder: RunFolder,
    error: Annotated[
        float,
        typer.Option(
            help="Largest share of wrong labels in the certified set, between 0 and 1. A smaller "
            "share needs more checks."
        ),
    ] = 0.05,
    confidence: Annotated[
        float,
        typer.Option(
            help="Probability, between 0 and 1, that no more than that share is wrong. A higher "
            "probability needs more checks."
        ),
    ] = 0.95,
    n_checks: Annotated[
        int, typer.Option(help="Largest number of images that you are willing to check by eye.")
    ] = 500,
    random_state: Annotated[
        int, typer.Option(help="Seed of the random order in which images are checked.")
    ] = 0,
    answers: Annotated[
        Path | None,
        typer.Option(
            help="Table of answers that the page of checks saved; they are added to checks.csv."
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Only compute an existing certificate again, and say whether it holds."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Certify, by random checks, a set of labels of which at most a given share is wrong."""
    if verify:
        _verify(folder, as_json=as_json)
        return
    from voisin.certificate.answers import CHECKS
    from voisin.certificate.project import CHECKS_PAGE, PAGE
    from voisin.pipeline.open_run import open_run

    certificate = open_run(folder).certify(
        error=error,
        confidence=confidence,
        n_checks=n_checks,
        random_state=random_state,
        answers=answers,
    )
    if as_json:
        sys.stdout.write(json.dumps(certificate.document, ensure_ascii=False, indent=1) + "\n")
    show_line(certificate.statement)
    for forecast in certificate.forecasts:
        who = "" if forecast.is_even else ", as their confidences say"
        show_line(
            f"  If {100 * forecast.wrong:.2g} % of the labels are wrong{who}: "
            f"about {forecast.first:.0f} checks for the first set, {forecast.all_sets:.0f} in all, "
            f"which certify {forecast.certified:.0%}."
        )
    done = certificate.document["n_checks"]
    show_line(
        f"{done:,} checked, {certificate.document['n_wrong']:,} wrong; "
        f"{certificate.n_waiting:,} to check."
    )
    if certificate.document["sets"][-1]["hopeless"]:
        which = "next larger" if certificate.document["certified"]["n_images"] else "smallest"
        show_line(
            f"The {which} set seems to hold more wrong labels: checking more would hardly help."
        )
    elif not certificate.n_waiting and done >= n_checks:
        show_line(f"That is all that --n-checks {n_checks} allows: with more, the set may grow.")
    if certificate.n_waiting:
        show_line(f"To answer by clicks: {(folder / CHECKS_PAGE).resolve()}")
        show_line(f"Or write into the column answer of {(folder / CHECKS).resolve()}")
    if done:
        take_in = ("voisin", "label", str(folder), str(folder / CHECKS))
        show_line(f"The answers can be labels of the next run: {shlex.join(take_in)}")
    show_line(f"Certificate: {(folder / PAGE).resolve()}")


def _verify(folder: Path, *, as_json: bool) -> None:
    from voisin.pipeline.open_run import open_run

    problems = open_run(folder).verify()
    if as_json:
        answer = {"holds": not problems, "problems": list(problems)}
        sys.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1) + "\n")
    for problem in problems:
        show_line(f"  {problem}")
    show_line("The certificate does not hold." if problems else "The certificate holds.")
    if problems:
        raise typer.Exit(1)
