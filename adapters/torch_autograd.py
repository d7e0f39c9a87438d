"""PyTorch: torch.nn.functional forward, torch.autograd backward, torch.optim steps.

To add a layer or a loss, register one expression with ``apply`` or ``apply_loss``; to add an
optimizer, register its torch.optim class, arguments and state names with ``build``. Weights come
in the reference's layout and are turned inside the expression, so autograd returns gradients in
the reference's layout too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

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
from ..reference.tree import leaves, tree_map, unflatten
from .protocols import VJP, Batch, Start, Unsupported, Updated


def _untranslated(spec: Any, register: str) -> Unsupported:
    return Unsupported(
        f"torch has no translation of {type(spec).__name__}: register it with {register} in "
        "adapters/torch_autograd.py, or from a file of your own"
    )


@singledispatch
def apply(layer: Any, p: Any, x: torch.Tensor) -> torch.Tensor:
    """The layer's output in torch; p holds its parameters as tensors."""
    raise _untranslated(layer, "apply")


@apply.register
def _(layer: Dense, p: Any, x: torch.Tensor) -> torch.Tensor:
    bias = p["b"] if layer.bias is True else x.new_tensor(layer.bias) if layer.bias else None
    return F.linear(x, p["W"].T, bias)


@apply.register
def _(layer: Conv2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.conv2d(x, p["W"], p["b"], stride=layer.stride, padding=layer.padding)


@apply.register
def _(layer: Sigmoid, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(x)


@apply.register
def _(layer: Tanh, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.tanh(x)


@apply.register
def _(layer: ReLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(x)


@apply.register
def _(layer: Softmax, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.softmax(x, dim=layer.axis)


@apply.register
def _(layer: LayerNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, (layer.n,), p["gamma"], p["beta"], layer.eps)


@apply.register
def _(layer: Flatten, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.flatten(x, 1)


@apply.register
def _(layer: Sequential, p: Any, x: torch.Tensor) -> torch.Tensor:
    for inner, q in zip(layer.layers, p, strict=True):
        x = apply(inner, q, x)
    return x


@apply.register
def _(layer: Residual, p: Any, x: torch.Tensor) -> torch.Tensor:
    return x + apply(layer.inner, p, x)


@singledispatch
def apply_loss(loss: Any, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The loss as a 0-d tensor."""
    raise _untranslated(loss, "apply_loss")


@apply_loss.register
def _(loss: MeanSquaredError, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(prediction, target)


@apply_loss.register
def _(loss: SoftmaxCrossEntropy, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(prediction.flatten(0, -2), target.flatten().long())


@apply_loss.register
def _(loss: BinaryCrossEntropy, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy_with_logits(prediction, target)


Built = tuple[torch.optim.Optimizer, dict[str, str]]  # and the reference's state name to torch's


@singledispatch
def build(optimizer: Any, weights: list[torch.Tensor]) -> Built:
    """The torch.optim optimizer over weights, and the names of its state."""
    raise _untranslated(optimizer, "build")


@build.register
def _(optimizer: SGD, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.SGD(weights, lr=o.lr, momentum=o.momentum, dampening=o.dampening,
                           nesterov=o.nesterov, weight_decay=o.weight_decay,
                           ), {"v": "momentum_buffer"}  # fmt: skip


@build.register
def _(optimizer: Adam, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.Adam(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                            weight_decay=o.weight_decay,
                            ), {"m": "exp_avg", "v": "exp_avg_sq"}  # fmt: skip


@build.register
def _(optimizer: AdamW, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.AdamW(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                             weight_decay=o.weight_decay,
                             ), {"m": "exp_avg", "v": "exp_avg_sq"}  # fmt: skip


def _tensor(x: Array) -> torch.Tensor:
    return torch.from_numpy(np.array(x, order="C"))  # a copy: torch may write to its tensors


def _weight(x: Array) -> torch.Tensor:
    return _tensor(x).requires_grad_()


def _array(x: torch.Tensor) -> Array:
    return x.detach().numpy().copy()


class _Stepper:
    """A torch.optim optimizer over a tree of weights, whose state can be set and read."""

    def __init__(self, optimizer: Optimizer, params: Tree) -> None:
        self.params = tree_map(_weight, params)
        self.weights = [w for _, w in leaves(self.params)]
        self.optimizer, self.names = build(optimizer, self.weights)

    def restart(self, params: Tree, state: Tree, t: int) -> None:
        """Take over the weights and state that step t starts from."""

        def take_over(w: torch.Tensor, value: Array, kept: dict[str, Array]) -> None:
            w.copy_(_tensor(value))
            if t > 1 and kept:
                own = {self.names[k]: _tensor(a) for k, a in kept.items()}
                self.optimizer.state[w] = {"step": torch.tensor(t - 1.0), **own}

        with torch.no_grad():
            tree_map(take_over, self.params, params, state)

    def step(self, grads: Iterable[torch.Tensor]) -> Updated:
        for w, g in zip(self.weights, grads, strict=True):
            w.grad = g
        self.optimizer.step()
        return Updated(tree_map(_array, self.params), tree_map(self._state, self.params))

    def _state(self, w: torch.Tensor) -> dict[str, Array]:
        own = self.optimizer.state[w]
        return {k: _array(own[v]) for k, v in self.names.items() if own.get(v) is not None}


class TorchAutograd:
    """PyTorch on the CPU, one thread, in the dtype of the arrays it is given."""

    name = "torch"

    def vjp(self, network: Layer, params: Tree, x: Array, dy: Array) -> VJP:
        """y by torch.nn.functional; dx and dparams by torch.autograd.grad."""
        p, inputs = tree_map(_weight, params), _weight(x)
        y = apply(network, p, inputs)
        wrt = [inputs, *(w for _, w in leaves(p))]
        dx, *dp = torch.autograd.grad(y, wrt, _tensor(dy), materialize_grads=True)
        return VJP(_array(y), _array(dx), unflatten(params, map(_array, dp)))

    def loss_vjp(self, loss: Loss, prediction: Array, target: Array, dloss: Array) -> VJP:
        """The loss, and the prediction's cotangent by torch.autograd.grad."""
        p = _weight(prediction)
        value = apply_loss(loss, p, _tensor(target))
        (dp,) = torch.autograd.grad(value, [p], _tensor(dloss))
        return VJP(_array(value), _array(dp), {})

    def optimize(
        self, optimizer: Optimizer, params: Tree, grads: Iterable[Tree]
    ) -> Iterator[Updated]:
        """torch.optim, fed the given gradients."""
        stepper = _Stepper(optimizer, params)
        for tree in grads:
            yield stepper.step(_tensor(g) for _, g in leaves(tree))

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
            value = apply_loss(loss, apply(network, stepper.params, _tensor(x)), _tensor(target))
            grads = torch.autograd.grad(value, stepper.weights, materialize_grads=True)
            g = unflatten(params, map(_array, grads))
            yield Step(t, _array(value), g, *stepper.step(grads))
