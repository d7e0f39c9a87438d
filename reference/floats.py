"""Which arrays hold floats: NumPy's own formats, and bfloat16, which ml_dtypes adds to them."""

from __future__ import annotations

from typing import Any


def is_float(array: Any) -> bool:
    """Whether an array holds floats, and so may have a gradient."""
    dtype = array.dtype
    return bool(dtype.kind == "f" or (dtype.kind == "V" and dtype.name == "bfloat16"))
