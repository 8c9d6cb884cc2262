"""The options of a command: made from the settings, explained, short at first sight."""

import inspect
import re
from dataclasses import fields
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from voisin.cli.app import app
from voisin.settings import Settings
from voisin.sources.opening import open_images

GROUP: Any = typer.main.get_command(app)
COMMANDS = GROUP.commands
SCREEN = 40  # lines of a terminal that shows a help text without scrolling
NOT_OPTIONS = {"source", "cache_folder", "progress"}  # of `open_images`


def options_of(command):
    return {param.name: param for param in COMMANDS[command].params if param.opts[0][0] == "-"}


def help_of(*arguments):
    ended = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"}, prog_name="voisin")
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_every_setting_is_an_option_of_the_command_run():
    assert {setting.name for setting in fields(Settings)} <= options_of("run").keys()


@pytest.mark.parametrize("command", ["run", "compare"])
def test_the_default_of_an_option_is_the_default_of_the_setting(command):
    defaults = {setting.name: setting.default for setting in fields(Settings)}
    offered = options_of(command)
    same = defaults.keys() & offered.keys() - {"labels_per_class"}  # a list in a comparison
    assert {name: offered[name].default for name in same} == {name: defaults[name] for name in same}


@pytest.mark.parametrize("command", ["run", "compare"])
def test_what_open_images_can_be_asked_is_an_option_with_its_default(command):
    asked = inspect.signature(open_images).parameters.items()
    defaults = {name: value.default for name, value in asked if name not in NOT_OPTIONS}
    offered = options_of(command)
    assert {name: offered[name].default for name in defaults} == defaults


def test_a_comparison_offers_no_setting_that_it_decides_itself():
    decided = {"labels", "method", "loop_rounds", "retraining_epochs", "ceiling"}
    assert decided.isdisjoint(options_of("compare"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_and_argument_has_a_help_text_that_is_a_sentence(command):
    for param in COMMANDS[command].params:
        assert re.match(r"[A-Z].{20,}\.$", param.help or ""), (command, param.name, param.help)
        assert "`" not in param.help


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_fits_on_one_screen(command):
    lines = help_of(command, "--help").splitlines()
    assert len(lines) <= SCREEN
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ["run", "compare"])
def test_the_short_help_names_every_option_and_the_long_one_explains_it(command):
    short, long = help_of(command, "--help"), help_of(command, "--help-all")
    for option in options_of(command).values():
        assert option.opts[0] in short
        assert "".join(option.help.split()) in "".join(long.split())  # lines may end anywhere
    headings = re.findall(r"^([A-Z].*):$", long, re.MULTILINE)
    assert headings[:2] == ["Arguments", "Options"]
    assert len(headings) >= 5


def test_an_error_names_the_option_as_it_was_typed(tmp_path):
    for arguments, message in (
        (["--alpha", "2"], "Error: --alpha=2.0 is outside (0, 1)."),
        (["--test-share", "1"], "Error: --test-share=1.0 is outside [0, 0.9]."),
        (["--label-column", "dx"], "Error: --label-column='dx' does not apply to digits: "),
    ):
        out = str(tmp_path / "out")
        ended = CliRunner().invoke(app, ["run", "digits", "--out", out, *arguments])
        assert ended.exit_code == 1
        assert message in ended.output
