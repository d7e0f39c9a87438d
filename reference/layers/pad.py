"""Pad: the last axes made longer at both ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..axes import BEYOND, beyond, gather, gather_backward, long_enough
from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class Pad:
    """y_i = x_s(i), or ``value`` where i is outside        one after the other, for the last axes

    ``width``: for each of the last axes a pair (before, behind), not negative. Outside x, s(i) is
    nothing ("constant"), the mirror image around the outermost entry ("reflect"), that entry
    itself ("replicate"), or the other end ("circular"). Derivation. An x may be copied often:

        dx_j = Σ_i [s(i) = j] dy_i

    Source: none; the modes of torch's F.pad. Raises ValueError for another mode or width, and
    where x has fewer axes, or is too short to be mirrored or repeated once.
    """

    width: tuple[tuple[int, int], ...]
    mode: str = "constant"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.mode not in BEYOND or min((w for pair in self.width for w in pair), default=-1) < 0:
            raise ValueError(f"{self}: widths from 0, and a mode of {', '.join(BEYOND)}")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        k, sizes = len(self.width), x.shape[-len(self.width) :]
        ok = len(sizes) == k and all(map(long_enough, sizes, self.width, [self.mode] * k))
        expect(ok, self, f"x of {k} axes or more, longer than what is mirrored or repeated", x)
        s = [beyond(n, w, self.mode) for n, w in zip(sizes, self.width, strict=True)]
        for axis in range(-k, 0):
            x = gather(x, s[axis], axis, self.value)
        return x, (s, sizes)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        s, sizes = residuals
        for axis in range(-len(s), 0):
            dy = gather_backward(dy, s[axis], axis, sizes[axis])
        return dy, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Pad(((1, 2), (0, 3)), value=0.7), normal(2, 1, 2, 3))
        yield Sample(Pad(((2, 1), (1, 0)), "reflect"), normal(2, 2, 3, 2))
        yield Sample(Pad(((3, 1),), "replicate"), normal(2, 3, 2))
        yield Sample(Pad(((3, 2),), "circular"), normal(2, 2, 3))
