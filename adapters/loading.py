"""Adapters by name, found by entry point, loaded when they are needed."""

from __future__ import annotations

import difflib
from importlib import metadata
from typing import cast

from .protocols import Adapter

GROUP = "backproof.adapters"
FRAMEWORKS = {  # what the extra of that name installs
    "torch": ("torch",),
    "jax": ("jax", "optax", "flax"),
}


class UnknownName(LookupError):
    """No such adapter, layer, network...; the message suggests the nearest name."""

    def __init__(self, kind: str, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=1, cutoff=0.5)
        meant = [k for k in known if near and k.lower() == near[0]]
        hint = f"Did you mean {meant[0]}? " if meant else ""
        self._given = kind, name, known
        super().__init__(f"unknown {kind} {name!r}. {hint}Known: {', '.join(known)}")

    def __reduce__(self) -> tuple[type[UnknownName], tuple[str, str, list[str]]]:
        """Rebuilt from what it was given, so that it passes between processes."""
        return type(self), self._given


class MissingFramework(ImportError):
    """An adapter's framework is not installed; the message names the extra that installs it."""


def names() -> list[str]:
    """The adapters that are registered, whether or not their frameworks are installed."""
    return sorted({entry.name for entry in metadata.entry_points(group=GROUP)})


def versions(name: str) -> dict[str, str]:
    """Distribution to version, of what the adapter runs on; raises PackageNotFoundError.

    Reads metadata only, so that no framework is imported.
    """
    needs = FRAMEWORKS.get(name)
    if needs is None:
        entry = _entry(name)
        own = entry.dist.name if entry.dist else "backproof"
        needs = ("numpy",) if own == "backproof" else (own,)
    return {dist: metadata.version(dist) for dist in needs}


def load(name: str) -> Adapter:
    """The adapter of that name, its framework imported.

    Raises UnknownName with the nearest name, or MissingFramework with the extra to install.
    """
    entry = _entry(name)
    try:
        return cast(Adapter, entry.load()())
    except ImportError as error:
        remedy = f"pip install 'backproof[{name}]'" if name in FRAMEWORKS else "install its package"
        raise MissingFramework(f"adapter {name!r} cannot load: {error}. {remedy}") from error


def _entry(name: str) -> metadata.EntryPoint:
    entries = list(metadata.entry_points(group=GROUP, name=name))
    if not entries:
        raise UnknownName("adapter", name, names())
    return entries[0]
