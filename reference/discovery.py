"""Every layer, loss and optimizer, found by walking the folders: nothing is listed twice."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any


@cache
def _specs(folder: str) -> dict[str, type[Any]]:
    package = importlib.import_module(f"{__package__}.{folder}")
    found: dict[str, type[Any]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        content = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        for name, value in content.items():
            here = isinstance(value, type) and value.__module__ == content["__name__"]
            if here and hasattr(value, "samples"):
                found[name] = value
    return dict(sorted(found.items()))


def layers() -> dict[str, type[Any]]:
    """Name to class, for every layer below reference/layers."""
    return _specs("layers")


def losses() -> dict[str, type[Any]]:
    """Name to class, for every loss below reference/losses."""
    return _specs("losses")


def optimizers() -> dict[str, type[Any]]:
    """Name to class, for every optimizer below reference/optimizers."""
    return _specs("optimizers")


def schedules() -> dict[str, type[Any]]:
    """Name to class, for every learning-rate schedule below reference/schedules."""
    return _specs("schedules")


def transforms() -> dict[str, type[Any]]:
    """Name to class, for everything around the optimizer below reference/transforms."""
    return _specs("transforms")


def initialisers() -> dict[str, type[Any]]:
    """Name to class, for every initialiser below reference/initialisers."""
    return _specs("initialisers")


def functions() -> dict[str, type[Any]]:
    """Schedules and transforms together: compared, not differentiated."""
    return {**schedules(), **transforms()}


def everything() -> dict[str, type[Any]]:
    """Specs, functions and initialisers: all that the project has a reference of."""
    return {**specs(), **functions(), **initialisers()}


def specs() -> dict[str, type[Any]]:
    """Layers, losses and optimizers together."""
    return {**layers(), **losses(), **optimizers()}
