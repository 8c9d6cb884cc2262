"""A finished project opened again: what it remembers, and the command that goes on from it."""

import shlex

import pytest
from typer.testing import CliRunner

from voisin.cli.app import app
from voisin.errors import ProjectError
from voisin.pipeline.reopening import next_run, read_settings
from voisin.pipeline.settings import Settings
from voisin.project.folder import Project


def test_the_command_of_the_next_run_says_every_setting_that_is_not_the_default(tmp_path):
    settings = Settings(embedding="pixels", method="spreading", ceiling=False, random_state=3)
    kept = {"source": "my photos", "size": 28, "id_column": "image id", **settings.as_dict()}
    Project(tmp_path / "p").write_settings({k: v for k, v in kept.items() if v is not None})

    words = shlex.split(next_run(read_settings(tmp_path / "p"), tmp_path / "a.csv", tmp_path / "q"))

    assert words[:7] == [
        *("voisin", "run", "my photos"),
        *("--labels", str(tmp_path / "a.csv")),
        *("--out", str(tmp_path / "q")),
    ]
    rest = words[7:]
    options = dict(zip(*[iter([word for word in rest if word != "--no-ceiling"])] * 2, strict=True))
    assert "--no-ceiling" in rest
    assert options == {
        "--id-column": "image id",
        "--embedding": "pixels",
        "--method": "spreading",
        "--random-state": "3",
    }


def test_the_command_is_one_that_the_command_line_understands(tmp_path):
    settings = {"source": "nowhere", **Settings(alpha=0.5, loop_rounds=1).as_dict()}
    words = shlex.split(next_run(settings, tmp_path / "a.csv", tmp_path / "q"))
    words = [word for word in words[1:] if word != "None"]

    ended = CliRunner().invoke(app, words)

    assert "No such option" not in ended.output
    assert ended.exit_code == 1  # there is no such source


def test_a_folder_without_settings_is_told_from_one_with_damaged_ones(tmp_path):
    with pytest.raises(ProjectError, match=r"has no voisin\.toml: pass the folder"):
        read_settings(tmp_path)
    (tmp_path / "voisin.toml").write_text("a = [", encoding="utf-8")
    with pytest.raises(ProjectError, match=r"cannot be read .*: run the project again"):
        read_settings(tmp_path)
