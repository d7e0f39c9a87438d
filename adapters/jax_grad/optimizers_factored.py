"""Adafactor in JAX, with optax's state in the shapes of the reference."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...reference.optimizers.adafactor import Adafactor
from ..protocols import Unsupported
from .registry import Built, build


class _Factors(NamedTuple):
    """optax.FactoredState: the axes of w are kept, and None is where nothing is."""

    count: Any
    row: Any
    col: Any
    v: Any


def _ours(w: jax.Array, row: jax.Array, col: jax.Array, v: jax.Array) -> tuple[Any, Any, Any]:
    if v.shape == w.shape:  # not factored
        return None, None, v
    if w.ndim > 2:
        raise Unsupported("optax.adafactor factors the two largest axes, the reference the last")
    row, col = (row, col) if w.shape[0] <= w.shape[1] else (col, row)  # optax sorts by size
    return row[:, None], col[None, :], None


def _theirs(w: jax.Array, row: Any, col: Any, v: Any) -> tuple[Any, Any, Any]:
    empty = jnp.zeros(1, w.dtype)
    if v is not None:
        return empty, empty, v
    row, col = row[:, 0], col[0]
    return (row, col, empty) if w.shape[0] <= w.shape[1] else (col, row, empty)


def _each(shapes: Any, params: Any, *trees: Any) -> list[Any]:
    triples = jax.tree.map(shapes, params, *trees)
    return [jax.tree.map(lambda _, triple, i=i: triple[i], params, triples) for i in range(3)]


def _in_our_shapes(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    def kept(state: Any, params: Any) -> _Factors:
        return _Factors(state.count, *_each(_ours, params, state.v_row, state.v_col, state.v))

    def init(params: Any) -> _Factors:
        return kept(inner.init(params), params)

    def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, _Factors]:
        theirs = _each(_theirs, params, state.row, state.col, state.v)
        updates, new = inner.update(grads, optax.FactoredState(state.count, *theirs), params)
        return updates, kept(new, params)

    return optax.GradientTransformation(init, update)


@build.register
def _(optimizer: Adafactor) -> Built:
    o = optimizer
    if not o.eps_added:
        raise Unsupported("optax.adafactor adds eps to the squared gradient only")
    if callable(o.lr):
        raise Unsupported("optax.adafactor decays the weights at a constant rate")
    factored = optax.scale_by_factored_rms(
        min_dim_size_to_factor=o.smallest, epsilon=o.eps1,
        decay_rate_fn=lambda i, _: 1 - (i + 1.0) ** o.decay,  # its own is kept in float32
    )  # fmt: skip
    return optax.chain(  # as in optax.adafactor
        _in_our_shapes(factored),
        optax.clip_by_block_rms(o.clip),
        optax.scale_by_learning_rate(
            lambda i: jnp.minimum(o.lr, (i + 1.0) ** -0.5) if o.capped else o.lr, flip_sign=False
        ),
        optax.scale_by_param_block_rms(o.eps2),
        optax.add_decayed_weights(o.lr * o.weight_decay),
        optax.scale(-1),
    ), {"row": "row", "col": "col", "v": "v"}  # fmt: skip
