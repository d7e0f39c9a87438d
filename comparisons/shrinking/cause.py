"""The cause that a diagnosis names: what a smaller case is to be wrong for, too."""

from __future__ import annotations

import re
from typing import Any

from ...adapters.protocols import Adapter
from ..case import Case
from ..diagnosis.public import (
    diagnose_function,
    diagnose_optimizer,
    diagnose_training,
    diagnose_vjp,
)
from ..diagnosis.verdicts import Diagnosis
from .nodes import tried

DIAGNOSE: dict[str, Any] = {
    "vjp": diagnose_vjp,
    "optimizer": diagnose_optimizer,
    "training": diagnose_training,
    "function": diagnose_function,
}


def diagnosis(case: Case, adapter: Adapter) -> Diagnosis | None:
    """What the case says of the candidate; None where it cannot be diagnosed."""
    given = {"dtype": case.dtype, "seed": case.seed, "case": case.name, "adapter": adapter}
    return tried(DIAGNOSE[case.kind], *case.specs.values(), **case.arrays, **given)


def named(found: Diagnosis | None) -> list[str]:
    """The causes, the likeliest first, without the sizes of the case in them; none if unknown."""
    return [re.sub(r"=[^,]+", "", cause.id) for cause in found.causes] if found else []
