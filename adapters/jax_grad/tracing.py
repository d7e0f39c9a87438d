"""A jaxpr run equation by equation: what JAX computes, in one program for both passes.

The equations of the backward pass are those whose name stack says transpose(jvp(...)). Bodies of
calls (jit, custom_jvp_call, ...) are run equation by equation too. Jaxprs are no public interface
of JAX: all that depends on their form is in this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.extend.core as jex
import numpy as np

from ...reference.protocols import Layer, Loss, Tree
from ...reference.tree import leaves, tree_map, unflatten
from ..tracing import Event, line
from .adapter import dtype_of, is_float, precision
from .registry import apply, apply_loss

BODIES = ("call_jaxpr", "jaxpr", "fun_jaxpr")  # where the parameters of a call hold its body
LIBRARIES = ("/jax/", "/jaxlib/", "/optax/", "/flax/")


def trace(network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree) -> list[Event]:
    """See ``tracing.Tracer``."""
    with precision(dtype_of((x, params))):
        floats = [v for _, v in leaves(x) if is_float(v)]

        def objective(p: Tree, floats: list[jax.Array]) -> Any:
            found = iter(floats)
            inputs = tree_map(lambda v: next(found) if is_float(v) else v, x)
            return apply_loss(loss, apply(network, p, inputs), target)

        closed = jax.make_jaxpr(jax.value_and_grad(objective, argnums=(0, 1)))(params, floats)
        events: list[Event] = []
        values = jax.tree.leaves((params, floats))
        out = _run(closed.jaxpr, closed.consts, values, events, "")
        gradients = zip(_names(params, x), out[1:], strict=True)
        events += [Event("backward", "output", np.asarray(g), leaf=leaf) for leaf, g in gradients]
    return events


def _names(params: Tree, x: Tree) -> list[str]:
    """The leaves in JAX's order, which sorts the keys of a dict."""
    labelled = unflatten(params, (f"d{leaf}" for leaf, _ in leaves(params)))
    inputs = [f"dx{leaf and '.' + leaf}" for leaf, v in leaves(x) if is_float(v)]
    return [*jax.tree.leaves(labelled), *inputs]


def _run(
    jaxpr: Any, consts: list[Any], arguments: list[Any], events: list[Event], scope: str
) -> list[Any]:
    """The outputs of a jaxpr; every array that it makes on the way becomes an event."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(v: Any) -> Any:
        return v.val if isinstance(v, jex.Literal) else known[v]

    for equation in jaxpr.eqns:
        given, stack = list(map(read, equation.invars)), str(equation.source_info.name_stack)
        inner = f"{scope}/{stack}".strip("/") if scope else stack
        body = next((equation.params[k] for k in BODIES if k in equation.params), None)
        if body is not None and equation.primitive.name not in ("scan", "while", "cond"):
            made = _run(*_opened(body), given, events, inner)
        else:
            made = equation.primitive.bind(*given, **equation.params)
            made = made if equation.primitive.multiple_results else [made]
            events += _events(equation, made, inner)
        known |= dict(zip(equation.outvars, made, strict=True))
    return list(map(read, jaxpr.outvars))


def _opened(body: Any) -> tuple[Any, list[Any]]:
    return (body.jaxpr, body.consts) if isinstance(body, jex.ClosedJaxpr) else (body, [])


def _events(equation: Any, made: list[Any], scope: str) -> Iterator[Event]:
    phase = "backward" if "transpose(" in scope else "forward"
    where = _place(equation)
    for value in made:
        array = np.asarray(value)
        if array.dtype.kind == "f":
            yield Event(phase, equation.primitive.name, array, (scope,) if scope else (), where)


def _place(equation: Any) -> str:
    """The line of a translation, or of the user, that the equation came from."""
    frames = [] if equation.source_info.traceback is None else equation.source_info.traceback.frames
    for frame in frames:
        file = frame.file_name.replace("\\", "/")
        if not any(library in file for library in LIBRARIES) and "tracing" not in file:
            return line(file, frame.line_num)
    return ""
