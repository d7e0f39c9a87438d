"""TiedAutoencoder: one matrix that encodes, and transposed decodes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Layer, Residuals, Sample, Tree
from .dense import Dense
from .sequential import Sequential
from .sigmoid import Sigmoid
from .tanh import Tanh


@final
@dataclass(frozen=True)
class TiedAutoencoder:
    """y = f(x W + b) Wᵀ + c                 x, y: (..., I)   W: (I, H)   b: (H,)   c: (I,)

    Derivation. W stands twice in y. With h = f(z), z = x W + b, each use gives a part, as for
    ``Dense``, and the parts add up:

        dh = dy W       dz = (∂f/∂z)ᵀ dh       dx = dz Wᵀ
        dW = xᵀ dz + dyᵀ h                     db = Σ dz       dc = Σ dy, over leading positions

    ``inner``: f, any layer that keeps the last axis; its parameters are under "f".
    Source: Vincent, Larochelle, Bengio, Manzagol, "Extracting and composing robust features with
    denoising autoencoders" (2008), section 2.2. Raises what ``Dense`` and f raise.
    """

    n_in: int
    n: int
    inner: Layer

    def init(self, rng: np.random.Generator) -> Tree:
        encoder = Dense(self.n_in, self.n).init(rng)
        return {**encoder, "c": np.zeros(self.n_in), "f": self.inner.init(rng)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        W = params["W"]
        z, encoding = Dense(self.n_in, self.n).forward({"W": W, "b": params["b"]}, x)
        h, inside = self.inner.forward(params["f"], z)
        y, decoding = Dense(self.n, self.n_in).forward({"W": W.T, "b": params["c"]}, h)
        return y, (encoding, inside, decoding)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        encoding, inside, decoding = residuals
        dh, last = Dense(self.n, self.n_in).backward(decoding, dy)
        dz, df = self.inner.backward(inside, dh)
        dx, first = Dense(self.n_in, self.n).backward(encoding, dz)
        return dx, {"W": first["W"] + last["W"].T, "b": first["b"], "c": last["b"], "f": df}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(TiedAutoencoder(4, 3, Sigmoid()), normal(5, 4))
        yield Sample(TiedAutoencoder(3, 3, Sequential(Tanh(), Dense(3, 3))), normal(2, 3, 3))
