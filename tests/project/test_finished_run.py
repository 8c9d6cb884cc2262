"""A finished project opened again: what it remembers, and the command that goes on from it."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voisin.cli.app import app
from voisin.errors import ProjectError
from voisin.project.finished_run import next_command, read_settings, reopen_source
from voisin.project.folder import Project
from voisin.settings import Settings


def test_the_command_of_the_next_run_says_every_setting_that_is_not_the_default(tmp_path):
    settings = Settings(embedding="pixels", method="spreading", ceiling=False, random_state=3)
    kept = {"source": "my photos", "size": 28, "id_column": "image id", **settings.as_dict()}
    Project(tmp_path / "p").write_settings({k: v for k, v in kept.items() if v is not None})

    words = shlex.split(
        next_command(read_settings(tmp_path / "p"), tmp_path / "a.csv", tmp_path / "q")
    )

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


def test_the_command_of_the_same_project_keeps_its_labels(tmp_path):
    settings = Settings(labels=["a b.csv", "c.csv"])
    Project(tmp_path).write_settings({"source": "digits", **settings.as_dict()})

    command = next_command(read_settings(tmp_path), None, Path("here"))

    assert command == "voisin run digits --out here --labels 'a b.csv' --labels c.csv"


def test_the_command_is_one_that_the_command_line_understands(tmp_path):
    settings = {"source": "nowhere", **Settings(alpha=0.5, loop_rounds=1).as_dict()}
    words = shlex.split(next_command(settings, tmp_path / "a.csv", tmp_path / "q"))
    words = [word for word in words[1:] if word != "None"]

    ended = CliRunner().invoke(app, words)

    assert "No such option" not in ended.output
    assert ended.exit_code == 1  # there is no such source


def test_a_comparison_in_the_folder_of_a_run_does_not_get_in_its_way():
    compared = {"draws": 3, "compared_labels_per_class": "2, 5"}
    settings = {"source": "digits", "n_neighbors": 7, **compared}

    command = next_command(settings, Path("a.csv"), Path("q"))

    assert command == "voisin run digits --labels a.csv --out q --n-neighbors 7"
    assert reopen_source(settings).name == "digits"


def test_a_folder_without_settings_is_told_from_one_with_damaged_ones(tmp_path):
    with pytest.raises(ProjectError, match=r"has no voisin\.toml: pass the folder"):
        read_settings(tmp_path)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(ProjectError, match=r"file has no voisin\.toml: pass the folder"):
        read_settings(tmp_path / "file")
    (tmp_path / "voisin.toml").write_text("a = [", encoding="utf-8")
    with pytest.raises(ProjectError, match=r"cannot be read .*: run the project again"):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"voisin\.toml names no source: run the project again"),
        (
            'source = "a"\nn_neighbors = "ten"',
            r"`n_neighbors='ten'` is no whole number.*run the pro",
        ),
        ('source = "a"\nalpha = 2.0', r"`alpha=2.0` is outside \(0, 1\)"),
    ],
)
def test_settings_that_were_emptied_or_edited_wrongly_are_refused(tmp_path, text, message):
    (tmp_path / "voisin.toml").write_text(f"schema = 2\n{text}", encoding="utf-8")

    with pytest.raises(ProjectError, match=message):
        read_settings(tmp_path)


def test_a_project_of_another_version_must_be_run_again(tmp_path):
    (tmp_path / "voisin.toml").write_text('schema = 1\nsource = "digits"\nclass_shares = "x"\n')

    with pytest.raises(ProjectError, match=r"made by another version of voisin: run the project"):
        read_settings(tmp_path)
