"""Around the optimizer, in PyTorch: torch.nn.utils, torch.optim.swa_utils, torch.amp."""

from __future__ import annotations

from typing import Any

import torch

from ...reference.transforms.accumulate import Accumulate
from ...reference.transforms.chain import Chain
from ...reference.transforms.clip_by_global_norm import ClipByGlobalNorm
from ...reference.transforms.clip_by_norm import ClipByNorm
from ...reference.transforms.clip_by_value import ClipByValue
from ...reference.transforms.exponential_average import ExponentialAverage
from ...reference.transforms.loss_scale import LossScale
from ...reference.tree import tree_map
from ..protocols import Unsupported, own_formula
from .registry import evaluate

EPS = 1e-6  # what clip_grad_norm_ adds to the norm


def _with_gradients(grads: Any) -> tuple[Any, list[torch.Tensor]]:
    weights: list[torch.Tensor] = []

    def make(g: torch.Tensor) -> torch.Tensor:
        w = torch.zeros_like(g)
        w.grad = g
        weights.append(w)
        return w

    return tree_map(make, grads), weights


def _check_eps(clip: ClipByGlobalNorm | ClipByNorm) -> None:
    if clip.eps != EPS:
        raise Unsupported(f"torch's clip_grad_norm_ adds {EPS} to the norm")


@evaluate.register
def _(clip: ClipByGlobalNorm, grads: Any) -> Any:
    _check_eps(clip)
    tree, weights = _with_gradients(grads)
    torch.nn.utils.clip_grad_norm_(weights, clip.max_norm)
    return tree_map(lambda w: w.grad, tree)


@evaluate.register
def _(clip: ClipByNorm, grads: Any) -> Any:
    _check_eps(clip)
    tree, weights = _with_gradients(grads)
    for w in weights:
        torch.nn.utils.clip_grad_norm_([w], clip.max_norm)
    return tree_map(lambda w: w.grad, tree)


@evaluate.register
def _(clip: ClipByValue, grads: Any) -> Any:
    tree, weights = _with_gradients(grads)
    torch.nn.utils.clip_grad_value_(weights, clip.limit)
    return tree_map(lambda w: w.grad, tree)


@evaluate.register
@own_formula("torch has no such function: backward() on each part of the loss adds to .grad")
def _(accumulate: Accumulate, x: Any) -> torch.Tensor:
    g, n = x
    w = torch.zeros_like(g[0], requires_grad=True)
    for mean, count in zip(g, n, strict=True):
        share = 1 / len(n) if accumulate.equal else float(count) / float(n.sum())
        ((mean * w).sum() * share).backward()  # the gradient of this part is its mean
    assert w.grad is not None
    return w.grad


@evaluate.register
def _(average: ExponentialAverage, w: torch.Tensor) -> torch.Tensor:
    if average.debias:
        raise Unsupported("torch's AveragedModel starts at the first weights: nothing to correct")
    swa: Any = torch.optim.swa_utils
    model: Any = torch.nn.ParameterList([torch.nn.Parameter(w[0].clone())])
    follow = swa.get_ema_multi_avg_fn(average.decay)
    averaged = swa.AveragedModel(model, multi_avg_fn=follow)
    averages = []
    for now in w:
        with torch.no_grad():
            model[0].copy_(now)
        averaged.update_parameters(model)
        averages.append(averaged.module[0].detach().clone())
    return torch.stack(averages)


@evaluate.register
def _(scale: LossScale, t: torch.Tensor) -> torch.Tensor:
    c, w = scale, torch.zeros(1, requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", c.initial, c.growth, c.backoff, c.interval)
    optimizer, scales = torch.optim.SGD([w], lr=0.0), [c.initial]
    for overflow in c.overflows:
        loss: Any = scaler.scale(w.sum() * (float("inf") if overflow else 1.0))
        loss.backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        scales.append(scaler.get_scale())
    return torch.tensor(scales, dtype=torch.float64)[t - 1]


@evaluate.register
@own_formula("torch has no chain of transforms: its functions, one after the other")
def _(chain: Chain, x: Any) -> Any:
    for part in chain.parts:
        x = evaluate(part, x)
    return x
