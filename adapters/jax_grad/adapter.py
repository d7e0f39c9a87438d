"""The adapter itself: what is the same for every layer, loss and optimizer.

64-bit numbers are switched on inside each call only, so that the user's process keeps its setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ...reference.floats import is_float
from ...reference.protocols import Array, Function, Initialiser, Layer, Loss, Optimizer, Tree
from ...reference.training import Step
from ...reference.tree import leaves, tree_map
from ..protocols import VJP, Batch, Start, Updated, translation
from ..tracing import Computed, Event
from .registry import Places, apply, apply_loss, build, evaluate, initializer, rate


@lru_cache(maxsize=256)  # jax.jit caches by shape and dtype below this
def _vjp(network: Layer) -> Callable[..., Any]:
    def vjp(params: Tree, x: Any, dy: Any) -> Any:
        floats = [v for _, v in leaves(x) if is_float(v)]  # the rest has no cotangent

        def f(p: Tree, floats: list[jax.Array]) -> Any:
            found = iter(floats)
            inputs = tree_map(lambda v: next(found) if is_float(v) else v, x)
            return apply(network, p, inputs)

        y, pullback = jax.vjp(f, params, floats)
        return y, *pullback(dy)

    return jax.jit(vjp)


@lru_cache(maxsize=256)
def _loss_vjp(loss: Loss) -> Callable[..., Any]:
    def vjp(prediction: Any, target: Any, dloss: jax.Array) -> Any:
        value, pullback = jax.vjp(lambda p: apply_loss(loss, p, target), prediction)
        return value, pullback(dloss.astype(value.dtype))[0]

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
    def step(params: Tree, opt_state: Any, x: Any, target: Any) -> Any:
        def objective(p: Tree) -> jax.Array:
            return apply_loss(loss, apply(network, p, x), target)

        value, grads = jax.value_and_grad(objective)(params)
        return value, grads, *_update(optimizer)(grads, opt_state, params)

    return jax.jit(step)


@lru_cache(maxsize=256)
def _descent(network: Layer, loss: Loss) -> Callable[..., Any]:
    def descend(params: Tree, rate: Any, x: Any, target: Any, steps: Any) -> Any:
        def step(_: Any, p: Tree) -> Tree:
            grads = jax.grad(lambda q: apply_loss(loss, apply(network, q, x), target))(p)
            return jax.tree.map(lambda w, g: w - rate * g, p, grads)

        return jax.lax.fori_loop(0, steps, step, params)

    return jax.jit(descend)


def precision(dtype: np.dtype[Any]) -> AbstractContextManager[Any]:
    """64-bit numbers inside the block for float64, and the caller's own setting after it."""
    return cast(AbstractContextManager[Any], jax.enable_x64(dtype == np.float64))


def dtype_of(tree: Tree) -> np.dtype[Any]:
    """What to compute in: the dtype of the tree's floats."""
    return np.result_type(*(w.dtype for _, w in leaves(tree) if is_float(w)))


def _arrays(like: Tree, tree: Tree) -> Tree:
    """NumPy copies in the order of ``like`` (JAX sorts the keys of a dict)."""
    return tree_map(lambda _, value: np.array(value), like, tree)


class JaxGrad:
    """JAX on its default device, in the dtype of the arrays it is given."""

    name = "jax"
    kernel = "what XLA compiles it to"

    @staticmethod
    def without_kernel() -> AbstractContextManager[Any]:
        """Inside the block, nothing is compiled: each operation runs by itself."""
        return jax.disable_jit()

    def translation(self, spec: type) -> str:
        """How a layer, loss, optimizer, schedule or transform is translated."""
        return translation(spec, apply, apply_loss, build, evaluate, rate, initializer)

    def vjp(self, network: Layer, params: Tree, x: Tree, dy: Tree) -> VJP:
        """y, dx and dparams by jax.vjp."""
        with precision(dtype_of((x, params))):
            y, dp, floats = _vjp(network)(params, x, dy)
            found = map(np.array, floats)
            dx = tree_map(lambda v: next(found) if is_float(v) else None, x)
            return VJP(_arrays(dy, y), dx, _arrays(params, dp))

    def loss_vjp(self, loss: Loss, prediction: Tree, target: Tree, dloss: Array) -> VJP:
        """The loss, and the prediction's cotangent by jax.vjp."""
        with precision(dtype_of(prediction)):
            value, dp = _loss_vjp(loss)(prediction, target, dloss)
            return VJP(np.array(value), _arrays(prediction, dp), {})

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """optax, fed the given gradients."""
        dtype, p = dtype_of(params), params
        with precision(dtype):
            opt_state, places = _begin(optimizer, params)
        for tree in grads:
            with precision(dtype):
                p, opt_state = _update(optimizer)(tree, opt_state, p)
                done = Updated(_arrays(params, p), places.read(opt_state))
            yield done

    def evaluate(self, function: Function, x: Tree, dtype: np.dtype[Any]) -> Tree:
        """optax schedules and transformations, in dtype."""
        with precision(dtype):
            return tree_map(np.array, evaluate(function, tree_map(jnp.asarray, x)))

    def draw(
        self, initialiser: Initialiser, shape: tuple[int, ...], count: int,
        dtype: np.dtype[Any], seed: int,
    ) -> Array:  # fmt: skip
        """jax.nn.initializers, mapped over as many keys."""
        with precision(dtype):
            make = initializer(initialiser, len(shape))
            keys = jax.random.split(jax.random.key(seed), count)
            return np.array(jax.vmap(lambda key: make(key, shape, dtype))(keys))

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """jax.value_and_grad and an optax update, jitted together."""
        dtype, p = dtype_of(params), params
        with precision(dtype):
            opt_state, places = _begin(optimizer, params)
        restarts = iter(starts) if starts is not None else None
        for t, (x, target) in enumerate(batches, start=1):
            with precision(dtype):
                if restarts is not None:
                    p, state = next(restarts)
                    opt_state = places.write(opt_state, state, t)
                value, g, p, opt_state = _step(network, loss, optimizer)(p, opt_state, x, target)
                done = Step(t, np.array(value), _arrays(params, g), _arrays(params, p),
                            places.read(opt_state))  # fmt: skip
            yield done

    def trace(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree,
        unfused: bool = False,
    ) -> list[Event]:  # fmt: skip
        """What the equations of the jaxpr of jax.value_and_grad compute."""
        from .tracing import trace

        return trace(network, loss, params, x, target, unfused)

    def trace_update(self, optimizer: Optimizer, params: Tree, grads: Tree) -> list[Event]:
        """What an optax update runs."""
        from .tracing import trace_update

        return trace_update(optimizer, params, grads)

    def trace_jvp(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Computed,
        unfused: bool = False,
    ) -> list[Event]:  # fmt: skip
        """What the equations of the jaxpr of jax.jvp compute."""
        from .tracing import trace_jvp

        return trace_jvp(network, loss, params, x, target, tangents, unfused)

    def hvp(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Tree
    ) -> Tree:
        """Forward over reverse."""
        from .tracing import hvp

        return hvp(network, loss, params, x, target, tangents)

    def descend(
        self, network: Layer, loss: Loss, rate: float, params: Tree, batch: Batch, steps: int
    ) -> Tree:
        """The parameters after so many steps of plain gradient descent on one batch."""
        with precision(dtype_of(params)):
            return _arrays(params, _descent(network, loss)(params, rate, *batch, steps))


class _ByName(NamedTuple):
    """Where the reference's arrays and the step counts stand among the leaves of optax's state."""

    arrays: Tree  # at every leaf of params, a dict of state name to place
    counts: list[int]

    def read(self, opt_state: Any) -> Tree:
        """optax's state in the reference's form: at every leaf of params, a dict of arrays."""
        flat = jax.tree.leaves(opt_state)
        return tree_map(lambda place: np.array(flat[place]), self.arrays)

    def write(self, opt_state: Any, state: Tree, t: int) -> Any:
        """The state in which optax starts step t: the reference's arrays, a count of t - 1."""
        flat, structure = jax.tree.flatten(opt_state)
        for place in self.counts:
            flat[place] = np.asarray(t - 1, np.int32)
        tree_map(flat.__setitem__, self.arrays, state)
        return jax.tree.unflatten(structure, flat)


def _existing(names: Iterable[str], places: Iterable[Any]) -> dict[str, Any]:
    """Places by name; None is where a weight has no such state."""
    return {name: at for name, at in zip(names, places, strict=True) if at is not None}


def _begin(optimizer: Optimizer, params: Tree) -> tuple[Any, Places]:
    """optax's state before the first step, and where in it the reference's arrays stand."""
    transformation, names = build(optimizer)
    opt_state = transformation.init(params)  # not compiled: it runs once
    if not isinstance(names, dict):
        return opt_state, names(params)
    flat, structure = jax.tree.flatten(opt_state)
    numbered = jax.tree.unflatten(structure, range(len(flat)))
    columns = [optax.tree_utils.tree_get(numbered, name) for name in names.values()]
    arrays = tree_map(lambda _, *places: _existing(names, places), params, *columns)
    counts = [place for _, place in optax.tree_utils.tree_get_all_with_path(numbered, "count")]
    return opt_state, _ByName(arrays, counts)
