"""Initialisers in JAX: jax.nn.initializers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.nn import initializers as init

from ...reference.initialisers.kaiming_normal import KaimingNormal
from ...reference.initialisers.kaiming_uniform import KaimingUniform
from ...reference.initialisers.lecun_normal import LeCunNormal
from ...reference.initialisers.lecun_uniform import LeCunUniform
from ...reference.initialisers.orthogonal import Orthogonal
from ...reference.initialisers.truncated_normal import TruncatedNormal
from ...reference.initialisers.xavier_normal import XavierNormal
from ...reference.initialisers.xavier_uniform import XavierUniform
from ...reference.initialisers.zeros import Zeros
from .registry import initializer


def _scaled(scale: float, mode: Any, distribution: Any, axes: int) -> Any:
    """variance_scaling for a Dense weight (I, O), or for a kernel (O, I, K, ...)."""
    into, out = (-2, -1) if axes == 2 else (1, 0)
    return init.variance_scaling(scale, mode, distribution, in_axis=into, out_axis=out)


@initializer.register
def _(initialiser: XavierUniform, axes: int) -> Any:
    return _scaled(initialiser.gain**2, "fan_avg", "uniform", axes)


@initializer.register
def _(initialiser: XavierNormal, axes: int) -> Any:
    return _scaled(initialiser.gain**2, "fan_avg", "normal", axes)  # glorot_normal is truncated


@initializer.register
def _(initialiser: KaimingUniform, axes: int) -> Any:
    return _scaled(2 / (1 + initialiser.slope**2), initialiser.mode, "uniform", axes)


@initializer.register
def _(initialiser: KaimingNormal, axes: int) -> Any:
    return _scaled(2 / (1 + initialiser.slope**2), initialiser.mode, "normal", axes)


@initializer.register
def _(initialiser: LeCunNormal, axes: int) -> Any:
    return _scaled(1.0, "fan_in", "truncated_normal" if initialiser.truncated else "normal", axes)


@initializer.register
def _(initialiser: LeCunUniform, axes: int) -> Any:
    return _scaled(1.0, "fan_in", "uniform", axes)


@initializer.register
def _(initialiser: TruncatedNormal, axes: int) -> Any:
    return init.truncated_normal(initialiser.std, lower=-initialiser.cut, upper=initialiser.cut)


@initializer.register
def _(initialiser: Orthogonal, axes: int) -> Any:
    return init.orthogonal(initialiser.gain, column_axis=0)


@initializer.register
def _(initialiser: Zeros, axes: int) -> Any:
    return lambda key, shape, dtype: init.zeros(key, shape, jnp.dtype(dtype))
