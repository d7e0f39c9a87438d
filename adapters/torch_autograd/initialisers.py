"""Initialisers in PyTorch: torch.nn.init, on a weight in torch's layout."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import init

from ...reference.initialisers.kaiming_normal import KaimingNormal
from ...reference.initialisers.kaiming_uniform import KaimingUniform
from ...reference.initialisers.lecun_normal import LeCunNormal
from ...reference.initialisers.lecun_uniform import LeCunUniform
from ...reference.initialisers.orthogonal import Orthogonal
from ...reference.initialisers.truncated_normal import CUT_DEVIATION, TruncatedNormal
from ...reference.initialisers.xavier_normal import XavierNormal
from ...reference.initialisers.xavier_uniform import XavierUniform
from ...reference.initialisers.zeros import Zeros
from ..protocols import own_formula
from .registry import fill


@fill.register
def _(initialiser: XavierUniform, w: torch.Tensor, rng: torch.Generator) -> Any:
    return init.xavier_uniform_(w, initialiser.gain, generator=rng)


@fill.register
def _(initialiser: XavierNormal, w: torch.Tensor, rng: torch.Generator) -> Any:
    return init.xavier_normal_(w, initialiser.gain, generator=rng)


@fill.register
def _(initialiser: KaimingUniform, w: torch.Tensor, rng: torch.Generator) -> Any:
    c: Any = initialiser
    return init.kaiming_uniform_(w, c.slope, c.mode, "leaky_relu", generator=rng)


@fill.register
def _(initialiser: KaimingNormal, w: torch.Tensor, rng: torch.Generator) -> Any:
    c: Any = initialiser
    return init.kaiming_normal_(w, c.slope, c.mode, "leaky_relu", generator=rng)


@fill.register
@own_formula("torch has no LeCun: kaiming_normal_ with the gain 1, or trunc_normal_")
def _(initialiser: LeCunNormal, w: torch.Tensor, rng: torch.Generator) -> Any:
    if not initialiser.truncated:
        return init.kaiming_normal_(w, nonlinearity="linear", generator=rng)
    std = (w.numel() / w.shape[0]) ** -0.5 / CUT_DEVIATION
    return init.trunc_normal_(w, 0.0, std, -2 * std, 2 * std, generator=rng)


@fill.register
@own_formula("torch has no LeCun: kaiming_uniform_ with the gain 1")
def _(initialiser: LeCunUniform, w: torch.Tensor, rng: torch.Generator) -> Any:
    return init.kaiming_uniform_(w, nonlinearity="linear", generator=rng)


@fill.register
def _(initialiser: TruncatedNormal, w: torch.Tensor, rng: torch.Generator) -> Any:
    std, edge = initialiser.std, initialiser.std * initialiser.cut
    return init.trunc_normal_(w, 0.0, std, -edge, edge, generator=rng)


@fill.register
def _(initialiser: Orthogonal, w: torch.Tensor, rng: torch.Generator) -> Any:
    return init.orthogonal_(w, initialiser.gain, generator=rng)


@fill.register
def _(initialiser: Zeros, w: torch.Tensor, rng: torch.Generator) -> Any:
    return init.zeros_(w)
