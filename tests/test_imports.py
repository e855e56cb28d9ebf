"""Imports point one way; each heavy library and each kind of side effect has its one place; files stay short.

The map in the docstring of ``ex3/__init__.py`` is the one list of modules: its order is the order of imports.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

from conftest import ROOT

import ex3

MAP_LINE = re.compile(r"^    (\w+)(\.py|/) {2,}(\S.*)$", re.MULTILINE)
MAP = [name for name, _, _ in MAP_LINE.findall(ex3.__doc__)]
RANK = {"ex3": -1} | {name: rank for rank, name in enumerate(MAP)} | {"__main__": len(MAP), "cli": len(MAP)}
FILES = [ROOT / "cli.py", *sorted((ROOT / "ex3").rglob("*.py"))]
SHORT = [*FILES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]
HOMES = {
    "scipy": {"scratch", "measures"},
    "matplotlib": {"plots"},
    "tensorflow": {"backend"},
    "keras": {"backend"},
    "PIL": {"data", "demo"},
    "nicegui": {"demo"},
    "fastapi": {"demo"},
    "uvicorn": {"demo"},
    "sklearn": {"data", "evaluation", "measures", "embedding", "by_hand", "data_care"},
    "cleanlab": {"data_care"},
    "click": {"commands"},
    "jinja2": {"answers"},
    "pypandoc": {"answers"},
    "typst": {"answers"},
    "joblib": {"cells"},
    "distributed": {"cells"},
    "rich": {"progress", "tables", "commands"},
    "threadpoolctl": {"by_hand", "embedding"},
}
BY_HAND = {"numpy", "scipy", "ex3", "collections", "dataclasses", "functools", "math", "typing"}
MOST_LINES, MOST_LINES_OF_CLI, MOST_LINES_OF_A_BODY = 250, 119, 40
WRITERS = {
    "dump", "makedirs", "mkdir", "mkdtemp", "mkstemp", "rename", "rmtree", "save", "save_weights", "savefig", "savez",
    "savez_compressed", "savetxt", "symlink_to", "tofile", "touch", "unlink", "write_bytes", "write_text",
    "NamedTemporaryFile",
}  # fmt: skip
PRINTERS = {"print", "echo", "secho", "sys.stdout.write", "sys.stderr.write"}


class Import(NamedTuple):
    """A dotted name that a file imports, at run time or for a type checker alone."""

    name: str
    runtime: bool


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def module_of(path: Path) -> str:
    """Return the top-level module or package of ex3 that a file belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return "ex3" if parts == ("ex3", "__init__") else parts[min(1, len(parts) - 1)]


@cache
def imports(path: Path) -> list[Import]:
    """Return all imports of a file, wherever they stand in it."""
    typing_only = {
        inner
        for node in ast.walk(parse(path))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(parse(path)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module}.{alias.name}" for alias in node.names]
        found += [Import(name, node not in typing_only) for name in names]
    return found


@cache
def calls(path: Path) -> list[tuple[str, ast.Call]]:
    """Return each call of a file with the dotted name of its function."""
    return [(ast.unparse(node.func), node) for node in ast.walk(parse(path)) if isinstance(node, ast.Call)]


def opens_for_writing(name: str, call: ast.Call) -> bool:
    if name.rsplit(".", maxsplit=1)[-1] not in {"open", "fdopen"}:
        return False
    modes = [*call.args[:2], *(keyword.value for keyword in call.keywords if keyword.arg == "mode")]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant) and isinstance(mode.value, str)]
    return any(re.fullmatch(r"[rwaxbt+]+", text) and set(text) & set("wax+") for text in texts)


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def test_every_module_is_in_the_map_and_the_map_names_nothing_else():
    assert {module_of(path) for path in FILES} == set(RANK)


def test_the_readme_shows_the_same_map():
    tree = re.search(r"^ex3/.*\n((?: +\S.*\n)+)", (ROOT / "README.md").read_text(), re.MULTILINE)[1]
    shown = [" ".join(line.split()) for line in tree.splitlines()]
    lines = [f"{name}{ending} {text}" for name, ending, text in MAP_LINE.findall(ex3.__doc__)]
    assert [line for line in shown if line in lines] == lines


def test_modules_import_only_from_above_them_in_the_map():
    wrong = []
    for path in FILES:
        module = module_of(path)
        for name, _ in imports(path):
            top, _, rest = name.partition(".")
            other = rest.split(".")[0]
            if top == "ex3" and other in RANK and other != module and RANK[other] >= RANK.get(module, -1):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_imports_are_absolute():
    relative = [f"{path.relative_to(ROOT)}: {name}" for path in FILES for name, _ in imports(path) if name[0] == "."]
    assert relative == []


def test_heavy_libraries_are_imported_in_their_homes_alone():
    wrong = []
    for path in FILES:
        for name, runtime in imports(path):
            library = name.split(".")[0]
            homes = HOMES.get(library, {module_of(path)})
            if module_of(path) not in homes and (runtime or library != "matplotlib"):  # storage's type of a figure
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_networks_by_hand_import_numpy_and_scipy_alone():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / "ex3" / "scratch").rglob("*.py")
        for name, _ in imports(path)
        if name.split(".")[0] not in BY_HAND or (name.startswith("ex3") and not name.startswith("ex3.scratch"))
    ]
    assert wrong == []


def test_only_storage_writes_files():
    wrong = [
        f"{place(path, call)}: {name}"
        for path in FILES
        if module_of(path) not in ("storage", "locks")  # a lock is no result
        for name, call in calls(path)
        if (name.split(".")[-1] in WRITERS and not name.startswith("ast.")) or opens_for_writing(name, call)
    ]
    assert wrong == []


def test_only_progress_and_commands_print():
    wrong = [
        f"{place(path, call)}: {name}"
        for path in FILES
        if module_of(path) not in {"progress", "commands"}
        for name, call in calls(path)
        if name in PRINTERS or name.split(".")[-1] in PRINTERS
    ]
    assert wrong == []


def test_files_are_short():
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SHORT}
    assert lines["cli.py"] <= MOST_LINES_OF_CLI
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_functions_are_short():
    long = []
    for path in SHORT:
        for node in ast.walk(parse(path)):
            if not isinstance(node, ast.FunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and node.end_lineno - body[0].lineno + 1 > MOST_LINES_OF_A_BODY:
                long.append(f"{place(path, node)}: {node.name}")
    assert long == []


def test_help_imports_nothing_heavy():
    heavy = ["tensorflow", "keras", "sklearn", "matplotlib", "numpy", "pydantic", "joblib", "rich", "jinja2", "nicegui"]
    program = f"""
import sys
import cli
from ex3.commands import main
for words in (["--help"], ["train", "--help"]):
    sys.argv = ["cli.py", *words]
    assert main() == 0
print([name for name in {heavy} if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
