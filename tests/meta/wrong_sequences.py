"""Wrong lookups, recurrent layers and attention: each class varies one step of the layer."""

from __future__ import annotations

import numpy as np

from backproof.reference import attention
from backproof.reference.layers.alibi import ALiBi
from backproof.reference.layers.bilinear import Bilinear
from backproof.reference.layers.embedding import Embedding
from backproof.reference.layers.grouped_query_attention import GroupedQueryAttention
from backproof.reference.layers.gru import GRU
from backproof.reference.layers.learned_positions import LearnedPositions
from backproof.reference.layers.lstm import LSTM
from backproof.reference.layers.multi_head_attention import MultiHeadAttention
from backproof.reference.layers.rnn import RNN
from backproof.reference.layers.rotary_embedding import RotaryEmbedding
from backproof.reference.layers.scaled_dot_product_attention import ScaledDotProductAttention
from backproof.reference.layers.sinusoidal_positions import SinusoidalPositions

from .mutants import wrong

# Embedding and Bilinear


@wrong("X82", "a repeated index's gradient is overwritten, not accumulated", "pytorch#1631",
       "pytorch#1528", "openxla/xla#49143", revealed_by="a repeated index")  # fmt: skip
class _(Embedding):
    def backward(self, residuals, dy):
        (x,) = residuals
        dW = np.zeros((self.n_rows, self.n), dy.dtype)
        dW[x] = dy  # the last one stays
        if self.padding is not None:
            dW[self.padding] = 0
        return None, {"W": dW}


@wrong("X83", "the row of the padding index receives a gradient", "jnp.take has no padding index",
       revealed_by="an x that holds the padding index")  # fmt: skip
class _(Embedding):
    def backward(self, residuals, dy):
        (x,) = residuals
        places = x.reshape(-1) == np.arange(self.n_rows)[:, None]
        return None, {"W": places.astype(dy.dtype) @ dy.reshape(-1, self.n)}


@wrong("SQ01", "the gradients of Bilinear's two inputs miss each other's value: dz summed")
class _(Bilinear):
    def backward(self, residuals, dy):
        (du, dv), dparams = super().backward(residuals, dy)
        dz = dy.reshape(-1, self.n_out) @ residuals[-1].reshape(-1, self.n_out).T
        dz = dz.reshape(-1, *self.n_in)
        return (dz.sum(axis=2).reshape(du.shape), dv), dparams


@wrong("SQ02", "Bilinear's weight gradient has its two input axes exchanged",
       revealed_by="inputs of two features or more")  # fmt: skip
class _(Bilinear):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        dW = dparams["W"]
        return dx, dparams | {"W": dW.swapaxes(0, 1).reshape(dW.shape)}


# Recurrent layers


@wrong("X84", "the cell's gradient from the step after is dropped: = instead of +=", "mxnet#4057",
       "RNN-LSTM-in-numpy#1", revealed_by="two steps or more")  # fmt: skip
class _(LSTM):
    def step_backward(self, p, kept, d):
        return super().step_backward(p, kept, (d[0], 0 * d[1]))


@wrong("X86", "every gate has the bias of the first gate", "numpy-ml#42", "learn_dl#53",
       revealed_by="biases that differ")  # fmt: skip
class _(LSTM):
    def step(self, p, z, states):
        first = np.concatenate([p["b"][: self.n]] * 4)
        return super().step(p, z - p["b"] + first, states)


@wrong("X87", "the gradient that arrives at the final cell state is ignored",
       "deeplearning4j#8838", revealed_by="a loss that uses c_T")  # fmt: skip
class _(LSTM):
    def backward(self, residuals, dy):
        return super().backward(residuals, (dy[0], dy[1], 0 * dy[2]))


class _LastStepOnly:
    def backward(self, residuals, dy):
        last = np.arange(dy[0].shape[1]) == dy[0].shape[1] - 1
        return super().backward(residuals, (dy[0] * last[:, None], *dy[1:]))


@wrong("X88", "only the gradient of the last step's output is used",
       "nicklashansen/rnn_lstm_from_scratch#1", revealed_by="a loss on every step")  # fmt: skip
class _(_LastStepOnly, LSTM):
    pass


@wrong("SQ03", "only the gradient of the last step's output is used",
       "nicklashansen/rnn_lstm_from_scratch#1", revealed_by="a loss on every step")  # fmt: skip
class _(_LastStepOnly, RNN):
    pass


@wrong("X89", "the reset gate is applied before the product with the state, not after it",
       "keras: reset_after", revealed_by="two steps, or a first state that is not 0")  # fmt: skip
class _(GRU):
    def step(self, p, z, states):
        if not self.reset_after:
            return super().step(p, z, states)
        _, (h, ru, r, u, q, n) = super().step(p, z, states)
        m = (r * h) @ p["Wn"] + p["bn"]
        n = np.tanh(z[:, 2 * self.n :] + m)
        return (n + u * (h - n),), (h, ru, r, u, q, n)


@wrong("SQ04", "the update gate keeps the new state where it should keep the old",
       "Chung et al. (2014) write 1 - u for Cho's u")  # fmt: skip
class _(GRU):
    def step(self, p, z, states):
        _, kept = super().step(p, z, states)
        h, _, _, u, _, n = kept
        return (h + u * (n - h),), kept


@wrong("SQ05", "the hidden bias of the candidate is outside the reset gate",
       revealed_by="that bias not 0")  # fmt: skip
class _(GRU):
    def step(self, p, z, states):
        if not self.reset_after:
            return super().step(p, z, states)
        bias = np.concatenate([np.zeros(2 * self.n, z.dtype), p["bn"]])
        return super().step({**p, "bn": 0 * p["bn"]}, z + bias, states)


@wrong("SQ06", "gates in the order i, o, f, g", revealed_by="any ordinary input")
class _(LSTM):
    def step(self, p, z, states):
        order = np.arange(4 * self.n).reshape(4, -1)[[0, 2, 1, 3]].reshape(-1)
        return super().step({**p, "Wh": p["Wh"][:, order]}, z[:, order], states)


@wrong("SQ07", "no gradient reaches the initial states")
class _(LSTM):
    def backward(self, residuals, dy):
        (dx, *dstates), dparams = super().backward(residuals, dy)
        return (dx, *(0 * d for d in dstates)), dparams


@wrong("SQ08", "the backward direction's outputs are not turned back in time",
       revealed_by="two directions and two steps")  # fmt: skip
class _(LSTM):
    def forward(self, params, x):
        (y, *states), residuals = super().forward(params, x)
        if self.bidirectional:
            y = np.concatenate([y[..., : self.n], y[:, ::-1, self.n :]], axis=-1)
        return (y, *states), residuals


@wrong("SQ09", "tanh' of the state before the step instead of after it")
class _(RNN):
    def step_backward(self, p, kept, d):
        (before, _), (dh,) = kept, d
        slope = 1 - before * before if self.nonlinearity == "tanh" else before > 0
        da = dh * slope
        return (da @ p["Wh"].T,), da, {"Wh": (before, da)}


@wrong("SQ10", "truncated: the gradient does not go on to the step before",
       revealed_by="two steps or more")  # fmt: skip
class _(RNN):
    def step_backward(self, p, kept, d):
        dstates, dz, uses = super().step_backward(p, kept, d)
        return (0 * dstates[0],), dz, uses


@wrong("SQ11", "the recurrent weight's gradient takes the state after the step")
class _(RNN):
    def step_backward(self, p, kept, d):
        dstates, dz, _ = super().step_backward(p, kept, d)
        return dstates, dz, {"Wh": (kept[1], dz)}


@wrong("SQ12", "only the first layer and direction has its initial state",
       revealed_by="two layers, or two directions")  # fmt: skip
class _(RNN):
    def forward(self, params, x):
        return super().forward(params, (x[0], 0 * x[1] + x[1][:1]))


# Attention


@wrong("X90", "1/√D missing in dq and dk", revealed_by="two features in a head, or more")
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        (dq, dk, *rest), dparams = super().backward(residuals, dy)
        scale = residuals[0][3]
        return (dq / scale, dk / scale, *rest), dparams


@wrong("X91", "backward with the causal mask counted from the first key, forward from the last",
       "ffpa-attn#300", "flash-attention#436", revealed_by="fewer queries than keys")  # fmt: skip
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        (*kept, keep, p), parts = residuals
        if self.causal:
            keep, p = np.tri(*p.shape[2:], dtype=bool), p * np.tri(*p.shape[2:], dtype=bool)
        return super().backward(((*kept, keep, p), parts), dy)


@wrong("SQ13", "the causal mask counted from the first query and the first key",
       "torch: is_causal of scaled_dot_product_attention",
       revealed_by="fewer queries than keys")  # fmt: skip
class _(ScaledDotProductAttention):
    def forward(self, params, x):
        if not self.causal or len(x) > 3:
            return super().forward(params, x)
        q, k, v = x
        right = ScaledDotProductAttention(scale=self.scale, empty=self.empty)
        return right.forward(params, (q, k, v, np.tri(q.shape[2], k.shape[2], dtype=bool)))


@wrong("X93", "a boolean mask with the opposite meaning: True hides the key",
       "torch.nn.MultiheadAttention against scaled_dot_product_attention",
       revealed_by="a mask that is not symmetric")  # fmt: skip
class _(ScaledDotProductAttention):
    def forward(self, params, x):
        other = tuple(~part if part.dtype == bool else part for part in x)
        return super().forward(params, other)


@wrong("SQ14", "the gradient of an added mask is not summed where it was broadcast, but averaged",
       revealed_by="an added mask with an axis of 1")  # fmt: skip
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        if len(dx) > 3 and dx[3] is not None:
            dx = (*dx[:3], dx[3] * (dx[3].size / residuals[0][-1].size))
        return dx, dparams


@wrong("SQ15", "the softmax's Jacobian is taken for diagonal")
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        q, k, v, scale, _, _, p = residuals[0]
        ds = scale * p * (1 - p) * (dy @ v.swapaxes(-1, -2))
        dx, dparams = super().backward(residuals, dy)
        return (ds @ k, ds.swapaxes(-1, -2) @ q, *dx[2:]), dparams


@wrong("SQ16", "a query that sees no key gets what the other convention gives it",
       "pytorch#41508", "pytorch#103963", revealed_by="a mask with a row of False")  # fmt: skip
class _(ScaledDotProductAttention):
    def forward(self, params, x):
        empty = "mean" if self.empty == "zero" else "zero"
        other = ScaledDotProductAttention(self.causal, self.scale, empty)
        return other.forward(params, x)


@wrong("SQ17", "heads merged without turning heads and positions back",
       revealed_by="two heads and two positions")  # fmt: skip
class _(MultiHeadAttention):
    def forward(self, params, x):
        _, residuals = super().forward(params, x)
        merged = residuals[0][1]["o"][0]
        N, T, _ = merged.shape
        wrong = merged.reshape(N, T, self.heads, -1).swapaxes(1, 2).reshape(merged.shape)
        return self.parts()["o"].forward(params["o"], wrong)[0], residuals


@wrong("SQ18", "the memory's gradient comes from the values only", revealed_by="any input")
class _(MultiHeadAttention):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        (parts, kept, core, heads), cross = residuals
        o, _ = parts["o"].backward(kept["o"], dy)
        _, dk, _, _ = attention.attend_backward(
            core, attention.split_heads(o, heads).reshape(core[0].shape)
        )
        from_keys, _ = parts["k"].backward(kept["k"], attention.merge_heads(dk.sum(axis=2)))
        return ((dx[0], dx[1] - from_keys) if cross else dx - from_keys), dparams


@wrong("SQ19", "scores divided by √n, not by the √D of one head", revealed_by="two heads")
class _(MultiHeadAttention):
    def forward(self, params, x):
        q = {name: w / self.heads**0.5 for name, w in params["q"].items()}
        return super().forward({**params, "q": q}, x)


@wrong("X92", "dk and dv of a shared head from its first query only, not summed over the group",
       "levanter#449", "native-sparse-attention-triton#27",
       revealed_by="two queries for a key, or more")  # fmt: skip
class _(GroupedQueryAttention):
    def backward(self, residuals, dy):
        _, kept, core, heads = residuals
        dx, dparams = super().backward(residuals, dy)
        o, _ = self.parts()["o"].backward(kept["o"], dy)
        do = attention.split_heads(o, heads).reshape(core[0].shape)
        _, dk, dv, _ = attention.attend_backward(core, do)
        for name, d in (("k", dk), ("v", dv)):
            _, lost = self.parts()[name].backward(
                kept[name], attention.merge_heads(d[:, :, 1:].sum(axis=2))
            )
            dparams[name] = {"W": dparams[name]["W"] - lost["W"]}
        return dx, dparams


@wrong("SQ20", "query h uses key h mod G instead of h // (H/G)",
       revealed_by="two keys and two queries for each")  # fmt: skip
class _(GroupedQueryAttention):
    def forward(self, params, x):
        width = self.n // self.heads
        order = np.arange(self.heads).reshape(-1, self.kv_heads).T.reshape(-1)
        columns = (order[:, None] * width + np.arange(width)).reshape(-1)
        q, o = params["q"]["W"][:, columns], params["o"]["W"][columns]
        return super().forward({**params, "q": {"W": q}, "o": {"W": o}}, x)


def _alibi(x, slopes):
    q, k, v = x
    L, S = q.shape[2], k.shape[2]
    ahead = np.arange(S) - np.arange(S - L, S)[:, None]
    bias = np.asarray(slopes[:, None, None] * ahead, q.dtype)
    y, kept = attention.attend(q, k, v, q.shape[3] ** -0.5, bias, attention.causal(L, S))
    return y, (kept,)


@wrong("SQ21", "slopes from h = 0 on", revealed_by="any ordinary input")
class _(ALiBi):
    def forward(self, params, x):
        return _alibi(x, 2.0 ** (-8 * np.arange(self.heads) / self.heads))


@wrong("SQ22", "the bias favours what is far behind: its sign is wrong")
class _(ALiBi):
    def forward(self, params, x):
        return _alibi(x, -(2.0 ** (-8 * np.arange(1, self.heads + 1) / self.heads)))


# Positions


@wrong("X125", "backward turns by +θ, as forward does", "candle#3568",
       revealed_by="a position after the first")  # fmt: skip
class _(RotaryEmbedding):
    def backward(self, residuals, dy):
        (theta,) = residuals
        return self.turn(dy, theta), {}


@wrong("SQ23", "the other pairs of features are turned", revealed_by="four features or more")
class _(RotaryEmbedding):
    def turn(self, x, theta):
        other = RotaryEmbedding(self.n, self.base, not self.interleaved, self.first)
        return other.turn(x, theta)


@wrong("SQ24", "positions counted from 1", revealed_by="any ordinary input")
class _(RotaryEmbedding):
    def forward(self, params, x):
        other = RotaryEmbedding(self.n, self.base, self.interleaved, self.first + 1)
        return other.forward(params, x)


@wrong("SQ25", "the gradient of positions averaged over the sequences, not summed",
       revealed_by="two sequences or more")  # fmt: skip
class _(LearnedPositions):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return dx, {"W": dparams["W"] / len(dy)}


@wrong("SQ26", "the last rows are added and get the gradient, where x is shorter than the table",
       revealed_by="a sequence shorter than the table")  # fmt: skip
class _(LearnedPositions):
    def forward(self, params, x):
        return x + params["W"][self.longest - x.shape[-2] :], ()


@wrong("SQ27", "sines before cosines where they should alternate, and the other way round",
       "tensor2tensor against the paper", revealed_by="four features or more")  # fmt: skip
class _(SinusoidalPositions):
    def forward(self, params, x):
        other = SinusoidalPositions(self.n, self.base, not self.interleaved, self.first)
        return other.forward(params, x)


@wrong("SQ28", "the frequency of feature i is base^(-i/n) instead of base^(-2i/n)",
       revealed_by="four features or more")  # fmt: skip
class _(SinusoidalPositions):
    def forward(self, params, x):
        other = SinusoidalPositions(self.n, self.base**0.5, self.interleaved, self.first)
        return other.forward(params, x)
