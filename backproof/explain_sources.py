"""The source of the functions that steps come from, for the page to show a step in its place."""

from __future__ import annotations

import ast
from functools import cache
from linecache import getlines
from typing import Any

from .comparisons.ledger.source import statements


class Listings:
    """The functions that steps come from, each once, with the numbers of their lines."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []
        self.known: dict[tuple[str, int], int] = {}

    def place(self, file: str, number: int) -> dict[str, Any]:
        """Which listing, and from which line to which of it the statement goes."""
        function = _function_at(file, number)
        if function is None:
            return {"source": None}
        key = (file, function.lineno)
        if key not in self.known:
            self.known[key] = len(self.all)
            self.all.append(self._listing(file, function))
        statement = statements(file).get(number)
        last = (statement and statement.node.end_lineno) or number
        first = statement.line if statement else number
        return {"source": self.known[key], "first": first, "last": last}

    def _listing(self, file: str, function: ast.FunctionDef) -> dict[str, Any]:
        lines = getlines(file)[function.lineno - 1 : function.end_lineno]
        indent = len(lines[0]) - len(lines[0].lstrip())
        parts = file.replace("\\", "/").split("/")[-2:]
        return {"title": "/".join(parts), "first": function.lineno,
                "lines": [line.rstrip("\n")[indent:] for line in lines]}  # fmt: skip


@cache
def _functions(file: str) -> tuple[ast.FunctionDef, ...]:
    tree = ast.parse("".join(getlines(file)))
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _function_at(file: str, number: int) -> ast.FunctionDef | None:
    """The innermost function around a line."""
    around = [f for f in _functions(file) if f.lineno <= number <= (f.end_lineno or 0)]
    return max(around, key=lambda f: f.lineno, default=None)
