"""Wrong initialisers: a wrong fan, a wrong gain, a wrong distribution."""

from __future__ import annotations

import dataclasses

import numpy as np

from ....reference.initialisers.kaiming_normal import KaimingNormal
from ....reference.initialisers.kaiming_uniform import KaimingUniform
from ....reference.initialisers.lecun_normal import LeCunNormal
from ....reference.initialisers.lecun_uniform import LeCunUniform
from ....reference.initialisers.orthogonal import Orthogonal
from ....reference.initialisers.truncated_normal import TruncatedNormal
from ....reference.initialisers.xavier_normal import XavierNormal
from ....reference.initialisers.xavier_uniform import XavierUniform
from ....reference.initialisers.zeros import Zeros
from ..registry import wrong


@wrong("IN01", "the variance is taken for the deviation",
       misses="a test of the mean, or of a shape")  # fmt: skip
class _(XavierNormal):
    def draw(self, rng, shape):
        W = super().draw(rng, shape)
        return W * W.std()


@wrong("IN02", "3 in place of 6: the fan-sum is taken for the mean",
       misses="a test of the mean, or of a shape")  # fmt: skip
class _(XavierUniform):
    def draw(self, rng, shape):
        return super().draw(rng, shape) / np.sqrt(2)


@wrong("IN03", "fan-in and fan-out swapped",
       revealed_by="a weight that is not square",
       misses="square weights, where both fans are one")  # fmt: skip
class _(KaimingNormal):
    def draw(self, rng, shape):
        other = "fan_out" if self.mode == "fan_in" else "fan_in"
        return KaimingNormal.draw(dataclasses.replace(self, mode=other), rng, shape)


@wrong("IN04", "the kernel's taps left out of the fan",
       revealed_by="a convolution",
       misses="Dense weights, which have no taps")  # fmt: skip
class _(KaimingUniform):
    def draw(self, rng, shape):
        return super().draw(rng, shape) * np.sqrt(np.prod(shape[2:]))


@wrong("IN05", "cut at two deviations and not widened again, or cut where it should not be",
       revealed_by="a deviation 12 % too small",
       misses="a standard deviation tested within 10 or 20 %")  # fmt: skip
class _(LeCunNormal):
    def draw(self, rng, shape):
        spread = 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 2 else shape[0])
        return TruncatedNormal(spread).draw(rng, shape)


@wrong("IN06", "normal in place of uniform, of the same deviation",
       misses="mean and standard deviation are the right ones")  # fmt: skip
class _(LeCunUniform):
    def draw(self, rng, shape):
        return super().draw(rng, shape).std() * rng.standard_normal(shape)


@wrong("IN07", "clipped at the edge, where it should be drawn anew",
       misses="bounds are kept, mean and deviation are near: few numbers stand at "
              "the edge")  # fmt: skip
class _(TruncatedNormal):
    def draw(self, rng, shape):
        W = rng.standard_normal(shape)
        return self.std * np.clip(W, -self.cut, self.cut)


@wrong("IN08", "the signs of R forgotten: Q is not uniform",
       revealed_by="the sign of the first entry",
       misses="WᵀW = 1 holds: only the distribution of signs tells")  # fmt: skip
class _(Orthogonal):
    def draw(self, rng, shape):
        rows, columns = shape[0], int(np.prod(shape[1:]))
        normal = rng.standard_normal((max(rows, columns), min(rows, columns)))
        Q, _ = np.linalg.qr(normal)
        return self.gain * (Q if rows >= columns else Q.T).reshape(shape)


@wrong("IN09", "normal numbers of the same size, not orthogonal",
       misses="mean and standard deviation are the right ones")  # fmt: skip
class _(Orthogonal):
    def draw(self, rng, shape):
        return self.gain * rng.standard_normal(shape) / np.sqrt(shape[0])


@wrong("IN10", "not quite zero", misses="allclose with its default atol of 1e-8 to 1e-5")
class _(Zeros):
    def draw(self, rng, shape):
        return 1e-3 * rng.standard_normal(shape)
