"""The package stays as a newcomer expects it: names stand once, chains are short, functions fit."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import voisin
from voisin.cli.options import SHARED_OPTIONS

ROOT = Path(__file__).resolve().parents[1] / "src"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
OF_PLUG_INS = {"make"}  # what every embedder's file calls the function that makes it


def imports_of(name):
    """Modules of voisin that a module imports when it is loaded, and their packages."""
    imported = set()
    for node in TREES[name].body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                imported.add(full if full in FILES else node.module)
    packages = {one.rsplit(".", parts)[0] for one in imported for parts in range(one.count("."))}
    return {
        one
        for one in imported | packages
        if one in FILES and one != name and not name.startswith(f"{one}.")
    }


@cache
def chain_from(name):
    longest = max((chain_from(one) for one in imports_of(name)), key=len, default=())
    return (name, *longest)


def test_a_public_name_is_defined_once():
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, DEFINITIONS) and node.name[0] != "_" and node.name != "main"
    )

    assert {name for name, count in names.items() if count > 1} <= OF_PLUG_INS


def test_the_longest_chain_of_imports_is_short():
    longest = max((chain_from(name) for name in FILES), key=len)

    assert len(longest) <= 17, " > ".join(longest)


def test_packages_import_nothing_when_they_are_loaded():
    importing = [
        name
        for name, path in FILES.items()
        if path.name == "__init__.py" and name != "voisin" and imports_of(name)
    ]

    assert importing == []


def test_most_private_helpers_are_used_more_than_once():
    uses = []
    for tree in TREES.values():
        read = Counter(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        uses += [
            read[node.name]
            for node in tree.body
            if isinstance(node, DEFINITIONS) and node.name[0] == "_"
        ]

    assert sum(count == 1 for count in uses) <= 0.52 * len(uses)


def test_a_function_fits_a_screen():
    long = [
        f"{name}.{node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for body in [node.body[bool(ast.get_docstring(node)) :]]
        if body and node.end_lineno - body[0].lineno >= 50
    ]

    assert long == []


def test_the_package_shows_few_names():
    assert len(voisin.__all__) <= 22


def texts_of(tree):
    """Texts of the code that are not documentation, with the values in them left out."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docs = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, documented) and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
            yield node.value


def test_a_message_names_a_setting_in_backticks_so_that_the_command_line_shows_its_option():
    underscored = "|".join(name for name in SHARED_OPTIONS if "_" in name)
    assigned = "|".join(SHARED_OPTIONS)
    unmarked = re.compile(rf"(?<=[a-z] )(?:{underscored})\b|(?<![`\w-])(?:{assigned})=$")

    bare = [
        (name, text)
        for name, tree in TREES.items()
        for text in texts_of(tree)
        if unmarked.search(text) and not name.startswith("voisin.cli")
    ]

    assert bare == []
