"""Wrong lookups and positions."""

from __future__ import annotations

import numpy as np

from ....reference import attention
from ....reference.layers.alibi import ALiBi
from ....reference.layers.embedding import Embedding
from ....reference.layers.learned_positions import LearnedPositions
from ....reference.layers.rotary_embedding import RotaryEmbedding
from ....reference.layers.sinusoidal_positions import SinusoidalPositions
from ..registry import wrong

# Embedding


@wrong("X82", "a repeated index's gradient is overwritten, not accumulated", "pytorch#1631",
       "pytorch#1528", "openxla/xla#49143",
       revealed_by="a repeated index",
       misses="no index twice in the batch")  # fmt: skip
class _(Embedding):
    def backward(self, residuals, dy):
        (x,) = residuals
        dW = np.zeros_like(dy, shape=(self.n_rows, self.n))
        dW[x] = dy  # the last one stays
        if self.padding is not None:
            dW[self.padding] = 0
        return None, {"W": dW}


@wrong("X83", "the row of the padding index receives a gradient", "jnp.take has no padding index",
       revealed_by="an x that holds the padding index",
       misses="no padding index in the batch")  # fmt: skip
class _(Embedding):
    def backward(self, residuals, dy):
        (x,) = residuals
        places = x.reshape(-1) == np.arange(self.n_rows)[:, None]
        return None, {"W": places.astype(dy.dtype) @ dy.reshape(-1, self.n)}


# Positions


@wrong("SQ25", "the gradient of positions averaged over the sequences, not summed",
       revealed_by="two sequences or more",
       misses="a batch of one; Adam divides the batch size away")  # fmt: skip
class _(LearnedPositions):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx, {"W": dparams["W"] / len(dy)}


@wrong("SQ26", "the last rows are added and get the gradient, where x is shorter than the table",
       revealed_by="a sequence shorter than the table",
       misses="sequences as long as the table")  # fmt: skip
class _(LearnedPositions):
    def forward(self, params, x):
        return x + params["W"][self.longest - x.shape[-2] :], ()


@wrong("SQ27", "sines before cosines where they should alternate, and the other way round",
       "tensor2tensor against the paper",
       revealed_by="four features or more",
       misses="a constant is added: every gradient is right, and a model learns "
              "with either order")  # fmt: skip
class _(SinusoidalPositions):
    def forward(self, params, x):
        other = SinusoidalPositions(self.n, self.base, not self.interleaved, self.first)
        return other.forward(params, x)


@wrong("SQ28", "the frequency of feature i is base^(-i/n) instead of base^(-2i/n)",
       revealed_by="four features or more",
       misses="a constant is added: every gradient is right, and a model learns with any "
              "frequencies")  # fmt: skip
class _(SinusoidalPositions):
    def forward(self, params, x):
        other = SinusoidalPositions(self.n, self.base**0.5, self.interleaved, self.first)
        return other.forward(params, x)


@wrong("X125", "backward turns by +θ, as forward does", "candle#3568",
       revealed_by="a position after the first",
       misses="position 0 is not turned; norms are right everywhere")  # fmt: skip
class _(RotaryEmbedding):
    def backward(self, residuals, dy):
        (theta,) = residuals
        return self.turn(dy, theta), {}


@wrong("SQ23", "the other pairs of features are turned",
       revealed_by="four features or more",
       misses="both conventions are in use, each consistent: a gradient check passes")  # fmt: skip
class _(RotaryEmbedding):
    def turn(self, x, theta):
        other = RotaryEmbedding(self.n, self.base, not self.interleaved, self.first)
        return other.turn(x, theta)


@wrong("SQ24", "positions counted from 1",
       revealed_by="any ordinary input",
       misses="only differences of positions matter in attention; a gradient check "
              "passes")  # fmt: skip
class _(RotaryEmbedding):
    def forward(self, params, x):
        other = RotaryEmbedding(self.n, self.base, self.interleaved, self.first + 1)
        return other.forward(params, x)


def _alibi(x, slopes):
    q, k, v = x
    L, S = q.shape[2], k.shape[2]
    ahead = np.arange(S) - np.arange(S - L, S)[:, None]
    bias = np.asarray(slopes[:, None, None] * ahead, q.dtype)
    y, kept = attention.attend(q, k, v, q.shape[3] ** -0.5, bias, attention.causal(L, S))
    return y, (kept,)


@wrong("SQ21", "slopes from h = 0 on",
       revealed_by="any ordinary input",
       misses="consistent, so that a gradient check passes, and a model learns with "
              "any slopes")  # fmt: skip
class _(ALiBi):
    def forward(self, params, x):
        return _alibi(x, 2.0 ** (-8 * np.arange(self.heads) / self.heads))


@wrong("SQ22", "the bias favours what is far behind: its sign is wrong",
       misses="consistent, so that a gradient check passes, and a model learns in "
              "spite of it")  # fmt: skip
class _(ALiBi):
    def forward(self, params, x):
        return _alibi(x, -(2.0 ** (-8 * np.arange(1, self.heads + 1) / self.heads)))
