"""``voisin predict``."""

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.prediction.small_runs import small_run
from voisin.cli.app import app


@pytest.fixture
def folder(tmp_path):
    small_run(tmp_path / "run")
    Image.new("L", (8, 8), 255).save(tmp_path / "white.png")
    return tmp_path


def test_new_images_get_a_table_in_the_folder_and_a_summary(folder):
    result = CliRunner().invoke(app, ["predict", str(folder / "run"), str(folder / "white.png")])

    assert result.exit_code == 0
    assert "white.png" in result.stderr
    assert "unlike anything seen" in result.stderr
    assert "Labeled: 0 of 1 image" in result.stderr
    assert len((folder / "run" / "predictions.csv").read_text("utf-8-sig").splitlines()) == 2


def test_json_goes_to_standard_output_and_the_table_where_it_is_asked(folder):
    out = folder / "new.parquet"
    arguments = ["predict", str(folder / "run"), str(folder / "white.png"), "--out", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--json"])

    (row,) = json.loads(result.stdout)["predictions"]
    assert (row["unlike"], row["evidence"]) == (True, "labels")
    assert out.exists()
    assert not (folder / "run" / "predictions.csv").exists()


def test_a_file_of_no_known_kind_is_refused_before_any_work(folder):
    result = CliRunner().invoke(
        app, ["predict", str(folder / "gone"), str(folder / "white.png"), "--out", "new.txt"]
    )

    assert result.exit_code == 1
    assert "new.txt names no file of a known kind: write new.csv or new.parquet" in result.stderr
