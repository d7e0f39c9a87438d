"""UpsampleNearest2d: images of another size, every entry a copy of the nearest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect
from ..resampling import along, nearest


@final
@dataclass(frozen=True)
class UpsampleNearest2d:
    """y_nchw = x_nc,l(h),m(w)      x: (N, C, H, W)   y: (N, C, H', W')

    where l(h) = ⌊(h + ½) H/H'⌋, or ⌊h H/H'⌋ without ``centred``, and m(w) likewise. The first takes
    the entry below the pixel's centre, the second the one below its corner; they are the same where
    H' is a multiple of H. Derivation. Every entry of x gathers the cotangents of its copies:

        dx_nclm = Σ_hw dy_nchw [l(h) = l, m(w) = m]

    ``size``: (H', W'), smaller than x too. Source: Odena, Dumoulin, Olah, "Deconvolution and
    checkerboard artifacts" (2016). Raises ValueError where a hyperparameter or x is out of range.
    """

    size: tuple[int, int]
    centred: bool = True

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise ValueError(f"{self}: both sizes must be 1 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 4, self, "x of shape (N, C, H, W)", x)
        H, W = x.shape[2:]
        rows, columns = (
            nearest(H, self.size[0], self.centred),
            nearest(W, self.size[1], self.centred),
        )
        return x[:, :, rows[:, None], columns], (rows, columns, H, W)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        rows, columns, H, W = residuals
        return along(np.eye(H)[rows].T, dy, np.eye(W)[columns].T), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(UpsampleNearest2d((6, 6)), normal(2, 2, 3, 2))
        yield Sample(UpsampleNearest2d((5, 2)), with_exact(2, 3, 3, 5))
        yield Sample(UpsampleNearest2d((5, 2), centred=False), normal(3, 2, 3, 5))
