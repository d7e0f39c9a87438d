"""Optimizers in PyTorch."""

from __future__ import annotations

import torch

from ...reference.optimizers.adam import Adam
from ...reference.optimizers.adamw import AdamW
from ...reference.optimizers.sgd import SGD
from .registry import Built, build


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
