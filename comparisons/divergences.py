"""Known divergences: documented, intended differences, as data, strict both ways.

A comparison that a record below covers must differ: then its verdict is "known divergence", with
the record's id and reason. If it stops differing, that is an "unexpected match", and fails; and if
it differs by more than the record says, that is a mismatch like any other.

Where only some inputs show the difference, the record names their ``place``. The samples that lie
there must differ; on any other input of the same spec the record explains a difference where there
is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING

from .conventions import CONVENTIONS

if TYPE_CHECKING:
    from .rows import Context
    from .tolerances import Key


@dataclass(frozen=True, eq=False)
class KnownDivergence:
    """Where a candidate is meant to differ: patterns as in ``fnmatch``, a reason, and a source.

    A pattern may be several, with a | between them.
    ``at_most``: the largest error that it explains, of any entry beyond its tolerance, in float32
    and in float64; inf where the candidate is not finite, or may be off by anything.
    ``since``: the first step in which it must differ.
    """

    id: str
    candidate: str
    case: str
    quantity: str
    reason: str
    source: str
    dtype: str = "*"
    leaf: str = "*"
    place: str = ""
    at_most: tuple[float, float] = (math.inf, math.inf)
    since: int = 0

    def concerns(self, context: Context) -> bool:
        """Whether it speaks of this candidate, case and dtype."""
        return self._speaks_of(context.candidate, context.case, context.dtype.name)

    def _speaks_of(self, candidate: str, case: str, dtype: str) -> bool:
        return (
            _is_one(candidate, self.candidate)  # most are done here
            and _is_one(case, self.case)
            and _is_one(dtype, self.dtype)
        )

    def covers(self, key: Key) -> bool:
        """Whether it speaks of this quantity and leaf."""
        return _is_one(key[0], self.quantity) and _is_one(key[1], self.leaf)

    def explains(self, context: Context, error: float, step: int) -> bool:
        """Whether the error is no larger than it says, in a step of which it speaks.

        Where there is none, nothing is explained, unless the case is of the record's place.
        """
        if step < self.since:
            return False
        demanded = self.place in context.case
        return (demanded or error > 0) and error <= self.at_most[context.dtype.name == "float64"]


def _is_one(value: str, patterns: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns.split("|"))


# What a slope can be off by at a kink: its jump, times a cotangent of a few units.
JUMP = (10.0, 10.0)
MEASURED = "measured: torch 2.13.0 on the CPU, JAX 0.10.2, optax 0.2.8; "
KNOWN: list[KnownDivergence] = [
    # The oracles, at kinks.
    KnownDivergence(
        id="FD-KINK",
        candidate="finite_differences",
        case="* at its kink*",
        quantity="dx",
        reason="a central difference across a kink averages both slopes; the reference, torch and "
        "JAX take one subgradient",
        source="measured here; Griewank and Walther, Evaluating Derivatives (2008), chapter 14",
        at_most=JUMP,
    ),
    KnownDivergence(
        id="FD-JUMP",
        candidate="finite_differences",
        case="* at its jump*",
        quantity="dx",
        reason="where y jumps a central difference grows without bound as its steps shrink; the "
        "reference, torch and JAX take the slope to one side",
        source="measured here",
    ),
    KnownDivergence(
        id="FD-CUT",
        candidate="finite_differences",
        case="GaussianNLL(*",
        quantity="dx",
        leaf="1",
        place="where v is cut off",
        reason="a central difference across the kink at v = ε averages both slopes",
        source="measured here",
        at_most=(100.0, 100.0),
    ),
    KnownDivergence(
        id="FD-ZERO",
        candidate="finite_differences",
        case="CosineEmbedding(*",
        quantity="dx",
        leaf="0",
        place="at a vector of zeros",
        reason="the cosine turns around within 1e-6 of a vector of zeros, where ε ends; of the "
        "steps taken there most are longer",
        source="measured here: 40 instead of 3e5",
    ),
    KnownDivergence(
        id="CS-KINK",
        candidate="complex_step",
        case="* at its kink*",
        quantity="dx",
        reason="the complex step takes the slope to the left of a kink; the reference, torch and "
        "JAX take another subgradient here",
        source="measured here",
        at_most=JUMP,
    ),
    # Frameworks, at kinks.
    KnownDivergence(
        id="TORCH-KINK",
        candidate="torch",
        case="* at its kink*",
        quantity="dx",
        reason="torch's clamp has slope 1 at its bound, where the reference takes 0",
        source=MEASURED + "clamp_min in the losses of margins and in F.normalize",
        at_most=JUMP,
    ),
    KnownDivergence(
        id="JAX-KINK",
        candidate="jax",
        case="* at its kink*",
        quantity="dx",
        reason="at a kink JAX takes another subgradient than torch and the reference",
        source=MEASURED + "slope 1 of jax.nn.leaky_relu, jax.nn.hard_tanh, jnp.abs and flax's "
        "PReLU, 1/2 of jnp.maximum in optax.losses.hinge_loss",
        at_most=JUMP,
    ),
    # Digits lost: each implementation forms a difference that the reference does not.
    KnownDivergence(
        id="TORCH-GELU",
        candidate="torch",
        case="*GELU(approximate='none')*",  # in a network, too
        quantity="*",
        place="in its tail",
        reason="torch forms 1 + erf(x/√2), which has no digits left where x is far below 0",
        source=MEASURED + "gelu(-6) is -0 in float32, where -5.9e-9 is right, its slope 3 % off; "
        "at -8 it is 2 % off in float64: a rounding of 1, but jax.nn.gelu, by erfc, is right",
        at_most=(1e-6, 2e-15),
    ),
    KnownDivergence(
        id="SOFTSIGN",
        candidate="torch|jax",
        case="Softsign()*",
        quantity="dx",
        place="far out",
        reason="autograd of x/(1 + |x|) forms 1/(1 + |x|) - |x|/(1 + |x|)², and loses as many "
        "digits as |x| has",
        source=MEASURED + "dx 2 % off at |x| = 1e6 in float32, noise ratio 2e5",
        at_most=(1e-6, 2e-15),
    ),
    KnownDivergence(
        id="TANHSHRINK",
        candidate="torch|jax",
        case="TanhShrink()*",
        quantity="y|dx",
        place="near 0",
        reason="x - tanh(x) and dy - dy (1 - tanh²(x)) lose all digits near 0",
        source=MEASURED + "y 4 % and dx 0.4 % off at x = 1e-3 in float32, noise ratio up to 3e6",
        at_most=(1e-6, 2e-15),
    ),
    KnownDivergence(
        id="JAX-EXPM1",
        candidate="jax",
        case="ELU(*|SELU(*|CELU(*",
        quantity="dx",
        place="far below 0",
        reason="JAX takes the slope of expm1(x) as expm1(x) + 1, which has no digits left where x "
        "is far below 0",
        source=MEASURED + "the slope of jax.nn.selu at -20 is 0 in float32, where 3.6e-9 is right",
        at_most=(1e-6, 2e-15),
    ),
    KnownDivergence(
        id="JAX-LOGCOSH",
        candidate="jax",
        case="LogCosh(*",
        quantity="y|dx",
        place="near 0",
        reason="optax.losses.log_cosh is logaddexp(d, -d) - log 2, which has no digits near 0",
        source=MEASURED + "0 instead of 9.5e-9 in float32 at differences of 1e-4; dx off by 2e-4",
        at_most=(1e-6, 2e-15),
    ),
    KnownDivergence(
        id="TORCH-BATCHNORM",
        candidate="torch",
        case="BatchNormInference(*",
        quantity="y",
        place="at a mean far from 0",
        reason="torch computes x α + (β - mean α), α = γ/√(var + ε), and loses as many digits as "
        "mean/√var has",
        source=MEASURED + "y off by 5e-3 in float32 and 9e-12 in float64 at mean/√var = 1e5",
        at_most=(0.05, 1e-10),
    ),
    KnownDivergence(
        id="FLAX-FAST-VARIANCE",
        candidate="jax",
        case="LayerNorm(n=4, eps=0.0001, fast_variance=True)*|"
        "BatchNorm1d(n=2, eps=0.0001, fast_variance=True)*",
        quantity="y|dx|dparams",
        leaf="|gamma",
        dtype="float32",
        reason="flax's default variance, E[x²] - E[x]², loses the digits by which the square "
        "of the mean is longer than the variance: here all of float32",
        source="measured, flax 0.12.8: y of LayerNorm is ±150 instead of ±1.34, of BatchNorm -300 "
        "instead of -1.34; Chan, Golub and LeVeque, Algorithms for computing the sample variance "
        "(1983), section 1; dx off by 1e6",
    ),
    KnownDivergence(
        id="TORCH-HARDSIGMOID",
        candidate="torch",
        case="HardSigmoid()*",
        quantity="dx",
        place="between its limits",
        reason="torch multiplies by 1/6 in single precision on the way back, in float64 too",
        source=MEASURED + "3e-8 of dx off",
        dtype="float64",
        at_most=(0.0, 1e-7),
    ),
    KnownDivergence(
        id="TORCH-CELU",
        candidate="torch",
        case="CELU(*",
        quantity="dx",
        place="far below 0",
        reason="torch rounds α to single precision on the way back, in float64 too",
        source=MEASURED + "6e-7 of dx off at α = 0.3 and x = -6, 3e-8 near 0",
        dtype="float64",
        at_most=(0.0, 1e-6),
    ),
    # Other values: what is computed is something else.
    KnownDivergence(
        id="TORCH-BCE",
        candidate="torch",
        case="BinaryCrossEntropyOnProbabilities(*",
        quantity="dx",
        place="at 0 and 1",
        reason="F.binary_cross_entropy divides p - t by max(p (1 - p), 1e-12): 0 at p = t = 0 and "
        "p = t = 1, where 1 and -1 are right, and never more than 1e12",
        source=MEASURED + "its documentation speaks of the clamped logarithms only",
    ),
    KnownDivergence(
        id="TORCH-GAUSSIAN",
        candidate="torch",
        case="GaussianNLL(*",
        quantity="dx",
        leaf="1",
        place="where v is cut off",
        reason="F.gaussian_nll_loss lets the slope at ε through to a variance below it, on which "
        "its value does not depend",
        source=MEASURED + "it clamps a copy of the variance without telling autograd",
    ),
    KnownDivergence(
        id="TORCH-SOFTMARGIN",
        candidate="torch",
        case="SoftMargin(*",
        quantity="y|dx",
        place="far on the wrong side",
        reason="F.soft_margin_loss forms e^(-t x), which overflows: inf, and a slope of NaN",
        source=MEASURED + "inf instead of 200 at t x = -200 in float32; pytorch#77529",
    ),
    KnownDivergence(
        id="TORCH-MHA",
        candidate="torch",
        case="MultiHeadAttention(*",
        quantity="*",
        leaf="|0|1|?.W|[qv].b",  # all but o.b, whose gradient is a sum of dy
        place="where one sees no key",
        reason="asked for its weights too, as nn.MultiheadAttention does by default, torch takes "
        "the softmax of a row of -inf: NaN for a query that sees no key, and so for every weight",
        source=MEASURED + "pytorch#41508; with need_weights=False the query gets 0, as here",
    ),
    KnownDivergence(
        id="FLAX-MHA",
        candidate="jax",
        case="MultiHeadAttention(*",
        quantity="*",
        leaf="|1|[vo].W|v.b",  # what depends on that query's output
        place="where one sees no key",
        reason="flax gives a query that sees no key the mean of all values, the reference 0",
        source="measured, flax 0.12.8; jax.nn.dot_product_attention does the same",
        at_most=(10.0, 10.0),
    ),
    KnownDivergence(
        id="TORCH-CTC",
        candidate="torch",
        case="CTC(*log_input=True)*",
        quantity="dx",
        reason="F.ctc_loss gives p - o where -o is the slope in log p, which is right only where "
        "log p comes out of a log_softmax",
        source=MEASURED + "pytorch#52241",
        at_most=(100.0, 100.0),
    ),
    KnownDivergence(
        id="TORCH-MUON",
        candidate="torch",
        case="Muon(*corrected=False*|Muon(...) as in torch*",
        quantity="weights",
        reason="torch makes the matrix orthogonal in bfloat16, whatever the dtype of the weights; "
        "computed in theirs, it would match",
        source=MEASURED + "5e-5 to 2e-3 of the weights off in one step",
        at_most=(0.1, 0.1),
    ),
    KnownDivergence(
        id="JAX-DIVISION",
        candidate="jax",
        case="PolynomialDecay(lr=0.3, total=9, power=0.5,*",
        quantity="y",
        dtype="float64",
        reason="compiled, JAX multiplies by 1/9 where it should divide by 9: what is left at the "
        "end is 6e-17 in place of 0, and its root 7e-9",
        source=MEASURED + "2e-9 for a rate of 0; XLA's algebraic simplifier",
        at_most=(0.0, 1e-8),
    ),
    KnownDivergence(
        id="JAX-DIVISION-NAN",
        candidate="jax",
        case="PolynomialDecay(lr=0.3, total=9, power=0.5,*",
        quantity="y",
        dtype="float32",
        reason="compiled, JAX multiplies by 1/9 where it should divide by 9: what is left at the "
        "end is below 0 in float32, and its root NaN",
        source=MEASURED + "jax.jit(optax.polynomial_schedule(0.3, 0.0, 0.5, 9))(9) is nan, 0 is "
        "right, and what it is without jit",
    ),
    KnownDivergence(
        id="JAX-TRIPLET",
        candidate="jax",
        case="TripletMargin(*p=[13],*in_sum=True)*",
        quantity="y|dx",
        place="at an odd p",
        reason="optax.losses.triplet_margin_loss takes odd powers of the differences, not of their "
        "magnitudes: a root of a negative sum is NaN",
        source=MEASURED + "NaN at p = 3; at p = 1 distances can be negative",
    ),
]
# One name, two rules: what a framework means by it, judged by what the other means.
OF_CONVENTIONS = [
    KnownDivergence(
        id=convention.id,
        candidate=away,
        case=f"* as in {home}: {convention.id}",
        quantity="*",
        reason=convention.told(),
        source=convention.source,
        at_most=(10.0, 10.0),  # of weights about 1, whose updates are below it
        since=convention.since,
    )
    for convention in CONVENTIONS
    for home in convention.forms
    for away in convention.forms
    if away != home
]


def concerning(context: Context) -> list[KnownDivergence]:
    """The records that speak of this candidate, case and dtype."""
    known = (*KNOWN, *OF_CONVENTIONS)
    return _concerning(context.candidate, context.case, context.dtype.name, known)


@lru_cache(maxsize=64)  # the same at every step
def _concerning(
    candidate: str, case: str, dtype: str, known: tuple[KnownDivergence, ...]
) -> list[KnownDivergence]:
    return [record for record in known if record._speaks_of(candidate, case, dtype)]


def known_divergence(context: Context, key: Key, error: Callable[[], float], step: int = 0) -> str:
    """Id and reason of the record that explains the row, or an empty string.

    ``error`` gives the largest of an entry beyond its tolerance.
    """
    for record in context.divergences:
        if record.covers(key) and record.explains(context, error(), step):
            return f"{record.id}: {record.reason}"
    return ""
