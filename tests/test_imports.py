"""Imports point one way; each heavy library and each kind of side effect has its one place."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import ROOT

LAYERS = [
    {"ex3", "errors"},
    {"config", "results", "image_files", "backend"},
    {"config_files", "tables", "data", "scratch", "sweeps"},
    {"models", "embedding", "attacks", "theory", "claims"},
    {"training", "gradients", "robustness", "report"},
    {"plots", "planes", "storage"},
    {"cells"},
    {"progress"},
    {"experiments"},
]
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer}
HOMES = {
    "scipy": set(),
    "matplotlib": {"plots", "storage"},
    "tensorflow": {"backend"},
    "keras": {"backend"},
    "sklearn": {"data", "embedding", "planes"},
    "click": set(),
    "jinja2": {"report"},
    "joblib": {"cells"},
    "distributed": {"cells"},
    "rich": {"progress"},
}
FILES = sorted((ROOT / "ex3").rglob("*.py"))


def module_of(path) -> str:
    parts = path.relative_to(ROOT / "ex3").parts
    return "ex3" if parts == ("__init__.py",) else parts[0].removesuffix(".py")


def imported(path) -> set[str]:
    """Return what a file imports, anywhere in it, as dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_up_the_list_only(path):
    module = module_of(path)
    for name in imported(path):
        top, _, rest = name.partition(".")
        if top == "ex3":
            other = rest.split(".")[0]
            if other in RANK and other != module:
                assert RANK[other] < RANK[module], f"{module} imports {other}"
        elif top in HOMES:
            assert module in HOMES[top], f"{module} imports {top}"


def test_what_is_written_by_hand_imports_numpy_alone():
    for path in (ROOT / "ex3" / "scratch").glob("*.py"):
        tops = {name.split(".")[0] for name in imported(path)}
        assert tops <= {"numpy", "ex3", "dataclasses", "typing", "collections", "functools"}, path
        assert all(name.startswith("ex3.scratch") for name in imported(path) if name.startswith("ex3"))


def test_every_module_has_its_place_in_the_list():
    assert {module_of(path) for path in FILES} == set(RANK)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_storage_writes_and_only_the_command_line_prints_results(path):
    text = path.read_text()
    module = module_of(path)
    if module != "storage":
        assert not re.search(r"write_bytes\(|write_text\(|savefig\(|\.save\(|open\([^)]*\"w", text), f"{module} writes"
    if module != "progress":
        assert not re.search(r"\bprint\(", text), f"{module} prints"


def test_help_imports_nothing_heavy():
    heavy = ["tensorflow", "keras", "sklearn", "matplotlib", "numpy", "pydantic", "joblib", "rich", "jinja2"]
    program = f"""
import sys
sys.argv = ["cli.py", "train", "--help"]
import cli
cli.main()
print([name for name in {heavy} if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
