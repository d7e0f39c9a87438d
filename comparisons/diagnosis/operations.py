"""The operations of the reference, found by running it, each told by its own source code.

The reference runs on arrays that report what is done to them (``Noise.watch``). Every addition,
product, sum, root, comparison... of a layer, a loss or an optimizer is then an ``Operation`` with
the expression it stands in, and ``varied_at`` makes the spec in which that one operation, wherever
that line is reached, does something else: a term left out, a mean for a sum.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ... import reference
from ...reference.protocols import Tree
from ...reference.tree import leaves, tree_map
from ..noise import Noise
from ..noisy import Noisy
from .parts import as_class, kind_of, varied

Variant = Callable[..., Any]  # operands and options, as ``Noise.watch`` has them, to a result
FOLDER = str(Path(reference.__file__).parent)
FILES = cache(lambda name: Path(name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Operation:
    """One place in the source: what is done there, in which function, in which expression."""

    name: str
    function: str
    file: str
    span: tuple[int, int, int, int]  # line, last line, column, last column; columns in bytes
    nth: int = field(default=1, compare=False)  # of those that look alike in its function

    @property
    def looks(self) -> tuple[str, str, str]:
        """What tells it from others, but for its place."""
        return self.name, self.function, self.expression

    @property
    def expression(self) -> str:
        """The source of the operation, on one line."""
        return _segment(self.file, self.span)

    @property
    def operands(self) -> tuple[str, ...]:
        """The source of its operands, as far as it names them."""
        node = _nodes(self.file).get(self.span)
        if isinstance(node, ast.BinOp):
            parts: list[ast.expr] = [node.left, node.right]
        elif isinstance(node, ast.AugAssign):
            parts = [node.target, node.value]
        elif isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.UnaryOp):
            parts = [node.operand]
        elif isinstance(node, ast.Call):
            method = node.func
            own = isinstance(method, ast.Attribute) and ast.unparse(method.value) != "np"
            parts = [method.value] if own and isinstance(method, ast.Attribute) else [*node.args]
        else:
            parts = []
        return tuple(ast.unparse(part) for part in parts)


@cache
def _nodes(file: str) -> dict[tuple[int, int, int, int], ast.AST]:
    """The nodes of a file by their span, the outermost of each."""
    found: dict[tuple[int, int, int, int], ast.AST] = {}
    for node in ast.walk(ast.parse(FILES(file))):
        if isinstance(node, ast.expr | ast.stmt):
            last, end = node.end_lineno or 0, node.end_col_offset or 0
            found.setdefault((node.lineno, last, node.col_offset, end), node)
    return found


def _segment(file: str, span: tuple[int, int, int, int]) -> str:
    first, last, start, end = span
    lines = FILES(file).encode().splitlines()[first - 1 : last]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    return " ".join(b" ".join(lines).decode().split())


@cache
def _of_reference(code: CodeType) -> bool:
    return code.co_filename.startswith(FOLDER)


@cache
def _positions(code: CodeType) -> list[Any]:
    return list(code.co_positions())


def of_reference(frame: FrameType | None) -> FrameType | None:
    """The nearest frame that is in the reference."""
    while frame is not None and not _of_reference(frame.f_code):
        frame = frame.f_back
    return frame


def operation(name: str, frame: FrameType | None) -> Operation | None:
    """The operation that a frame of the reference is doing."""
    if frame is None:
        return None
    code = frame.f_code
    span = _positions(code)[frame.f_lasti // 2]
    if None in span:  # Python was told not to keep columns
        return None
    return Operation(name, code.co_qualname, code.co_filename, tuple(span))


def in_scope(frame: FrameType) -> dict[str, Any]:
    """The arrays and numbers that a function of the reference has at hand, by their source."""
    found: dict[str, Any] = {}
    for name, value in frame.f_locals.items():
        if name == "self":
            found |= {f"self.{n}": v for n, v in vars(value).items() if _number(v)}
        elif isinstance(value, dict):
            found |= {f'{name}["{n}"]': v for n, v in value.items() if _number(v)}
        elif _number(value):
            found[name] = value
    return found


def _number(value: Any) -> bool:
    return isinstance(value, Noisy | float) and not isinstance(value, bool)


@dataclass
class Done:
    """An operation as it was first done: operands, options, and what else was in scope."""

    operands: tuple[Any, ...]
    how: dict[str, Any]
    scope: dict[str, tuple[int, ...]]


@dataclass
class Trace:
    """Operations in the order in which they were first done."""

    found: dict[Operation, Done] = field(default_factory=dict)

    def __call__(self, name: str, operands: tuple[Any, ...], how: dict[str, Any]) -> None:
        """What ``Noise.watch`` calls: note the operation, change nothing."""
        frame = of_reference(sys._getframe(1))
        here = operation(name, frame)
        if here is not None and frame is not None and here not in self.found:
            alike = [o for o in self.found if o.looks == here.looks]
            here = dataclasses.replace(here, nth=1 + len(alike))
            shapes = {n: getattr(v, "shape", ()) for n, v in in_scope(frame).items()}
            self.found[here] = Done(operands, how, shapes)


@dataclass
class Instead:
    """Does another thing at one operation, or the same with another variable for an operand."""

    at: Operation
    variant: Variant
    operand: tuple[int, str] | None = None
    busy: bool = False

    def __call__(self, name: str, operands: tuple[Any, ...], how: dict[str, Any]) -> Any:
        """What ``Noise.watch`` calls: the variant's result, or None elsewhere."""
        if self.busy or name != self.at.name:
            return None
        frame = of_reference(sys._getframe(1))
        if frame is None or operation(name, frame) != self.at:
            return None
        self.busy = True  # the variant's own operations are not to be varied
        try:
            if self.operand is None:
                return self.variant(*operands, **how)
            which, other = self.operand
            operands = (*operands[:which], in_scope(frame)[other], *operands[which + 1 :])
            return self.variant(*operands, **how)
        finally:
            self.busy = False


@contextmanager
def _watching(noise: Noise, watch: Any) -> Iterator[None]:
    before, noise.watch = noise.watch, watch
    try:
        yield
    finally:
        noise.watch = before


def watched(spec: Any, watch: Any) -> Any:
    """The spec with every operation of its methods told to ``watch``, on whatever arrays it runs.

    Plain arrays are lifted into arithmetic without noise, and what comes out is lowered again.
    """
    base = type(spec)

    def forward(self: Any, *args: Any) -> Any:
        lift = _Lift(args)
        with _watching(lift.noise, watch):
            y, kept = as_class(self, base).forward(*lift.up(args))
        return lift.down(y), (lift, kept)

    def backward(self: Any, residuals: Any, dy: Any = 1.0) -> Any:
        lift, kept = residuals
        with _watching(lift.noise, watch):
            return lift.down(as_class(self, base).backward(kept, lift.up(dy)))

    def gradient(self: Any, residuals: Any, dy: Any) -> Any:
        return backward(self, residuals, dy)[1]

    def rule(name: str) -> Callable[..., Any]:
        def run(self: Any, *args: Any) -> Any:
            lift = _Lift(args)
            with _watching(lift.noise, watch):
                return lift.down(getattr(lift.spec(as_class(self, base)), name)(*lift.up(args)))

        return run

    if hasattr(base, "forward"):
        return varied(spec, forward=forward, backward=backward, gradient=gradient)
    name = "update" if kind_of(spec) == "optimizer" else "__call__"
    return varied(spec, **{name: rule(name)})


class _Lift:
    """Into noisy arithmetic and down again; nothing to do for arrays that are noisy already."""

    def __init__(self, args: Any) -> None:
        arrays = [a for _, a in leaves(args)]
        noisy = [a.noise for a in arrays if isinstance(a, Noisy)]
        floats = [a.dtype for a in arrays if getattr(getattr(a, "dtype", 0), "kind", "") == "f"]
        work = max(floats, key=lambda d: d.itemsize, default=np.dtype(np.float64))
        self.lifts = not noisy
        self.noise: Noise = noisy[0] if noisy else Noise(np.float64, work=work)

    def spec(self, rule: Any) -> Any:
        """The rule with its floats in this arithmetic."""
        return self.noise.hyperparameters(rule) if self.lifts else rule

    def up(self, tree: Tree) -> Tree:
        """Arrays as noisy ones."""
        if not self.lifts:
            return tree
        floats = np.ndarray | np.floating

        def lift(a: Any) -> Any:
            return self.noise.array(np.asarray(a)) if isinstance(a, floats) else a

        return tree_map(lift, tree)

    def down(self, tree: Tree) -> Tree:
        """Noisy arrays as plain ones."""
        if not self.lifts:
            return tree
        return tree_map(lambda a: a.payload[0] if isinstance(a, Noisy) else a, tree)


def operations(spec: Any, run: Callable[[Any], Any]) -> Trace:
    """The operations of a spec when ``run`` is given it, those of its own file if it has parts."""
    trace = Trace()
    run(watched(spec, trace))
    return trace


def varied_at(
    spec: Any, at: Operation, variant: Variant, operand: tuple[int, str] | None = None
) -> Any:
    """The spec with another operation in the place of one.

    ``operand`` is which operand is replaced by which variable in scope.
    """
    return watched(spec, Instead(at, variant, operand))


def source_file(spec: Any) -> str:
    """The file that holds the class of a spec."""
    return str(inspect.getsourcefile(type(spec)))
