"""Normalisation in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.batch_norm_inference import BatchNormInference
from ...reference.layers.batchnorm1d import BatchNorm1d
from ...reference.layers.batchnorm2d import BatchNorm2d
from ...reference.layers.groupnorm import GroupNorm
from ...reference.layers.instancenorm import InstanceNorm
from ...reference.layers.l2_normalize import L2Normalize
from ...reference.layers.layernorm import LayerNorm
from ...reference.layers.local_response_norm import LocalResponseNorm
from ...reference.layers.rmsnorm import RMSNorm
from ...reference.layers.running_statistics import RunningStatistics
from ...reference.layers.weightnorm import WeightNorm
from ..protocols import own_formula
from .registry import apply


@apply.register
def _(layer: LayerNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, (layer.n,), p["gamma"], p["beta"], layer.eps)


@apply.register(BatchNorm1d)
@apply.register(BatchNorm2d)
def _(layer: BatchNorm1d | BatchNorm2d, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(x, None, None, p["gamma"], p["beta"], training=True, eps=layer.eps)


@apply.register
def _(layer: BatchNormInference, p: Any, x: torch.Tensor) -> torch.Tensor:
    # On the CPU it is x α + (β - mean α), α = γ/√(var + ε): rounded |mean|/√var times as coarsely.
    mean, var = x.new_tensor(layer.mean), x.new_tensor(layer.var)
    return F.batch_norm(x, mean, var, p["gamma"], p["beta"], training=False, eps=layer.eps)


@apply.register
@own_formula("F.batch_norm writes to its buffers without a gradient; unbiased values are its own")
def _(layer: RunningStatistics, p: Any, x: Any) -> Any:
    data, *old = x
    axes = (0, *range(2, data.ndim))
    var, mean = torch.var_mean(data, axes, correction=int(layer.unbiased))
    new = [torch.lerp(a, b, layer.momentum) for a, b in zip(old, (mean, var), strict=True)]
    if not layer.unbiased:  # torch has no such form
        return tuple(new)
    mean, var = (a.detach().clone() for a in old)
    F.batch_norm(data.detach(), mean, var, training=True, momentum=layer.momentum)
    return tuple(b + (a - a.detach()) for a, b in zip(new, (mean, var), strict=True))


@apply.register
def _(layer: GroupNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.group_norm(x, layer.groups, p["gamma"], p["beta"], layer.eps)


@apply.register
def _(layer: InstanceNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.instance_norm(x, weight=p.get("gamma"), bias=p.get("beta"), eps=layer.eps)


@apply.register
def _(layer: RMSNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.rms_norm(x, (layer.n,), p["gamma"], layer.eps)


@apply.register
def _(layer: LocalResponseNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.local_response_norm(x, layer.size, layer.alpha, layer.beta, layer.k)


@apply.register
def _(layer: WeightNorm, p: Any, x: torch.Tensor) -> torch.Tensor:
    plain = torch.nn.Linear(layer.n_in, layer.n_out, device="meta")  # draws no random numbers
    linear = torch.nn.utils.parametrizations.weight_norm(plain)
    weight = "parametrizations.weight.original"  # 0: g (O, 1), 1: v (O, I)
    names = {f"{weight}0": p["g"][:, None], f"{weight}1": p["v"].T, "bias": p["b"]}
    y: torch.Tensor = torch.func.functional_call(linear, names, (x,))
    return y


@apply.register
def _(layer: L2Normalize, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.normalize(x, dim=layer.axis, eps=layer.eps)
