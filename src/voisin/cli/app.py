"""The program ``voisin``: its commands, and how it ends."""

import sys
import warnings
from typing import Annotated

import click
import typer

from voisin import __version__
from voisin.cli.run import demo, run
from voisin.cli.screen import note, show_warning
from voisin.errors import VoisinError

app = typer.Typer(
    name="voisin",
    help="Label thousands of images from a few: each image is judged by its neighbors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(demo)
app.command()(run)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"voisin {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Label thousands of images from a few: each image is judged by its neighbors."""


def main() -> None:
    """Run the program; known errors are one line and exit code 1, Ctrl-C is 130."""
    warnings.showwarning = show_warning
    try:
        code = app(standalone_mode=False)
    except VoisinError as error:
        note(f"Error: {error}")
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        note("Stopped. What is finished is kept: the same command goes on from there.")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    sys.exit(code or 0)
