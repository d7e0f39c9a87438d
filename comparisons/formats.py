"""The float formats that are compared: what a rounding does in each, and what it is judged by.

    format     u      matmul  K     δ      gold        remark
    float64    2^-53  2^-53   1024  2^-40  longdouble  float64 where longdouble is no wider
    float32    2^-24  2^-24   64    2^-24  float64
    float16    2^-11  2^-24   16    2^-11  float64     matrix products are accumulated in float32
    bfloat16   2^-8   2^-24   16    2^-8   float64     and rounded once

u is the unit roundoff, "matmul" that of the sums inside a matrix product, K the noise ratio above
which a row is a mismatch, δ the amplitude of the noisy replicas (see ``tolerances``).

In 16 bits a rounding is no small perturbation any more: K of them are 6 % in bfloat16, and two
correct runs may differ by more than noise that is taken to be linear can say. So a verdict is given
where it is plain, and "unresolved" with its reason where it is not: where noise is not linear or as
large as the value, where a result on the way is too large for the format (or a divisor too small:
Adam's √v + 1e-8 in float16), and for a ratio between K and ``DOUBT`` K. That shows gross mistakes:
a sign, a factor, a missing term. Judge the logic in float64.

Where no type is wider than float64 (on Windows, and on Macs with processors of their own), gold
is float64 too, and its own rounding counts: correct float64 code is off by a few units of noise,
at most ``OWN_ROUNDING``, so that an error must be that much larger to be seen for sure. That is
``OWN_ROUNDING``/K = 3 % of the resolution, and each row's resolution includes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..adapters.half_precision import finfo
from ..adapters.loading import MissingFramework

WIDEST: Any = np.longdouble
DOUBT = 4.0  # times K: up to there, 16 bits cannot tell a mistake from noise
OWN_ROUNDING = 34.0  # the most that correct float64 code was ever off by, in units of noise


@dataclass(frozen=True)
class Format:
    """A float format; see above. ``smallest`` is where digits are lost or flushed to zero."""

    name: str
    u: float
    matmul: float
    allowed: float
    amplitude: float

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """As NumPy knows it; MissingFramework for bfloat16 where ml_dtypes is not installed."""
        if self.name == "bfloat16":
            try:
                import ml_dtypes
            except ImportError as error:
                how = "pip install 'backproof[half]'"
                raise MissingFramework(f"bfloat16 needs ml_dtypes: {how}") from error
            dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
            return dtype
        return np.dtype(self.name)

    @cached_property
    def half(self) -> bool:
        """Whether it has 16 bits."""
        return self.matmul < self.u

    @cached_property
    def smallest(self) -> float:
        """The smallest normal number; of float16, whose denormals nobody flushes, ``underflow``."""
        return self.underflow if self.name == "float16" else float(finfo(self.dtype).tiny)

    @cached_property
    def underflow(self) -> float:
        """The largest number that is rounded to zero."""
        return float(finfo(self.dtype).smallest_subnormal) / 2

    @cached_property
    def largest(self) -> float:
        """The largest number."""
        return float(finfo(self.dtype).max)


FORMATS = {
    f.name: f
    for f in (
        Format("float64", 2.0**-53, 2.0**-53, 1024.0, 2.0**-40),
        Format("float32", 2.0**-24, 2.0**-24, 64.0, 2.0**-24),
        Format("float16", 2.0**-11, 2.0**-24, 16.0, 2.0**-11),
        Format("bfloat16", 2.0**-8, 2.0**-24, 16.0, 2.0**-8),
    )
}


def format_of(dtype: Any) -> Format:
    """The format of a dtype or of its name; KeyError for one that is not compared."""
    return FORMATS[dtype if isinstance(dtype, str) else np.dtype(dtype).name]


def unit_roundoff(dtype: Any) -> float:
    """u = eps/2: 2^-24 for float32, 2^-53 for float64."""
    return format_of(dtype).u


def name_of(wide: np.dtype[Any]) -> str:
    """The name of a gold value's type, the same on every platform: float64 or longdouble."""
    return "float64" if wide == np.float64 else "longdouble"


def wide_dtype(dtype: Any) -> np.dtype[Any]:
    """The type of the gold value: float64, or for float64 the widest that there is."""
    wider = np.finfo(WIDEST).eps < np.finfo(np.float64).eps
    return np.dtype(WIDEST if wider and format_of(dtype).name == "float64" else np.float64)
