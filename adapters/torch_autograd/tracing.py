"""The autograd graph of torch while it runs: what every node computes, operation by operation.

A dispatch mode sees each ATen operation, and autograd says in which node of its graph it runs. The
graph is built under anomaly detection, which remembers the Python line that made a node.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ...reference.protocols import Layer, Loss, Tree
from ...reference.tree import leaves, tree_map
from ..tracing import Event, line
from .adapter import to_array, to_tensor, to_weight
from .registry import apply, apply_loss

FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<number>\d+)')
OURS = "torch_autograd"  # the folder whose expressions a translation consists of


class _Operations(TorchDispatchMode):
    """Records what each ATen operation makes, and in which node of the graph."""

    def __init__(self, places: dict[Any, str]) -> None:
        super().__init__()
        self.events: list[Event] = []
        self.places = places

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        operation = str(func).removeprefix("aten.").removesuffix(".default")
        node = torch._C._current_autograd_node()  # type: ignore[attr-defined]
        phase, name = ("forward", operation) if node is None else ("backward", node.name())
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                event = Event(
                    phase, name, to_array(value), (operation,), self.places.get(node, "")
                )
                self.events.append(event)
        return out


def trace(network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree) -> list[Event]:
    """See ``tracing.Tracer``."""
    p, inputs = tree_map(to_weight, params), tree_map(to_weight, x)
    places: dict[Any, str] = {}
    operations = _Operations(places)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anomaly detection warns that it is slow
        with torch.autograd.set_detect_anomaly(True, check_nan=False), operations:
            value = apply_loss(loss, apply(network, p, inputs), tree_map(to_tensor, target))
    roots = [(f"d{leaf}", w) for leaf, w in leaves(p)]
    roots += [(f"dx{leaf and '.' + leaf}", v) for leaf, v in leaves(inputs) if v.requires_grad]
    nodes = list(_nodes(value.grad_fn))
    places |= {node: _place(node) for node in nodes}
    owner = {id(w): leaf for leaf, w in roots}
    for node in nodes:
        if (variable := getattr(node, "variable", None)) is not None:
            node.register_prehook(_arrival(operations.events, owner[id(variable)]))
    with operations:
        value.backward(inputs=[w for _, w in roots])  # type: ignore[no-untyped-call]
    return operations.events


def _arrival(events: list[Event], leaf: str) -> Any:
    """A hook that records the gradient that arrives at a parameter."""

    def hook(grads: tuple[torch.Tensor, ...]) -> None:
        events.append(Event("backward", "AccumulateGrad", to_array(grads[0]), leaf=leaf))

    return hook


def _place(node: Any) -> str:
    """The line of a translation, or of the user, that made the node."""
    frames = FRAME.findall("".join(node.metadata.get("traceback_", ())))
    ours = [frame for frame in frames if OURS in frame[0] and "tracing" not in frame[0]]
    file, number = (ours or frames or [("", "0")])[-1]
    return line(file, int(number)) if file else ""


def _nodes(root: Any) -> Iterator[Any]:
    """Every node of the graph once, from the loss on."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting += [before for before, _ in node.next_functions]
