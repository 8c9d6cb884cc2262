"""The options that several commands share, each defined once.

`with_settings` makes options of the fields of `Settings` and the parameters of `open_images`;
`SettingsCommand` shows them in a command's help under headings. Other shared options, such as
``--out``, are defined here, too. This module must not know what a setting does.
"""

import inspect
import re
from collections.abc import Callable, Mapping
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
"""Values that the user chose, by name of the setting or of the parameter of `open_images`."""

_OF_TYPER: dict[Any, Any] = {tuple[Path, ...] | None: list[Path] | None}  # what Typer can parse
# Heading and help text of the options of `open_images`, whose types and defaults are in
# `OpeningOptions` and `Columns`.
_OPENING: dict[str, tuple[str, str]] = {
    "size": (
        IMAGES,
        "Pixels per side of the images of a MedMNIST set: 28, 64, 128 or 224. Raise it for "
        "embedders that use more than 28 pixels; the file to download grows.",
    ),
    "id_column": (IMAGES, "Column with a unique text for each image (default: id). For tables."),
    "path_column": (
        COMMON,
        "Column with the image files (default: path, file_name or image). For tables.",
    ),
    "label_column": (COMMON, "Column with the class names (default: label). For tables."),
    "group_column": (
        COMMON,
        "Column with patients or lesions (default: group). Images of one group are never "
        "split between training and test. For tables.",
    ),
    "split_column": (IMAGES, "Column with train, val or test (default: split). For tables."),
    "images_from": (
        IMAGES,
        "Folder that the paths in a table start from (default: the folder of the table).",
    ),
}


def with_settings(
    command: str, **defaults: object
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace the parameter `settings` of a function by the options of a command.

    The function is then called with the chosen settings as a dictionary. If it also has a
    parameter `opening`, that becomes a dictionary of the options of `open_images`.

    Parameters
    ----------
    command : str
        The options are the fields of `Settings` that name this command.
    **defaults
        Defaults of settings that differ from the usual ones in this command.

    Examples
    --------
    >>> @with_settings("demo", random_state=42)
    ... def show(*, out: Out = Path("here"), settings: Values) -> None:
    ...     print(out, settings)
    >>> list(inspect.signature(show).parameters)
    ['out', 'labels_per_class', 'random_state', 'language', 'effort']
    >>> show(out="there", labels_per_class=5, random_state=42, language="fr", effort="quick")
    there {'labels_per_class': 5, 'random_state': 42, 'language': 'fr', 'effort': 'quick'}
    """
    of_settings = [
        _make_option(
            setting.name,
            _OF_TYPER.get(setting.type, setting.type),
            defaults.get(setting.name, setting.default),
            setting.metadata["heading"],
            setting.metadata["help"],
        )
        for setting in fields(Settings)
        if command in setting.metadata["commands"]
    ]
    of_open_images = [
        _make_option("size", int, OpeningOptions.size, *_OPENING["size"]),
        *(
            _make_option(name, column.type, column.default, *_OPENING[name])
            for column in fields(Columns)
            for name in [f"{column.name}_column"]
        ),
        _make_option("images_from", Path | None, None, *_OPENING["images_from"]),
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
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _make_option(name: str, kind: Any, default: object, heading: str, text: str) -> Parameter:
    """Make a parameter that Typer reads as an option; name settings in its text as options."""
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


SHARED_OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in (*(setting.name for setting in fields(Settings)), *_OPENING)
}
"""The option of each setting and parameter of `open_images`."""


def name_options(message: str, options: Mapping[str, str]) -> str:
    """Write the settings that a message names in backticks as options, where there are such.

    Examples
    --------
    >>> name_options("`alpha=2` or `path_column`, no `tol`", SHARED_OPTIONS)
    '--alpha=2 or --path-column, no `tol`'
    """

    def write(found: re.Match[str]) -> str:
        option = options.get(found[1])
        return f"{option}{found[2]}" if option else found[0]

    return re.sub(r"`(\w+)((?:=[^`]*)?)`", write, message)


class SettingsCommand(TyperCommand):
    """A command whose help is short with ``--help`` and complete with ``--help-all``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options under their headings.

        The short help gives one sentence for each common option, and only names the others.
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
        more = [(title, ", ".join(names[title])) for title in HEADINGS[1:] if title in names]
        if more and not in_full:
            with formatter.section(f"More options ({ctx.command_path} --help-all explains them)"):
                formatter.write_dl(more)
