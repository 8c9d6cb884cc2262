"""The program as its user meets it: what it prints, and how it ends."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.embedding.small_models import write_onnx
from voisin.__main__ import main
from voisin.embedding.vector_cache import VectorCache

VOISIN = [str(Path(sys.executable).with_name("voisin"))]
QUICK = [
    "--embedding",
    "cnn",
    "--epochs",
    "2",
    "--rounds",
    "1",
    "--retraining-epochs",
    "2",
    "--device",
    "cpu",
]


def voisin(*arguments, **options):
    return subprocess.run(
        [*VOISIN, *map(str, arguments)], capture_output=True, text=True, check=False, **options
    )


def test_a_run_says_first_what_it_understood_and_last_how_good_the_labels_are(digits_npz, tmp_path):
    ended = voisin("run", digits_npz, "--labels-per-class", 4, "--out", tmp_path / "out", *QUICK)
    lines = ended.stderr.splitlines()
    assert ended.returncode == 0, ended.stderr
    assert lines[0] == "digits: 360 images, 360 labeled"
    assert lines[-2] == f"Report: {tmp_path / 'out' / 'report.html'}"
    assert re.match(r"About \d+ % of these labels are right \(\d+ to \d+ %\); recall", lines[-1])
    assert (tmp_path / "out" / "report.html").is_file()
    assert ended.stdout == ""


def test_json_is_one_object_alone_on_standard_output(tmp_path):
    images = tmp_path / "out"
    ended = voisin("demo", "--json", "--labels-per-class", 2, "--out", images)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["dataset"]["name"] == "digits"
    compared = (
        r"Balanced accuracy: the labels 0\.\d{3}, a network taught the given ones alone 0\.\d{3}"
    )
    assert re.fullmatch(compared, ended.stderr.splitlines()[-1])


def test_the_demo_labels_by_the_chapter_only_if_asked_to(tmp_path):
    script = (
        "import sys\n"
        "import voisin.pipeline.run\n"
        "from types import SimpleNamespace\n"
        "def run(_, out, recipe='default', **options):\n"
        "    print(recipe)\n"
        "    score = SimpleNamespace(balanced_accuracy=SimpleNamespace(value=0.5))\n"
        "    return SimpleNamespace(score_of=lambda *_: score)\n"
        "voisin.pipeline.run.run = run\n"
        "sys.argv[0] = 'voisin'\n"
        "from voisin.cli.app import main; main()"
    )
    for options, recipes in ([], ["default"]), (["--chapter"], ["default", "chapter"]):
        ended = subprocess.run(
            [sys.executable, "-c", script, "demo", "--out", tmp_path, *options],
            capture_output=True,
            text=True,
            check=True,
        )
        assert ended.stdout.split() == recipes
        assert ("the chapter's labels" in ended.stderr) == (len(recipes) == 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "no/such/place"], "no/such/place"),
        (["run", "chestmnist"], "chestmnist"),
        (["run", "digits"], "All 1437 images are labeled"),
        (["run", "digits", "--labels-per-class", "0"], "--labels-per-class=0 is too small"),
        (["run", "digits", "--label-column", "dx"], "dx"),
        (
            ["run", "digits", "--embedding", "resnet"],
            "'resnet' is no embedder: choose among backbone",
        ),
    ],
)
def test_a_known_error_is_one_line_and_exit_code_1(tmp_path, arguments, words):
    ended = voisin(*arguments, "--out", tmp_path / "out")
    assert ended.returncode == 1
    (error,) = [line for line in ended.stderr.splitlines() if line.startswith("Error: ")]
    assert words in error
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("arguments", [["run"], ["run", "digits", "--nonsense"], ["fly"]])
def test_wrong_usage_is_exit_code_2(arguments):
    ended = voisin(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def demo_after(code, tmp_path):
    """Run the demo in a Python where `code` has changed something first."""
    script = f"{code}\nimport sys; from voisin.cli.app import main\nsys.argv[0] = 'voisin'; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "demo", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )


def test_ctrl_c_is_exit_code_130_and_says_that_work_is_kept(tmp_path):
    code = (
        "import voisin.pipeline.run\n"
        "def stopped(*_, **__): raise KeyboardInterrupt\n"
        "voisin.pipeline.run.run = stopped"
    )
    ended = demo_after(code, tmp_path)
    assert ended.returncode == 130
    assert ended.stderr.splitlines()[-1].startswith("Stopped. Finished work is kept")


def test_help_names_every_command_and_the_version_is_said():
    assert all(name in voisin("--help").stdout for name in ("demo", "run", "label"))
    assert voisin("--version").stdout.startswith("voisin 0.")


HEAVY = ("torch", "sklearn", "matplotlib", "pyarrow", "scipy.stats", "PIL", "jinja2", "pooch")


@pytest.mark.parametrize(
    "code",
    ["import voisin", "import sys, voisin.cli.app as a; a.app(['--help'], standalone_mode=False)"],
)
def test_starting_loads_no_heavy_library(code):
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert set(HEAVY).isdisjoint(ended.stdout.split())


def test_an_embedding_of_several_parts_is_chosen_by_name(digits_npz, tmp_path):
    model = write_onnx(tmp_path / "net.onnx")
    options = ["--embedding", f"pixels:8+onnx:{model}", "--embedding-size", 96]
    ended = voisin(
        "run",
        digits_npz,
        "--labels-per-class",
        3,
        *options,
        "--onnx-normalization",
        "-1..1",
        "--out",
        tmp_path / "out",
        *QUICK[2:],
    )

    assert ended.returncode == 0, ended.stderr
    stages = [line.split()[0] for line in ended.stderr.splitlines() if "  embeddings" in line]
    assert stages == ["embeddings-pixels", "embeddings-onnx", "embeddings"]


def test_without_pytorch_a_run_says_what_to_install(tmp_path):
    code = (
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'torch' else find(name, *more)"
    )
    ended = demo_after(code, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "Error: A run needs torch: pip install 'voisin[torch]'"


COMPARE = ["compare", "digits", "--embedding", "pixels", "--draws", "2"]


def test_a_comparison_shows_a_table_for_each_number_of_labels_and_prints_json(tmp_path):
    options = ["--labels-per-class", "1,3", "--methods", "spreading,harmonic", "--json"]
    ended = voisin(*COMPARE, *options, "--out", tmp_path / "out")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["labels_per_class"] == [1, 3]
    for number in (1, 3):
        title = f"unlabeled, {number} labels per class, mean ± standard deviation of 2 draws"
        assert title in ended.stderr
    best = next(
        row for row in document["results"] if row["scope"] == "unlabeled" and row["auc"]["best"]
    )
    shown = f"{best['auc']['mean']:.3f} ± {best['auc']['std']:.3f}"
    (line,) = [one for one in ended.stderr.splitlines() if shown in one][:1]
    assert line.split()[0] == best["method"]
    assert "best" in line
    assert ended.stderr.splitlines()[-1] == f"Comparison: {tmp_path / 'out' / 'comparison.html'}"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--labels-per-class", "1,few"], "--labels-per-class few is no whole number"),
        (["--methods", "spreading,magic"], "'magic' is no method: choose among auto"),
    ],
)
def test_a_comparison_says_in_one_line_what_it_cannot_do(tmp_path, options, words):
    ended = voisin(*COMPARE, *options, "--out", tmp_path / "out")
    assert ended.returncode == 1
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of files")
def test_a_full_disk_is_told_in_one_line(tmp_path):
    script = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000))\n"
        "options = ['--labels-per-class', '2', '--epochs', '1', '--out', sys.argv[1]]\n"
        "sys.argv = ['voisin', 'run', 'digits', '--embedding', 'pixels', *options]\n"
        "from voisin.cli.app import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("Error: A file cannot be read or written")


class Stopped:
    """Stands for the program's modules, while Ctrl-C is pressed before they are imported."""

    @property
    def main(self):
        raise KeyboardInterrupt


def test_stopped_before_it_has_begun_it_ends_without_a_traceback(monkeypatch):
    monkeypatch.setitem(sys.modules, "voisin.cli.app", Stopped())

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130


def test_cache_tells_what_is_kept_and_clears_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VOISIN_CACHE", str(tmp_path))
    monkeypatch.setenv("VOISIN_CACHE_SIZE", "2")
    images = [f"image {i}".encode() for i in range(1500)]
    VectorCache().keep("backbone, 64 × 64", "1", images, np.ones((1500, 1000), dtype=np.float32))

    told = voisin("cache", "--json")
    lines = told.stderr.splitlines()
    assert re.search(r"backbone, 64 × 64 +1,500 +6\.0 MB +20\d\d-\d\d-\d\d \d\d:\d\d", told.stderr)
    assert re.search(r"vectors\.sqlite takes 6\.\d MB of at most 2 GB", lines[-1])
    (kept,) = json.loads(told.stdout)["kept"]
    assert (kept["name"], kept["n_images"], kept["n_bytes"]) == ("backbone, 64 × 64", 1500, 6e6)

    cleared = voisin("cache", "--clear").stderr.splitlines()
    assert re.fullmatch(r"Removed 6\.\d MB\.", cleared[0])
    assert cleared[1] == f"No vectors are kept in {tmp_path / 'vectors.sqlite'}."
