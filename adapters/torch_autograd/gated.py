"""Gated, smooth and learned activations in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.glu import GLU
from ...reference.layers.log_sigmoid import LogSigmoid
from ...reference.layers.log_softmax import LogSoftmax
from ...reference.layers.maxout import Maxout
from ...reference.layers.prelu import PReLU
from ...reference.layers.softmin import Softmin
from ...reference.layers.softplus import Softplus
from ...reference.layers.softsign import Softsign
from ...reference.layers.swiglu import SwiGLU
from ...reference.layers.tanh_shrink import TanhShrink
from ..protocols import own_formula
from .registry import apply


@apply.register
def _(layer: PReLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.prelu(x, p["a"])


@apply.register
def _(layer: LogSigmoid, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.logsigmoid(x)


@apply.register
def _(layer: Softplus, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.softplus(x, beta=layer.beta, threshold=layer.threshold)


@apply.register
def _(layer: Softsign, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.softsign(x)


@apply.register
def _(layer: TanhShrink, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.tanhshrink(x)


@apply.register
def _(layer: GLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.glu(x, dim=layer.axis)


@apply.register
@own_formula("torch has no SwiGLU")
def _(layer: SwiGLU, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.silu(F.linear(x, p["W"].T, p.get("b"))) * F.linear(x, p["V"].T, p.get("c"))


@apply.register
def _(layer: LogSoftmax, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.log_softmax(x, dim=layer.axis)


@apply.register
def _(layer: Softmin, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.softmin(x, dim=layer.axis)


@apply.register
@own_formula("torch has no Maxout")
def _(layer: Maxout, p: Any, x: torch.Tensor) -> torch.Tensor:
    z = F.linear(x, p["W"].T, p.get("b")).reshape(*x.shape[:-1], layer.n_out, layer.pieces)
    return z.max(dim=-1).values  # amax would share a tie
