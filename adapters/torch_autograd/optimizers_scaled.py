"""Optimizers in PyTorch: rates for every entry or array, and those that torch.optim has not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial

import torch

from ...reference.optimizers.adabelief import AdaBelief
from ...reference.optimizers.adadelta import Adadelta
from ...reference.optimizers.adafactor import Adafactor
from ...reference.optimizers.adagrad import Adagrad
from ...reference.optimizers.lamb import LAMB
from ...reference.optimizers.lars import LARS
from ...reference.optimizers.lion import Lion
from ...reference.optimizers.muon import Muon
from ...reference.optimizers.novograd import NovoGrad
from ...reference.optimizers.rmsprop import RMSprop
from ...reference.optimizers.rprop import Rprop
from ...reference.optimizers.yogi import Yogi
from ..protocols import Unsupported
from .registry import Built, build


@build.register
def _(optimizer: Adagrad, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.eps_inside:
        raise Unsupported("torch.optim.Adagrad has eps outside the root only")
    return torch.optim.Adagrad(weights, lr=o.lr, lr_decay=o.lr_decay, eps=o.eps,
                               weight_decay=o.weight_decay,
                               initial_accumulator_value=o.initial_accumulator,
                               ), {"s": "sum"}  # fmt: skip


@build.register
def _(optimizer: Adadelta, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    return torch.optim.Adadelta(weights, lr=o.lr, rho=o.rho, eps=o.eps,
                                weight_decay=o.weight_decay,
                                ), {"v": "square_avg", "u": "acc_delta"}  # fmt: skip


@build.register
def _(optimizer: RMSprop, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.eps_inside:
        raise Unsupported("torch.optim.RMSprop has eps outside the root only")
    if o.lr_in_buffer:
        raise Unsupported("torch.optim.RMSprop has the rate outside the momentum buffer only")
    return torch.optim.RMSprop(weights, lr=o.lr, alpha=o.alpha, eps=o.eps, centered=o.centered,
                               momentum=o.momentum, weight_decay=o.weight_decay,
                               ), {"v": "square_avg", "m": "grad_avg",
                                   "b": "momentum_buffer"}  # fmt: skip


@build.register
def _(optimizer: Rprop, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.late:
        raise Unsupported("torch.optim.Rprop makes each step at once")
    return torch.optim.Rprop(weights, lr=o.lr, etas=(o.eta_minus, o.eta_plus),
                             step_sizes=(o.min_step, o.max_step),
                             ), {"prev": "prev", "step": "step_size"}  # fmt: skip


@build.register
def _(optimizer: Adafactor, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.eps_added:
        raise Unsupported("torch.optim.Adafactor bounds the second moment by eps only")
    if o.clip < 1:
        raise Unsupported("torch.optim.Adafactor clips at 1 or more only")
    if not o.capped or o.smallest > 1:
        raise Unsupported("torch.optim.Adafactor caps the rate, and factors every matrix")
    return torch.optim.Adafactor(weights, lr=o.lr, beta2_decay=o.decay, eps=(o.eps1, o.eps2),
                                 d=o.clip, weight_decay=o.weight_decay,
                                 ), {"row": "row_var", "col": "col_var",
                                     "v": "variance"}  # fmt: skip


class _Turned:
    """An optimizer of matrices in torch's layout (out, in), which share the weights' memory."""

    def __init__(self, weights: list[torch.Tensor], make: Callable[..., torch.optim.Optimizer]):
        self.pairs = [(w, w.detach().T) for w in weights]
        self.optimizer = make([turned for _, turned in self.pairs])
        self.state: dict[torch.Tensor, dict[str, torch.Tensor]] = defaultdict(dict)

    def step(self) -> None:
        """An update; the state is the optimizer's own, turned."""
        for w, turned in self.pairs:
            turned.grad = None if w.grad is None else w.grad.T
            own = {name: value.T for name, value in self.state[w].items() if value.ndim}
            self.optimizer.state[turned] = own
        self.optimizer.step()
        for w, turned in self.pairs:
            self.state[w] = {name: v.T for name, v in self.optimizer.state[turned].items()}


@build.register
def _(optimizer: Muon, weights: list[torch.Tensor]) -> Built:
    o = optimizer
    if o.corrected or not o.eps_bounds:
        raise Unsupported("torch.optim.Muon corrects no bias, and bounds the norm by eps")
    muon = partial(torch.optim.Muon, lr=o.lr, weight_decay=o.weight_decay, momentum=o.beta,
                   nesterov=o.nesterov, ns_coefficients=(o.a, o.b, o.c), eps=o.eps,
                   ns_steps=o.steps)  # fmt: skip
    return _Turned(weights, muon), {"m": "momentum_buffer"}


@build.register
def _(optimizer: AdaBelief, weights: list[torch.Tensor]) -> Built:
    raise Unsupported("torch.optim has no AdaBelief")


@build.register
def _(optimizer: LAMB, weights: list[torch.Tensor]) -> Built:
    raise Unsupported("torch.optim has no LAMB")


@build.register
def _(optimizer: LARS, weights: list[torch.Tensor]) -> Built:
    raise Unsupported("torch.optim has no LARS")


@build.register
def _(optimizer: Lion, weights: list[torch.Tensor]) -> Built:
    raise Unsupported("torch.optim has no Lion")


@build.register
def _(optimizer: NovoGrad, weights: list[torch.Tensor]) -> Built:
    raise Unsupported("torch.optim has no NovoGrad")


@build.register
def _(optimizer: Yogi, weights: list[torch.Tensor]) -> Built:
    raise Unsupported("torch.optim has no Yogi")
