"""Orthogonal: a matrix that keeps every length, uniformly among all such."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from ..draws import constant
from ..protocols import Array, Sample


@final
@dataclass(frozen=True)
class Orthogonal:
    """W = g Q,  QᵀQ = 1 (or QQᵀ = 1 where W is wide)

    Q from the QR decomposition of a matrix of normal numbers, its columns turned so that R has a
    positive diagonal: without that Q is not uniform. A shape of more axes is (first, all others).
    gain g > 0. Source: Saxe, McClelland, Ganguli, "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks" (2014); Mezzadri, "How to generate random matrices from
    the classical compact groups" (2007), section 5. Raises ValueError for a shape of one axis.
    """

    gain: float = 1.0

    independent: ClassVar[bool] = False

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        if len(shape) < 2:
            raise ValueError(f"a weight of shape {shape} has no columns: two axes are needed")
        rows, columns = shape[0], int(np.prod(shape[1:]))
        normal = rng.standard_normal((max(rows, columns), min(rows, columns)))
        Q, R = np.linalg.qr(normal)
        Q = Q * np.sign(np.diagonal(R))
        return self.gain * (Q if rows >= columns else Q.T).reshape(shape)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Orthogonal(), constant(5, 3))
        yield Sample(Orthogonal(1.4), constant(3, 2, 2))
