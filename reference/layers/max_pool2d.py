"""MaxPool2d: the largest entry of every window."""

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
class MaxPool2d:
    """y_nchw = max_ij x_nc,sh+i-p,sw+j-p       x: (N, C, H, W)   y: (N, C, H', W')

    over the entries that are there: the padding of p never wins. H' = (H + 2p - K)/s + 1 rounded
    down, or up with ``ceil``, if the last window starts before the padding behind.
    Derivation. With i*, j* the first tap, in reading order, that reaches the maximum,
        dx_nclm = Σ_hw dy_nchw [l = sh + i*_nchw - p, m = sw + j*_nchw - p]

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
        pool(self, 2)

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(pool(self, 2).fits(x), self, pool(self, 2).wants(), x)
        over, sizes = on(self, x.shape[2:]), x.shape[2:]
        y, beats = maximum(x, over)
        return y, (beats, over, sizes)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        return to_maximum(dy, *residuals), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MaxPool2d(2), normal(2, 3, 4, 5))
        yield Sample(MaxPool2d((3, 2), (2, 3), (1, 0), ceil=True), normal(2, 2, 6, 7, offset=-3))
        yield Sample(MaxPool2d(3, 2, padding=1), normal(2, 1, 5, 4, scale=1e4))
        yield Sample(MaxPool2d(3, 1), with_exact(2, 1, 5, 4, values=(2.0,), share=0.7), kink=TIE)
