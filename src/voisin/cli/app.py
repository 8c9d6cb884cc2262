"""The program ``voisin``: its commands, and how it ends."""

import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from voisin import __version__
from voisin.cli.audit import audit_command
from voisin.cli.certify import certify_command
from voisin.cli.compare import compare_command
from voisin.cli.explain import explain_command
from voisin.cli.run import demo_command, run_command
from voisin.cli.screen import show_line, show_warning
from voisin.cli.suggest import suggest_command
from voisin.errors import VoisinError


class Program(TyperGroup):
    """Ends known errors and those of files with one line and exit code 1, and Ctrl-C with 130."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run a command."""
        try:
            return super().invoke(ctx)
        except VoisinError as error:
            show_line(f"Error: {error}")
            raise typer.Exit(1) from error
        except BrokenPipeError:
            raise  # who read the output has gone: nobody to tell
        except OSError as error:
            show_line(
                f"Error: A file cannot be read or written ({error}); is the disk full? "
                "What is finished is kept: the same command goes on from there."
            )
            raise typer.Exit(1) from error
        except KeyboardInterrupt as stop:
            show_line("Stopped. What is finished is kept: the same command goes on from there.")
            raise typer.Exit(130) from stop


app = typer.Typer(
    name="voisin",
    cls=Program,
    help="Label thousands of images from a few: each image is judged by its neighbors.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo_command)
app.command("run")(run_command)
app.command("compare")(compare_command)
app.command("explain")(explain_command)
app.command("suggest")(suggest_command)
app.command("audit")(audit_command)
app.command("certify")(certify_command)


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
    """Run the program."""
    warnings.showwarning = show_warning
    app()
