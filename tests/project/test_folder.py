"""A project's folder: nothing of others is touched, one run at a time."""

import subprocess
import sys
import tomllib

import pytest

from voisin.errors import ProjectError
from voisin.project.folder import Project
from voisin.writing import write_atomically


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ProjectError, match=r"not empty and has no voisin\.toml"):
        Project(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError, match="is a file"):
        Project(tmp_path / "file")


def test_an_earlier_project_is_opened_again(tmp_path):
    Project(tmp_path / "new").write_settings({"alpha": 0.9})
    assert Project(tmp_path / "new").folder == tmp_path / "new"


def test_settings_are_read_back_as_they_were_written(tmp_path):
    settings = {"name": 'a "quoted" \\ é', "alpha": 0.9, "rounds": 3, "ceiling": True}
    project = Project(tmp_path)
    project.write_settings({**settings, "expert_network": None})
    assert tomllib.loads((tmp_path / "voisin.toml").read_text("utf-8")) == {"schema": 2, **settings}


def test_a_second_run_in_the_same_folder_is_refused_while_the_first_works(tmp_path):
    second = (
        "import sys; from pathlib import Path; from voisin.project.folder import Project\n"
        "with Project(Path(sys.argv[1])).locked(): pass"
    )
    with Project(tmp_path).locked():
        ended = subprocess.run(
            [sys.executable, "-c", second, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "is in use by another run" in ended.stderr
    subprocess.run([sys.executable, "-c", second, str(tmp_path)], check=True)


def test_a_failed_write_leaves_the_old_file_and_nothing_beside(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text("old")

    def fail_half_way():
        with write_atomically(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]
