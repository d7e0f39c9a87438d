"""GlobalMaxPool2d: the largest entry of every channel."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..pooling import maximum, to_maximum
from ..protocols import TIE, Array, Residuals, Sample, Tree, expect
from ..windows import whole


@final
@dataclass(frozen=True)
class GlobalMaxPool2d:
    """y_nc = max_hw x_nchw      x: (N, C, H, W)   y: (N, C)

    Derivation. With h*, w* the first place, in reading order, that has the maximum,

        dx_nchw = dy_nc [h = h*_nc, w = w*_nc]

    At a tie any share is a subgradient; all to the first is what max pooling in torch takes.
    Source: Oquab et al., "Is object localization for free?" (2015), section 3.
    Raises ValueError where x has not four axes.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 4, self, "x of shape (N, C, H, W)", x)
        over = whole(x.shape[2:])
        y, beats = maximum(x, over)
        return y.reshape(x.shape[:2]), (beats, over, x.shape[2:])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        return to_maximum(dy[:, :, None, None], *residuals), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GlobalMaxPool2d(), normal(2, 3, 2, 5))
        yield Sample(GlobalMaxPool2d(), normal(3, 2, 3, 1, scale=1e4))
        yield Sample(GlobalMaxPool2d(), with_exact(2, 2, 3, 2, values=(2.0,), share=0.7), kink=TIE)
