"""Lines of a file that a finding is about, from its syntax alone: nothing is executed."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_BYTES = 1_000_000


def walk(node: ast.AST) -> Iterator[Any]:
    """Yield a node and all below it."""
    yield from ast.walk(node)


class Places:
    """Where a file does what; empty for one that cannot be parsed."""

    def __init__(self, source: bytes):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            tree = ast.Module([], [])
        self.functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}

    @classmethod
    def of(cls, file: Path) -> "Places":
        """Read a file; it may have deleted itself by now."""
        try:
            return cls(file.read_bytes())
        except OSError:
            return cls(b"")

    def definition(self, function: str) -> int | None:
        """Return the line of a function's ``def``."""
        return self.functions[function].lineno if function in self.functions else None

    def entry(self, function: str, key: str) -> int | None:
        """Return the line in which a function last assigns ``...[key]``, or the function's."""
        return max(self._assigned(function, key), default=self.definition(function))

    def returned(self, function: str, position: int) -> int | None:
        """Return the line in which a function last assigns what it returns at this position, or that of its return."""
        for node in reversed(list(self._nodes(function))):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) > position:
                value = node.value.elts[position]
                names = [inner.id for inner in ast.walk(value) if isinstance(inner, ast.Name)]
                lines = [line for name in names for line in self._assigned(function, name)]
                return max(lines, default=value.lineno) if isinstance(value, ast.Name) else value.lineno
        return self.definition(function)

    def recorded(self, function: str, position: int) -> int | None:
        """Return the line in which a function appends to what it returns at this position, or assigns to it."""
        names = {
            name
            for node in self._nodes(function)
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple)
            for name in [getattr(element, "id", "") for element in node.value.elts[position : position + 1]]
        }
        lines = [
            node.lineno
            for node in self._nodes(function)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".append")
            and names & {inner.id for inner in ast.walk(node.func) if isinstance(inner, ast.Name)}
        ]  # fmt: skip
        assigned = [line for name in names for line in self._assigned(function, name)]
        return max(lines or assigned, default=self.definition(function))

    def update(self, function: str) -> int | None:
        """Return the line in which a function first multiplies by its last argument, the learning rate."""
        if function not in self.functions:
            return None
        arguments = self.functions[function].args.args
        rate = arguments[-1].arg if arguments else ""
        lines = [
            node.lineno
            for node in self._nodes(function)
            if isinstance(node, ast.BinOp)
            and rate in {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}
        ]
        return min(lines, default=self.definition(function))

    def _nodes(self, function: str) -> Iterator[Any]:
        yield from walk(self.functions[function]) if function in self.functions else ()

    def _assigned(self, function: str, name: str) -> Iterator[int]:
        """Yield the lines in which a function assigns to a name, or to an entry of that name."""
        for node in self._nodes(function):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(
                node, ast.AugAssign | ast.AnnAssign
            ) else []  # fmt: skip
            for target in targets:
                for inner in walk(target):
                    is_name = isinstance(inner, ast.Name) and inner.id == name
                    if is_name or (isinstance(inner, ast.Constant) and inner.value == name):
                        yield inner.lineno
