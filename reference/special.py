"""erf, which NumPy lacks, from operations that every arithmetic of this project has."""

from __future__ import annotations

import numpy as np

from .protocols import Array

SMALL = 0.46875  # |x| up to which erf itself is approximated, and not 1 - erf
# Coefficients from the highest power down, of erf(x)/x in x² and of e^(x²) (1 - erf(x)) in x.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
_FAR = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip


def _rational(coefficients: tuple[tuple[float, ...], ...], x: Array) -> Array:
    """The quotient of two polynomials, by Horner's rule."""
    above, below = (c[0] + 0 * x for c in coefficients)
    for p, q in zip(*(c[1:] for c in coefficients), strict=True):
        above, below = above * x + p, below * x + q
    return above / below


def erf(x: Array) -> Array:
    """2/√π ∫_0^x e^(-s²) ds, to 2e-16.

    Source: Cody, "Rational Chebyshev approximations for the error function" (1969), tables 1 and 2;
    beyond |x| = 4, where 1 - erf is below 2e-8, the second serves as well.
    """
    size = np.abs(x)
    near, far = np.minimum(size, SMALL), np.minimum(np.maximum(size, SMALL), 6.0)
    tail = np.exp(-far * far) * _rational(_FAR, far)
    # The sign by a product, and not by np.sign, which is no analytic function.
    return np.where(
        size <= SMALL, x * _rational(_NEAR, near * near), np.where(x > 0, 1 - tail, tail - 1)
    )
