"""The autograd graph of torch while it runs: what every node computes, operation by operation.

A dispatch mode sees each ATen operation, and autograd says in which node of its graph it runs. The
graph is built under anomaly detection, which remembers the Python line that made a node. What runs
once a node's hook has been called is autograd's own sum of two cotangents.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
import torch.nn.attention
from torch.utils._python_dispatch import TorchDispatchMode

from ...reference.protocols import Layer, Loss, Optimizer, Tree
from ...reference.tree import leaves, tree_map, unflatten
from ..elementary import elementary
from ..tracing import Computed, Event, line
from .adapter import to_array, to_tensor, to_weight
from .registry import apply, apply_loss, build

FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<number>\d+)')
PLUMBING = {"detach", "lift_fresh", "alias", "ones_like", "zeros_like", "new_zeros", "clone",
            "_to_copy", "new_empty_strided", "empty_like", "fill_.Scalar", "copy_"}  # fmt: skip


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records what each ATen operation makes, and in which node of the graph."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self.places: dict[Any, str] = {}
        self.numbers: dict[Any, int] = {}  # of nodes, as they come to run
        self.done: Any = None  # the last node that has finished
        self.owner: dict[int, str] = {}  # of memory that an update writes to

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        operation = str(func).removeprefix("aten.").removesuffix(".default")
        if operation not in PLUMBING:
            for value in out if isinstance(out, tuple | list) else (out,):
                if _is_shown(value):
                    self.events.append(self._event(operation, value, func.is_view))
        return out

    def _event(self, operation: str, value: torch.Tensor, moves: bool) -> Event:
        node = torch._C._current_autograd_node()
        short, array = operation.partition(".")[0], to_array(value)
        if node is None:
            return Event("forward", short, array, len(self.events), where=_calling_line(),
                         moves=moves, leaf=self.owner.get(value.data_ptr(), ""))  # fmt: skip
        number = self.numbers.setdefault(node, len(self.numbers))
        if node is self.done:
            return Event("backward", "autograd engine", array, number, short, fork=True)
        name = node.name().rpartition("::")[2]
        where = self.places.get(node, "")
        return Event("backward", name, array, number, short, where=where, moves=moves)


def trace(
    network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, unfused: bool = False
) -> list[Event]:
    """See ``tracing.Tracer``."""
    p, inputs = tree_map(to_weight, params), tree_map(to_weight, x)
    given = tree_map(to_tensor, target)
    operations = _Operations()
    with _as_asked(unfused), _remembering_lines(), operations:
        value = apply_loss(loss, apply(network, p, inputs), given).sum()
    roots = [(f"d{leaf}", w) for leaf, w in leaves(p) if w.requires_grad]
    roots += [(f"dx{leaf and '.' + leaf}", v) for leaf, v in leaves(inputs) if v.requires_grad]
    owner = {id(w): leaf for leaf, w in roots}
    nodes = list(_nodes(value.grad_fn))  # held here: a node that nobody holds loses its hooks
    for node in nodes:
        operations.places[node] = _place(node)
        if (variable := getattr(node, "variable", None)) is not None:
            node.register_prehook(_arrival(operations.events, owner[id(variable)]))
        else:
            node.register_hook(_finish(operations, node))
    with operations:
        value.backward(inputs=[w for _, w in roots])  # type: ignore[no-untyped-call]
    return operations.events


def trace_update(optimizer: Optimizer, params: Tree, grads: Tree) -> list[Event]:
    """See ``tracing.Tracer``: what the optimizer's step runs, outside of any graph."""
    weights = {path: to_weight(w) for path, w in leaves(params)}
    stepping, _ = build(optimizer, list(weights.values()))
    owner = {w.data_ptr(): path for path, w in weights.items()}  # it is written to in place
    for w, (_, g) in zip(weights.values(), leaves(grads), strict=True):
        w.grad = to_tensor(g)
    operations = _Operations()
    operations.owner = owner
    with operations:
        stepping.step()
    name = type(stepping).__name__
    return [replace(e, phase="update", name=name, operation=e.name) for e in operations.events]


def trace_jvp(
    network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Computed,
    unfused: bool = False,
) -> list[Event]:  # fmt: skip
    """See ``tracing.Tracer``: dual tensors, whose tangents are made by operations of their own."""
    operations = _Operations()

    def dual(primal: Any, tangent: Any) -> torch.Tensor:
        if tangent is None:
            return to_tensor(primal)
        pair = to_tensor(primal), to_tensor(tangent)
        made: torch.Tensor = forward_ad.make_dual(*pair)  # type: ignore[no-untyped-call]
        return made

    with _as_asked(unfused), _differentiable_attention(), _quietly(), forward_ad.dual_level():
        p, inputs = tree_map(dual, params, tangents[0]), tree_map(dual, x, tangents[1])
        given = tree_map(to_tensor, target)
        with operations:
            value = apply_loss(loss, apply(network, p, inputs), given).sum()
        found = forward_ad.unpack_dual(value)  # type: ignore[no-untyped-call]
        tangent = to_array(found.tangent)
    return [*operations.events, Event("forward", "output", tangent, leaf="dloss")]


def hvp(network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Tree) -> Tree:
    """See ``tracing.Tracer``: backward through backward, of <gradient, tangents>."""
    p = tree_map(to_weight, params)
    weights = [w for _, w in leaves(p)]
    inputs, given = tree_map(to_tensor, x), tree_map(to_tensor, target)
    with _differentiable_attention():
        value = apply_loss(loss, apply(network, p, inputs), given)
    grads = torch.autograd.grad(value.sum(), weights, create_graph=True, materialize_grads=True)
    along = sum((g * to_tensor(v)).sum() for g, (_, v) in zip(grads, leaves(tangents), strict=True))
    if not isinstance(along, torch.Tensor) or not along.requires_grad:
        return tree_map(lambda w: 0 * w, params)  # a gradient that does not depend on a parameter
    second = torch.autograd.grad(along, weights, materialize_grads=True)
    return unflatten(params, map(to_array, second))


def _differentiable_attention() -> Any:
    """The kernel for attention that has a forward mode and a second derivative."""
    return torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)


def _is_shown(value: Any) -> bool:
    """Whether it holds numbers; some tensors only stand for zeros, or for a shape."""
    floats = isinstance(value, torch.Tensor) and value.is_floating_point()
    return floats and value.device.type == "cpu" and not value._is_zerotensor()


def _as_asked(unfused: bool) -> Any:
    return elementary(apply, apply_loss, torch, torch.Tensor.detach, wanted=unfused)


@contextmanager
def _quietly() -> Iterator[None]:
    """torch's own use of what it has deprecated, and that anomaly detection is slow, is no news."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _remembering_lines() -> Iterator[None]:
    with _quietly(), torch.autograd.set_detect_anomaly(True, check_nan=False):
        yield


def _arrival(events: list[Event], leaf: str) -> Any:
    """A hook that records the gradient that arrives at a parameter."""

    def hook(grads: tuple[torch.Tensor, ...]) -> None:
        events.append(Event("backward", "AccumulateGrad", to_array(grads[0]), leaf=leaf))

    return hook


def _finish(operations: _Operations, node: Any) -> Any:
    def hook(*grads: Any) -> None:
        operations.done = node

    return hook


def _is_torch(file: str) -> bool:
    return "/torch/" in file.replace("\\", "/") or file == __file__


def _place(node: Any) -> str:
    """The line of a translation, or of the user, that made the node."""
    frames = FRAME.findall("".join(node.metadata.get("traceback_", ())))
    file, number = next((f for f in reversed(frames) if not _is_torch(f[0])), ("", "0"))
    return line(file, int(number)) if file else ""


def _calling_line() -> str:
    """The line of a translation, or of the user, that runs now."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_torch(frame.f_code.co_filename):
        frame = frame.f_back
    return line(frame.f_code.co_filename, frame.f_lineno)


def _nodes(root: Any) -> Iterator[Any]:
    """Every node of the graph once, from the loss on."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting += [before for before, _ in node.next_functions]
