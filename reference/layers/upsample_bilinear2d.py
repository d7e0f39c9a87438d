"""UpsampleBilinear2d: images of another size, interpolated between the four nearest entries."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..resampling import along, linear


@final
@dataclass(frozen=True)
class UpsampleBilinear2d:
    """y_nchw = Σ_lm a_hl b_wm x_nclm      x: (N, C, H, W)   y: (N, C, H', W')

    with the weights a_hl = max(0, 1 - |s_h - l|) of the row s_h of x where row h of y lies, and b
    likewise for columns. Without ``align_corners`` pixels are squares of which the outer edges
    meet, s_h = (h + ½) H/H' - ½, moved to the outermost row where it is beyond; with it they are
    points of which the outermost meet, s_h = h (H - 1)/(H' - 1). When x is made smaller entries are
    left out (no antialiasing). Derivation. The map is linear: its transpose carries dy back,

        dx_nclm = Σ_hw a_hl b_wm dy_nchw

    ``size``: (H', W'). Source: Press et al., "Numerical recipes" (2007), section 3.6.
    Raises ValueError where a hyperparameter or x is out of range.
    """

    size: tuple[int, int]
    align_corners: bool = False

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError(f"{self}: both sizes must be 1 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 4, self, "x of shape (N, C, H, W)", x)
        each = zip(x.shape[2:], self.size, strict=True)
        (A, a), (B, b) = (linear(n, size, self.align_corners) for n, size in each)
        return along(A, x, B) / (a * b), (A, B, a * b)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        A, B, denominator = residuals
        return along(A.T, dy / denominator, B.T), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(UpsampleBilinear2d((5, 7)), normal(2, 2, 3, 4))
        yield Sample(UpsampleBilinear2d((5, 1), align_corners=True), with_exact(2, 3, 3, 4))
        yield Sample(UpsampleBilinear2d((2, 5), align_corners=True), normal(2, 2, 5, 3, scale=1e4))
        yield Sample(UpsampleBilinear2d((2, 6)), normal(2, 1, 5, 3, offset=10))
