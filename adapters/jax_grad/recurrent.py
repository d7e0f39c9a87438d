"""Recurrent layers in JAX: a cell under jax.lax.scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.gru import GRU
from ...reference.layers.lstm import LSTM
from ...reference.layers.rnn import RNN
from ..protocols import own_formula
from .registry import apply

Cell = Callable[[Any, Any, jax.Array], Any]  # parameters, states, x_t: the states after it


def _scan(layer: Any, cell: Cell, params: Any, x: Any) -> Any:
    """Every cell along the sequence, layer after layer."""
    sequence, *initial = x
    directions = 1 + layer.bidirectional
    finals: list[Any] = []
    for first in range(0, len(params), directions):
        outputs = []
        for i in range(first, first + directions):

            def step(states: Any, x_t: jax.Array, p: Any = params[i]) -> Any:
                states = cell(p, states, x_t)
                return states, states[0]

            start = tuple(s[i] for s in initial)
            final, out = jax.lax.scan(step, start, sequence.swapaxes(0, 1), reverse=i > first)
            finals.append(final)
            outputs.append(out.swapaxes(0, 1))
        sequence = jnp.concatenate(outputs, axis=-1)
    return (sequence, *(jnp.stack(s) for s in zip(*finals, strict=True)))


@apply.register
@own_formula("jax has no recurrent layers: a cell under lax.scan")
def _(layer: LSTM, p: Any, x: Any) -> Any:
    def cell(p: Any, states: Any, x_t: jax.Array) -> Any:
        h, c = states
        a = jnp.split(x_t @ p["Wx"] + h @ p["Wh"] + p["b"], 4, axis=-1)
        i, f, o = map(jax.nn.sigmoid, a[:3])
        c = f * c + i * jnp.tanh(a[3])
        return o * jnp.tanh(c), c

    return _scan(layer, cell, p, x)


@apply.register
@own_formula("jax has no recurrent layers: a cell under lax.scan")
def _(layer: GRU, p: Any, x: Any) -> Any:
    def cell(p: Any, states: Any, x_t: jax.Array) -> Any:
        (h,) = states
        r, u, a = jnp.split(x_t @ p["Wx"] + p["b"], 3, axis=-1)
        to_r, to_u = jnp.split(h @ p["Wh"], 2, axis=-1)
        r, u = jax.nn.sigmoid(r + to_r), jax.nn.sigmoid(u + to_u)
        to_n = r * (h @ p["Wn"] + p["bn"]) if layer.reset_after else (r * h) @ p["Wn"]
        return ((1 - u) * jnp.tanh(a + to_n) + u * h,)

    return _scan(layer, cell, p, x)


@apply.register
@own_formula("jax has no recurrent layers: a cell under lax.scan")
def _(layer: RNN, p: Any, x: Any) -> Any:
    f = jnp.tanh if layer.nonlinearity == "tanh" else jax.nn.relu

    def cell(p: Any, states: Any, x_t: jax.Array) -> Any:
        return (f(x_t @ p["Wx"] + states[0] @ p["Wh"] + p["b"]),)

    return _scan(layer, cell, p, x)
