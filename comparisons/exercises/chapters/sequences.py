"""Chapter 10, sequences: back through time, and attention."""

from __future__ import annotations

import numpy as np

from ....reference.draws import many
from ....reference.layers.lstm import LSTM
from ....reference.layers.rnn import RNN
from ....reference.layers.scaled_dot_product_attention import ScaledDotProductAttention
from ..exercise import Case, Exercise

RECURRENT = {"x": "x.0", "h0": "x.1", "h": "y.0", "dh": "dy.0", "dx": "dx.0", "dh0": "dx.1",
             "c0": "x.2", "dc0": "dx.2"}  # fmt: skip
INSIDE = {"dstates[0]": "from_later", "dy[t]": "dh[:, t]", "h": "h[:, t]"}
FIRST = dict.fromkeys(("h0", "c0", "dh0", "dc0"), np.s_[0])  # the one cell there is
ATTENTION = {"q": "x.0", "k": "x.1", "v": "x.2", "dq": "dx.0", "dk": "dx.1", "dv": "dx.2"}
HEAD = dict.fromkeys((*ATTENTION, "dy"), np.s_[0, 0])
RNN_TEXT = """
    h_t = tanh(x_t Wx + b + h_t-1 Wh)   x: (N, T, I)     h: (N, T, H)     h_-1 = h0: (N, H)
                                        Wx: (I, H)       Wh: (H, H)       b: (H,)

Given h and dh = ∂C/∂h (N, T, H), by its direct use at each step, go back through time.
"""


def _rnn(when: str, n: int, steps: int, inputs: int, hidden: int) -> Case:
    return Case(when, RNN(inputs, hidden), many((n, steps, inputs), (1, n, hidden)), unused=("1",))


def _lstm(when: str, n: int, steps: int, inputs: int, hidden: int) -> Case:
    state = 1, n, hidden
    draw = many((n, steps, inputs), state, state)
    return Case(when, LSTM(inputs, hidden), draw, unused=("1", "2"))


def _attention(when: str, queries: int, keys: int, width: int, values: int) -> Case:
    shapes = (1, 1, queries, width), (1, 1, keys, width), (1, 1, keys, values)
    return Case(when, ScaledDotProductAttention(), many(*shapes))


EXERCISES = [
    Exercise(
        name="rnn-backward",
        chapter=10,
        title="back through time",
        text=RNN_TEXT,
        function="rnn_backward(x, h0, Wx, Wh, h, dh) -> dx, dh0, dWx, dWh, db",
        code='''
def rnn_backward(x, h0, Wx, Wh, h, dh):
    """dx (N, T, I), dh0 (N, H), dWx (I, H), dWh (H, H) and db (H,)."""
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    from_later = np.zeros_like(h0)  # what arrives at h_t from step t + 1
    for t in reversed(range(x.shape[1])):
        before = h[:, t - 1] if t > 0 else h0
        # h_t has two uses: it is an output, and it goes into step t + 1. Then back through tanh.
        raise NotImplementedError("dz, the gradient of the argument of tanh")
        # The weights are used in every step.
        raise NotImplementedError("dWx, dWh, db")
        # And on to x_t, and to the state before.
        raise NotImplementedError("dx[:, t] and from_later")
    return dx, from_later, dWx, dWh, db
''',
        worked=_rnn("one sample, two steps", 1, 2, 1, 2),
        cases=(
            _rnn("two samples, five steps", 2, 5, 3, 2),
            _rnn("a single step", 3, 1, 2, 3),
            _rnn("as many inputs as hidden nodes", 2, 4, 3, 3),
        ),
        hints=(
            "A single step is a Dense layer with a tanh behind it. Get that case right first.",
            "tanh' is 1 - tanh²: which array holds tanh already, and of which step?",
            "z_t = x_t Wx + b + h_t-1 Wh: dWh gets, in each step, h_t-1ᵀ dz_t; and h_t-1 gets "
            "dz_t Whᵀ.",
        ),
        words=RECURRENT,
        views=FIRST,
        ours=INSIDE,
    ),
    Exercise(
        name="lstm-backward",
        chapter=10,
        title="the LSTM, backward",
        text="""
    i, f, o = σ(.), g = tanh(.) of the four blocks of  x_t Wx + b + h_t-1 Wh      in this order
    c_t = f c_t-1 + i g                 x: (N, T, I)     h, c: (N, T, H)     h0, c0: (N, H)
    h_t = o tanh(c_t)                   Wx: (I, 4H)      Wh: (H, 4H)         b: (4H,)

Given dh = ∂C/∂h (N, T, H). The forward pass is given, and keeps what you need.
""",
        function="lstm_backward(x, h0, c0, Wx, Wh, b, dh) -> dx, dh0, dc0, dWx, dWh, db",
        code='''
def sigmoid(z):
    """Given, in a form in which no exponential overflows."""
    return np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))


def forward(x, h0, c0, Wx, Wh, b):
    """For every step: (h_t-1, c_t-1, i, f, o, g, c_t), each (N, H)."""
    h, c, kept = h0, c0, []
    for t in range(x.shape[1]):
        zi, zf, zo, zg = np.split(x[:, t] @ Wx + b + h @ Wh, 4, axis=1)
        i, f, o, g = sigmoid(zi), sigmoid(zf), sigmoid(zo), np.tanh(zg)
        before, c = c, f * c + i * g
        kept.append((h, before, i, f, o, g, c))
        h = o * np.tanh(c)
    return kept


def lstm_backward(x, h0, c0, Wx, Wh, b, dh):
    """dx (N, T, I), dh0 and dc0 (N, H), dWx (I, 4H), dWh (H, 4H) and db (4H,)."""
    kept = forward(x, h0, c0, Wx, Wh, b)
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
    dh_later, dc_later = np.zeros_like(h0), np.zeros_like(c0)  # what arrives from step t + 1
    for t in reversed(range(x.shape[1])):
        h_before, c_before, i, f, o, g, c = kept[t]
        # h_t = o tanh(c_t), and both h_t and c_t are used in step t + 1, too.
        raise NotImplementedError("the gradients of h_t, of c_t, and of o")
        # c_t = f c_t-1 + i g.
        raise NotImplementedError("the gradients of f, i, g, and dc_later for the step before")
        # Back through σ and tanh, the four blocks side by side again: (N, 4H).
        raise NotImplementedError("dz")
        # From here on it is an RNN.
        raise NotImplementedError("dWx, dWh, db, dx[:, t] and dh_later")
    return dx, dh_later, dc_later, dWx, dWh, db
''',
        worked=_lstm("one sample, two steps", 1, 2, 1, 1),
        cases=(
            _lstm("two samples, five steps", 2, 5, 3, 2),
            _lstm("a single step", 3, 1, 2, 3),
            _lstm("as many inputs as hidden nodes", 2, 3, 2, 2),
        ),
        hints=(
            "A single step first: h = o tanh(c) and c = f c0 + i g are products, and a product "
            "gives each factor the other one.",
            "c_t has two uses: in h_t, and in c_t+1 by the factor f of step t + 1. Both add up.",
            "In dz the order of the blocks is i, f, o, g; the slopes are σ (1 - σ) for the gates, "
            "and 1 - g² for g.",
        ),
        words=RECURRENT,
        views=FIRST,
        ours={
            "dstates[0]": "dh_later",
            "dy[t]": "dh[:, t]",
            "ifo[:, H:2 * H]": "f",
            "ifo[:, H : 2 * H]": "f",
            "ifo[:, :H]": "i",
            "ifo[:, 2 * H:]": "o",
            "ifo[:, 2 * H :]": "o",
        },
    ),
    Exercise(
        name="attention-backward",
        chapter=10,
        title="attention, backward",
        text="""
    s = q kᵀ / √D                       q: (L, D)     k: (S, D)     v: (S, E)     s, p: (L, S)
    p = softmax(s), over the keys       each row of p sums to 1
    y = p v                             y: (L, E)

Given dy = ∂C/∂y (L, E), find dq, dk and dv.
""",
        function="attention_backward(q, k, v, dy) -> dq, dk, dv",
        code='''
def attention_backward(q, k, v, dy):
    """dq (L, D), dk (S, D) and dv (S, E) from dy (L, E)."""
    scale = 1 / np.sqrt(q.shape[1])
    s = q @ k.T * scale
    e = np.exp(s - s.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    # y = p v is a product of two matrices, as in Dense.
    raise NotImplementedError("dv and dp")
    # Back through the softmax: every s has a part in every p of its row.
    raise NotImplementedError("ds")
    # And s = q kᵀ / √D is a product again.
    raise NotImplementedError("dq and dk")
    return dq, dk, dv
''',
        worked=_attention("one query, two keys", 1, 2, 2, 2),
        cases=(
            _attention("three queries, four keys", 3, 4, 2, 5),
            _attention("as many queries as keys", 4, 4, 3, 3),
            _attention("a single key", 3, 1, 2, 2),
        ),
        hints=(
            "Three stations, each of which you know: a product, a softmax, a product.",
            "Softmax: ds_ij = p_ij (dp_ij - Σ_m p_im dp_im). The sum is over the keys.",
            "The factor 1/√D stands between s and q kᵀ: it is in dq and in dk, once each.",
        ),
        words=ATTENTION,
        views=HEAD,
    ),
    Exercise(
        name="bug-rnn",
        chapter=10,
        title="find the bug: back through time",
        mutant="SQ11",
        text=RNN_TEXT + "\nOne gradient is wrong, and training goes on all the same. Repair it.\n",
        function="rnn_backward(x, h0, Wx, Wh, h, dh) -> dx, dh0, dWx, dWh, db",
        code='''
def rnn_backward(x, h0, Wx, Wh, h, dh):
    """dx (N, T, I), dh0 (N, H), dWx (I, H), dWh (H, H) and db (H,)."""
    dx, dWx, dWh, db = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(len(Wh))
    from_later = np.zeros_like(h0)
    for t in reversed(range(x.shape[1])):
        state = h[:, t]
        dz = (dh[:, t] + from_later) * (1 - state**2)
        dWx += x[:, t].T @ dz
        dWh += state.T @ dz
        db += dz.sum(axis=0)
        dx[:, t] = dz @ Wx.T
        from_later = dz @ Wh.T
    return dx, from_later, dWx, dWh, db
''',
        worked=_rnn("one sample, two steps", 1, 2, 1, 2),
        cases=(
            _rnn("two samples, five steps", 2, 5, 3, 2),
            _rnn("a single step", 3, 1, 2, 3),
        ),
        hints=(
            "Check each gradient against finite differences: which one is wrong?",
            "z_t = x_t Wx + b + h_t-1 Wh. What is Wh multiplied by in step t?",
            "h is indexed by t; the state before step t is one earlier, and at t = 0 it is h0.",
        ),
        words=RECURRENT,
        views=FIRST,
        ours=INSIDE,
    ),
]
