"""The statements of a Python file: what each assigns, from which expression, in what words."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any

# What an expression may call to be worked out once more, on its own, without any effect.
METHODS = {"sum", "mean", "max", "min", "any", "all", "reshape", "swapaxes", "transpose", "ravel",
           "astype", "copy"}  # fmt: skip
LAYOUT = {"reshape", "swapaxes", "transpose", "ravel", "astype", "copy"}  # the same numbers
Named = tuple[str, ast.expr | None, Any]  # a name, its expression, its value


@dataclass(frozen=True)
class Statement:
    """An assignment or a return; ``node`` is its syntax tree, ``text`` its source on one line."""

    node: ast.stmt
    text: str
    line: int

    @property
    def expression(self) -> ast.expr | None:
        """What is assigned or returned."""
        return getattr(self.node, "value", None)

    @property
    def changes(self) -> str:
        """The name of the array that it writes into: "dx" in ``dx[tap] += dy``, else ""."""
        target: ast.expr | None = None
        if isinstance(self.node, ast.AugAssign):
            target = self.node.target
        if isinstance(self.node, ast.Assign) and isinstance(self.node.targets[0], ast.Subscript):
            target = self.node.targets[0]
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        return target.id if isinstance(target, ast.Name) else ""

    def assigned(self, values: dict[str, Any]) -> Iterator[Named]:
        """The names that it binds, given all local values after it."""
        if isinstance(self.node, ast.Assign):
            for target in self.node.targets:
                yield from _bound(target, self.node.value, values)
        elif isinstance(self.node, ast.AnnAssign) and self.node.value is not None:
            yield from _bound(self.node.target, self.node.value, values)


def _bound(target: ast.expr, value: ast.expr | None, values: dict[str, Any]) -> Iterator[Named]:
    if isinstance(target, ast.Name) and target.id in values:
        yield target.id, value, values[target.id]
    elif isinstance(target, ast.Tuple):
        one_by_one = isinstance(value, ast.Tuple) and len(value.elts) == len(target.elts)
        parts = value.elts if one_by_one else [value] * len(target.elts)  # type: ignore[union-attr]
        for inner, part in zip(target.elts, parts, strict=True):
            yield from _bound(inner, part, values)


@cache
def statements(file: str) -> dict[int, Statement]:
    """Line number to the simple statement on it; lines of no such statement are left out."""
    lines = linecache.getlines(file)
    found: dict[int, Statement] = {}
    simple = ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Return
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, simple) and node.value is not None:
            text = " ".join(s.strip() for s in lines[node.lineno - 1 : node.end_lineno])
            text = text.partition("  # ")[0]
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                found[number] = Statement(node, text, node.lineno)
    return found


def elements(name: str, expression: ast.expr | None, value: Any) -> Iterator[Named]:
    """The arrays of a value that may be a tuple or a dict, each with the part that made it."""
    if isinstance(value, tuple):
        whole = isinstance(expression, ast.Tuple) and len(expression.elts) == len(value)
        parts = expression.elts if whole else [expression] * len(value)  # type: ignore[union-attr]
        for i, (part, v) in enumerate(zip(parts, value, strict=True)):
            yield from elements(f"{name}.{i}" if name else str(i), part, v)
    elif isinstance(value, dict):
        made = dict(_keyed(expression))
        for key, v in value.items():
            yield from elements(f"{name}.{key}" if name else str(key), made.get(key), v)
    else:
        yield name, expression, value


def _keyed(expression: ast.expr | None) -> Iterator[tuple[Any, ast.expr]]:
    """The keys that a dict's display, or the union of several, gives an expression for."""
    if isinstance(expression, ast.Dict):
        for key, value in zip(expression.keys, expression.values, strict=True):
            if isinstance(key, ast.Constant):
                yield key.value, value
    elif isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.BitOr):
        yield from _keyed(expression.left)
        yield from _keyed(expression.right)
    elif isinstance(expression, ast.IfExp):
        yield from _keyed(expression.orelse)
        yield from _keyed(expression.body)


def parts(expression: ast.expr) -> Iterator[ast.expr]:
    """Expressions within one that are calculations of their own, the innermost first."""
    for child in ast.iter_child_nodes(expression):
        if isinstance(child, ast.expr):
            yield from parts(child)
            if isinstance(child, ast.BinOp | ast.UnaryOp | ast.Call) and is_pure(child):
                layout = isinstance(child, ast.Call) and _method(child) in LAYOUT
                if not layout:
                    yield child


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def is_pure(expression: ast.expr) -> bool:
    """Whether working it out again has no effect: arithmetic, NumPy, an array's own methods."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Lambda | ast.GeneratorExp | ast.ListComp | ast.NamedExpr):
            return False
        if isinstance(node, ast.Call) and not _of_numpy(node):
            return False
    return True


def _of_numpy(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    base = call.func.value
    numpy = isinstance(base, ast.Name) and base.id == "np"
    return (numpy and call.func.attr.islower()) or call.func.attr in METHODS


def work_out(expression: ast.expr, frame: FrameType) -> Any:
    """The value of an expression in a frame, or None where it cannot be had."""
    try:
        return eval(_compiled(expression), frame.f_globals, frame.f_locals)
    except Exception:  # a name of a comprehension, an index of a later turn: not a part to show
        return None


@cache
def _compiled(expression: ast.expr) -> CodeType:
    return compile(ast.Expression(expression), "<part>", "eval")


def text_of(expression: ast.expr | None) -> str:
    """An expression in one line, spaced as the reference's code is."""
    return ast.unparse(expression) if expression is not None else ""


def is_sum(expression: ast.expr | None) -> bool:
    """Whether it adds two values up."""
    return isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add)
