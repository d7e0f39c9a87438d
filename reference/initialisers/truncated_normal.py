"""TruncatedNormal: normal numbers, drawn anew where they are too far out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..protocols import Array, Sample

CUT_DEVIATION = 0.87962566103423978  # of a standard normal cut at ±2


@final
@dataclass(frozen=True)
class TruncatedNormal:
    """W ~ N(0, σ²) given |W| <= c σ

    std σ > 0 before the cut (the deviation that is left is smaller: at c = 2, 0.8796 σ), cut c > 0.
    Source: Abramowitz and Stegun, section 26.2; torch.nn.init.trunc_normal_;
    jax.nn.initializers.truncated_normal. Raises ValueError for a std or a cut that is not positive.
    """

    std: float = 1.0
    cut: float = 2.0

    independent: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (self.std > 0 and self.cut > 0):
            raise ValueError(f"{self}: std and cut must be positive")

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        W = rng.standard_normal(shape)
        while (out := np.abs(W) > self.cut).any():
            W[out] = rng.standard_normal(int(out.sum()))
        return self.std * W

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(TruncatedNormal(), constant(40, 24))
        yield Sample(TruncatedNormal(0.02, 1.0), constant(9, 8, 3))
