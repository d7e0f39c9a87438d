"""JAX: jax.vjp for gradients, optax for optimizer steps, both under jax.jit.

To add a layer or a loss, register one expression with ``apply`` or ``apply_loss``; to add an
optimizer, register its optax transformation and its state names with ``build``. 64-bit numbers
are switched on inside each call only, so that the user's process keeps its own setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache, singledispatch
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from ..reference.layers.conv2d import Conv2d
from ..reference.layers.dense import Dense
from ..reference.layers.flatten import Flatten
from ..reference.layers.layernorm import LayerNorm
from ..reference.layers.relu import ReLU
from ..reference.layers.residual import Residual
from ..reference.layers.sequential import Sequential
from ..reference.layers.sigmoid import Sigmoid
from ..reference.layers.softmax import Softmax
from ..reference.layers.tanh import Tanh
from ..reference.losses.binary_cross_entropy import BinaryCrossEntropy
from ..reference.losses.mean_squared_error import MeanSquaredError
from ..reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ..reference.optimizers.adam import Adam
from ..reference.optimizers.adamw import AdamW
from ..reference.optimizers.sgd import SGD
from ..reference.protocols import Array, Layer, Loss, Optimizer, Tree
from ..reference.training import Step
from ..reference.tree import leaves, tree_map
from .protocols import VJP, Batch, Start, Unsupported, Updated


def _untranslated(spec: Any, register: str) -> Unsupported:
    return Unsupported(
        f"jax has no translation of {type(spec).__name__}: register it with {register} in "
        "adapters/jax_grad.py, or from a file of your own"
    )


@singledispatch
def apply(layer: Any, p: Any, x: jax.Array) -> jax.Array:
    """The layer's output in JAX; p holds its parameters."""
    raise _untranslated(layer, "apply")


@apply.register
def _(layer: Dense, p: Any, x: jax.Array) -> jax.Array:
    y = jnp.matmul(x, p["W"])
    if layer.bias is True:
        return y + p["b"]
    return y + jnp.asarray(layer.bias, x.dtype) if layer.bias else y


@apply.register
def _(layer: Conv2d, p: Any, x: jax.Array) -> jax.Array:
    strides, padding = (layer.stride,) * 2, [(layer.padding,) * 2] * 2
    return lax.conv_general_dilated(x, p["W"], strides, padding) + p["b"][:, None, None]


@apply.register
def _(layer: Sigmoid, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.sigmoid(x)


@apply.register
def _(layer: Tanh, p: Any, x: jax.Array) -> jax.Array:
    return jnp.tanh(x)


@apply.register
def _(layer: ReLU, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.relu(x)


@apply.register
def _(layer: Softmax, p: Any, x: jax.Array) -> jax.Array:
    return jax.nn.softmax(x, axis=layer.axis)


@apply.register
def _(layer: LayerNorm, p: Any, x: jax.Array) -> jax.Array:
    # The default algorithm, "fast", is E[x²] - E[x]² and loses every digit where mean >> deviation.
    standardize: Any = jax.nn.standardize  # its stub lacks algorithm
    standard = standardize(x, axis=-1, epsilon=layer.eps, algorithm="stable")
    return standard * p["gamma"] + p["beta"]


@apply.register
def _(layer: Flatten, p: Any, x: jax.Array) -> jax.Array:
    return x.reshape(x.shape[0], -1)


@apply.register
def _(layer: Sequential, p: Any, x: jax.Array) -> jax.Array:
    for inner, q in zip(layer.layers, p, strict=True):
        x = apply(inner, q, x)
    return x


@apply.register
def _(layer: Residual, p: Any, x: jax.Array) -> jax.Array:
    return x + apply(layer.inner, p, x)


@singledispatch
def apply_loss(loss: Any, prediction: jax.Array, target: jax.Array) -> jax.Array:
    """The loss as a 0-d array."""
    raise _untranslated(loss, "apply_loss")


@apply_loss.register
def _(loss: MeanSquaredError, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return optax.losses.squared_error(prediction, target).mean()


@apply_loss.register
def _(loss: SoftmaxCrossEntropy, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return optax.losses.softmax_cross_entropy_with_integer_labels(prediction, target).mean()


@apply_loss.register
def _(loss: BinaryCrossEntropy, prediction: jax.Array, target: jax.Array) -> jax.Array:
    return optax.losses.sigmoid_binary_cross_entropy(prediction, target).mean()


# The optax transformation, and the reference's state name to optax's.
Built = tuple[optax.GradientTransformation, dict[str, str]]


@singledispatch
def build(optimizer: Any) -> Built:
    """The optax transformation, and the names of its state."""
    raise _untranslated(optimizer, "build")


def _decayed(rate: float, transformation: optax.GradientTransformation) -> Any:
    """Coupled weight decay: rate * w joins the gradient before anything else sees it."""
    return optax.chain(optax.add_decayed_weights(rate), transformation) if rate else transformation


@build.register
def _(optimizer: SGD) -> Built:
    o = optimizer
    if o.dampening:
        raise Unsupported("optax.sgd has no dampening")
    sgd = optax.sgd(o.lr, momentum=o.momentum or None, nesterov=o.nesterov)
    return _decayed(o.weight_decay, sgd), {"v": "trace"} if o.momentum else {}


@build.register
def _(optimizer: Adam) -> Built:
    o = optimizer
    adam = optax.adam(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return _decayed(o.weight_decay, adam), {"m": "mu", "v": "nu"}


@build.register
def _(optimizer: AdamW) -> Built:
    o = optimizer
    adamw = optax.adamw(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps, weight_decay=o.weight_decay)
    return adamw, {"m": "mu", "v": "nu"}


@lru_cache(maxsize=256)  # jax.jit caches by shape and dtype below this
def _vjp(network: Layer) -> Callable[..., Any]:
    def vjp(params: Tree, x: jax.Array, dy: jax.Array) -> Any:
        y, pullback = jax.vjp(lambda p, inputs: apply(network, p, inputs), params, x)
        return y, *pullback(dy)

    return jax.jit(vjp)


@lru_cache(maxsize=256)
def _loss_vjp(loss: Loss) -> Callable[..., Any]:
    def vjp(prediction: jax.Array, target: jax.Array, dloss: jax.Array) -> Any:
        value, pullback = jax.vjp(lambda p: apply_loss(loss, p, target), prediction)
        return value, pullback(dloss)[0]

    return jax.jit(vjp)


@lru_cache(maxsize=256)
def _update(optimizer: Optimizer) -> Callable[..., Any]:
    transformation, _ = build(optimizer)

    def update(grads: Tree, opt_state: Any, params: Tree) -> Any:
        updates, opt_state = transformation.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    return jax.jit(update)


@lru_cache(maxsize=256)
def _step(network: Layer, loss: Loss, optimizer: Optimizer) -> Callable[..., Any]:
    def step(params: Tree, opt_state: Any, x: jax.Array, target: jax.Array) -> Any:
        def objective(p: Tree) -> jax.Array:
            return apply_loss(loss, apply(network, p, x), target)

        value, grads = jax.value_and_grad(objective)(params)
        return value, grads, *_update(optimizer)(grads, opt_state, params)

    return jax.jit(step)


def _precision(dtype: np.dtype[Any]) -> AbstractContextManager[Any]:
    """64-bit numbers inside the block for float64, and the caller's own setting after it."""
    return cast(AbstractContextManager[Any], jax.enable_x64(dtype == np.float64))


def _dtype(params: Tree) -> np.dtype[Any]:
    return np.result_type(*(w.dtype for _, w in leaves(params)))


def _arrays(like: Tree, tree: Tree) -> Tree:
    """NumPy copies in the order of ``like`` (JAX sorts the keys of a dict)."""
    return tree_map(lambda _, value: np.array(value), like, tree)


class JaxGrad:
    """JAX on its default device, in the dtype of the arrays it is given."""

    name = "jax"

    def vjp(self, network: Layer, params: Tree, x: Array, dy: Array) -> VJP:
        """y, dx and dparams by jax.vjp."""
        with _precision(x.dtype):
            y, dp, dx = _vjp(network)(params, x, dy)
            return VJP(np.array(y), np.array(dx), _arrays(params, dp))

    def loss_vjp(self, loss: Loss, prediction: Array, target: Array, dloss: Array) -> VJP:
        """The loss, and the prediction's cotangent by jax.vjp."""
        with _precision(prediction.dtype):
            value, dp = _loss_vjp(loss)(prediction, target, dloss)
            return VJP(np.array(value), np.array(dp), {})

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """optax, fed the given gradients."""
        dtype, p = _dtype(params), params
        with _precision(dtype):
            opt_state, places = _begin(optimizer, params)
        for tree in grads:
            with _precision(dtype):
                p, opt_state = _update(optimizer)(tree, opt_state, p)
                done = Updated(_arrays(params, p), places.read(opt_state))
            yield done

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """jax.value_and_grad and an optax update, jitted together."""
        dtype, p = _dtype(params), params
        with _precision(dtype):
            opt_state, places = _begin(optimizer, params)
        restarts = iter(starts) if starts is not None else None
        for t, (x, target) in enumerate(batches, start=1):
            with _precision(dtype):
                if restarts is not None:
                    p, state = next(restarts)
                    opt_state = places.write(opt_state, state, t)
                value, g, p, opt_state = _step(network, loss, optimizer)(p, opt_state, x, target)
                done = Step(t, np.array(value), _arrays(params, g), _arrays(params, p),
                            places.read(opt_state))  # fmt: skip
            yield done


class _Places(NamedTuple):
    """Where the reference's arrays, and the step counts, stand among the leaves of optax's state."""

    arrays: Tree  # at every leaf of params, a dict of state name to place
    counts: list[int]

    def read(self, opt_state: Any) -> Tree:
        """optax's state in the reference's form: at every leaf of params, a dict of arrays."""
        flat = jax.tree.leaves(opt_state)
        return tree_map(lambda place: np.array(flat[place]), self.arrays)

    def write(self, opt_state: Any, state: Tree, t: int) -> Any:
        """The state in which optax starts step t: the reference's arrays, and t - 1 as its count."""
        flat, structure = jax.tree.flatten(opt_state)
        for place in self.counts:
            flat[place] = np.asarray(t - 1, np.int32)
        tree_map(flat.__setitem__, self.arrays, state)
        return jax.tree.unflatten(structure, flat)


def _begin(optimizer: Optimizer, params: Tree) -> tuple[Any, _Places]:
    """optax's state before the first step, and where in it the reference's arrays stand."""
    transformation, names = build(optimizer)
    opt_state = jax.jit(transformation.init)(params)
    structure = jax.tree.structure(opt_state)
    numbered = jax.tree.unflatten(structure, range(structure.num_leaves))
    columns = [optax.tree_utils.tree_get(numbered, name) for name in names.values()]
    arrays = tree_map(lambda _, *places: dict(zip(names, places, strict=True)), params, *columns)
    counts = [place for _, place in optax.tree_utils.tree_get_all_with_path(numbered, "count")]
    return opt_state, _Places(arrays, counts)
