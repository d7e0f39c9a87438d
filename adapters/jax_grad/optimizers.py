"""Optimizers in JAX: momentum, and the family of Adam."""

from __future__ import annotations

from typing import Any

import optax

from ...reference.optimizers.adabelief import AdaBelief
from ...reference.optimizers.adam import Adam
from ...reference.optimizers.adamax import Adamax
from ...reference.optimizers.adamw import AdamW
from ...reference.optimizers.amsgrad import AMSGrad
from ...reference.optimizers.asgd import ASGD
from ...reference.optimizers.nadam import NAdam
from ...reference.optimizers.radam import RAdam
from ...reference.optimizers.sgd import SGD
from ...reference.optimizers.sparse_adam import SparseAdam
from ...reference.optimizers.yogi import Yogi
from ..protocols import Unsupported
from .registry import Built, build

MOMENTS = {"m": "mu", "v": "nu"}


def decayed(rate: float, transformation: optax.GradientTransformation) -> Any:
    """Coupled weight decay: rate * w joins the gradient before anything else sees it."""
    return optax.chain(optax.add_decayed_weights(rate), transformation) if rate else transformation


def rate_at(lr: Any, done: Any) -> Any:
    """The rate of the update after so many: an optimizer's lr, or its schedule's."""
    return lr(done) if callable(lr) else lr


@build.register
def _(optimizer: SGD) -> Built:
    o = optimizer
    if o.dampening:
        raise Unsupported("optax.sgd has no dampening")
    sgd = optax.sgd(o.lr, momentum=o.momentum or None, nesterov=o.nesterov)
    return decayed(o.weight_decay, sgd), {"v": "trace"} if o.momentum else {}


@build.register
def _(optimizer: ASGD) -> Built:
    raise Unsupported("optax has no averaged SGD")


@build.register
def _(optimizer: Adam) -> Built:
    o = optimizer
    adam = optax.adam(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return decayed(o.weight_decay, adam), MOMENTS


@build.register
def _(optimizer: AdamW) -> Built:
    o = optimizer
    adamw = optax.adamw(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps, weight_decay=o.weight_decay)
    return adamw, MOMENTS


@build.register
def _(optimizer: AMSGrad) -> Built:
    o = optimizer
    if not o.corrected_first:
        raise Unsupported("optax.amsgrad takes the largest v after correcting its bias only")
    amsgrad = optax.amsgrad(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return decayed(o.weight_decay, amsgrad), {**MOMENTS, "v_max": "nu_max"}


@build.register
def _(optimizer: Adamax) -> Built:
    o = optimizer
    adamax = optax.adamax(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return decayed(o.weight_decay, adamax), {"m": "mu", "u": "nu"}


@build.register
def _(optimizer: NAdam) -> Built:
    o = optimizer
    if o.scheduled:
        raise Unsupported("optax.nadam has a constant momentum only")
    nadam = optax.nadam(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return decayed(o.weight_decay, nadam), MOMENTS


@build.register
def _(optimizer: RAdam) -> Built:
    o = optimizer
    if o.eps_hat:
        raise Unsupported("optax.radam adds eps after the bias is corrected only")
    radam = optax.radam(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return decayed(o.weight_decay, radam), MOMENTS


@build.register
def _(optimizer: SparseAdam) -> Built:
    raise Unsupported("optax has no Adam that leaves entries without a gradient alone")


@build.register
def _(optimizer: AdaBelief) -> Built:
    o = optimizer
    belief = optax.adabelief(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps, eps_root=o.eps_root)
    return belief, {"m": "mu", "s": "nu"}


@build.register
def _(optimizer: Yogi) -> Built:
    o = optimizer  # optax.yogi is this chain, with its own first accumulator
    yogi = optax.scale_by_yogi(o.beta1, o.beta2, o.eps,
                               initial_accumulator_value=o.initial_accumulator)  # fmt: skip
    return optax.chain(yogi, optax.scale_by_learning_rate(o.lr)), MOMENTS
