"""flax, for what neither JAX nor optax has; imported by the first translation that needs it.

Nothing else waits for it, and where it is not installed nothing else is missed.
"""

from __future__ import annotations

from typing import Any

from ..protocols import Unsupported


def flax() -> Any:
    """The package, or Unsupported with the extra that installs it."""
    try:
        import flax.linen
        import flax.training.dynamic_scale
    except ImportError as error:
        raise Unsupported(f"{error}. pip install 'backproof[jax]'") from error
    return flax


def run(module: Any, params: Any, *x: Any, **options: Any) -> Any:
    """What a module of flax.linen, which holds no arrays, makes of x with these parameters."""
    return module.apply({"params": params}, *x, **options)
