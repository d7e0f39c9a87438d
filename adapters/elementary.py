"""Fused operations written out in elementary ones, so that a framework's trace shows every step.

Inside the block of ``elementary`` these take the place of the registered translations. They are
not what people run: they are there to be looked at. ``xp`` is a framework's namespace with NumPy's
names, ``fixed`` its function that stops a gradient.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from ..reference.layers.batchnorm1d import BatchNorm1d
from ..reference.layers.batchnorm2d import BatchNorm2d
from ..reference.layers.conv1d import Conv1d
from ..reference.layers.conv2d import Conv2d
from ..reference.layers.conv3d import Conv3d
from ..reference.layers.dense import Dense
from ..reference.layers.grouped_query_attention import GroupedQueryAttention
from ..reference.layers.groupnorm import GroupNorm
from ..reference.layers.instancenorm import InstanceNorm
from ..reference.layers.layernorm import LayerNorm
from ..reference.layers.log_softmax import LogSoftmax
from ..reference.layers.max_pool1d import MaxPool1d
from ..reference.layers.max_pool2d import MaxPool2d
from ..reference.layers.multi_head_attention import MultiHeadAttention
from ..reference.layers.rmsnorm import RMSNorm
from ..reference.layers.scaled_dot_product_attention import ScaledDotProductAttention
from ..reference.layers.softmax import Softmax
from ..reference.losses.mean_squared_error import MeanSquaredError
from ..reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ..reference.pooling import on
from ..reference.taps import convolution
from ..reference.windows import Window


@dataclass(frozen=True)
class Elementary:
    """The translations in one framework; each has the signature of the one that it replaces."""

    xp: Any
    fixed: Callable[[Any], Any]
    fused: Callable[[type], Callable[..., Any]]  # the registered translation of a type

    def dense(self, layer: Dense, p: Any, x: Any) -> Any:
        """x W, and then b."""
        y = x @ p["W"]
        if isinstance(layer.bias, tuple):
            return y + self.xp.asarray(layer.bias, dtype=x.dtype)
        return y + p["b"] if layer.bias else y

    def padded(self, x: Any, over: Window, value: float = 0.0) -> Any:
        """x with the window's padding around its last axes."""
        for axis, widths in enumerate(over.padding, start=x.ndim - len(over.padding)):
            shape = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in widths]
            before, behind = (self.xp.full(s, value, dtype=x.dtype) for s in shape)
            x = self.xp.concatenate([before, x, behind], axis) if any(widths) else x
        return x

    def convolve(self, layer: Conv1d | Conv2d | Conv3d, p: Any, x: Any) -> Any:
        """The taps of the last axis side by side; a product for each row of the kernel."""
        over = convolution(layer, x.ndim - 2).on(x.shape[2:])
        positions, groups, K = over.positions(x.shape[2:]), over.groups, over.kernel[-1]
        x = self.padded(x, over)
        x = x.reshape((len(x), groups, -1, *x.shape[2:]))
        last, rows = over.taps(positions, slice(-1, None)), over.taps(positions, slice(-1))
        columns = self.xp.concatenate([x[tap] for tap in last], 2)
        W = p["W"].reshape((groups, layer.n_out // groups, x.shape[2], -1, K)).swapaxes(2, 4)
        products = (
            W[:, :, :, i].reshape((*W.shape[:2], -1))
            @ columns[(*row, slice(None))].reshape((*columns.shape[:3], -1))
            for i, row in enumerate(rows)
        )
        y = reduce(operator.add, products).reshape((len(x), layer.n_out, *positions))
        return y + p["b"].reshape((-1, *(1,) * len(positions)))

    def max_pool(self, layer: MaxPool1d | MaxPool2d, p: Any, x: Any) -> Any:
        """Tap by tap the larger one; at a tie what is there already."""
        over = on(layer, x.shape[2:])
        taps = over.taps(over.positions(x.shape[2:]))
        x = self.padded(x, over, -math.inf)
        return reduce(lambda y, tap: self.xp.where(tap > y, tap, y), (x[tap] for tap in taps))

    def standardized(self, x: Any, axes: tuple[int, ...], eps: float) -> Any:
        """x̂ = (x - μ) r with r = 1/√(σ² + ε)."""
        centred = x - x.mean(axes, keepdims=True)
        variance = (centred * centred).mean(axes, keepdims=True)
        return centred * (1 / self.xp.sqrt(variance + eps))

    def layer_norm(self, layer: LayerNorm, p: Any, x: Any) -> Any:
        """γ x̂ + β over the last axis."""
        return p["gamma"] * self.standardized(x, (-1,), layer.eps) + p["beta"]

    def rms_norm(self, layer: RMSNorm, p: Any, x: Any) -> Any:
        """γ x r over the last axis."""
        r = 1 / self.xp.sqrt((x * x).mean((-1,), keepdims=True) + layer.eps)
        return p["gamma"] * (x * r)

    def scaled(self, p: Any, x_hat: Any) -> Any:
        """γ x̂ + β for each channel of an (N, C, ...)."""
        shape = (-1, *(1,) * (x_hat.ndim - 2))
        return p["gamma"].reshape(shape) * x_hat + p["beta"].reshape(shape)

    def batch_norm(self, layer: BatchNorm1d | BatchNorm2d, p: Any, x: Any) -> Any:
        """Over all axes but the channels'."""
        return self.scaled(p, self.standardized(x, (0, *range(2, x.ndim)), layer.eps))

    def group_norm(self, layer: GroupNorm, p: Any, x: Any) -> Any:
        """Over the channels of a group."""
        grouped = x.reshape((len(x), layer.groups, -1))
        return self.scaled(p, self.standardized(grouped, (-1,), layer.eps).reshape(x.shape))

    def instance_norm(self, layer: InstanceNorm, p: Any, x: Any) -> Any:
        """Over the positions of a channel."""
        x_hat = self.standardized(x, tuple(range(2, x.ndim)), layer.eps)
        return self.scaled(p, x_hat) if layer.affine else x_hat

    def shifted(self, x: Any, axis: int) -> Any:
        """x less its largest entry, which changes no softmax and has no gradient in it."""
        return x - self.fixed(self.xp.amax(x, axis, keepdims=True))

    def softmax(self, layer: Softmax, p: Any, x: Any) -> Any:
        """e / Σ e."""
        e = self.xp.exp(self.shifted(x, layer.axis))
        return e / e.sum(layer.axis, keepdims=True)

    def log_softmax(self, layer: LogSoftmax, p: Any, x: Any) -> Any:
        """z - log Σ e^z."""
        z = self.shifted(x, layer.axis)
        return z - self.xp.log(self.xp.exp(z).sum(layer.axis, keepdims=True))

    def attend(self, q: Any, k: Any, v: Any, scale: float, causal: bool) -> Any:
        """softmax(s q kᵀ) v."""
        scores = (q * scale) @ k.swapaxes(-1, -2)
        if causal:
            L, S = scores.shape[-2:]
            seen = self.xp.arange(S) <= self.xp.arange(S - L, S)[:, None]
            scores = self.xp.where(seen, scores, -math.inf)
        return self.softmax(Softmax(), {}, scores) @ v

    def attention(self, layer: ScaledDotProductAttention, p: Any, x: Any) -> Any:
        """Without a mask of its own; with one, as registered."""
        q, k, v, *masks = x
        if masks or (layer.causal and q.shape[2] > k.shape[2]):
            return self.fused(ScaledDotProductAttention)(layer, p, x)
        scale = q.shape[3] ** -0.5 if layer.scale is None else layer.scale
        return self.attend(q, k, v, scale, layer.causal)

    def projected(
        self, layer: MultiHeadAttention | GroupedQueryAttention, p: Any, query: Any, memory: Any
    ) -> Any:
        """Attention of several heads between projections; queries may share a key."""
        width = layer.n // layer.heads

        def project(name: str, x: Any) -> Any:
            y = x @ p[name]["W"]
            return y + p[name]["b"] if "b" in p[name] else y

        def heads(name: str, x: Any) -> Any:
            y = project(name, x)
            return y.reshape((*y.shape[:2], -1, width)).swapaxes(1, 2)

        q, k, v = heads("q", query), heads("k", memory), heads("v", memory)
        q = q.reshape((len(q), k.shape[1], -1, *q.shape[2:]))
        y = self.attend(q, k[:, :, None], v[:, :, None], width**-0.5, layer.causal)
        y = y.reshape((len(y), layer.heads, -1, width)).swapaxes(1, 2)
        return project("o", y.reshape((*y.shape[:2], layer.n)))

    def multi_head_attention(self, layer: MultiHeadAttention, p: Any, x: Any) -> Any:
        """Of x, or of x and a memory; with a mask, as registered."""
        sources = x if isinstance(x, tuple) else (x, x)
        if sources[-1].dtype == self.xp.bool:
            return self.fused(MultiHeadAttention)(layer, p, x)
        return self.projected(layer, p, *sources)

    def grouped_query_attention(self, layer: GroupedQueryAttention, p: Any, x: Any) -> Any:
        """Of x, with fewer keys than queries."""
        return self.projected(layer, p, x, x)

    def reduced(self, entries: Any, reduction: str) -> Any:
        """The entries, their sum, or the sum over their number."""
        if reduction == "none":
            return entries
        return entries.sum() / math.prod(entries.shape) if reduction == "mean" else entries.sum()

    def mean_squared_error(self, loss: MeanSquaredError, prediction: Any, target: Any) -> Any:
        """(p - t)²."""
        return self.reduced((prediction - target) ** 2, loss.reduction)

    def cross_entropy(self, loss: SoftmaxCrossEntropy, prediction: Any, target: Any) -> Any:
        """-log p of the right class."""
        log_p = self.log_softmax(LogSoftmax(), {}, prediction)
        right = target[..., None] == self.xp.arange(prediction.shape[-1])
        return self.reduced(-self.xp.where(right, log_p, 0.0).sum(-1), loss.reduction)

    def layers(self) -> dict[type, Callable[..., Any]]:
        """What takes the place of which layer's translation."""
        return {
            Conv1d: self.convolve, Conv2d: self.convolve, Conv3d: self.convolve,
            MaxPool1d: self.max_pool, MaxPool2d: self.max_pool,
            Dense: self.dense, LayerNorm: self.layer_norm, RMSNorm: self.rms_norm,
            BatchNorm1d: self.batch_norm, BatchNorm2d: self.batch_norm,
            GroupNorm: self.group_norm, InstanceNorm: self.instance_norm, Softmax: self.softmax,
            LogSoftmax: self.log_softmax, ScaledDotProductAttention: self.attention,
            MultiHeadAttention: self.multi_head_attention,
            GroupedQueryAttention: self.grouped_query_attention,
        }  # fmt: skip

    def losses(self) -> dict[type, Callable[..., Any]]:
        """What takes the place of which loss's translation."""
        return {
            MeanSquaredError: self.mean_squared_error, SoftmaxCrossEntropy: self.cross_entropy
        }  # fmt: skip


@contextmanager
def elementary(
    apply: Any, apply_loss: Any, xp: Any, fixed: Callable[[Any], Any], wanted: bool = True
) -> Iterator[None]:
    """Inside the block, layers and losses are translated into elementary operations, if wanted."""
    before: dict[type, Callable[..., Any]] = {}
    own = Elementary(xp, fixed, before.__getitem__)
    tables = ((apply, own.layers()), (apply_loss, own.losses())) if wanted else ()
    before.update((spec, registry.dispatch(spec)) for registry, table in tables for spec in table)
    try:
        for registry, table in tables:
            for spec, translation in table.items():
                registry.register(spec, translation)
        yield
    finally:
        for registry, table in tables:
            for spec in table:
                registry.register(spec, before[spec])
