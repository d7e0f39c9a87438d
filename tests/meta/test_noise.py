"""What the formulas of Monte Carlo arithmetic stand on: σ of a rounding, and what stays exact."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from backproof import SGD, Adam, AdamW, Conv2d, Dense, LayerNorm, ReLU, Sigmoid, Softmax, Tanh
from backproof.comparisons.cases import draw_params
from backproof.comparisons.formats import FORMATS
from backproof.comparisons.noise import CONSTANT, Honest, Noise, spread
from backproof.comparisons.noisy import Noisy
from backproof.comparisons.tolerances import rms
from backproof.reference.training import init_state, update
from backproof.reference.tree import leaves

U32 = FORMATS["float32"].u


class Probe(Noise):
    """Noise that changes nothing and remembers the σ of the last operation."""

    def perturb(self, y, sigma, key=None):
        self.sigma = None if sigma is None else np.array(sigma)
        return y


# σ of sums and products, against the rounding itself

DATA = {
    "mixed signs": lambda rng, n: rng.standard_normal(n),
    "one sign": lambda rng, n: rng.uniform(0.5, 1.5, n),
    "many scales": lambda rng, n: np.exp(3 * rng.standard_normal(n)),
    "cancelling": lambda rng, n: np.concatenate([a := rng.standard_normal(n // 2), -a * 1.001]),
}


@pytest.mark.parametrize("n", [2, 5, 6])
def test_sigma_of_a_sum_is_the_mean_over_all_orders(n):
    """Each rounding has the size of the partial sum; σ² is their expectation over every order."""
    x = np.random.default_rng(n).standard_normal(n)
    partial = [np.cumsum(order) for order in itertools.permutations(x)]
    probe = Probe("float32", (1.0,))
    probe.array(x).sum()
    assert probe.sigma**2 == pytest.approx(np.mean(np.sum(np.square(partial), axis=1)))


def _rounded(terms):
    """Sequential float32 sums of the rows of terms."""
    total = np.zeros(len(terms), np.float32)
    for column in terms.T.astype(np.float32):
        total += column
    return total.astype(np.float64)


@pytest.mark.parametrize("kind", DATA)
@pytest.mark.parametrize("n", [4, 64, 512])
def test_rounding_of_a_sum_stays_below_sigma_and_near_it(kind, n):
    rng = np.random.default_rng(n)
    x = DATA[kind](rng, n).astype(np.float32).astype(np.float64)
    probe = Probe("float32", (1.0,))
    probe.array(x).sum()
    orders = np.stack([rng.permutation(x) for _ in range(400)])
    errors = _rounded(orders) - math.fsum(x)
    assert 0.1 < np.sqrt(np.mean(errors**2)) / (U32 * float(probe.sigma[0])) < 1
    for other in (np.sum(orders.astype(np.float32), axis=1),  # pairwise, and blocked by BLAS
                  orders.astype(np.float32) @ np.ones(n, np.float32)):  # fmt: skip
        assert np.abs(other - math.fsum(x)).max() < 8 * U32 * float(probe.sigma[0])


@pytest.mark.parametrize("n", [3, 64, 512])
def test_rounding_of_a_matrix_product_stays_below_sigma_and_near_it(n):
    rng = np.random.default_rng(n)
    a, b = (rng.standard_normal((20, n)).astype(np.float32) for _ in range(2))
    probe = Probe("float32", (1.0,))
    exact = probe.array(a) @ probe.array(b.T)
    ratios = []
    for _ in range(20):
        order = rng.permutation(n)
        products = a[:, None, order] * b[None, :, order]  # rounded to float32
        rounded = _rounded(products.reshape(400, n)).reshape(20, 20)
        ratios.append((rounded - exact.base) / (U32 * probe.sigma[0]))
    assert 0.1 < rms(np.asarray(ratios)) < 1
    assert np.abs((a @ b.T - exact.base) / (U32 * probe.sigma[0])).max() < 8


@pytest.mark.parametrize("op", [np.exp, np.log, np.tanh, np.log1p, np.sqrt, np.divide, np.square])
def test_elementary_functions_stay_within_a_few_sigma(op):
    x = np.random.default_rng(0).uniform(0.1, 5, 2000).astype(np.float32)
    args = [x, x[::-1]][: op.nin]
    probe = Probe("float32", (1.0,))
    exact = op(*map(probe.array, args))
    error = op(*args).astype(np.float64) - exact.base
    assert np.abs(error / (U32 * probe.sigma[0])).max() < 4


# The arithmetic


def _noise(**changes):
    return Noise(**{"dtype": "float32", "deltas": (2.0**-10,) * 15, "seed": 0} | changes)


@pytest.mark.parametrize(
    "layer",
    [Dense(5, 4), Tanh(), Sigmoid(), ReLU(), Softmax(), LayerNorm(5), Conv2d(2, 3, 2, 1, 1)],
    ids=lambda layer: type(layer).__name__,
)
def test_replica_0_is_free_of_noise(layer):
    rng, noise = np.random.default_rng(0), _noise()
    x = rng.standard_normal((3, 2, 4, 5) if isinstance(layer, Conv2d) else (3, 5))
    params = draw_params(layer, rng, np.dtype(np.float64))
    y, residuals = layer.forward(params, x)
    noisy_y, noisy_residuals = layer.forward(noise.tree(params), noise.array(x))
    dy = rng.standard_normal(y.shape)
    right = [y, *(g for _, g in leaves(layer.backward(residuals, dy)))]
    noisy = [noisy_y, *(g for _, g in leaves(layer.backward(noisy_residuals, noise.array(dy))))]
    for wanted, got in zip(right, noisy, strict=True):
        np.testing.assert_allclose(got.base, wanted, rtol=1e-12, atol=1e-14)
    moved = [rms(spread(got.payload, noise.deltas)) for got in noisy if len(got.payload) > 1]
    assert len(moved) >= (0 if isinstance(layer, ReLU) else 2)
    assert all(0.1 < s < 1e3 for s in moved)


EXACT = {
    "neg": lambda x: -x,
    "abs": abs,
    "max": lambda x: x.max(axis=0),
    "maximum": lambda x: np.maximum(x, 0),
    "min": lambda x: x.min(axis=-1, keepdims=True),
    "reshape": lambda x: x.reshape(-1),
    "T": lambda x: x.T,
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "index": lambda x: x[1:, ::2],
    "pad": lambda x: np.pad(x, ((1, 1), (0, 2))),
    "concatenate": lambda x: np.concatenate([x, x], axis=-1),
    "stack": lambda x: np.stack([x, x]),
    "where": lambda x: np.where(x > 0, x, 0),
    "mask": lambda x: x * (np.abs(x.base) > 0.5),
    "sum of one": lambda x: x[:1].sum(axis=0),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_operations_stay_exact(name):
    x = np.random.default_rng(0).standard_normal((4, 6))
    got = EXACT[name](_noise().array(x))
    assert (got.payload == got.payload[:1]).all()
    plain = EXACT[name](x) if name != "mask" else x * (np.abs(x) > 0.5)
    np.testing.assert_array_equal(got.base, plain)


def test_rounding_operations_are_noisy():
    x = np.random.default_rng(0).standard_normal((4, 6))
    for op in (lambda x: x + 1, lambda x: x * x, lambda x: np.exp(x), lambda x: x.sum(axis=1),
               lambda x: x @ x.T, lambda x: x.mean(), lambda x: 1 / x):  # fmt: skip
        noisy = op(_noise().array(x))
        assert (noisy.payload[1:] != noisy.payload[:1]).all()


def test_an_exact_zero_stays_zero():
    got = _noise().array(np.array([0.0, 1.0])) * 3.0
    assert (got.payload[:, 0] == 0).all()
    assert (got.payload[1:, 1] != 3).all()


@pytest.mark.parametrize("honest", [False, True])
def test_a_zero_of_terms_that_cancel_does_not(honest):
    """Others round the products of 3/7 and -3/7 in another order, or fuse one of them."""
    x, w = np.array([[3.0, -3.0, 0.0], [0.0, 0.0, 0.0]]), np.full((3, 1), 1 / 7)
    y = (Honest("float32", 0) if honest else _noise()).array(x) @ w
    assert np.any(y.payload[:, 0] != 0)
    assert not np.any(y.payload[:, 1])


def test_entries_of_one_operation_share_half_of_their_noise():
    """The common mode: equal data makes equal errors; independent ones would average away."""
    noise = _noise(deltas=(2.0**-10,) * 4000)
    y = (noise.array(np.full((2, 3), 1.1)) * 1.1).payload[1:].reshape(4000, 6)
    off_diagonal = np.corrcoef(y.T)[~np.eye(6, dtype=bool)]
    assert np.abs(off_diagonal - 0.5).max() < 0.1
    assert np.std(y) / (2.0**-10 * 1.21) == pytest.approx(np.sqrt(2), rel=0.05)


# Scalars are wrong by the same amount everywhere


def _drift(steps, forget=False):
    """s/w of a weight that only decays, after some steps of AdamW with a zero gradient."""
    noise = Noise("float32", (2.0**-24,) * 200, seed=1)
    rule, p = noise.hyperparameters(AdamW(0.01, weight_decay=0.1)), {"w": noise.array(np.ones(1))}
    state = init_state(rule, p)
    for t in range(1, steps + 1):
        if forget:
            noise._scalars.clear()
        p, state = update(rule, {"w": noise.array(np.zeros(1))}, state, p, t)
    return float(spread(p["w"].payload, noise.deltas)[0] / p["w"].base[0])


def test_a_constant_is_wrong_by_the_same_amount_at_every_step():
    """1 - η λ is computed once in a framework: its error adds up like t, not like √t."""
    short, long = _drift(400), _drift(3200)
    assert 6 < long / short < 9  # 8 if coherent, √8 if not
    assert _drift(3200, forget=True) < long / 4


def test_a_hyperparameter_is_rounded_where_it_is_used():
    """optax has 1 - β₂ in double precision and β₂^t in single: their errors do not cancel."""
    noise = _noise(deltas=(2.0**-24,) * 400)
    beta = noise.hyperparameters(Adam()).beta2
    once, again, power = 1 - beta, 1 - beta, beta**1.0
    np.testing.assert_array_equal(once.payload, again.payload)
    errors = [np.ravel(a.payload - a.base)[1:] for a in (once, power)]
    assert abs(np.corrcoef(errors)[0, 1]) < 0.2
    assert np.std(errors[0]) == pytest.approx(CONSTANT * 2.0**-24 * np.sqrt(2), rel=0.2)


def test_a_scalar_operation_gives_the_same_result_twice_and_another_does_not():
    noise = _noise()
    rule = noise.hyperparameters(AdamW(0.01, weight_decay=0.1))
    twice = [1 - rule.lr * rule.weight_decay for _ in range(2)]
    np.testing.assert_array_equal(twice[0].payload, twice[1].payload)
    assert (twice[0].payload[1:] != twice[0].payload[:1]).all()
    other = 1 - noise.hyperparameters(AdamW(0.02, weight_decay=0.1)).lr * rule.weight_decay
    errors = [np.ravel(a.payload / a.base - 1)[1:] for a in (twice[0], other)]
    assert abs(np.corrcoef(errors)[0, 1]) < 0.9


def test_hyperparameters_that_every_format_holds_are_exact():
    rule = _noise().hyperparameters(SGD(0.5, momentum=0.9))
    assert len(rule.lr.payload) == 1
    assert (rule.momentum.payload[1:] != 0.9).all()


def test_noisy_arrays_say_what_they_cannot_do():
    x = _noise().array(np.ones((2, 2)))
    assert isinstance(x, Noisy)
    with pytest.raises(TypeError, match=r"np\.einsum has no noisy form"):
        np.einsum("ij->i", x)


def test_noise_is_not_lost_in_a_plain_array():
    plain = np.zeros((2, 2))
    with pytest.raises(TypeError, match="a plain one would lose its noise"):
        plain[0] = _noise().array(np.ones(2))
    with pytest.raises(TypeError, match="a plain one would lose its noise"):
        np.asarray(_noise().array(np.ones(2)))
