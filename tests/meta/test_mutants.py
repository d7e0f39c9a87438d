"""Every wrong implementation is caught on the very cases that the suite runs, by its own rules."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import pandas as pd
import pytest

from backproof import (
    SGD,
    Adam,
    AdamW,
    Dense,
    MeanSquaredError,
    Residual,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
    compare_function,
    compare_initialiser,
    compare_optimizer,
    compare_training,
    compare_vjp,
)
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.cases import draw_params
from backproof.comparisons.mutants import Mutant, adapter, mutants, substitute, wrong
from backproof.reference import discovery
from backproof.reference.tree import as_dtype, tree_map

MUTANTS = mutants()
TARGETS = sorted({m.target for m in MUTANTS.values()}, key=lambda target: target.__name__)

# What float32 cannot show: the mutation is smaller than honest rounding there, on every sample.
BELOW_FLOAT32 = {
    "F07": "a rate wrong by 1e-6 moves a weight by 17 roundings of its step, fewer of the weight",
    "T09": "a rate wrong by 1e-6 moves a weight by 17 roundings of its step, fewer of the weight",
    "T10": "in float32 there is no wider precision to fall from",
}

# The rows of the published list of mistakes that concern what exists today.
PUBLISHED = {
    f"X{n:02d}"
    for n in (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 29,
              30, 33, 36, 37, 38, 39, 44, 45, 48, 50, 53, 54, 55, 56, 57, 58, 61, 62, 64, 65, 66,
              67, 68, 69, 70, 72, 73, 74, 75, 76, 79, 80, 81, 82, 83, 84, 86, 87, 88, 89, 90, 91,
              92, 93, 94, 95, 96, 97, 98, 99, 100, 102, 103, 105, 106, 107, 108, 109, 110, 111,
              112, 113, 116, 118, 119, 120, 124, 125)
}  # fmt: skip


def _layout(a):
    """The array with its axes reversed in memory."""
    return np.asarray(a.T.copy().T)


def _cotangent(rng, y):
    return _layout(rng.standard_normal(y.shape).astype(y.dtype))


def _vjp_tables(spec_class, dtype, candidates):
    for seed, sample in enumerate(spec_class.samples()):
        rng, spec = np.random.default_rng(seed), sample.spec
        x = as_dtype(sample.x(rng), dtype)
        given = {"x": x, "adapters": candidates, "seed": seed}
        if sample.target is None:
            params = draw_params(spec, rng, np.dtype(dtype))
            y, _ = spec.forward(params, x)
            dy = tree_map(partial(_cotangent, rng), as_dtype(y, dtype))
            given |= {"params": params, "dy": dy}
        else:
            given["target"] = as_dtype(sample.target(rng), dtype)
        yield compare_vjp(spec, **given)


def _optimizer_tables(spec_class, dtype, candidates):
    for seed, sample in enumerate(spec_class.samples()):
        params = {"w": sample.x(np.random.default_rng(seed)).astype(dtype)}
        yield compare_optimizer(
            sample.spec, params=params, gradient_scale=sample.gradient_scale, dtype=dtype,
            adapters=candidates, seed=seed,
        )  # fmt: skip


def _function_tables(spec_class, dtype, candidates):
    for seed, sample in enumerate(spec_class.samples()):
        x = as_dtype(sample.x(np.random.default_rng(seed)), dtype)
        yield compare_function(sample.spec, x=x, dtype=dtype, adapters=candidates, seed=seed)


def _initialiser_tables(spec_class, dtype, candidates):
    for sample in spec_class.samples():
        shape = tuple(int(n) for n in sample.x(np.random.default_rng(0)))
        yield compare_initialiser(sample.spec, shape=shape, dtype=dtype, adapters=candidates)


def _training_tables(dtype, candidates):
    cases = [
        (Sequential(Dense(3, 4), Sigmoid(), Dense(4, 2)), MeanSquaredError(), SGD(0.5)),
        (Sequential(Dense(3, 5), Tanh(), Dense(5, 3)), SoftmaxCrossEntropy(), Adam(0.01)),
        (Sequential(Dense(2, 3), Tanh(), Dense(3, 2)), MeanSquaredError(), AdamW(0.01)),
        (Sequential(Dense(2, 3), Tanh(), Dense(3, 2)), MeanSquaredError(), SGD(0.1, momentum=0.9)),
    ]
    for seed, (network, loss, optimizer) in enumerate(cases):
        rng = np.random.default_rng(seed)
        first, last = network.layers[0].n_in, network.layers[-1].n_out
        label = isinstance(loss, SoftmaxCrossEntropy)
        batches = [
            (rng.standard_normal((6, first)).astype(dtype),
             rng.integers(0, last, 6) if label else rng.standard_normal((6, last)).astype(dtype))
            for _ in range(5)
        ]  # fmt: skip
        yield compare_training(
            network, loss, optimizer, batches=batches, adapters=candidates, dtype=dtype, seed=seed
        )


def _tables(target, dtype, candidates):
    if target is NumpyReference:
        return _training_tables(dtype, candidates)
    if target.__name__ in discovery.initialisers():
        return _initialiser_tables(target, dtype, candidates)
    if target.__name__ in discovery.functions():
        return _function_tables(target, dtype, candidates)
    is_optimizer = target.__name__ in discovery.optimizers()
    return (_optimizer_tables if is_optimizer else _vjp_tables)(target, dtype, candidates)


@cache
def _rows(target, dtype):
    """Every mutant of the target, and the right implementation run in the same way, as rows."""
    same = Mutant("unmutated", target, "", (), "", "", variation=type("Same", (target,), {}))
    wrong = [adapter(m) for m in MUTANTS.values() if m.target is target]
    return pd.concat(list(_tables(target, dtype, [adapter(same), *wrong])))


def _of(id, dtype):
    rows = _rows(MUTANTS[id].target, dtype)
    return rows[rows.candidate == id]


def _caught(rows):
    return bool((rows.verdict == "mismatch").any())


@pytest.mark.parametrize("id", MUTANTS)
def test_every_mutant_is_caught_in_float64(id):
    rows = _of(id, "float64")
    assert _caught(rows), f"{MUTANTS[id].description}: {rows.noise_ratio.max()}"
    assert not (rows.verdict == "error").any(), set(rows.reason)


@pytest.mark.parametrize("id", MUTANTS)
def test_float32_misses_exactly_what_its_rounding_hides(id):
    rows = _of(id, "float32")
    assert not (rows.verdict == "error").any(), set(rows.reason)
    assert _caught(rows) == (id not in BELOW_FLOAT32), f"noise ratio {rows.noise_ratio.max()}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_harness_itself_changes_nothing(target, dtype):
    """The right implementation, substituted as the mutants are, matches everywhere."""
    rows = _rows(target, dtype)
    rows = rows[rows.candidate == "unmutated"]
    assert set(rows.verdict) <= {"match", "structural zero"}, rows[rows.verdict != "match"]
    assert (rows.verdict == "match").any()


# A distribution is not off by a number.
DRAWN = [id for id, m in MUTANTS.items() if m.target.__name__ in discovery.initialisers()]


@pytest.mark.parametrize("id", [id for id in MUTANTS if id not in DRAWN])
def test_no_mutant_is_equivalent(id):
    """Its numbers differ from the reference's, whatever the tolerances say of the difference."""
    rows = _of(id, "float64")
    assert rows.normwise_error.max() > 1e-12 or (rows.finding == "not finite").any()
    unmutated = _rows(MUTANTS[id].target, "float64").query("candidate == 'unmutated'")
    assert unmutated.normwise_error.max() < 1e-13


def test_the_registry_is_large_and_complete():
    assert len(MUTANTS) >= 390
    assert len(PUBLISHED) >= 90
    assert not PUBLISHED - set(MUTANTS)
    assert set(TARGETS) == {*discovery.everything().values(), NumpyReference}
    for mutant in MUTANTS.values():
        assert mutant.description
        assert mutant.sources
        assert mutant.revealed_by


def test_a_mutant_is_put_in_at_every_depth():
    network = Sequential(Dense(2, 2), Residual(Sequential(Tanh(), Dense(2, 2))))
    wrong = substitute(network, Dense, MUTANTS["X01"].make)
    assert type(wrong.layers[0]) is type(wrong.layers[1].inner.layers[1]) is not Dense
    assert wrong.layers[0].n_in == 2
    assert type(wrong.layers[1].inner.layers[0]) is Tanh
    assert type(network.layers[0]) is type(network.layers[1].inner.layers[1]) is Dense


def test_an_id_is_given_once():
    with pytest.raises(ValueError, match="two mutants have the id X01"):
        wrong("X01", "again")(type("Again", (Dense,), {}))
