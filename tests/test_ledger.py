"""The ledger: steps of the reference, lined up with the events of a framework by their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from backproof.adapters.tracing import Tracer
from backproof.comparisons.ledger.matching import Index, multiple, same
from backproof.comparisons.ledger.problem import explain, of_named
from backproof.comparisons.ledger.steps import record
from backproof.comparisons.named_network import NamedNetwork
from backproof.reference.layers.batchnorm1d import BatchNorm1d
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.sequential import Sequential
from backproof.reference.losses.mean_squared_error import MeanSquaredError


def test_the_frameworks_can_be_traced(framework):
    assert isinstance(framework, Tracer)


# Steps


@pytest.fixture
def steps(explained):
    """The steps of a network's backward pass."""

    def of(name):
        problem = explained.problem(name)
        program = record(problem.network, problem.loss, *problem.draws[0])
        return [s for s in program.steps if s.call.phase == "backward" and not s.part]

    return of


def test_steps_are_named_and_placed(steps):
    """Mazur's backward pass in the order of the program: seven steps, two of them gradients."""
    found = [(s.call.path, s.call.layer, s.name, s.leaf) for s in steps("mazur") if s.role]
    assert found == [
        ("loss", "MeanSquaredError", "dp", ""),
        ("3", "Sigmoid", "dx", ""),
        ("2", "Dense", "dx", ""), ("2", "Dense", "dW", "d2.W"),
        ("1", "Sigmoid", "dx", ""),
        ("0", "Dense", "dx", "dx"), ("0", "Dense", "dW", "d0.W"),
    ]  # fmt: skip
    slope = next(s for s in steps("mazur") if s.call.path == "3")
    assert slope.text == "dy * y * (1 - y)"
    assert slope.where.startswith("layers/sigmoid.py:")


def test_a_combinator_adds_only_what_it_computes(steps):
    """Residual's own step is the sum; it is marked as a fork, in which two cotangents meet."""
    own = [s for s in steps("residual") if s.call.layer in ("Residual", "Sequential")]
    assert [(s.call.layer, s.text, s.fork) for s in own] == [("Residual", "dy + dx", True)]


def test_what_is_written_into_has_its_last_value(steps):
    """Of an array that is filled bit by bit, the step is the whole."""
    spread = [s for s in steps("cnn") if s.call.layer == "Conv2d" and s.role == "dx"]
    assert spread[0].value.any()
    filled = [s for s in steps("cnn") if "x[tap] += " in s.statement]
    assert filled
    assert all(s.value.any() for s in filled)


# Matching


def draws(*shape):
    return [np.random.default_rng(seed).standard_normal(shape) for seed in (1, 2)]


@pytest.mark.parametrize(
    ("change", "layout"),
    [
        (lambda a: a.copy(), ""),
        (lambda a: a[:, None], "(3, 4, 5) as (3, 1, 4, 5)"),
        (lambda a: a.transpose(2, 0, 1), "axes (2, 0, 1)"),
        (lambda a: a.reshape(12, 5), "(3, 4, 5) as (12, 5)"),
        (lambda a: a.transpose(1, 0, 2).reshape(12, 5), "axes (1, 0, 2), (3, 4, 5) as (12, 5)"),
    ],
)
def test_a_layout_is_named(change, layout):
    one = draws(3, 4, 5)
    found = Index([[change(a) for a in one]]).find(one)
    assert [(i, found.text) for i, found in found] == [(0, layout)]


@pytest.mark.parametrize(("factor", "seen"), [(-1.0, -1.0), (5.0, 5.0), (1 + 1e-8, 1 + 1e-8)])
def test_a_multiple_is_no_match(factor, seen):
    one = draws(3, 4)
    other = [factor * a for a in one]
    assert same(other, one) is None
    assert Index([one]).find(other) == []
    assert multiple(other, one) == pytest.approx(seen, rel=1e-12)


def test_equal_in_one_draw_is_no_match():
    one = draws(3, 4)
    assert same(one, [one[0].copy(), one[1][::-1].copy()]) is None
    assert multiple(one, [one[0] * 2, one[1] * 3]) is None


# The networks: how many steps have a counterpart

MEASURED = {  # steps of the backward pass that torch and JAX have too, as they are and unfused
    "mazur": (7, 7, 7, 7), "mlp": (8, 8, 8, 8), "residual": (12, 12, 12, 12),
    "cnn": (9, 9, 16, 16), "layer-norm": (10, 10, 11, 11), "attention": (17, 19, 19, 19),
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_steps_have_counterparts(name, framework, explained):
    torch, jax, torch_unfused, jax_unfused = MEASURED[name]
    fused, unfused = {"torch": (torch, torch_unfused), "jax": (jax, jax_unfused)}[framework.name]
    assert explained.ledger(name).matched(framework.name, "backward")[0] >= fused
    assert explained.ledger(name, unfused=True).matched(framework.name, "backward")[0] >= unfused


@pytest.mark.parametrize("name", MEASURED)
def test_no_step_is_hidden_in_elementary_operations(name, framework, explained):
    """Of neither pass; in fused ones some are, and it is told in which."""
    for unfused in (True, False):
        rows = explained.ledger(name, unfused).rows
        lacking = [r for r in rows if r.is_step and framework.name not in r.matches]
        assert not (unfused and [(r.step.call.path, r.step.name) for r in lacking])
        assert all(r.inside[framework.name] for r in lacking)


@pytest.mark.parametrize("name", MEASURED)
def test_what_passes_between_layers_matches(name, framework, explained):
    """Fused or not; every gradient is the one that the framework holds for that parameter."""
    rows = [r for r in explained.ledger(name).rows if r.passes]
    assert all(framework.name in r.matches for r in rows)
    assert all(r.matches[framework.name].relative < 1e-12 for r in rows)
    leaves = {r.step.leaf for r in rows if r.matches[framework.name].anchored}
    assert leaves >= {f"d{r.step.leaf[1:]}" for r in rows if r.step.leaf} != set()


def test_a_batch_of_one_is_shown_beside_its_own_events(framework, explained):
    """JAX needs fewer equations for one sample than for the five that steps are lined up by."""
    assert len(explained.problem("lesson").shown[1]) == 1
    assert explained.ledger("lesson").worst(framework.name) < 1e-12


def test_forks_meet_forks(framework, explained):
    """Our sum of two cotangents is the framework's own, whoever writes it down."""
    (row,) = (r for r in explained.ledger("residual").rows if r.step.fork)
    assert row.matches[framework.name].event.fork


@pytest.mark.parametrize("right", [True, False])
def test_a_true_zero_is_not_wrong_but_a_false_one_is(right, framework, monkeypatch):
    """A bias before a batch norm has no gradient, only rounding; to forget one is a mistake."""
    network = Sequential(Dense(3, 4), BatchNorm1d(4), Dense(4, 2))
    case = NamedNetwork("normed", "", network, MeanSquaredError(), lambda: _drawn(3, 2))
    if not right:
        gradient = Dense.gradient

        def forgetful(self, residuals, dy):
            return {**gradient(self, residuals, dy), "W": 0.0 * residuals[1]}

        monkeypatch.setattr(Dense, "gradient", forgetful)
    ledger = explain(of_named(case), {framework.name: framework})
    matched, held = ledger.gradients(framework.name)
    assert matched < held
    assert (ledger.first_unmatched(framework.name) is None) == right


def _drawn(n_in, n_out):
    rng = np.random.default_rng(0)
    return rng.standard_normal((8, n_in)), rng.standard_normal((8, n_out))
