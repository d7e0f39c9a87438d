"""Optimizers in PyTorch: momentum, and the family of Adam."""

from __future__ import annotations

import torch

from ...reference.optimizers.adam import Adam
from ...reference.optimizers.adamax import Adamax
from ...reference.optimizers.adamw import AdamW
from ...reference.optimizers.amsgrad import AMSGrad
from ...reference.optimizers.asgd import ASGD
from ...reference.optimizers.nadam import NAdam
from ...reference.optimizers.radam import RAdam
from ...reference.optimizers.sgd import SGD
from ...reference.optimizers.sparse_adam import SparseAdam
from ..protocols import Unsupported
from .registry import Built, build

MOMENTS = {"m": "exp_avg", "v": "exp_avg_sq"}


@build.register
def _(optimizer: SGD, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.SGD(weights, lr=o.lr, momentum=o.momentum, dampening=o.dampening,
                           nesterov=o.nesterov, weight_decay=o.weight_decay,
                           ), {"v": "momentum_buffer"}  # fmt: skip


@build.register
def _(optimizer: ASGD, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.ASGD(weights, lr=o.lr, lambd=o.lambd, alpha=o.alpha, t0=o.t0,
                            weight_decay=o.weight_decay,
                            ), {"a": "ax", "eta": "eta", "mu": "mu"}  # fmt: skip


@build.register
def _(optimizer: Adam, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.Adam(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                            weight_decay=o.weight_decay,
                            ), MOMENTS  # fmt: skip


@build.register
def _(optimizer: AdamW, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.AdamW(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                             weight_decay=o.weight_decay,
                             ), MOMENTS  # fmt: skip


@build.register
def _(optimizer: AMSGrad, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.corrected_first:
        raise Unsupported("torch.optim.Adam takes the largest v before correcting its bias only")
    return torch.optim.Adam(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                            weight_decay=o.weight_decay, amsgrad=True,
                            ), {**MOMENTS, "v_max": "max_exp_avg_sq"}  # fmt: skip


@build.register
def _(optimizer: Adamax, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.Adamax(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                              weight_decay=o.weight_decay,
                              ), {"m": "exp_avg", "u": "exp_inf"}  # fmt: skip


@build.register
def _(optimizer: NAdam, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if not o.scheduled:
        raise Unsupported("torch.optim.NAdam has the scheduled momentum only")
    return torch.optim.NAdam(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                             weight_decay=o.weight_decay, momentum_decay=o.momentum_decay,
                             ), {**MOMENTS, "mu_product": "mu_product"}  # fmt: skip


@build.register
def _(optimizer: RAdam, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if not o.eps_hat:
        raise Unsupported("torch.optim.RAdam adds eps before the bias is corrected only")
    return torch.optim.RAdam(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps,
                             weight_decay=o.weight_decay,
                             ), MOMENTS  # fmt: skip


class _SparseAdam(torch.optim.SparseAdam):
    """It takes sparse gradients only, and counts steps in an int: each is converted on the way."""

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for w in self.param_groups[0]["params"]:
            w.grad = w.grad.to_sparse()
            if "step" in self.state[w]:
                self.state[w]["step"] = int(self.state[w]["step"])
        super().step()  # type: ignore[no-untyped-call]


@build.register
def _(optimizer: SparseAdam, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return _SparseAdam(weights, lr=o.lr, betas=(o.beta1, o.beta2), eps=o.eps), MOMENTS
