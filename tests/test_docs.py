"""What README and docs say is so: their code runs, and what they name exists."""

import re
import tomllib
from functools import partial
from pathlib import Path

import pytest
import typer

import voisin
from voisin.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "voisin"
PAGES = [ROOT / "README.md", *sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts)]
SMALL = {
    "embedding": "pixels", "epochs": 1, "rounds": 1, "retraining_epochs": 1, "ceiling": False
}  # fmt: skip


def read(path):
    return path.read_text(encoding="utf-8")


def python_blocks(page):
    return re.findall(r"^```python\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def commands(text):
    """Every ``voisin run``, ``demo`` or ``compare`` that a page writes, continued lines joined."""
    text = text.replace("\\\n", " ")
    return re.findall(r"voisin (run|demo|compare)\b([^`\n|]*)", text)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty working folder, where a run takes a moment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(voisin, "run", partial(voisin.run, **SMALL), raising=False)
    return tmp_path / "my-project"


@pytest.mark.parametrize(
    "page",
    ["README.md", "docs/quickstart.md", "docs/files.md", "docs/compare.md", "docs/labels.md"],
)
def test_python_examples_run(page, project, capsys):
    blocks = python_blocks(ROOT / page)
    if page == "docs/files.md":
        voisin.run("digits", project, labels_per_class=5)

    for number, block in enumerate(blocks, start=1):
        exec(compile(block, f"{page}, example {number}", "exec"), {})

    assert blocks
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_option_of_a_command_that_is_written_exists(page):
    group = typer.main.get_command(app)
    known = {
        name: {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        for name, command in group.commands.items()
    }
    everywhere = set.union({"--help", "--version"}, *known.values())

    for command, rest in commands(read(page)):
        assert set(re.findall(r"--[a-z-]+", rest)) <= known[command], (command, rest)
    assert set(re.findall(r"`(--[a-z-]+)[` ]", read(page))) <= everywhere


def test_commands_are_found_in_the_readme():
    options = [re.findall(r"--[a-z-]+", rest) for _, rest in commands(read(ROOT / "README.md"))]

    assert ["--labels-per-class"] in options
    assert ["--label-column", "--group-column"] in options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_linked_exists(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", read(page))

    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_every_dependency_has_a_line_and_every_line_a_dependency():
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.match(r"[\w-]+", one)[0] for one in required} - {"voisin"}

    rows = re.findall(r"^\| ([\w-]+) \|", read(DOCS / "dependencies.md"), re.MULTILINE)
    assert sorted(set(rows) - {"package"}) == sorted(names)


def test_architecture_has_a_row_a_module_and_no_other():
    there = {
        f"{entry.name}/" if entry.is_dir() else entry.name
        for entry in PACKAGE.iterdir()
        if entry.name not in ("__init__.py", "__pycache__", "py.typed")
    }

    rows = re.findall(r"^\| `([\w/.]+)` \|", read(DOCS / "architecture.md"), re.MULTILINE)
    assert set(rows) == there


def test_every_file_that_architecture_names_exists():
    in_text = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", read(DOCS / "architecture.md"))

    assert in_text
    places = (PACKAGE, PACKAGE.parent, ROOT)
    assert [one for one in in_text if not any((place / one).exists() for place in places)] == []


def test_architecture_shows_the_layers_that_are_enforced():
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["type"] == "layers")

    assert "```text\n" + "\n".join(layers) + "\n```" in read(DOCS / "architecture.md")


def test_every_public_name_is_in_the_reference():
    documented = re.findall(r"^\.\. auto\w+:: (\w+)$", read(DOCS / "reference.md"), re.MULTILINE)

    assert set(documented) >= set(voisin.__all__) - {"__version__"}


def test_both_tutorials_take_the_same_steps():
    steps = [
        re.findall(r"voisin\.(\w+)\(", read(DOCS / "tutorial" / name))
        for name in ("chapter.md", "chapitre.md")
    ]

    assert steps[0] == steps[1]
    assert {"open_images", "draw_labels", "find_neighbors", "score", "run"} <= {*steps[0]}
