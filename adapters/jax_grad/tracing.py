"""A jaxpr run equation by equation: what JAX computes, in one program for both passes.

The equations of the backward pass are those whose name stack says transpose(jvp(...)). Bodies of
calls (jit, custom_jvp_call, ...) and the turns of a scan are run equation by equation too. Jaxprs
are no public interface of JAX: all that depends on their form is in this file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np
import optax

from ...reference.floats import is_float
from ...reference.protocols import Layer, Loss, Optimizer, Tree
from ...reference.tree import leaves, tree_map, unflatten
from ..elementary import elementary
from ..tracing import Computed, Event, line
from .adapter import dtype_of, precision
from .registry import apply, apply_loss, build

BODIES = ("call_jaxpr", "jaxpr", "fun_jaxpr")  # where the parameters of a call hold its body
LIBRARIES = ("/jax/", "/jaxlib/", "/optax/", "/flax/")
PLUMBING = {"broadcast_in_dim", "copy", "stop_gradient", "convert_element_type"}
LAYOUT = {"reshape", "transpose", "squeeze", "expand_dims", "rev", "slice", "gather"}
OWN_SUM = "add_any"  # of cotangents, where a value was used more than once


def trace(
    network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, unfused: bool = False
) -> list[Event]:
    """See ``tracing.Tracer``. Little is fused in a jaxpr, but flax has an order of its own."""
    with precision(dtype_of((x, params))), _as_asked(unfused):
        out, made = _both_passes(network, loss, unfused)(params, x, target)
    gradients = zip(_names(params, x), out[1:], strict=True)
    named = (Event("backward", "output", np.asarray(g), leaf=leaf) for leaf, g in gradients)
    return [*made.events(), *named]


def trace_update(optimizer: Optimizer, params: Tree, grads: Tree) -> list[Event]:
    """See ``tracing.Tracer``: the jaxpr of optax's update."""
    transformation, _ = build(optimizer)

    def update(p: Tree, g: Tree) -> Tree:
        changes, _ = transformation.update(g, transformation.init(p), p)
        return optax.apply_updates(p, changes)

    names = [name[1:] for name in _names(params, ())]
    given = [*names, *(f"d{name}" for name in names)]
    with precision(dtype_of(params)):
        closed = jax.make_jaxpr(update)(params, grads)
        out, made = _walked(closed, jax.tree.leaves((params, grads)), given)
        leaf = {id(value): name for value, name in zip(out, names, strict=True)}
        return [
            replace(event, phase="update", value=np.asarray(value), leaf=leaf.get(id(value), ""))
            for event, value in zip(made.about, made.numbers, strict=True)
        ]


def trace_jvp(
    network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Computed,
    unfused: bool = False,
) -> list[Event]:  # fmt: skip
    """See ``tracing.Tracer``: the jaxpr of jax.jvp."""
    with precision(dtype_of((x, params))), _as_asked(unfused):
        out, made = _forward_mode(network, loss, unfused)(params, x, target, tangents)
    return [*made.events(), Event("forward", "output", np.asarray(out[1]), leaf="dloss")]


def hvp(network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Tree) -> Tree:
    """See ``tracing.Tracer``: the tangent of the gradient, forward over reverse."""

    def product(params: Tree, tangents: Tree) -> Tree:
        objective, (p, floats) = _objective(network, loss, params, x, target)
        gradient = jax.grad(lambda q: objective(q, floats))
        return jax.jvp(gradient, (p,), (tangents,))[1]

    with precision(dtype_of((x, params))):
        found = jax.jit(product)(params, tangents)
        return tree_map(lambda w, g: np.array(g, w.dtype), params, found)


def _as_asked(unfused: bool) -> Any:
    return elementary(apply, apply_loss, jnp, jax.lax.stop_gradient, wanted=unfused)


@lru_cache(maxsize=32)
def _both_passes(network: Layer, loss: Loss, unfused: bool) -> Any:
    """A program of all that value_and_grad computes; ``unfused`` keeps two of them apart."""

    def program(params: Tree, x: Tree, target: Tree) -> tuple[list[Any], _Made]:
        objective, arguments = _objective(network, loss, params, x, target)
        closed = jax.make_jaxpr(jax.value_and_grad(objective, argnums=(0, 1)))(*arguments)
        names = [name[1:] for name in _names(params, x)]
        return _walked(closed, jax.tree.leaves(arguments), names)

    return jax.jit(program)


@lru_cache(maxsize=32)
def _forward_mode(network: Layer, loss: Loss, unfused: bool) -> Any:
    def program(params: Tree, x: Tree, target: Tree, tangents: Computed) -> Any:
        objective, arguments = _objective(network, loss, params, x, target)
        dots = tangents[0], [v for _, v in leaves(tangents[1])]
        closed = jax.make_jaxpr(lambda p, t: jax.jvp(objective, p, t))(arguments, dots)
        return _walked(closed, jax.tree.leaves((arguments, dots)))

    return jax.jit(program)


@dataclass(frozen=True)
class _Made:
    """What a program makes on its way: numbers, which a compiled program returns, and the rest."""

    numbers: tuple[Any, ...]
    about: tuple[Event, ...]  # without numbers: known once the program is traced

    def events(self) -> list[Event]:
        pairs = zip(self.about, self.numbers, strict=True)
        return [replace(event, value=np.asarray(value)) for event, value in pairs]


jax.tree_util.register_pytree_node(
    _Made, lambda made: (made.numbers, made.about), lambda about, numbers: _Made(numbers, about)
)


def _walked(
    closed: Any, arguments: list[Any], names: Iterable[str] = ()
) -> tuple[list[Any], _Made]:
    walk = _Walk()
    for value, name in zip(arguments, names, strict=False):
        walk.call(value, name)
    out = walk.all(closed.jaxpr, closed.consts, arguments, "")
    nothing: Any = None
    about = tuple(replace(event, value=nothing) for event in walk.events)
    return out, _Made(tuple(event.value for event in walk.events), about)


def _objective(
    network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree
) -> tuple[Callable[..., Any], tuple[Tree, list[Any]]]:
    """The loss as a function of the parameters and of x's float arrays, and these."""
    floats = [jnp.asarray(v) for _, v in leaves(x) if is_float(v)]
    given = tree_map(jnp.asarray, target)

    def objective(p: Tree, floats: list[jax.Array]) -> Any:
        found = iter(floats)
        inputs = tree_map(lambda v: next(found) if is_float(v) else jnp.asarray(v), x)
        y = apply(network, p, inputs)
        with jax.named_scope("loss"):
            return apply_loss(loss, y, given).sum()

    return objective, (tree_map(jnp.asarray, params), floats)


def _names(params: Tree, x: Tree) -> list[str]:
    """The leaves in JAX's order, which sorts the keys of a dict."""
    labelled = unflatten(params, (f"d{leaf}" for leaf, _ in leaves(params)))
    inputs = [f"dx{leaf and '.' + leaf}" for leaf, v in leaves(x) if is_float(v)]
    return [*jax.tree.leaves(labelled), *inputs]


@dataclass
class _Walk:
    """A walk through a jaxpr; every array that it makes on the way becomes an event."""

    events: list[Event] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    called: dict[int, tuple[str, Any]] = field(default_factory=dict)  # values, held, by id
    count: int = 0  # of names given

    def call(self, value: Any, name: str) -> None:
        """Give a value the name that equations know it by."""
        self.called[id(value)] = name, value

    def written(self, equation: Any, given: list[Any], made: list[Any]) -> str:
        """The equation: "v3:float64[5,4] = add v1 0.b". What is only laid out keeps its name."""
        used = [
            str(v.val) if isinstance(v, jex.Literal) else self.called.get(id(x), ("const", x))[0]
            for v, x in zip(equation.invars, given, strict=True)
        ]
        name = equation.primitive.name
        for value in made:
            self.count += name not in PLUMBING
            self.call(value, used[0] if name in PLUMBING and used else f"v{self.count}")
        names = (f"{self.called[id(value)][0]}:{jax.typeof(value)}" for value in made)
        return f"{' '.join(names)} = {name} {' '.join(used)}"

    def all(self, jaxpr: Any, consts: Any, arguments: Any, scope: str) -> list[Any]:
        """The outputs of a jaxpr whose equations are inside ``scope``."""
        known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        known |= dict(zip(jaxpr.invars, arguments, strict=True))

        def read(v: Any) -> Any:
            return v.val if isinstance(v, jex.Literal) else known[v]

        for equation in jaxpr.eqns:
            made = self.one(equation, list(map(read, equation.invars)), scope)
            known |= dict(zip(equation.outvars, made, strict=True))
        return list(map(read, jaxpr.outvars))

    def one(self, equation: Any, given: list[Any], scope: str) -> list[Any]:
        """The outputs of one equation."""
        stack, name = str(equation.source_info.name_stack), equation.primitive.name
        inner = "/".join(part for part in (scope, stack) if part)
        body = next((equation.params[k] for k in BODIES if k in equation.params), None)
        if name == "scan":
            return self.turns(equation.params, given, inner)
        if body is not None and name not in ("while", "cond"):
            return self.all(*_opened(body), given, inner)
        made = equation.primitive.bind(*given, **equation.params)
        made = made if equation.primitive.multiple_results else [made]
        text = self.written(equation, given, list(made))
        self.events += self.recorded(equation, made, inner, text)
        return list(made)

    def turns(self, params: Any, given: list[Any], scope: str) -> list[Any]:
        """A scan, one turn after another."""
        fixed, held = params["num_consts"], params["num_carry"]
        consts, carry, stacks = given[:fixed], given[fixed : fixed + held], given[fixed + held :]
        order = range(params["length"])
        outputs: list[Any] = []
        for t in reversed(order) if params["reverse"] else order:
            now = [*consts, *carry, *(stack[t] for stack in stacks)]
            made = self.all(*_opened(params["jaxpr"]), now, f"{scope}/turn {t}")
            carry, one = made[:held], made[held:]
            outputs.append(one)
        if params["reverse"]:
            outputs.reverse()
        return [*carry, *(jnp.stack(column) for column in zip(*outputs, strict=True))]

    def recorded(self, equation: Any, made: list[Any], scope: str, text: str) -> Iterator[Event]:
        """The arrays of floats that an equation has made, but for plumbing."""
        name = equation.primitive.name
        phase = "backward" if "transpose(" in scope else "forward"
        number = self.numbers[phase] = self.numbers.get(phase, -1) + 1
        if name in PLUMBING:
            return
        for value in made:
            if is_float(value):
                yield Event(phase, name, value, number, scope=scope, where=_place(equation),
                            fork=name == OWN_SUM, moves=name in LAYOUT, text=text)  # fmt: skip


def _opened(body: Any) -> tuple[Any, list[Any]]:
    return (body.jaxpr, body.consts) if isinstance(body, jex.ClosedJaxpr) else (body, [])


def _place(equation: Any) -> str:
    """The line of a translation, or of the user, that the equation came from."""
    frames = [] if equation.source_info.traceback is None else equation.source_info.traceback.frames
    for frame in frames:
        file = frame.file_name.replace("\\", "/")
        if not any(library in file for library in LIBRARIES) and frame.file_name != __file__:
            return line(file, frame.line_num)
    return ""
