"""Recurrent layers in JAX: the cells of flax.linen under its RNN, one for each direction."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ...reference.layers.gru import GRU
from ...reference.layers.lstm import LSTM
from ...reference.layers.rnn import RNN
from ..protocols import Unsupported
from .flax_modules import flax, run
from .registry import apply


def _gates(prefix: str, gates: str, **blocks: jax.Array) -> Any:
    """Blocks side by side, a kernel and maybe a bias, as flax's Dense of each gate."""
    parts = {name: jnp.split(block, len(gates), axis=-1) for name, block in blocks.items()}
    return {prefix + g: {k: part[i] for k, part in parts.items()} for i, g in enumerate(gates)}


def _along(cell: Any, params: Any, carries: Any, x: jax.Array, directions: int) -> Any:
    """The sequence layer after layer: its last outputs, and the carry that each cell ends with."""
    ends: list[Any] = []
    for first in range(0, len(params), directions):
        outputs = []
        for i in range(first, first + directions):
            rnn = flax().linen.RNN(cell, return_carry=True, reverse=i > first, keep_order=True)
            end, y = run(rnn, {"cell": params[i]}, x, initial_carry=carries[i])
            ends.append(end)
            outputs.append(y)
        x = jnp.concatenate(outputs, axis=-1)
    return x, ends


@apply.register
def _(layer: LSTM, p: Any, x: Any) -> Any:
    def named(p: Any) -> Any:
        into = _gates("i", "ifog", kernel=p["Wx"])
        return into | _gates("h", "ifog", kernel=p["Wh"], bias=p["b"])

    sequence, h, c = x
    cell, carries = flax().linen.OptimizedLSTMCell(layer.n), list(zip(c, h, strict=True))
    y, ends = _along(cell, [named(q) for q in p], carries, sequence, 1 + layer.bidirectional)
    c, h = (jnp.stack(states) for states in zip(*ends, strict=True))
    return y, h, c


@apply.register
def _(layer: GRU, p: Any, x: Any) -> Any:
    if not layer.reset_after:
        raise Unsupported("flax's GRUCell resets after the product with the state; not before")

    def named(p: Any) -> Any:
        into = _gates("i", "rzn", kernel=p["Wx"], bias=p["b"])
        new = _gates("h", "n", kernel=p["Wn"], bias=p["bn"])
        return into | _gates("h", "rz", kernel=p["Wh"]) | new

    sequence, h = x
    cell, params = flax().linen.GRUCell(layer.n), [named(q) for q in p]
    y, ends = _along(cell, params, h, sequence, 1 + layer.bidirectional)
    return y, jnp.stack(ends)


@apply.register
def _(layer: RNN, p: Any, x: Any) -> Any:
    def named(p: Any) -> Any:
        return {"i": {"kernel": p["Wx"], "bias": p["b"]}, "h": {"kernel": p["Wh"]}}

    sequence, h = x
    f = jnp.tanh if layer.nonlinearity == "tanh" else jax.nn.relu
    cell, params = flax().linen.SimpleCell(layer.n, activation_fn=f), [named(q) for q in p]
    y, ends = _along(cell, params, h, sequence, 1 + layer.bidirectional)
    return y, jnp.stack(ends)
