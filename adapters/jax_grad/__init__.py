"""JAX: jax.vjp for gradients, optax for optimizer steps, flax for layers; all under jax.jit.

``registry`` holds what a translation is registered with; every other file registers a family of
them, and is loaded here.
"""

from __future__ import annotations

import importlib
import pkgutil

from .adapter import JaxGrad

__all__ = ["JaxGrad"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
