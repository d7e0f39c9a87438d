"""MaxPool1d: the largest entry of every window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..pooling import maximum, on, pool, to_maximum
from ..protocols import TIE, Array, Residuals, Sample, Tree, expect
from ..windows import Size


@final
@dataclass(frozen=True)
class MaxPool1d:
    """y_nch = max_i x_nc,sh+i-p                x: (N, C, L)   y: (N, C, L')   i = 0 .. K-1

    over the entries that are there: the padding of p at both ends never wins. L' = (L + 2p - K)/s
    + 1 rounded down, or up with ``ceil``, if the last window starts before the padding behind.
    Derivation. With i* the first tap that reaches the maximum, ∂y_nch/∂x_ncm = [m = sh + i* - p]:
        dx_ncm = Σ_h dy_nch [m = sh + i*_nch - p]

    At a tie any share is a subgradient; all to the first is what torch and lax.reduce_window take.
    ``stride``: None for the kernel's size. ``padding``: at most half the kernel.
    Source: Ranzato et al., "Unsupervised learning of invariant feature hierarchies" (2007), section
    3. Raises ValueError where a hyperparameter or x is out of range.
    """

    kernel: Size
    stride: Size | None = None
    padding: Size = 0
    ceil: bool = False

    def __post_init__(self) -> None:
        pool(self, 1)

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(pool(self, 1).fits(x), self, pool(self, 1).wants(), x)
        over, sizes = on(self, x.shape[2:]), x.shape[2:]
        y, beats = maximum(x, over)
        return y, (beats, over, sizes)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        return to_maximum(dy, *residuals), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MaxPool1d(2), normal(2, 3, 5))
        yield Sample(MaxPool1d(3, 2, padding=1, ceil=True), normal(3, 2, 6, offset=-3))
        yield Sample(MaxPool1d(3, 1), with_exact(2, 2, 7, values=(2.0,), share=0.7), kink=TIE)
