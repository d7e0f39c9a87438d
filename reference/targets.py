"""What losses take as a target: labels and their weights, and how samples draw them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .draws import with_exact
from .floats import is_float
from .protocols import Array, Draw, expect


def like(prediction: Array) -> str:
    """What a loss of two equal shapes takes: neither is ever broadcast."""
    return f"a target of the prediction's shape {tuple(prediction.shape)}"


def signs(*shape: int) -> Draw:
    """-1 or 1: the two classes of a margin loss."""
    return with_exact(*shape, values=(-1.0, 1.0), share=1.1)


def at_margin(*shape: int) -> Draw:
    """0, 1 or 2: scores of which some are exactly a margin of one apart."""
    return with_exact(*shape, values=(0.0, 1.0, 2.0), share=1.1)


def answers(*shape: int) -> Draw:
    """0 or 1: no or yes."""
    return with_exact(*shape, values=(0.0, 1.0), share=1.1)


def exactly(*arrays: list[Any]) -> Draw:
    """A tuple of arrays of chosen numbers."""
    return lambda rng: tuple(np.asarray(a) for a in arrays)


def together(*draws: Draw) -> Draw:
    """A tuple of arrays, drawn one after the other."""
    return lambda rng: tuple(draw(rng) for draw in draws)


def one_hot(spec: Any, labels: Array, K: int, ignored: int | None = None) -> Array:
    """[k = label] along a new last axis, all False at the ignored label.

    Raises ValueError for labels that are no integers in 0..K-1.
    """
    if labels.dtype.kind not in "iu":
        raise ValueError(f"{spec} takes integer labels, got {labels.dtype}")
    known = labels if ignored is None else labels[labels != ignored]
    if known.size and not 0 <= known.min() <= known.max() < K:
        raise ValueError(f"{spec} takes labels 0..{K - 1}, got {known.min()}..{known.max()}")
    hot: Array = labels[..., None] == np.arange(K)
    return hot if ignored is None else hot & (labels != ignored)[..., None]


def log_softmax(z: Any, axis: int) -> Any:
    """log(e^z_k / Σ_j e^z_j) along an axis: no exponential exceeds 1."""
    shifted = z - z.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def class_weights(
    spec: Any, prediction: Array, target: Array, smoothing: float = 0.0
) -> tuple[Array, float]:
    """a = w q, the weight of each class at each position, and what a mean divides by.

    The spec has axis, weight and ignore_index. For labels, q is (1 - ε) [k = label] + ε/K and a
    mean divides by the sum of the labels' weights; for soft targets (floats) it divides by N.
    """
    axis = spec.axis % prediction.ndim
    K, rest = prediction.shape[axis], prediction.shape[:axis] + prediction.shape[axis + 1 :]
    w = np.asarray(spec.weight or np.ones(K))
    expect(w.shape == (K,), spec, f"predictions of {w.size} classes along axis {axis}", prediction)
    if is_float(target):
        expect(target.shape == prediction.shape, spec, like(prediction), target)
        column = w.astype(prediction.dtype).reshape(-1, *(1,) * (len(rest) - axis))
        return column * (target * (1 - smoothing) + smoothing / K), prediction.size // K
    expect(target.shape == rest, spec, f"labels of shape {tuple(rest)}", target)
    right = one_hot(spec, target, K, spec.ignore_index)
    used = right.any(axis=-1, keepdims=True)
    a = w * (right * (1 - smoothing) + used * (smoothing / K))
    return np.moveaxis(a, -1, axis).astype(prediction.dtype), float((w * right).sum())


def split_weight(target: Any) -> tuple[Any, Any]:
    """A target and the weights of its entries, None where it comes without."""
    return target if isinstance(target, tuple) else (target, None)


def distance(spec: Any, d: Any) -> tuple[Any, Any]:
    """D = (Σ_j |e_j|^p)^(1/p) over the last axis, which stays, and its slope; p = 1, 2 or 3.

    e is d + ε; where ε is ``in_sum``, e is d and ε is added to the sum. 0 where D is 0, else
    ∂D/∂e_j = (1/p) D^(1-p) p |e_j|^(p-1) sign(e_j) = sign(e_j) (|e_j| / D)^(p-1)
    """
    p, e, more = spec.p, d if spec.in_sum else d + spec.eps, spec.eps if spec.in_sum else 0
    size = np.abs(e)
    power = np.ones_like(size) if p == 1 else size if p == 2 else size * size  # |e|^(p-1)
    total = (power * size).sum(axis=-1, keepdims=True) + more
    if p == 1:
        return total, np.sign(e)
    D = np.sqrt(total) if p == 2 else total ** (1 / 3)
    return D, np.sign(e) * power / np.where(D > 0, D if p == 2 else D * D, 1)
