"""The parts of what is compared: each spec inside the specs of a problem, and what it saw.

A network is a tree of layers. ``parts`` lists them, deepest first; ``replaced`` puts another spec
in the place of one, ``everywhere`` in the place of every one of a type. ``record`` runs the
reference once and keeps what came into each layer and went out of it, so that a layer can be
compared alone on what the reference gives it: an error in one then does not reach another.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...adapters.numpy_reference import NumpyReference
from ...reference.protocols import Tree
from ...reference.tree import leaves
from ..mutants.substitution import substitute
from ..problems import Specs

Place = tuple[Any, ...]  # (0, "layers", 2): of the first spec, the field layers, its item 2
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Call:
    """What a layer or a loss saw and gave: for a loss, ``params`` is its target."""

    params: Tree
    x: Tree
    y: Tree
    dy: Tree = None
    dx: Tree = None
    dparams: Tree = None


@dataclass(frozen=True)
class Part:
    """A spec, where it stands, and its calls in the order of the forward pass.

    ``rerun`` runs the whole problem with another spec in its place. ``own`` are the names of its
    parameters, and what the whole network calls them.
    """

    spec: Any
    place: Place
    rerun: Callable[[Any], Any]
    calls: tuple[Call, ...] = ()
    own: dict[str, str] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def kind(self) -> str:
        """layer, loss, optimizer, function, initialiser or loop."""
        return kind_of(self.spec)

    @property
    def type_name(self) -> str:
        """Such as "LayerNorm", also of a wrong one."""
        return type(self.spec).__name__

    @property
    def name(self) -> str:
        """The path within the network, as in the names of its parameters."""
        return ".".join(str(step) for step in self.place[1:] if not isinstance(step, str))

    @property
    def label(self) -> str:
        """How messages call it; what has parts is not told in full."""
        title = "the training loop" if self.kind == "loop" else str(self.spec)
        if self.composed:
            title = self.type_name
        return f"layer {self.name}, {title}" if self.name else title

    @property
    def composed(self) -> bool:
        """Whether it has parts itself."""
        return sum(1 for _ in _below((), self.spec)) > 1

    def call(self) -> Call | None:
        """The last call, or None where it was never called."""
        return self.calls[-1] if self.calls else None


def kind_of(spec: Any) -> str:
    """layer, loss, optimizer, function, initialiser or loop; "" for what is no spec."""
    if isinstance(spec, NumpyReference):
        return "loop"
    if not dataclasses.is_dataclass(spec) or isinstance(spec, type):
        return ""
    if hasattr(spec, "backward"):
        return "layer" if hasattr(spec, "init") else "loss"
    methods = {"update": "optimizer", "draw": "initialiser", "__call__": "function"}
    return next((kind for method, kind in methods.items() if hasattr(spec, method)), "")


def places(specs: Specs) -> Iterator[tuple[Place, Any]]:
    """Every spec within the specs with its place, the parts of each before itself."""
    for i, spec in enumerate(specs):
        yield from _below((i,), spec)


def _below(place: Place, spec: Any) -> Iterator[tuple[Place, Any]]:
    if dataclasses.is_dataclass(spec) and not isinstance(spec, type):
        for field in dataclasses.fields(spec):
            value = getattr(spec, field.name)
            if isinstance(value, tuple):
                for i, part in enumerate(value):
                    if kind_of(part):
                        yield from _below((*place, field.name, i), part)
            elif kind_of(value):
                yield from _below((*place, field.name), value)
    yield place, spec


def replaced(specs: Specs, place: Place, change: Change) -> Specs:
    """The specs with the one at that place changed."""
    first, *rest = place
    return tuple(_put(s, tuple(rest), change) if i == first else s for i, s in enumerate(specs))


def _put(spec: Any, place: Place, change: Change) -> Any:
    if not place:
        return change(spec)
    field, *rest = place
    value = getattr(spec, field)
    if isinstance(value, tuple):
        which, *rest = rest
        items = enumerate(value)
        new: Any = tuple(_put(v, tuple(rest), change) if i == which else v for i, v in items)
    else:
        new = _put(value, tuple(rest), change)
    other = copy.copy(spec)
    object.__setattr__(other, field, new)
    return other


def everywhere(specs: Specs, target: type, change: Change) -> Specs:
    """The specs with every part of exactly that type changed."""
    return tuple(
        change(s) if type(s) is target and kind_of(s) == "loop" else substitute(s, target, change)
        for s in specs
    )


def varied(spec: Any, **methods: Any) -> Any:
    """A copy of the spec whose class is a new one below its own, with these methods.

    Field values, ``isinstance`` and ``dataclasses.replace`` work on it as on the spec.
    """
    base = type(spec)
    return as_class(spec, type(base.__name__, (base,), {"__qualname__": base.__name__, **methods}))


def as_class(spec: Any, cls: type) -> Any:
    """A copy of the spec with another class."""
    other = copy.copy(spec)
    object.__setattr__(other, "__class__", cls)
    return other


def record(right: Specs, run: Callable[[Specs], Any]) -> list[Part]:
    """The parts with their calls, from one run of the specs; the order is that of ``places``."""
    found, specs = list(places(right)), right
    calls: dict[Place, list[Call]] = {place: [] for place, _ in found}
    for place, spec in found:
        if kind_of(spec) in ("layer", "loss"):
            specs = replaced(specs, place, partial(_recording, log=calls[place]))
    run(specs)

    def rerun(place: Place, spec: Any) -> Any:
        return run(replaced(right, place, lambda _: spec))

    wholes = {place[0]: calls[place] for place, _ in found if len(place) == 1}
    return [
        Part(spec, place, partial(rerun, place), tuple(calls[place]),
             _own(wholes[place[0]], calls[place]))
        for place, spec in found
    ]  # fmt: skip


def _own(whole: list[Call], part: list[Call]) -> dict[str, str]:
    """The names of a part's parameters, and theirs among those of the whole network."""
    if not whole or not part:
        return {}
    start = _prefix(whole[-1].params, part[-1].params)
    if start is None:
        return {}
    names = (leaf for leaf, _ in leaves(part[-1].params))
    return {name: ".".join(n for n in (start, name) if n) for name in names}


def _recording(spec: Any, log: list[Call]) -> Any:
    base, is_loss = type(spec), kind_of(spec) == "loss"

    def forward(self: Any, first: Any, second: Any) -> Any:
        y, kept = base.forward(self, first, second)
        params, x = (second, first) if is_loss else (first, second)
        log.append(Call(params, x, y))
        return y, (len(log) - 1, kept)

    def backward(self: Any, residuals: Any, dy: Any = 1.0) -> Any:
        which, kept = residuals
        got = as_class(self, base).backward(kept, dy)
        dx, dparams = (got, {}) if is_loss else got
        log[which] = dataclasses.replace(log[which], dy=dy, dx=dx, dparams=dparams)
        return got

    def gradient(self: Any, residuals: Any, dy: Any) -> Any:
        return backward(self, residuals, dy)[1]

    return varied(spec, forward=forward, backward=backward, gradient=gradient)


def _prefix(tree: Tree, part: Tree) -> str | None:
    """The path of a subtree within a tree of parameters, found by identity; None if not there."""
    if part is tree:
        return ""
    items: Any = tree.items() if isinstance(tree, dict) else enumerate(tree)
    if not isinstance(tree, dict | tuple):
        return None
    for key, child in items:
        below = _prefix(child, part)
        if below is not None:
            return f"{key}.{below}" if below else str(key)
    return None
