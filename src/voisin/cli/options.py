"""The options of commands, each defined once.

`with_settings` makes those of `voisin.settings` and `open_images`, so that no command writes them,
and `SettingsCommand` shows them under their headings. The others that several commands have, such
as ``--out``, stand here too. This module must not know what a setting does.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from voisin.settings import COMMON, HEADINGS, IMAGES, Settings
from voisin.sources.collection import Columns, OpeningOptions

Source = Annotated[
    str,
    typer.Argument(
        help="Path of a folder, table or NPZ file, or the name of a MedMNIST set, or digits."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder for the results.")]
RunFolder = Annotated[Path, typer.Argument(help="Folder of a finished run, its --out.")]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print the result as one JSON object. Messages go to standard error."
    ),
]
Values: TypeAlias = dict[str, Any]
"""What the user chose, by the name of the setting or of the parameter of `open_images`."""

# Heading and help text of the options of `open_images`, whose types and defaults are in
# `OpeningOptions` and `Columns`.
_OPENING: dict[str, tuple[str, str]] = {
    "size": (
        IMAGES,
        "Pixels a side of the images of a MedMNIST set: 28, 64, 128 or 224. Raise it for embedders "
        "that look closer than 28 pixels; the file to download grows.",
    ),
    "id_column": (IMAGES, "Column with a unique text for each image (default: id). For tables."),
    "path_column": (
        COMMON,
        "Column with the image files (default: path, file_name or image). For tables.",
    ),
    "label_column": (COMMON, "Column with the class names (default: label). For tables."),
    "group_column": (
        COMMON,
        "Column with patients, lesions or videos (default: group). Images of one group are never "
        "split between training and test. For tables.",
    ),
    "split_column": (IMAGES, "Column with train, val or test (default: split). For tables."),
}


def with_settings(
    command: str, **defaults: object
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a function the options that a command has, in place of its parameter `settings`.

    The function is called with the chosen settings as a dictionary. Where it has a parameter
    `opening` too, this is a dictionary of the options of `open_images`.

    Parameters
    ----------
    command : str
        Takes the fields of `Settings` that name it among their commands.
    **defaults
        Of settings that begin with another value in this command.

    Examples
    --------
    >>> @with_settings("demo", random_state=42)
    ... def show(*, out: Out = Path("here"), settings: Values) -> None:
    ...     print(out, settings)
    >>> list(inspect.signature(show).parameters)
    ['out', 'labels_per_class', 'random_state']
    >>> show(out="there", labels_per_class=5, random_state=42)
    there {'labels_per_class': 5, 'random_state': 42}
    """
    of_settings = [
        _make_option(
            one.name,
            one.type,
            defaults.get(one.name, one.default),
            one.metadata["heading"],
            one.metadata["help"],
        )
        for one in fields(Settings)
        if command in one.metadata["commands"]
    ]
    of_open_images = [
        _make_option("size", int, OpeningOptions.size, *_OPENING["size"]),
        *(
            _make_option(name, one.type, one.default, *_OPENING[name])
            for one in fields(Columns)
            for name in [f"{one.name}_column"]
        ),
    ]

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(function).parameters
        made = {"settings": of_settings}
        if "opening" in own:
            made["opening"] = of_open_images
        parameters: list[Parameter] = []
        for name, parameter in own.items():
            parameters += made.get(name, [parameter])
        if "opening" in own:
            parameters.append(_HELP_ALL)

        def call(**values: Any) -> None:
            values.pop(_HELP_ALL.name, None)
            chosen = {
                name: {option.name: values.pop(option.name) for option in options}
                for name, options in made.items()
            }
            function(**values, **chosen)

        call.__name__, call.__doc__ = function.__name__, function.__doc__
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _make_option(name: str, kind: Any, default: object, heading: str, text: str) -> Parameter:
    """Make a parameter that Typer reads as an option; another setting is an option in its text."""
    text = re.sub(r"(?<!`)`(\w+)`", lambda match: f"--{match[1].replace('_', '-')}", text)
    option = typer.Option(help=text.replace("``", ""), rich_help_panel=heading)
    annotation = Annotated[kind, option]
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _show_everything(ctx: typer.Context, asked: bool) -> None:
    if asked:
        ctx.meta[_EVERYTHING] = True
        typer.echo(ctx.get_help())
        raise typer.Exit


_EVERYTHING = "voisin.help_all"
_HELP_ALL = Parameter(
    "help_all",
    Parameter.KEYWORD_ONLY,
    default=False,
    annotation=Annotated[
        bool,
        typer.Option(
            "--help-all",
            callback=_show_everything,
            is_eager=True,
            expose_value=False,
            help="Explain every option in full, and exit.",
        ),
    ],
)


class SettingsCommand(TyperCommand):
    """A command whose help is short with ``--help`` and complete with ``--help-all``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, then options by heading.

        The short help gives a sentence to each common option, and the names of all others.
        """
        in_full = ctx.meta.get(_EVERYTHING, False)
        rows: dict[str, list[tuple[str, str]]] = {}
        names: dict[str, list[str]] = {}
        params: list[Any] = self.get_params(ctx)
        for param in params:
            is_option = param.param_type_name == "option"
            heading = (param.rich_help_panel or COMMON) if is_option else "Arguments"
            usage, text = param.get_help_record(ctx)
            if not in_full:
                first = re.split(r"(?<=\.)\s", param.help, maxsplit=1)[0]
                text = text.replace(param.help, first)
            rows.setdefault(heading, []).append((usage, text))
            names.setdefault(heading, []).append(param.opts[0])
        for heading in ("Arguments", *(HEADINGS if in_full else (COMMON,))):
            if heading in rows:
                with formatter.section(heading):
                    formatter.write_dl(rows[heading])
        more = [(one, ", ".join(names[one])) for one in HEADINGS[1:] if one in names]
        if more and not in_full:
            with formatter.section(f"More options ({ctx.command_path} --help-all explains them)"):
                formatter.write_dl(more)
