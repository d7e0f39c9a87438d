"""Wrong attention."""

from __future__ import annotations

import numpy as np

from ....reference import attention
from ....reference.layers.grouped_query_attention import GroupedQueryAttention
from ....reference.layers.multi_head_attention import MultiHeadAttention
from ....reference.layers.scaled_dot_product_attention import ScaledDotProductAttention
from ..registry import wrong

# ScaledDotProductAttention


@wrong("X90", "1/√D missing in dq and dk",
       revealed_by="two features in a head, or more",
       misses="D = 1 hides it; and Adam divides the factor away")  # fmt: skip
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        (dq, dk, *rest), dparams = super().backward(residuals, dy)
        scale = residuals[0][3]
        return (dq / scale, dk / scale, *rest), dparams


@wrong("X91", "backward with the causal mask counted from the first key, forward from the last",
       "ffpa-attn#300", "flash-attention#436",
       revealed_by="fewer queries than keys",
       misses="self-attention has as many queries as keys, where both masks are one")  # fmt: skip
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        (*kept, keep, p), parts = residuals
        if self.causal:
            keep, p = np.tri(*p.shape[2:], dtype=bool), p * np.tri(*p.shape[2:], dtype=bool)
        return super().backward(((*kept, keep, p), parts), dy)


@wrong("SQ13", "the causal mask counted from the first query and the first key",
       "torch: is_causal of scaled_dot_product_attention",
       revealed_by="fewer queries than keys",
       misses="self-attention has as many queries as keys, where both masks are one")  # fmt: skip
class _(ScaledDotProductAttention):
    def forward(self, params, x):
        if not self.causal or len(x) > 3:
            return super().forward(params, x)
        q, k, v = x
        right = ScaledDotProductAttention(scale=self.scale, empty=self.empty)
        return right.forward(params, (q, k, v, np.tri(q.shape[2], k.shape[2], dtype=bool)))


@wrong("X93", "a boolean mask with the opposite meaning: True hides the key",
       "torch.nn.MultiheadAttention against scaled_dot_product_attention",
       revealed_by="a mask that is not symmetric",
       misses="no mask in the test, or one that is symmetric")  # fmt: skip
class _(ScaledDotProductAttention):
    def forward(self, params, x):
        other = tuple(~part if part.dtype == bool else part for part in x)
        return super().forward(params, other)


@wrong("SQ14", "the gradient of an added mask is not summed where it was broadcast, but averaged",
       revealed_by="an added mask with an axis of 1",
       misses="masks are seldom differentiated, and mostly of full shape")  # fmt: skip
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        if len(dx) > 3 and dx[3] is not None:
            dx = (*dx[:3], dx[3] * (dx[3].size / residuals[0][-1].size))
        return dx, dparams


@wrong("SQ15", "the softmax's Jacobian is taken for diagonal",
       misses="the loss falls through the values; y is right")  # fmt: skip
class _(ScaledDotProductAttention):
    def backward(self, residuals, dy):
        scaled_q, k, v, scale, _, _, p = residuals[0]
        ds = p * (1 - p) * (dy @ v.swapaxes(-1, -2))
        dx, dparams = super().backward(residuals, dy)
        return (scale * (ds @ k), ds.swapaxes(-1, -2) @ scaled_q, *dx[2:]), dparams


@wrong("SQ16", "a query that sees no key gets what the other convention gives it", "pytorch#41508",
       "pytorch#103963",
       revealed_by="a mask with a row of False",
       misses="every query sees a key in an ordinary test")  # fmt: skip
class _(ScaledDotProductAttention):
    def forward(self, params, x):
        empty = "mean" if self.empty == "zero" else "zero"
        other = ScaledDotProductAttention(self.causal, self.scale, empty)
        return other.forward(params, x)


# MultiHeadAttention, GroupedQueryAttention


@wrong("SQ17", "heads merged without turning heads and positions back",
       revealed_by="two heads and two positions",
       misses="a test of shapes alone; one head; or one position")  # fmt: skip
class _(MultiHeadAttention):
    def forward(self, params, x):
        _, residuals = super().forward(params, x)
        merged = residuals[0][1]["o"][0]
        N, T, _ = merged.shape
        wrong = merged.reshape(N, T, self.heads, -1).swapaxes(1, 2).reshape(merged.shape)
        return self.parts()["o"].forward(params["o"], wrong)[0], residuals


@wrong("SQ18", "the memory's gradient comes from the values only",
       revealed_by="any input",
       misses="self-attention trains well enough by its values")  # fmt: skip
class _(MultiHeadAttention):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        (parts, kept, core, heads), cross, inputs = residuals
        o, _ = parts["o"].backward(kept["o"], dy)
        _, dk, _, _ = attention.attend_backward(
            core, attention.split_heads(o, heads).reshape(core[0].shape)
        )
        from_keys, _ = parts["k"].backward(kept["k"], attention.merge_heads(dk.sum(axis=2)))
        if not isinstance(inputs, slice):
            return dx - from_keys, dparams
        own, *rest = dx
        rest = (rest[0] - from_keys, *rest[1:]) if cross else rest
        return ((own if cross else own - from_keys), *rest), dparams


@wrong("SQ19", "scores divided by √n, not by the √D of one head",
       revealed_by="two heads",
       misses="one head, where n = D; or Adam, which divides the factor away")  # fmt: skip
class _(MultiHeadAttention):
    def forward(self, params, x):
        q = {name: w / self.heads**0.5 for name, w in params["q"].items()}
        return super().forward({**params, "q": q}, x)


@wrong("X92", "dk and dv of a shared head from its first query only, not summed over the group",
       "levanter#449", "native-sparse-attention-triton#27",
       revealed_by="two queries for a key, or more",
       misses="as many key heads as query heads, which is plain attention")  # fmt: skip
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
       revealed_by="two keys and two queries for each",
       misses="one query head for each key head, or one key head for all")  # fmt: skip
class _(GroupedQueryAttention):
    def forward(self, params, x):
        width = self.n // self.heads
        order = np.arange(self.heads).reshape(-1, self.kv_heads).T.reshape(-1)
        columns = (order[:, None] * width + np.arange(width)).reshape(-1)
        q, o = params["q"]["W"][:, columns], params["o"]["W"][columns]
        return super().forward({**params, "q": {"W": q}, "o": {"W": o}}, x)


@wrong("SQ29", "a boolean mask with the opposite meaning: True hides the key",
       "torch.nn.MultiheadAttention has that",
       revealed_by="a mask",
       misses="no mask in the test, or none of booleans")  # fmt: skip
class _(MultiHeadAttention):
    def forward(self, params, x):
        *rest, last = x if isinstance(x, tuple) else (x,)
        masked = last.dtype == bool
        return super().forward(params, (*rest, ~last) if masked else x)


@wrong("SQ30", "a query that sees no key gets the mean of the values",
       "jax.nn.dot_product_attention",
       revealed_by="a row of False in the mask",
       misses="every query sees a key in an ordinary test")  # fmt: skip
class _(MultiHeadAttention):
    def forward(self, params, x):
        *rest, last = x if isinstance(x, tuple) else (x,)
        if last.dtype != bool:
            return super().forward(params, x)
        y, residuals = super().forward(params, (*rest, last | ~last.any(axis=-1, keepdims=True)))
        return y, residuals
