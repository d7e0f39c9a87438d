"""Optimizers in JAX: rates for every entry or array, signs, and matrices."""

from __future__ import annotations

from typing import Any

import jax
import optax

from ...reference.optimizers.adadelta import Adadelta
from ...reference.optimizers.adagrad import Adagrad
from ...reference.optimizers.lamb import LAMB
from ...reference.optimizers.lars import LARS
from ...reference.optimizers.lion import Lion
from ...reference.optimizers.muon import Muon
from ...reference.optimizers.novograd import NovoGrad
from ...reference.optimizers.rmsprop import RMSprop
from ...reference.optimizers.rprop import Rprop
from ..protocols import Unsupported
from .optimizers import MOMENTS, decayed, rate_at
from .registry import Built, build


@build.register
def _(optimizer: Adagrad) -> Built:
    o = optimizer
    if not o.eps_inside:
        raise Unsupported("optax.adagrad has eps inside the root only")
    adagrad = optax.adagrad(
        lambda done: rate_at(o.lr, done) / (1 + done * o.lr_decay), o.initial_accumulator, o.eps
    )
    return decayed(o.weight_decay, adagrad), {"s": "sum_of_squares"}


@build.register
def _(optimizer: Adadelta) -> Built:
    o = optimizer
    adadelta = optax.adadelta(o.lr, rho=o.rho, eps=o.eps, weight_decay=o.weight_decay)
    return adadelta, {"v": "e_g", "u": "e_x"}


@build.register
def _(optimizer: RMSprop) -> Built:
    o = optimizer
    if o.momentum and not o.lr_in_buffer:
        raise Unsupported("optax.rmsprop has the rate inside the momentum buffer only")
    rmsprop = optax.rmsprop(o.lr, decay=o.alpha, eps=o.eps, eps_in_sqrt=o.eps_inside,
                            centered=o.centered, momentum=o.momentum or None)  # fmt: skip
    names = {"v": "nu"} | ({"m": "mu"} if o.centered else {})
    return decayed(o.weight_decay, rmsprop), names | ({"b": "trace"} if o.momentum else {})


@build.register
def _(optimizer: Rprop) -> Built:
    o = optimizer
    if not o.late:
        raise Unsupported("optax.rprop moves the weights one step late only (optax#1725)")
    rprop = optax.rprop(o.lr, o.eta_minus, o.eta_plus, o.min_step, o.max_step)
    return rprop, {"prev": "prev_updates", "step": "step_sizes"}


@build.register
def _(optimizer: LAMB) -> Built:
    o = optimizer
    return optax.lamb(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps,
                      weight_decay=o.weight_decay), MOMENTS  # fmt: skip


@build.register
def _(optimizer: LARS) -> Built:
    o = optimizer
    return optax.lars(o.lr, weight_decay=o.weight_decay, trust_coefficient=o.trust, eps=o.eps,
                      momentum=o.momentum, nesterov=o.nesterov), {"v": "trace"}  # fmt: skip


@build.register
def _(optimizer: Lion) -> Built:
    o = optimizer
    return optax.lion(o.lr, b1=o.beta1, b2=o.beta2, weight_decay=o.weight_decay), {"m": "mu"}


@build.register
def _(optimizer: NovoGrad) -> Built:
    o = optimizer
    return optax.novograd(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps,
                          weight_decay=o.weight_decay), MOMENTS  # fmt: skip


def _scaled_by_shape(updates: Any, _: Any) -> Any:
    return jax.tree.map(lambda u: max(1, u.shape[1] / u.shape[0]) ** 0.5 * u, updates)


def _all_matrices(updates: Any) -> Any:
    return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(), updates)


@build.register
def _(optimizer: Muon) -> Built:
    o = optimizer  # optax.contrib.muon is this chain beside an Adam, whose state has the same names
    if not o.corrected or o.eps_bounds:
        raise Unsupported("optax.contrib.muon corrects the bias, and adds eps to the norm")
    muon = optax.contrib.scale_by_muon(
        (o.a, o.b, o.c), o.steps, o.beta, o.eps, nesterov=o.nesterov,
        weight_dimension_numbers=_all_matrices,
    )  # fmt: skip
    by_shape = optax.stateless(_scaled_by_shape)
    rest = optax.add_decayed_weights(o.weight_decay), optax.scale_by_learning_rate(o.lr)
    return optax.chain(muon, by_shape, *rest), {"m": "mu"}
