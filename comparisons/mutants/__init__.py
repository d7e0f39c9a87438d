"""Mutants: named wrong implementations, each a small variation of the right one.

``mutants()`` is all of them by id, ``mutants_of(Adam)`` those of one spec; ``adapter(mutant)``
runs one as an implementation, ``substitute(network, mutant.target, mutant.make)`` puts one into
a network or an optimizer. Nothing is loaded before it is asked for.
"""

from __future__ import annotations

from .registry import SLIP, Mutant, mutants, mutants_of, wrong
from .substitution import Substituted, adapter, substitute

__all__ = [
    "SLIP",
    "Mutant",
    "Substituted",
    "adapter",
    "mutants",
    "mutants_of",
    "substitute",
    "wrong",
]
