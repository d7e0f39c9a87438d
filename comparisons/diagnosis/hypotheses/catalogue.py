"""Mistakes that others have made: every mutant of the catalogue whose target occurs."""

from __future__ import annotations

from ....adapters.numpy_reference import NumpyReference
from ...mutants import SLIP, mutants_of
from ..parts import Part
from ..registry import Proposal, Proposals, hypothesis


@hypothesis("known mistake", bits=6)
def mistakes(part: Part) -> Proposals:
    """A mutant of the catalogue in the place of the right spec."""
    target = NumpyReference if part.kind == "loop" else type(part.spec)
    for mutant in mutants_of(target):
        known = tuple(s for s in mutant.sources if s != SLIP)
        seen = f" (as in {known[0]})" if known else ""
        name = "the training loop" if part.kind == "loop" else part.type_name
        text = f"{name} with this mistake: {mutant.description}{seen}"
        more = 0.0 if known else 1.0
        yield Proposal(mutant.id, text, mutant.make, more)
