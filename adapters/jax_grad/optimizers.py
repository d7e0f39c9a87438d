"""Optimizers in JAX."""

from __future__ import annotations

from typing import Any

import optax

from ...reference.optimizers.adam import Adam
from ...reference.optimizers.adamw import AdamW
from ...reference.optimizers.sgd import SGD
from ..protocols import Unsupported
from .registry import Built, build


def _decayed(rate: float, transformation: optax.GradientTransformation) -> Any:
    """Coupled weight decay: rate * w joins the gradient before anything else sees it."""
    return optax.chain(optax.add_decayed_weights(rate), transformation) if rate else transformation


@build.register
def _(optimizer: SGD) -> Built:
    o = optimizer
    if o.dampening:
        raise Unsupported("optax.sgd has no dampening")
    sgd = optax.sgd(o.lr, momentum=o.momentum or None, nesterov=o.nesterov)
    return _decayed(o.weight_decay, sgd), {"v": "trace"} if o.momentum else {}


@build.register
def _(optimizer: Adam) -> Built:
    o = optimizer
    adam = optax.adam(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps)
    return _decayed(o.weight_decay, adam), {"m": "mu", "v": "nu"}


@build.register
def _(optimizer: AdamW) -> Built:
    o = optimizer
    adamw = optax.adamw(o.lr, b1=o.beta1, b2=o.beta2, eps=o.eps, weight_decay=o.weight_decay)
    return adamw, {"m": "mu", "v": "nu"}
