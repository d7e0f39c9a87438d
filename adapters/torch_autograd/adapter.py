"""The adapter itself: what is the same for every layer, loss and optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ...reference.protocols import Array, Function, Initialiser, Layer, Loss, Optimizer, Tree
from ...reference.training import Step
from ...reference.tree import leaves, tree_map, unflatten
from ..protocols import VJP, Batch, Start, Unsupported, Updated, translation
from ..tracing import Computed, Event
from .registry import State, Stepping, apply, apply_loss, build, evaluate, fill, scheduler
from .schedules import rates


def to_tensor(x: Array) -> torch.Tensor:
    """A copy: torch may write to its tensors."""
    own = np.array(x, order="C")
    if own.dtype.name == "bfloat16":  # which torch does not know from NumPy
        return torch.from_numpy(own.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(own)


def to_weight(x: Array) -> torch.Tensor:
    """A tensor with a gradient, unless it holds integers or a mask."""
    tensor = to_tensor(x)
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def to_array(x: torch.Tensor) -> Array:
    """A copy of a tensor's numbers."""
    if x.dtype == torch.bfloat16:
        import ml_dtypes

        own: Array = x.detach().contiguous().view(torch.int16).numpy().copy()
        return own.view(ml_dtypes.bfloat16)
    return x.detach().numpy().copy()


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Inside the block, dtype is what torch.optim keeps the numbers of a state in."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class _ByName(NamedTuple):
    """The state that torch keeps with each weight, under names of its own."""

    optimizer: Stepping
    params: Tree
    names: dict[str, str]

    def read(self) -> Tree:
        """At every leaf of params, a dict of arrays."""

        def of_one(w: torch.Tensor) -> dict[str, Array]:
            own = self.optimizer.state[w]
            return {k: to_array(own[v]) for k, v in self.names.items() if own.get(v) is not None}

        return tree_map(of_one, self.params)

    def write(self, state: Tree, t: int) -> None:
        """Begin step t from this state; before the first step torch makes its own."""

        def of_one(w: torch.Tensor, kept: dict[str, Array]) -> None:
            own = {self.names[k]: to_tensor(a) for k, a in kept.items()}
            if t > 1 and own:
                self.optimizer.state[w] = {"step": torch.tensor(t - 1.0), **own}

        tree_map(of_one, self.params, state)


@contextmanager
def _kernels() -> Iterator[None]:
    """Inside the block, an operation that torch lacks in this dtype is Unsupported."""
    try:
        yield
    except RuntimeError as error:
        if not any(f" {what} for" in str(error) for what in ("implemented", "only supported")):
            raise
        raise Unsupported(f"torch: {error}") from error


class _Stepper:
    """A torch.optim optimizer over a tree of weights, whose state can be set and read."""

    def __init__(self, optimizer: Optimizer, params: Tree) -> None:
        self.params = tree_map(to_weight, params)
        self.weights = [w for _, w in leaves(self.params)]
        self.optimizer, names = build(optimizer, self.weights)
        self.state: State = (
            _ByName(self.optimizer, self.params, names) if isinstance(names, dict) else names
        )

    def restart(self, params: Tree, state: Tree, t: int) -> None:
        """Take over the weights and state that step t starts from."""
        with torch.no_grad():
            tree_map(lambda w, value: w.copy_(to_tensor(value)), self.params, params)
        self.state.write(state, t)

    def step(self, grads: Iterable[torch.Tensor]) -> Updated:
        for w, g in zip(self.weights, grads, strict=True):
            w.grad = g.contiguous()  # as backward() lays it out
        with _default_dtype(self.weights[0].dtype):
            self.optimizer.step()
        return Updated(tree_map(to_array, self.params), self.state.read())


class TorchAutograd:
    """PyTorch on the CPU, one thread, in the dtype of the arrays it is given."""

    name = "torch"
    kernel = "its fused attention"

    @staticmethod
    def without_kernel() -> AbstractContextManager[Any]:
        """Inside the block, attention is computed from matrix products and a softmax."""
        return sdpa_kernel(SDPBackend.MATH)

    def translation(self, spec: type) -> str:
        """How a layer, loss, optimizer, schedule or transform is translated."""
        return translation(spec, apply, apply_loss, build, scheduler, evaluate, fill)

    def vjp(self, network: Layer, params: Tree, x: Tree, dy: Tree) -> VJP:
        """y by torch.nn.functional; dx and dparams by torch.autograd.grad."""
        p, inputs = tree_map(to_weight, params), tree_map(to_weight, x)
        with _kernels():
            y = apply(network, p, inputs)
            wrt = [v for _, v in leaves((p, inputs)) if v.requires_grad]
            outputs, cotangents = ([v for _, v in leaves(t)] for t in (y, tree_map(to_tensor, dy)))
            grads = torch.autograd.grad(outputs, wrt, cotangents, materialize_grads=True)
        found = map(to_array, grads)
        dp = tree_map(lambda w: next(found), params)
        dx = tree_map(lambda v: next(found) if v.requires_grad else None, inputs)
        return VJP(tree_map(to_array, y), dx, dp)

    def loss_vjp(self, loss: Loss, prediction: Tree, target: Tree, dloss: Array) -> VJP:
        """The loss, and the prediction's cotangent by torch.autograd.grad."""
        p = tree_map(to_weight, prediction)
        with _kernels():
            value = apply_loss(loss, p, tree_map(to_tensor, target))
            wrt = [v for _, v in leaves(p)]
            grads = torch.autograd.grad(value, wrt, to_tensor(dloss), materialize_grads=True)
        return VJP(to_array(value), unflatten(prediction, map(to_array, grads)), {})

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """torch.optim, fed the given gradients."""
        stepper = _Stepper(optimizer, params)
        for tree in grads:
            yield stepper.step(to_tensor(g) for _, g in leaves(tree))

    def evaluate(self, function: Function, x: Tree, dtype: np.dtype[Any]) -> Tree:
        """torch.optim.lr_scheduler, torch.nn.utils, ... in dtype."""
        is_schedule = scheduler.dispatch(type(function)) is not scheduler.dispatch(object)
        y = (rates if is_schedule else evaluate)(function, tree_map(to_tensor, x))
        return tree_map(lambda part: to_array(part).astype(dtype), y)

    def draw(
        self, initialiser: Initialiser, shape: tuple[int, ...], count: int,
        dtype: np.dtype[Any], seed: int,
    ) -> Array:  # fmt: skip
        """torch.nn.init, on as many weights."""
        rng = torch.Generator().manual_seed(seed)
        own = shape[::-1] if len(shape) == 2 else shape  # torch's Dense weight is (out, in)
        weights = torch.empty((count, *own), dtype=to_tensor(np.empty(0, dtype)).dtype)
        for w in weights:
            fill(initialiser, w, rng)
        return to_array(weights.swapaxes(1, 2) if len(shape) == 2 else weights)

    def train(
        self, network: Layer, loss: Loss, optimizer: Optimizer, params: Tree,
        batches: Iterable[Batch], starts: Iterable[Start] | None = None,
    ) -> Iterator[Step]:  # fmt: skip
        """Forward, torch.autograd, torch.optim step."""
        stepper = _Stepper(optimizer, params)
        restarts = iter(starts) if starts is not None else None
        for t, (x, target) in enumerate(batches, start=1):
            if restarts is not None:
                stepper.restart(*next(restarts), t)
            with _kernels():
                prediction = apply(network, stepper.params, tree_map(to_tensor, x))
                value = apply_loss(loss, prediction, tree_map(to_tensor, target))
                grads = torch.autograd.grad(value, stepper.weights, materialize_grads=True)
            g = unflatten(params, map(to_array, grads))
            yield Step(t, to_array(value), g, *stepper.step(grads))

    def trace(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree,
        unfused: bool = False,
    ) -> list[Event]:  # fmt: skip
        """What the nodes of the autograd graph compute."""
        from .tracing import trace

        return trace(network, loss, params, x, target, unfused)

    def trace_update(self, optimizer: Optimizer, params: Tree, grads: Tree) -> list[Event]:
        """What a step of torch.optim runs."""
        from .tracing import trace_update

        return trace_update(optimizer, params, grads)

    def trace_jvp(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Computed,
        unfused: bool = False,
    ) -> list[Event]:  # fmt: skip
        """What torch.autograd.forward_ad computes."""
        from .tracing import trace_jvp

        return trace_jvp(network, loss, params, x, target, tangents, unfused)

    def hvp(
        self, network: Layer, loss: Loss, params: Tree, x: Tree, target: Tree, tangents: Tree
    ) -> Tree:
        """Backward through backward."""
        from .tracing import hvp

        return hvp(network, loss, params, x, target, tangents)

    def descend(
        self, network: Layer, loss: Loss, rate: float, params: Tree, batch: Batch, steps: int
    ) -> Tree:
        """The parameters after so many steps of plain gradient descent on one batch."""
        p, (x, target) = tree_map(to_weight, params), (tree_map(to_tensor, part) for part in batch)
        weights = [w for _, w in leaves(p)]
        for _ in range(steps):
            grads = torch.autograd.grad(apply_loss(loss, apply(network, p, x), target), weights)
            with torch.no_grad():
                for w, g in zip(weights, grads, strict=True):
                    w.sub_(g, alpha=rate)
        return tree_map(to_array, p)
