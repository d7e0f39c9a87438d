"""erfc, which NumPy lacks, from operations that every arithmetic of this project has."""

from __future__ import annotations

import numpy as np

from .protocols import Array

NEAR, FAR = 0.46875, 4.0  # between them, and on each side, erfc is approximated differently
SQRT_1_PI = 0.56418958354775628695
# Coefficients from the highest power down: of erf(x)/x in x²; of e^(x²) erfc(x) in x; and of
# x² (1/√π - x e^(x²) erfc(x)) in 1/x².
_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip
_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
     1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346047, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)  # fmt: skip


def _rational(coefficients: tuple[tuple[float, ...], ...], x: Array) -> Array:
    """The quotient of two polynomials, by Horner's rule."""
    above, below = (c[0] + 0 * x for c in coefficients)
    for p, q in zip(*(c[1:] for c in coefficients), strict=True):
        above, below = above * x + p, below * x + q
    return above / below


def erfc(x: Array) -> Array:
    """2/√π ∫_x^∞ e^(-s²) ds, to 2e-16 of itself however small it is, but for e^(-x²)'s rounding.

    1 - erf(x) would have no digits beyond x = 4.
    Source: Cody, "Rational Chebyshev approximations for the error function" (1969), tables 1 to 3.
    """
    size = np.abs(x)
    near = np.minimum(size, NEAR)
    middle, far = np.minimum(np.maximum(size, NEAR), FAR), np.maximum(size, FAR)
    w = 1 / (far * far)
    scaled = np.where(
        size <= FAR, _rational(_MIDDLE, middle), (SQRT_1_PI - w * _rational(_LARGE, w)) / far
    )
    tail = np.exp(-size * size) * scaled
    small = 1 - x * _rational(_SMALL, near * near)
    return np.where(size <= NEAR, small, np.where(x > 0, tail, 2 - tail))
