"""Known divergences: documented, intended differences, as data, strict both ways.

A comparison that a record below covers must differ: then its verdict is "known divergence", with
the record's id and reason. If it stops differing, that is an "unexpected match", and fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .judging import Context
    from .tolerances import Key


@dataclass(frozen=True)
class KnownDivergence:
    """Where a candidate is meant to differ: patterns as in ``fnmatch``, a reason, and a source."""

    id: str
    candidate: str
    case: str
    quantity: str
    reason: str
    source: str
    dtype: str = "*"
    leaf: str = "*"

    def covers(self, context: Context, key: Key) -> bool:
        """Whether this record speaks of that row."""
        if not fnmatchcase(context.candidate, self.candidate):  # most rows are done here
            return False
        pairs = (
            (context.case, self.case), (key[0], self.quantity), (key[1], self.leaf),
            (context.dtype.name, self.dtype),
        )  # fmt: skip
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)


KNOWN: list[KnownDivergence] = [
    KnownDivergence(
        id="FD-KINK",
        candidate="finite_differences",
        case="* at its kink*",
        quantity="dx",
        reason="a central difference across a kink averages both slopes; the reference, torch and "
        "JAX take one subgradient",
        source="measured here; Griewank and Walther, Evaluating Derivatives (2008), chapter 14",
    ),
    KnownDivergence(
        id="CS-KINK",
        candidate="complex_step",
        case="* at its kink*",
        quantity="dx",
        reason="the complex step takes the slope to the left of a kink; the reference, torch and "
        "JAX take another subgradient here",
        source="measured here",
    ),
    KnownDivergence(
        id="TORCH-HARDSIGMOID",
        candidate="torch",
        case="HardSigmoid()*",
        quantity="dx",
        dtype="float64",
        reason="torch multiplies by 1/6 in single precision on the way back, in float64 too",
        source="measured: 3e-8 of dx off, torch 2.13.0 on the CPU",
    ),
    KnownDivergence(
        id="TORCH-CELU",
        candidate="torch",
        case="CELU(alpha=0.3)*",
        quantity="dx",
        dtype="float64",
        reason="torch rounds α to single precision on the way back, in float64 too",
        source="measured: 4e-8 of dx off at α = 0.3, torch 2.13.0 on the CPU",
    ),
    KnownDivergence(
        id="JAX-KINK",
        candidate="jax",
        case="* at its kink*",
        quantity="dx",
        reason="at a kink JAX takes another subgradient than torch and the reference",
        source="measured: jax.nn.leaky_relu, jax.nn.hard_tanh and flax's PReLU have slope 1 there",
    ),
    *(
        KnownDivergence(
            id="FLAX-FAST-VARIANCE",
            candidate="jax",
            case=case,
            quantity=quantity,
            leaf=leaf,
            dtype="float32",
            reason="flax's default variance, E[x²] - E[x]², loses the digits by which the square "
            "of the mean is longer than the variance: here all of float32",
            source=f"measured, flax 0.12.8: {measured}; Chan, Golub and LeVeque, Algorithms for "
            "computing the sample variance (1983), section 1",
        )
        for case, measured in (
            ("LayerNorm(n=4, eps=0.0001, fast_variance=True)*", "y is ±150 instead of ±1.34"),
            ("BatchNorm1d(n=2, eps=0.0001, fast_variance=True)*", "y is -300 instead of -1.34"),
        )
        for quantity, leaf in (("y", "*"), ("dx", "*"), ("dparams", "gamma"))
    ),
]


def known_divergence(context: Context, key: Key) -> str:
    """Id and reason of the record that covers the row, or an empty string."""
    for record in KNOWN:
        if record.covers(context, key):
            return f"{record.id}: {record.reason}"
    return ""
