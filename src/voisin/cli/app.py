"""The program ``voisin``: its commands, its error messages and its exit codes."""

import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from voisin import __version__
from voisin.cli.audit import audit_command
from voisin.cli.cache import cache_command
from voisin.cli.certify import certify_command
from voisin.cli.compare import compare_command
from voisin.cli.explain import explain_command
from voisin.cli.export import export_command
from voisin.cli.label import label_command
from voisin.cli.options import SettingsCommand, name_options
from voisin.cli.predict import predict_command
from voisin.cli.run import demo_command, run_command
from voisin.cli.screen import show_line, show_warning
from voisin.cli.suggest import suggest_command
from voisin.errors import VoisinError


class Program(TyperGroup):
    """Prints one line, no traceback: exit code 1 for VoisinError or OSError, 130 for Ctrl-C."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run a command."""
        try:
            return super().invoke(ctx)
        except VoisinError as error:
            message = " ".join(str(error).splitlines())  # a name in it may hold a line break
            show_line(f"Error: {self._name_options(message, ctx)}")
            raise typer.Exit(1) from error
        except BrokenPipeError:
            raise  # the program that read our output has ended: an error line would reach nobody
        except OSError as error:
            show_line(
                f"Error: A file cannot be read or written ({error}); is the disk full? "
                "Run the same command again when there is room: what could be kept is not redone."
            )
            raise typer.Exit(1) from error
        except KeyboardInterrupt as stop:
            show_line("Stopped. Finished work is kept: run the same command again to continue.")
            raise typer.Exit(130) from stop

    def _name_options(self, message: str, ctx: typer.Context) -> str:
        """Write settings that a message names as options of the command in use."""
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        params = command.params if command else ()
        options = (param for param in params if param.param_type_name == "option")
        return name_options(message, {one.name: one.opts[0] for one in options if one.name})


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
app.command("run", cls=SettingsCommand)(run_command)
app.command("compare", cls=SettingsCommand)(compare_command)
app.command("explain")(explain_command)
app.command("predict")(predict_command)
app.command("export")(export_command)
app.command("suggest")(suggest_command)
app.command("label")(label_command)
app.command("audit")(audit_command)
app.command("certify")(certify_command)
app.command("cache")(cache_command)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"voisin {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Label thousands of images from a few: each image is judged by its neighbors."""


def main() -> None:
    """Run the program."""
    warnings.showwarning = show_warning
    app()
