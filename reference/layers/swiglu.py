"""SwiGLU: an affine map gated by the SiLU of another one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from .dense import Dense
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class SwiGLU:
    """y = z σ(z) v,  z = x W + b,  v = x V + c    x: (..., I)   W, V: (I, O)   b, c: (O,)

    and y: (..., O). Derivation. With s = σ(z), ∂(z s)/∂z = s + z s (1 - s), so

        dz = dy v s (1 + z (1 - s))
        dv = dy z s

    from which ``Dense`` has dW, db, dV, dc; both maps add to dx. ``bias``: whether there is b, c.
    Source: Shazeer, "GLU variants improve Transformer" (2020), equation 5 with β = 1.
    Raises what ``Dense`` raises.
    """

    n_in: int
    n_out: int
    bias: bool = True

    def init(self, rng: np.random.Generator) -> Tree:
        gate, value = self._map().init(rng), self._map().init(rng)
        biases = {"b": gate["b"], "c": value["b"]} if self.bias else {}
        return {"W": gate["W"], "V": value["W"], **biases}

    def _map(self) -> Dense:
        return Dense(self.n_in, self.n_out, self.bias)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        z, of_z = self._map().forward({"W": params["W"], "b": params.get("b")}, x)
        v, of_v = self._map().forward({"W": params["V"], "b": params.get("c")}, x)
        s = sigmoid(z)
        return z * s * v, (z, s, v, of_z, of_v)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        z, s, v, of_z, of_v = residuals
        dx, gate = self._map().backward(of_z, dy * v * (s * (1 + z * (1 - s))))
        dx_v, value = self._map().backward(of_v, dy * (z * s))
        biases = {"b": gate["b"], "c": value["b"]} if self.bias else {}
        return dx + dx_v, {"W": gate["W"], "V": value["W"], **biases}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SwiGLU(4, 3), normal(5, 4))
        yield Sample(SwiGLU(2, 3, bias=False), with_exact(2, 3, 2))
        yield Sample(SwiGLU(2, 2), normal(3, 2, scale=1e3))
