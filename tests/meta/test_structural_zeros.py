"""What is zero by the mathematics has a verdict of its own, decided by the gold value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from backproof import (
    BatchNorm2d,
    Candidate,
    Conv2d,
    Dense,
    Flatten,
    ReLU,
    Sequential,
    Softmax,
    Tanh,
    compare_vjp,
)
from backproof.comparisons.cases import draw_params
from backproof.reference.attention import attend, attend_backward

PRECISIONS = ("float32", "float64")


@dataclass(frozen=True)
class KeyBias:
    """Attention whose keys have a bias, which adds the same to all scores of a query."""

    n: int

    def init(self, rng):
        matrices = {name: rng.standard_normal((self.n, self.n)) for name in ("Wq", "Wk")}
        return {**matrices, "b": np.zeros(self.n)}

    def forward(self, p, x):
        y, core = attend(x @ p["Wq"], x @ p["Wk"] + p["b"], x, self.n**-0.5)
        return y, (p, x, core)

    def backward(self, residuals, dy):
        p, x, core = residuals
        dq, dk, dv, _ = attend_backward(core, dy)
        rows = x.reshape(-1, self.n)
        dp = {name: rows.T @ d.reshape(-1, self.n) for name, d in (("Wq", dq), ("Wk", dk))}
        dp["b"] = dk.reshape(-1, self.n).sum(axis=0)
        return dq @ p["Wq"].T + dk @ p["Wk"].T + dv, dp


@dataclass(frozen=True)
class Shift:
    """y = x + b with one number b: a softmax after it does not see it."""

    def init(self, rng):
        return {"b": rng.standard_normal(1)}

    def forward(self, p, x):
        return x + p["b"], ()

    def backward(self, residuals, dy):
        return dy, {"b": dy.reshape(-1, 1).sum(axis=0)}


def _dead(rng, dtype):
    """Units that no input reaches: their weights have an exact gradient of zero."""
    network = Sequential(Dense(4, 5), ReLU(), Dense(5, 2))
    params = draw_params(network, rng, np.dtype(dtype))
    params[0]["b"][...] -= 100
    return network, params


def _drawn(network):
    return lambda rng, dtype: (network, draw_params(network, rng, np.dtype(dtype)))


NORMALISED = Sequential(Conv2d(2, 3, 2), BatchNorm2d(3), Tanh(), Flatten(), Dense(27, 2))
CASES = {
    "a bias before batch normalisation": (_drawn(NORMALISED), (4, 2, 4, 4), {"0.b"}),
    "the bias of an attention's keys": (_drawn(KeyBias(4)), (2, 3, 4), {"b"}),
    "a shift before a softmax": (
        _drawn(Sequential(Dense(3, 4), Shift(), Softmax())), (5, 3), {"1.b"}
    ),
    "dead units": (_dead, (6, 4), {"", "0.W", "0.b", "2.W"}),
}  # fmt: skip


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", CASES)
def test_a_structural_zero_is_found_and_nothing_else_is(name, dtype):
    draw, shape, zeros = CASES[name]
    network, params = draw(np.random.default_rng(0), dtype)
    rows = compare_vjp(network, x=shape, params=params, adapters=["numpy"], dtype=dtype)
    found = rows[rows.verdict == "structural zero"]
    assert set(found.leaf) == zeros
    assert set(rows.verdict) == {"match", "structural zero"}
    assert "zero to rounding" in found.reason.iloc[0]


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", CASES)
def test_a_structural_zero_may_not_be_anything_else(name, dtype):
    """A thousand roundings of what the sum is made of are a mismatch."""
    draw, shape, zeros = CASES[name]
    network, params = draw(np.random.default_rng(0), dtype)
    small = 1e-2 if dtype == "float32" else 1e-9

    def vjp(network, params, x, dy):
        y, residuals = network.forward(params, x)
        dx, dparams = network.backward(residuals, dy)
        layer = dparams if isinstance(dparams, dict) else dparams["1.b" in zeros]
        layer["b"] = layer["b"] + np.asarray(small, dtype)
        return y, dx, dparams

    wrong = Candidate("wrong", vjp=vjp)
    rows = compare_vjp(network, x=shape, params=params, adapters=[wrong], dtype=dtype)
    (leaf,) = {leaf for leaf in zeros if leaf.endswith("b")}
    assert rows[rows.leaf == leaf].verdict.tolist() == ["mismatch"]


def test_the_key_bias_in_torch_and_jax(installed):
    """A layer of one's own, translated where it is used."""
    if "torch" in installed:
        import torch.nn.functional as F

        from backproof.adapters.torch_autograd.registry import apply as of_torch

        of_torch.register(KeyBias)(
            lambda layer, p, x: F.scaled_dot_product_attention(x @ p["Wq"], x @ p["Wk"] + p["b"], x)
        )
    if "jax" in installed:
        import jax

        from backproof.adapters.jax_grad.registry import apply as of_jax

        @of_jax.register
        def _(layer: KeyBias, p, x):
            scores = (x @ p["Wq"]) @ (x @ p["Wk"] + p["b"]).swapaxes(1, 2) * layer.n**-0.5
            return jax.nn.softmax(scores) @ x

    for dtype in PRECISIONS:
        rows = compare_vjp(KeyBias(4), x=(2, 3, 4), adapters=installed, dtype=dtype)
        assert set(rows[rows.leaf == "b"].verdict) == {"structural zero"}
        assert set(rows[rows.leaf != "b"].verdict) == {"match"}


def test_a_small_gradient_is_no_zero_but_may_be_swamped():
    """Of a saturated tanh float32 has no digit left: that is said, and is no match."""
    x = np.array([[9.0, 9.5, 8.7]])
    rows = compare_vjp(Tanh(), x=x.astype(np.float32), adapters=["numpy"])
    dx = rows[rows.quantity == "dx"].iloc[0]
    assert dx.verdict == "unresolved"
    assert dx.reason.startswith("rounding noise swamps the value: an error of ")
    wide = compare_vjp(Tanh(), x=x, adapters=["numpy"])
    assert set(wide.verdict) == {"match"}
