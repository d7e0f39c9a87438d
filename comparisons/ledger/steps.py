"""The steps of the reference: every array that its own code makes in one forward and backward pass.

The code is run as it stands, under ``sys.settrace``; what a statement assigned is read from the
frame, and from its source what the statement says. A value is a step where it is made: whoever
passes it on, renames it or takes it apart adds nothing, so a combinator adds what it computes
itself. ``role`` says what a value is to its layer: y, dx or the gradient of a parameter.
"""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np

from ... import reference
from ...adapters.tracing import line
from ...reference.protocols import Array, Layer, Loss, Tree
from ...reference.tree import leaves, tree_map
from .source import Statement, elements, is_pure, is_sum, parts, statements, text_of, work_out
from .tape import Traced

PASSES = ("forward", "backward", "gradient")  # the methods of a layer or a loss that pass values
MACHINERY = {"protocols.py", "tree.py", "draws.py", "windows.py", "discovery.py"}
RETURNED = "return"  # the name of what has none
Key = tuple[Any, ...]


@dataclass(eq=False)
class Call:
    """One pass through one layer: forward or backward."""

    spec: Any
    path: str  # where its parameters are
    phase: str
    depth: int  # the layers around it
    use: int = 0  # how often this layer has run before

    @property
    def layer(self) -> str:
        """The name of the class; a variation without a name of its own has that of the original."""
        return next(c.__name__ for c in type(self.spec).__mro__ if c.__name__ != "_")


@dataclass(eq=False)
class Step:
    """One array that the reference made.

    ``name`` what the code calls it, ``text`` the expression, ``statement`` the whole line.
    ``role`` "y", "dx", "dW", ... where it leaves its layer, else ""; ``leaf`` the parameter's
    path, as an adapter's ``Event.leaf``. ``part`` marks what is inside an expression; ``fork``
    a sum of cotangents: the value was used more than once. ``turn`` counts within a loop.
    ``traced`` is the array as the code has it, where it notes its operations on a tape.
    """

    call: Call
    name: str
    text: str
    statement: str
    where: str
    file: str
    function: str
    value: Array
    key: Key
    role: str = ""
    leaf: str = ""
    part: bool = False
    fork: bool = False
    turn: int = 0
    named: bool = True
    traced: Traced | None = None


@dataclass(eq=False)
class Passing:
    """A value that leaves a layer; ``after`` is the last step before it does."""

    call: Call
    role: str
    step: Step
    after: Step | None

    @property
    def key(self) -> Key:
        """Which value of which layer it is, in every run and every variation of a program."""
        c = self.call
        return c.phase, c.path, c.depth, c.use, self.role


@dataclass(eq=False)
class Program:
    """All steps in the order of the program, and all values that left a layer."""

    steps: list[Step]
    passed: list[Passing]


@dataclass
class _Frame:
    """A function that is running: whose it is, and the statement that it is at."""

    call: Call
    outermost: bool  # of its call: what it returns leaves the layer
    statement: Statement | None = None
    began: int = 0  # how many steps there were when it began
    inner: list[tuple[ast.expr, ast.expr, Array]] = field(default_factory=list)  # whole, part


def record(
    network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, only_forward: bool = False
) -> Program:
    """The steps of a forward and a backward pass.

    Raises what the network and the loss raise.
    """
    params = tree_map(lambda w: w.copy(), params)  # every subtree an object of its own
    recorder = _Recorder(network, loss, params, (x, target))
    with recorder:
        y, residuals = network.forward(params, x)
        recorder.at_loss = True
        _, kept = loss.forward(y, target)
        if only_forward:
            return Program(recorder.steps, recorder.passed)
        recorder.phase = "backward"
        dy = loss.backward(kept)
        recorder.at_loss = False
        dx, dparams = network.backward(residuals, dy)
    gradients = [(f"d{leaf}", g) for leaf, g in leaves(dparams)]
    for leaf, g in [*gradients, *((f"dx{k and '.' + k}", v) for k, v in leaves(dx))]:
        if (step := recorder.made.get(id(g))) is not None:
            step.leaf = leaf
    return Program(recorder.steps, recorder.passed)


class _Recorder:
    """What the trace function knows: what is running, and which arrays have been seen."""

    def __init__(self, network: Layer, loss: Loss, params: Tree, given: Tree) -> None:
        self.files = _files(network) | _files(loss)
        self.steps: list[Step] = []
        self.passed: list[Passing] = []
        self.made: dict[int, Step | None] = {id(a): None for _, a in leaves((params, given))}
        self.frames: dict[int, _Frame] = {}
        self.calls: list[tuple[Call, Any]] = []  # forward calls and their residuals
        self.alive: list[Any] = []  # so that no id is used again
        self.paths = dict(_paths(params))
        self.turns: dict[Key, int] = {}
        self.phase, self.at_loss = "forward", False

    def __enter__(self) -> None:
        self.before = sys.gettrace()
        sys.settrace(self.enter)

    def __exit__(self, *error: object) -> None:
        sys.settrace(self.before)

    def enter(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The global trace function: called for every new frame."""
        code = frame.f_code
        if code.co_filename not in self.files or code.co_name.startswith("<"):
            return None
        around = self._around(frame.f_back)
        spec = frame.f_locals.get("self")
        is_pass = code.co_name in PASSES and spec is not None
        if is_pass and (around is None or around.call.spec is not spec):
            call = self._call(frame, spec, around)
        elif around is not None:
            call, is_pass = around.call, False
        else:
            return None
        self.frames[id(frame)] = _Frame(call, is_pass)
        return self.follow

    def follow(self, frame: FrameType, event: str, arg: Any) -> Any:
        """The trace function of a frame: called before every line, and at the return."""
        now = self.frames[id(frame)]
        if event == "line":
            statement = statements(frame.f_code.co_filename).get(frame.f_lineno)
            if statement is not now.statement:
                self._leave(frame, now)
                now.statement, now.began = statement, len(self.steps)
                now.inner = list(_inner(statement, frame))
        elif event == "return":
            self._leave(frame, now, returned=(arg,))
            if now.outermost and arg is not None:  # None: an exception passes through
                self._passed_on(frame, now, arg)
            del self.frames[id(frame)]
        return self.follow

    def _around(self, frame: FrameType | None) -> _Frame | None:
        while frame is not None and id(frame) not in self.frames:
            frame = frame.f_back
        return None if frame is None else self.frames[id(frame)]

    def _call(self, frame: FrameType, spec: Any, around: _Frame | None) -> Call:
        """Which layer it is: by the parameters, or by the residuals that its forward has left."""
        first = frame.f_locals.get(frame.f_code.co_varnames[1])
        outer, depth = (around.call.path, around.call.depth + 1) if around else ("", 0)
        if self.at_loss and around is None:
            return Call(spec, "loss", self.phase, depth)
        if frame.f_code.co_name == "forward":
            path = self.paths.get(id(first), outer)
            use = sum(c.path == path and c.depth == depth for c, _ in self.calls)
            return Call(spec, path, self.phase, depth, use)
        for i, (call, kept) in reversed(list(enumerate(self.calls))):
            if kept is first and (first or call.spec is spec):
                del self.calls[i]
                return Call(spec, call.path, self.phase, depth, call.use)
        return Call(spec, outer, self.phase, depth)

    def _leave(self, frame: FrameType, now: _Frame, returned: tuple[Any, ...] = ()) -> None:
        """What the last statement of a frame has made."""
        statement, inner = now.statement, now.inner
        now.statement, now.inner = None, []
        if statement is None:
            return
        if isinstance(statement.node, ast.Return):
            found = [(RETURNED, statement.expression, value) for value in returned]
        else:
            found = list(statement.assigned(frame.f_locals))
        alone = True  # nothing that was called has come before
        for name, expression, value in found:
            for leaf, part, array in elements(name, expression, value):
                alone = alone and part is not None and is_pure(part)
                for whole, piece, v in inner:  # they are there before anything is called
                    if whole is part:
                        now.began += self._take(
                            now.began, frame, now, statement, text_of(piece), piece, v, True
                        )
                at = now.began if alone else len(self.steps)
                now.began += alone * self._take(at, frame, now, statement, leaf, part, array)
        if statement.changes in frame.f_locals:
            self._changed(frame, frame.f_locals[statement.changes], statement)

    def _take(
        self, at: int, frame: FrameType, now: _Frame, statement: Statement, name: str,
        expression: ast.expr | None, value: Any, part: bool = False,
    ) -> int:  # fmt: skip
        """How many steps it is: 1, unless it is no array of floats or known already."""
        if not _is_floats(value):
            return 0
        known = self.made.get(id(value))
        last = name.rpartition(".")[2]
        nameless = last in ("", RETURNED) or last.isdigit()
        if known is not None and not known.named and not nameless and not part:
            known.name, known.named = _short(name, now.call.phase), True
        if id(value) in self.made:
            return 0
        code, call = frame.f_code, now.call
        pass_ = call.phase, call.path, call.depth, call.use
        where = *pass_, code.co_filename, code.co_name, statement.line, name
        turn = self.turns[where] = self.turns.get(where, -1) + 1
        text = text_of(expression) or statement.text
        step = Step(
            call, name if part else code.co_name if nameless else _short(name, call.phase), text,
            statement.text,
            line(code.co_filename, statement.line), code.co_filename, code.co_name,
            _numbers(value), (*where, part, turn), part=part, turn=turn, named=not nameless,
            traced=value if isinstance(value, Traced) else None,
            fork=call.phase == "backward" and not part and is_sum(expression),
        )  # fmt: skip
        self.alive.append(value)
        self.made[id(value)] = step
        self.steps.insert(at, step)
        return 1

    def _changed(self, frame: FrameType, value: Any, statement: Statement) -> None:
        """An array that was written into: its step has the value that it has now."""
        step, now = self.made.get(id(value)), _numbers(value)
        if step is not None and not np.array_equal(step.value, now, equal_nan=True):
            step.value = now
            if statement.text not in step.statement:
                step.statement += f"; {statement.text}"

    def _passed_on(self, frame: FrameType, now: _Frame, returned: Any) -> None:
        """What leaves a layer gets its role."""
        if not isinstance(returned, tuple) or now.call.path == "loss":
            returned = returned if now.call.phase == "forward" else (returned, {})
        if frame.f_code.co_name == "forward":
            self.alive.append(returned)
            self.calls.append((now.call, returned[1]))
            roles = elements("y", None, returned[0])
        else:
            dx, dparams = ((), returned) if frame.f_code.co_name == "gradient" else returned
            roles = (*elements("dx", None, dx), *_gradients(dparams))  # type: ignore[assignment]
        statement = statements(frame.f_code.co_filename)[frame.f_lineno]
        for role, _, value in roles:
            self._take(len(self.steps), frame, now, statement, "", None, value)  # if it is new
            if (step := self.made.get(id(value))) is not None:
                after = self.steps[-1] if self.steps else None
                self.passed.append(Passing(now.call, role, step, after))
                step.role = step.role or role
                if not step.named:
                    of_loss = now.call.path == "loss" and role == "y"
                    step.name, step.named = "L" if of_loss else role, True


def _gradients(dparams: Tree) -> Iterator[tuple[str, None, Any]]:
    return ((f"d{leaf}", None, value) for leaf, value in leaves(dparams))


def _short(name: str, phase: str) -> str:
    """The gradient of W in a dict is dW; elsewhere a part of something has its name too."""
    whole, _, last = name.rpartition(".")
    if not whole or last.isdigit():
        return name
    return f"d{last}" if phase == "backward" else last


def _inner(statement: Statement | None, frame: FrameType) -> Iterator[tuple[Any, Any, Array]]:
    """The parts of a statement's expressions with their values, before anything is reassigned."""
    if statement is None or statement.expression is None or statement.changes:
        return
    for whole in _wholes(statement.expression):
        for part in parts(whole):
            value = work_out(part, frame)
            if _is_floats(value):
                yield whole, part, value


def _wholes(expression: ast.expr) -> Iterator[ast.expr]:
    """The expressions that ``elements`` takes a tuple or a dict apart into."""
    if isinstance(expression, ast.Tuple):
        for part in expression.elts:
            yield from _wholes(part)
    elif isinstance(expression, ast.Dict):
        for part in expression.values:
            yield from _wholes(part)
    elif isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.BitOr):
        yield from _wholes(expression.left)
        yield from _wholes(expression.right)
    elif isinstance(expression, ast.IfExp):
        yield from _wholes(expression.body)
        yield from _wholes(expression.orelse)
    else:
        yield expression


def _is_floats(value: Any) -> bool:
    array = isinstance(value, np.ndarray | np.inexact | Traced)
    return array and value.dtype.kind in "fc" and value.size > 0


def _numbers(value: Any) -> Array:
    """A copy of an array's numbers as they are now."""
    return np.array(value.payload if isinstance(value, Traced) else value)


def _paths(tree: Tree, path: str = "") -> Iterator[tuple[int, str]]:
    """Which subtree of the parameters an object is."""
    if not isinstance(tree, dict | tuple):
        return
    if tree != ():  # Python has only one empty tuple
        yield id(tree), path
    for key, child in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield from _paths(child, f"{path}.{key}" if path else str(key))


def _files(spec: Any) -> set[str]:
    """The files whose code is recorded: the reference's, and those that the parts come from."""
    folder = Path(reference.__path__[0])
    found = {str(f) for f in folder.rglob("*.py") if f.name not in MACHINERY}
    waiting = [spec]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting += part
        elif isinstance(part, FunctionType):
            found.add(part.__code__.co_filename)
        elif dataclasses.is_dataclass(part):
            waiting += [getattr(part, f.name) for f in dataclasses.fields(part)]
        if hasattr(part, "forward"):
            for base in type(part).__mro__[:-1]:
                found |= {f.__code__.co_filename for f in vars(base).values()
                          if isinstance(f, FunctionType)}  # fmt: skip
    return found
