"""Every exercise can be solved, and typical wrong answers get the right answer back.

``SOLUTIONS`` fills the holes of an exercise in their order, or repairs the planted bug by
replacing a piece of its code. ``WRONG`` spoils the solution: the piece that is replaced, by what,
and words that the answer to it must hold. They are checked in this process: see
test_exercises.py for the one that learners' code runs in.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from backproof.comparisons.exercises import exercises
from backproof.comparisons.exercises.checking import check

HOLE = re.compile(r"^( *)raise NotImplementedError\(.*\)$", re.MULTILINE)

NORM = (
    "dgamma = (dy * x_hat).sum(axis=0)\ndbeta = dy.sum(axis=0)",
    "g = gamma * dy\n"
    "dx = r * (g - g.mean(axis=AXIS, keepdims=True)\n"
    "          - x_hat * (g * x_hat).mean(axis=AXIS, keepdims=True))",
)

SOLUTIONS: dict[str, tuple[str, ...] | dict[str, str]] = {
    "sigmoid": ("return 1 / (1 + np.exp(-z))",),
    "neuron": ("return sigmoid(w @ x + b)",),
    "cost": ("return np.mean((a - y) ** 2)",),
    "neuron-gradient": ("dz = 2 * (a - y) * a * (1 - a)", "dw = x * dz\ndb = dz"),
    "sigmoid-backward": ("return da * a * (1 - a)",),
    "bug-sigmoid": {"slope = z * (1 - z)": "slope = a * (1 - a)"},
    "bug-cost": {"n = len(a)": "n = a.size"},
    "update": ("return w - lr * dw",),
    "train": (
        "a = sigmoid(x @ w + b)\ncosts.append(np.mean((a - y) ** 2))",
        "dz = 2 * (a - y) / len(y) * a * (1 - a)\ndw = x.T @ dz\ndb = dz.sum()",
        "w = w - lr * dw\nb = b - lr * db",
    ),
    "bug-loop": {
        "    dw, db = np.zeros_like(w), 0.0\n    for _ in range(steps):\n":
        "    for _ in range(steps):\n        dw, db = np.zeros_like(w), 0.0\n",
    },
    "dense": ("return x @ W + b",),
    "dense-backward": ("dx = dy @ W.T", "dW = x.T @ dy", "db = dy.sum(axis=0)"),
    "hidden-blame": ("da1 = dz2 @ W2.T", "a1 = sigmoid(z1)\ndz1 = da1 * a1 * (1 - a1)"),
    "bug-dense": {"dy.mean(axis=0)": "dy.sum(axis=0)"},
    "bug-two-layers": {
        "    W2 = W2 - lr * dW2\n": "",
        "    da1 = da2 @ W2.T\n": "    da1 = da2 @ W2.T\n    W2 = W2 - lr * dW2\n",
    },
    "finite-differences": (
        "p, m = x.copy(), x.copy()\np[i] += h\nm[i] -= h\ng[i] = (f(p) - f(m)) / (2 * h)",
    ),
    "softmax": (
        "e = np.exp(z - z.max(axis=-1, keepdims=True))\n"
        "return e / e.sum(axis=-1, keepdims=True)",
    ),
    "softmax-cross-entropy": (
        "N = len(labels)\nC = -log_p[np.arange(N), labels].mean()",
        "dz = np.exp(log_p)\ndz[np.arange(N), labels] -= 1\ndz = dz / N",
    ),
    "bug-softmax": {"sum(axis=0, keepdims=True)": "sum(axis=1, keepdims=True)"},
    "conv2d": (
        "window = x[:, :, stride * h : stride * h + K, stride * w : stride * w + K]",
        "y[:, :, h, w] = np.tensordot(window, W, axes=((1, 2, 3), (1, 2, 3))) + b",
    ),
    "conv2d-backward": (
        "db = dy.sum(axis=(0, 2, 3))",
        "dW += np.tensordot(here, x[:, :, rows, columns], axes=(0, 0))",
        "dx[:, :, rows, columns] += np.tensordot(here, W, axes=(1, 0))",
    ),
    "max-pool-backward": (
        "i, j = np.unravel_index(window.argmax(), window.shape)\n"
        "dx[n, c, top + i, left + j] += dy[n, c, h, w]",
    ),
    "batch-norm-backward": tuple(part.replace("AXIS", "0") for part in NORM),
    "layer-norm-backward": tuple(part.replace("AXIS", "-1") for part in NORM),
    "bug-max-pool": {"left + j] = dy": "left + j] += dy"},
    "bug-layer-norm": {
        "dx = r * (dx_hat - by_r)":
        "dx = r * (dx_hat - dx_hat.mean(axis=-1, keepdims=True) - by_r)",
    },
    "rnn-backward": (
        "dz = (dh[:, t] + from_later) * (1 - h[:, t] ** 2)",
        "dWx += x[:, t].T @ dz\ndWh += before.T @ dz\ndb += dz.sum(axis=0)",
        "dx[:, t] = dz @ Wx.T\nfrom_later = dz @ Wh.T",
    ),
    "lstm-backward": (
        "dht = dh[:, t] + dh_later\ntanh_c = np.tanh(c)\ndo = dht * tanh_c\n"
        "dc = dc_later + dht * o * (1 - tanh_c**2)",
        "df, di, dg = dc * c_before, dc * g, dc * i\ndc_later = dc * f",
        "dz = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o),\n"
        "                     dg * (1 - g**2)], axis=1)",
        "dWx += x[:, t].T @ dz\ndWh += h_before.T @ dz\ndb += dz.sum(axis=0)\n"
        "dx[:, t] = dz @ Wx.T\ndh_later = dz @ Wh.T",
    ),
    "attention-backward": (
        "dv, dp = p.T @ dy, dy @ v.T",
        "ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))",
        "dq, dk = scale * ds @ k, scale * ds.T @ q",
    ),
    "bug-rnn": {
        "dWh += state.T @ dz":
        "before = h[:, t - 1] if t else h0\n        dWh += before.T @ dz",
    },
    "momentum": ("m = mu * m + g", "w = w - lr * m"),
    "adam": (
        "m = beta1 * m + (1 - beta1) * g\nv = beta2 * v + (1 - beta2) * g**2",
        "m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)",
        "w = w - lr * m_hat / (np.sqrt(v_hat) + eps)",
    ),
    "adamw": (
        "m = beta1 * m + (1 - beta1) * g\nv = beta2 * v + (1 - beta2) * g**2",
        "m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)",
        "w = w - lr * decay * w - lr * m_hat / (np.sqrt(v_hat) + eps)",
    ),
    "bug-adam": {"(1 - beta1)\n": "(1 - beta1**t)\n", "(1 - beta2)\n": "(1 - beta2**t)\n"},
}  # fmt: skip

WRONG: dict[str, list[tuple[str, str, str]]] = {
    "sigmoid": [
        ("np.exp(-z)", "np.exp(z)", "the sign in the exponent"),
        ("1 / (1 + np.exp(-z))", "1 / np.exp(-z)", "1 + is missing"),
        ("return 1", "return 2", "your a is the right numbers times 2"),
        ("1 / (1 + np.exp(-z))", "np.tanh(z)", "those of Tanh, not those of Sigmoid"),
    ],
    "neuron": [
        ("w @ x + b", "w @ x", "the bias left out"),
        ("sigmoid(w @ x + b)", "w @ x + b", "the activation is left out"),
        ("w @ x + b", "w * x + b", "shape (3,), and should be one number"),
    ],
    "cost": [
        ("np.mean(", "np.sum(", "a sum where a mean is meant"),
        ("np.mean((a - y) ** 2)", "np.mean((a - y) ** 2) / 2", "half the mean of squares"),
        ("(a - y) ** 2", "np.abs(a - y)", "those of L1Loss, not"),
        ("np.mean((a - y) ** 2)", "((a - y) ** 2).sum() / len(a)", "times 3"),
    ],
    "neuron-gradient": [
        ("2 * (a - y)", "(a - y)", "factor 2"),
        ("2 * (a - y)", "2 * (y - a)", "wrong sign"),
        (" * a * (1 - a)", "", "derivative left out"),
    ],
    "sigmoid-backward": [
        ("a * (1 - a)", "1 / (1 + np.exp(-a)) * (1 - 1 / (1 + np.exp(-a)))", "applied to the act"),
        ("return da * a", "return a", "ones for da"),
        (" * a * (1 - a)", "", "left out"),
        (" * (1 - a)", "", "without the factor 1 - a"),
    ],
    "bug-sigmoid": [
        ("slope = a * (1 - a)", "slope = z * (1 - z)", "pre-activation z in place of the act"),
        ("slope = a * (1 - a)", "slope = 1 - a**2", "that of tanh"),
        ("slope = a * (1 - a)", "slope = a", "without the factor 1 - a"),
    ],
    "bug-cost": [
        ("n = a.size", "n = len(a)", "divided by the batch size, not by the number of elements"),
        ("n = a.size", "n = 1", "a sum where a mean is meant"),
        ("2 * (a - y)", "(a - y)", "factor 2"),
        ("(a - y)", "(y - a)", "wrong sign"),
    ],
    "update": [
        ("w - lr", "w + lr", "up the gradient"),
        ("lr * dw", "dw", "the learning rate left out"),
        ("w - lr * dw", "-lr * dw", "`w` left out"),
        ("return w - lr * dw", "w -= lr * dw\n    return w", "changes its argument w in place"),
    ],
    "train": [
        ("/ len(y)", "", "a sum where a mean is meant"),
        ("w - lr * dw\n        b = b -", "w + lr * dw\n        b = b +", "up the gradient"),
        (" * a * (1 - a)", "", "derivative left out"),
        ("2 * (a - y)", "(a - y)", "factor 2"),
    ],
    "bug-loop": [
        ("        dw, db = np.zeros_like(w), 0.0\n", "        dw, db = (np.zeros_like(w), 0.0) if "
         "_ == 0 else (dw, db)\n", "not zeroed"),
        ("w - lr * dw\n        b = b -", "w + lr * dw\n        b = b +", "up the gradient"),
        ("costs.append(np.mean((a - y) ** 2))", "costs = [np.mean((a - y) ** 2)]",
         "holds 1 number, and should hold one for each step"),
    ],
    "dense": [
        ("x @ W + b", "x @ W", "the bias left out"),
        ("x @ W + b", "x @ W + 2 * b", "bias twice"),
        ("x @ W + b", "W @ x + b", "ValueError"),
        ("x @ W + b", "x @ W + b.sum()", "the sum of b"),
    ],
    "dense-backward": [
        ("dy.sum(axis=0)", "dy.mean(axis=0)", "averaged over the batch instead of summed"),
        ("x.T @ dy", "x.T @ dy / len(x)", "averaged over the batch instead of summed"),
        ("x.T @ dy", "dy.T @ x", "transposed"),
        ("dy @ W.T", "dy @ W", "these matrices cannot be multiplied: size 4 is different from 3"),
        ("dy.sum(axis=0)", "dy.sum(axis=1)", "shape"),
    ],
    "hidden-blame": [
        (" * a1 * (1 - a1)", "", "derivative left out"),
        ("a1 = sigmoid(z1)", "a1 = z1", "pre-activation"),
        ("a1 = sigmoid(z1)", "a1 = sigmoid(sigmoid(z1))", "applied to the activation again"),
    ],
    "bug-dense": [
        ("dy.sum(axis=0)", "dy.mean(axis=0)", "averaged over the batch instead of summed"),
        ("dy.sum(axis=0)", "dy.sum(axis=1)", "shape"),
        ("dy.sum(axis=0)", "dy.sum()", "one number, and should be of shape"),
    ],
    "bug-two-layers": [
        ("    da1 = da2 @ W2.T\n    W2 = W2 - lr * dW2\n",
         "    W2 = W2 - lr * dW2\n    da1 = da2 @ W2.T\n",
         "upper weights that are already updated"),
        ("2 * (a2 - y)", "(a2 - y)", "factor 2"),
        (" * a1 * (1 - a1)", "", "derivative left out"),
    ],
    "finite-differences": [
        ("(f(p) - f(m)) / (2 * h)", "(f(p) - f(x)) / h", "to one side"),
        ("(f(p) - f(m)) / (2 * h)", "(f(p) - f(m)) / h", "times 2"),
        ("p[i] += h\n        m[i] -= h", "p += h\n        m -= h", "all entries of x"),
        ("p, m = x.copy(), x.copy()", "p, m = x, x.copy()", "changes its argument x in place"),
    ],
    "softmax": [
        ("z - z.max(axis=-1, keepdims=True)", "z", "NaN"),
        ("e.sum(axis=-1, keepdims=True)", "e.sum(axis=0, keepdims=True)", "axis 0 instead"),
        ("e.sum(axis=-1, keepdims=True)", "e.sum()", "axis (0, 1) instead"),
        ("z.max(axis=-1, keepdims=True)", "z.max(axis=-1)", "ValueError"),
    ],
    "softmax-cross-entropy": [
        ("dz = dz / N", "", "the factor `1/N` missing"),
        ("labels].mean()", "labels].sum()", "a sum where a mean is meant"),
        ("dz[np.arange(N), labels] -= 1", "dz[np.arange(N), labels] += 1", "added in"),
        ("C = -log_p", "C = log_p", "minus sign missing"),
    ],
    "bug-softmax": [
        ("sum(axis=1, keepdims=True)", "sum(axis=0, keepdims=True)", "sums over the first axis"),
        ("(dp - total)", "(dp + total)", "added instead of subtracted"),
        ("p * (dp - total)", "p * (1 - p) * dp", "only the diagonal"),
    ],
    "conv2d": [
        ("window, W,", "window, W[:, :, ::-1, ::-1],", "flipped"),
        (" + b", "", "left out"),
        ("(1, 2, 3)))", "(1, 3, 2)))", "axes"),
        ("stride * w : stride * w + K]", "w : w + K]", "y[2, 2, 2, 1] is"),
    ],
    "conv2d-backward": [
        ("columns] += np", "columns] = np", "overwrite"),
        ("dy.sum(axis=(0, 2, 3))", "dy.sum(axis=0).mean(axis=(1, 2))",
         "times 1/12, one over the pixels of"),
        ("tensordot(here, W,", "tensordot(here, W[:, :, ::-1, ::-1],",
         "flipped once too often for dx"),
        ("dW += np", "dW = np", "the last position alone: = instead of +="),
    ],
    "max-pool-backward": [
        ("left + j] += dy", "left + j] = dy", "overwrite"),
        ("window.argmax()", "window.size - 1 - window.ravel()[::-1].argmax()",
         "ties go to the last"),
        ("window.argmax()", "window.argmin()", "smallest entry in the place of the largest"),
    ],
    "batch-norm-backward": [
        ("g = gamma * dy", "g = dy", "not multiplied by γ"),
        ("(g - g.mean(axis=0, keepdims=True)", "(g", "left out in `dx_hat"),
        ("dgamma = (dy * x_hat).sum(axis=0)", "dgamma = (dy * x_hat).mean(axis=0)",
         "a mean instead of a sum"),
        ("dx = r * (", "dx = (", "the factor `r` missing"),
    ],
    "layer-norm-backward": [
        ("g = gamma * dy", "g = dy", "not multiplied by γ"),
        ("(g - g.mean(axis=-1, keepdims=True)", "(g", "mean's term left out"),
        ("- x_hat * (g * x_hat).mean(axis=-1, keepdims=True))", ")", "variance's term left out"),
        ("dbeta = dy.sum(axis=0)", "dbeta = dy.sum(axis=1)", "shape"),
    ],
    "bug-max-pool": [
        ("left + j] += dy", "left + j] = dy", "overwrite"),
        ("window.argmax()", "window.size - 1 - window.ravel()[::-1].argmax()",
         "ties go to the last"),
        ("left + j] += dy[n, c, h, w]", "left + j] += 1", "ones for"),
    ],
    "bug-layer-norm": [
        ("- dx_hat.mean(axis=-1, keepdims=True) ", "", "mean's term left out"),
        ("- by_r", "", "variance's term left out"),
        ("- dx_hat.mean(axis=-1, keepdims=True)", "- 2 * dx_hat.mean(axis=-1, keepdims=True)",
         "subtracted twice"),
    ],
    "rnn-backward": [
        ("(dh[:, t] + from_later)", "dh[:, t]", "`from_later` left out"),
        ("before.T @ dz", "h[:, t].T @ dz", "state after the step"),
        ("(1 - h[:, t] ** 2)", "(1 - before ** 2)", "before the step instead of after"),
        ("db += dz", "db = dz", "first step alone: = instead of +="),
    ],
    "lstm-backward": [
        ("dc_later + dht", "dht", "dropped"),
        ("dc_later = dc * f", "dc_later = dc", "the factor `f` missing"),
        ("dht = dh[:, t] + dh_later", "dht = dh[:, t]", "`dh_later` left out"),
        ("di * i * (1 - i), df * f * (1 - f)", "df * f * (1 - f), di * i * (1 - i)",
         "in the order f, i, o, g"),
    ],
    "attention-backward": [
        ("scale * ds @ k, scale * ds.T @ q", "ds @ k, ds.T @ q", "1/√D missing"),
        ("p * (dp - (dp * p).sum(axis=1, keepdims=True))", "p * (1 - p) * dp", "diagonal"),
        ("(dp * p).sum(axis=1", "(dp * p).sum(axis=0", "axis 2 instead"),
        ("p.T @ dy", "p @ dy", "ValueError"),
    ],
    "bug-rnn": [
        ("dWh += before.T", "dWh += state.T", "state after the step"),
        ("(dh[:, t] + from_later)", "dh[:, t]", "`from_later` left out"),
        ("(1 - state**2)", "(1 - state)", "the factor `h[:, t]` missing"),
    ],
    "momentum": [
        ("mu * m + g", "mu * m + (1 - mu) * g", "times 1 - mu"),
        ("w - lr * m", "w + lr * m", "up the gradient"),
        ("mu * m + g", "g", "forgotten"),
        ("m = mu * m + g\n    w = w - lr * m", "m = mu * m + lr * g\n    w = w - m",
         "inside the momentum buffer"),
    ],
    "adam": [
        ("m / (1 - beta1**t), v / (1 - beta2**t)", "m, v", "no bias correction"),
        ("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)", "inside the square root"),
        ("m / (1 - beta1**t), v / (1 - beta2**t)", "m / (1 - beta1), v / (1 - beta2)", "1 - β^t"),
        ("(1 - beta2) * g**2", "(1 - beta2) * g", "its w holds NaN"),
        ("m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)",
         "m_hat, v_hat = m, v = m / (1 - beta1**t), v / (1 - beta2**t)", "kept in the place of m"),
    ],
    "adamw": [
        ("w - lr * decay * w", "w - decay * w", "not multiplied by the learning rate"),
        ("m = beta1", "g = g + decay * w\n    m = beta1", "w added to the gradient"),
        ("w - lr * decay * w", "w", "left out"),
    ],
    "bug-adam": [
        ("(1 - beta1**t)\n", "(1 - beta1)\n", "1 - β1 in the place of 1 - β1^t"),
        ("beta1**t)\n    v_hat = v / (1 - beta2**t)",
         "beta1**(t + 1))\n    v_hat = v / (1 - beta2**(t + 1))", "t + 1"),
        ("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat + eps)", "inside the square root"),
    ],
}  # fmt: skip

# Other ways to write what is right: loops, other formulas, one value after the other.
AS_RIGHT: dict[str, list[str]] = {
    "sigmoid": [
        "def sigmoid(z):\n    return 0.5 * (1 + np.tanh(z / 2))",
        "from math import exp\n"
        "def sigmoid(z):\n    return np.vectorize(lambda v: 1 / (1 + exp(-v)))(z)",
    ],
    "neuron": ["""
def neuron(x, w, b):
    for i in range(len(x)):
        b += w[i] * x[i]
    return 1 / (1 + np.exp(-b))
"""],
    "update": ["def update(w, dw, lr):\n    w = w.copy()\n    w -= lr * dw\n    return w"],
    "dense-backward": ["""
def dense_backward(x, W, dy):
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[1])
    for n, o in np.ndindex(dy.shape):
        db[o] += dy[n, o]
        for i in range(len(W)):
            dx[n, i] += dy[n, o] * W[i, o]
            dW[i, o] += x[n, i] * dy[n, o]
    return dx, dW, db
"""],
    "softmax": ["""
def softmax(z):
    m = z.max(axis=-1, keepdims=True)
    return np.exp(z - m - np.log(np.exp(z - m).sum(axis=-1, keepdims=True)))
"""],
    "conv2d": ["""
def conv2d(x, W, b, stride):
    N, C, H, V = x.shape
    O, _, K, _ = W.shape
    y = np.zeros((N, O, (H - K) // stride + 1, (V - K) // stride + 1))
    for n, o, h, w in np.ndindex(y.shape):
        window = x[n, :, stride * h : stride * h + K, stride * w : stride * w + K]
        y[n, o, h, w] = b[o] + (window * W[o]).sum()
    return y
"""],
    "batch-norm-backward": ["""
def batch_norm_backward(x, gamma, dy, eps):
    v, c, g = x.var(0), x - x.mean(0), dy * gamma
    s = np.sqrt(v + eps)
    dv = (g * c).sum(0) * -0.5 * (v + eps) ** -1.5
    dm = (-g / s).sum(0) + dv * (-2 * c).mean(0)
    return g / s + dv * 2 * c / len(x) + dm / len(x), (dy * c / s).sum(0), dy.sum(0)
"""],
    "layer-norm-backward": ["""
def layer_norm_backward(x, gamma, dy, eps):
    D, dx = x.shape[1], np.zeros_like(x)
    s = np.sqrt(x.var(1, keepdims=True) + eps)
    h = (x - x.mean(1, keepdims=True)) / s
    for n in range(len(x)):
        dx[n] = (np.eye(D) - 1 / D - np.outer(h[n], h[n]) / D) @ (gamma * dy[n]) / s[n]
    return dx, (dy * h).sum(0), dy.sum(0)
"""],
    "attention-backward": ["""
def attention_backward(q, k, v, dy):
    p = np.exp(q @ k.T / np.sqrt(q.shape[1]))
    p = p / p.sum(1, keepdims=True)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for i in range(len(q)):
        ds = (np.diag(p[i]) - np.outer(p[i], p[i])) @ (v @ dy[i]) / np.sqrt(q.shape[1])
        dq[i], dk, dv = ds @ k, dk + np.outer(ds, q[i]), dv + np.outer(p[i], dy[i])
    return dq, dk, dv
"""],
    "adam": ["""
def adam(w, g, m, v, t, lr, beta1, beta2, eps):
    m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g * g - v)
    root = np.sqrt(v) / np.sqrt(1 - beta2**t)
    return w - lr / (1 - beta1**t) * m / (root + eps), m, v
"""],
}  # fmt: skip


@cache
def solved(name: str) -> str:
    """The exercise's code with the solution in it."""
    exercise, solution = exercises()[name], SOLUTIONS[name]
    code = exercise.code
    if isinstance(solution, dict):
        for old, new in solution.items():
            assert old in code, old
            code = code.replace(old, new)
        return code
    fillings = iter(solution)

    def fill(hole: re.Match[str]) -> str:
        return "\n".join(hole.group(1) + line for line in next(fillings).split("\n"))

    code = HOLE.sub(fill, code)
    assert next(fillings, None) is None, "a filling without a hole"
    return code


def answer(name: str, code: str, folder: Path):
    exercise = exercises()[name]
    path = folder / exercise.file
    path.write_text(f"import numpy as np\n{code}", encoding="utf-8")
    return check(exercise, path)


def test_there_are_solutions_and_wrong_answers_for_every_exercise():
    assert exercises().keys() == SOLUTIONS.keys() == WRONG.keys()
    assert min(map(len, WRONG.values())) >= 3
    bugs = [e for e in exercises().values() if e.mutant]
    assert len(bugs) == 10
    assert len(exercises()) - len(bugs) >= 24


@pytest.mark.parametrize("name", exercises())
def test_a_solution_is_right(name, tmp_path):
    outcome = answer(name, solved(name), tmp_path)
    assert outcome.kind == "right", outcome
    assert outcome.passed == tuple(case.when for case in exercises()[name].cases)


@pytest.mark.parametrize(
    ("name", "code"), [(n, code) for n, all_ in AS_RIGHT.items() for code in all_]
)
def test_another_formula_is_right_too(name, code, tmp_path):
    outcome = answer(name, code, tmp_path)
    assert outcome.kind == "right", outcome


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [pytest.param(name, *wrong, id=f"{name}-{i}") for name, all_ in WRONG.items()
     for i, wrong in enumerate(all_)],
)  # fmt: skip
def test_a_wrong_answer_is_told_what_is_wrong(name, old, new, words, tmp_path):
    code = solved(name)
    assert old in code
    outcome = answer(name, code.replace(old, new), tmp_path)
    told = f"{outcome.text} | {outcome.cause}"
    assert outcome.kind != "right"
    assert words.lower() in told.lower(), told


@pytest.mark.parametrize("name", [n for n, e in exercises().items() if e.mutant])
def test_a_planted_bug_is_the_mutant_that_it_names(name, tmp_path):
    exercise = exercises()[name]
    outcome = answer(name, exercise.code, tmp_path)
    assert outcome.kind == "wrong"
    assert exercise.mutant in outcome.ids
