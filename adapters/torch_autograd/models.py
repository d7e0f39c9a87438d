"""Parts of whole models in PyTorch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from ...reference.layers.lstm import LSTM
from ...reference.layers.outputs import Outputs
from ...reference.layers.tied_head import TiedHead
from ...reference.layers.token_mean import TokenMean
from .registry import apply


@apply.register
def _(layer: Outputs, p: Any, x: Any) -> torch.Tensor:
    inner = layer.inner
    if isinstance(x, tuple):
        return apply(inner, p, x)[0]
    zero = x.new_zeros(inner.layers * (1 + inner.bidirectional), len(x), inner.n)
    states = (zero, zero) if isinstance(inner, LSTM) else (zero,)
    return apply(inner, p, (x, *states))[0]


@apply.register
def _(layer: TiedHead, p: Any, x: torch.Tensor) -> torch.Tensor:
    return F.linear(apply(layer.inner, p["inner"], F.embedding(x.long(), p["W"])), p["W"])


@apply.register
def _(layer: TokenMean, p: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.mean(x, dim=1)
