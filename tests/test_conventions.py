"""One name, two rules: each framework matches its own form, and differs from the other, always."""

from __future__ import annotations

import numpy as np
import pytest

import backproof
from backproof.adapters.loading import load
from backproof.adapters.numpy_reference import NumpyReference
from backproof.adapters.protocols import Candidate
from backproof.comparisons.compare import compare_convention
from backproof.comparisons.conventions import CONVENTIONS, UPDATES
from backproof.comparisons.divergences import OF_CONVENTIONS
from backproof.comparisons.posing import evaluation, replay
from backproof.reference import discovery
from backproof.reference.tree import joined

BY_ID = {convention.id: convention for convention in CONVENTIONS}
OPTIMIZERS = [id for id, c in BY_ID.items() if c.item in discovery.optimizers()]
SCHEDULES = [id for id, c in BY_ID.items() if c.item in discovery.schedules()]
# optax computes the decay of Adafactor, and rates from its int32 count, in single precision.
SINGLE = ("ADAFACTOR-DEFAULTS", "RMSPROP-RATE")


@pytest.fixture
def torch():
    """With float64 by default: torch keeps some numbers of a state in its default dtype."""
    module = pytest.importorskip("torch")
    before = module.get_default_dtype()
    module.set_default_dtype(module.float64)
    yield module
    module.set_default_dtype(before)


@pytest.fixture
def optax():
    return pytest.importorskip("optax")


def at(home, rows):
    return rows[rows.case.str.contains(f" as in {home}: ")]


def test_a_framework_matches_at_home_and_differs_elsewhere(named, precision, installed):
    convention = named.convention
    rows = compare_convention(convention, adapters=installed, dtype=precision)
    early = (rows.step > 0) & (rows.step < convention.since)
    assert set(rows.verdict[early]) <= {"match"}
    for home in convention.forms:
        for name in installed:
            here = at(home, rows[~early & (rows.candidate == name)])
            expected = "match" if name in ("numpy", home) else "known divergence"
            if (convention.id, name, home) == ("MUON-DEFAULTS", "torch", "torch"):
                expected = "known divergence"  # in bfloat16, for which there is a record
                assert here.reason.str.startswith("TORCH-MUON: ").all()
            elif expected == "known divergence":
                assert here.reason.str.startswith(f"{convention.id}: {convention.reason}").all()
            assert set(here.verdict) == {expected}, here.to_string()


def test_two_forms_that_agree_are_an_unexpected_match(named):
    """Who runs the reference's form under the framework's name no longer differs."""
    convention = named.convention
    right = NumpyReference()
    for home, away in (("torch", "jax"), ("jax", "torch")):
        form = convention.forms[home].spec
        same = Candidate(
            away, optimize=lambda _, params, grads, form=form: right.optimize(form, params, grads),
            evaluate=lambda _, x, dtype, form=form: right.evaluate(form, x, dtype),
        )  # fmt: skip
        rows = at(home, compare_convention(convention, adapters=[same]))
        late = (rows.step == 0) | (rows.step >= convention.since)
        assert set(rows.verdict[late]) == {"unexpected match"}
        assert set(rows.verdict[~late]) <= {"match"}


def test_it_is_as_far_apart_as_the_record_says(named):
    """Measured with the reference's two forms; the frameworks match them to rounding."""
    convention = named.convention
    first, second = (form.spec for form in convention.forms.values())
    x = convention.x(np.random.default_rng(0))
    if convention.id in OPTIMIZERS:
        scale = convention.gradient_scale
        problem = replay(first, {"w": x}, None, UPDATES, scale, "float64", 0)
        a, b = (weights(NumpyReference(), spec, problem) for spec in (first, second))
        way = a[-1] - joined(problem.params)
        different = [t for t in range(UPDATES) if not np.allclose(a[t], b[t], 1e-12, 0)]
        assert [t + 1 for t in different] == list(range(max(convention.since, 1), UPDATES + 1))
        a, b = a[-1], b[-1]
    else:
        problem = evaluation(first, x, "float64")
        a, b = (joined(spec(problem.x)) for spec in (first, second))
        way = a
    apart = np.linalg.norm(a - b) / np.linalg.norm(way)
    assert f"{apart:.2g}" == f"{convention.apart:.2g}"


def weights(adapter, spec, problem):
    return [joined(p) for p, _ in adapter.optimize(spec, problem.params, problem.grads)]


def test_there_is_a_record_for_each_of_the_two(named):
    convention = named.convention
    records = [record for record in OF_CONVENTIONS if record.id == convention.id]
    assert {(r.candidate, r.case) for r in records} == {
        ("jax", f"* as in torch: {convention.id}"), ("torch", f"* as in jax: {convention.id}"),
    }  # fmt: skip
    for record in records:
        assert record.source
        assert f"{convention.apart:.2g} apart" in record.reason


# What one writes is what is compared: the calls as they stand in the records, evaluated.


def called(id, home, **names):
    return eval(BY_ID[id].forms[home].call, names)


@pytest.mark.parametrize("id", OPTIMIZERS)
def test_the_torch_call_is_its_form(torch, id):
    convention, start = BY_ID[id], BY_ID[id].x(np.random.default_rng(0))
    problem = replay(
        convention.forms["torch"].spec, {"w": start}, None, UPDATES, convention.gradient_scale,
        "float64", 0,
    )  # fmt: skip
    turned = id.startswith("MUON")  # torch's matrices are (out, in)
    w = torch.tensor(start.T if turned else start)
    made = called(id, "torch", torch=torch, w=w)
    optimizer, *schedulers = made if isinstance(made, tuple) else (made,)
    own = weights(load("torch"), problem.optimizer, problem)
    for now, g in zip(own, problem.grads, strict=True):
        w.grad = torch.tensor(g["w"].T if turned else g["w"])
        optimizer.step(lambda: torch.zeros(()))
        for scheduler in schedulers:
            scheduler.step()
        np.testing.assert_array_equal(now, (w.T if turned else w).numpy().ravel())


@pytest.mark.parametrize("id", OPTIMIZERS)
def test_the_optax_call_is_its_form(optax, id):
    jax = pytest.importorskip("jax")
    convention, start = BY_ID[id], BY_ID[id].x(np.random.default_rng(0))
    problem = replay(
        convention.forms["jax"].spec, {"w": start}, None, UPDATES, convention.gradient_scale,
        "float64", 0,
    )  # fmt: skip
    rtol = 1e-6 if id in SINGLE else 1e-13
    with jax.enable_x64(True):
        made = called(id, "jax", optax=optax)
        w, state = start, made.init(start)
        own = weights(load("jax"), problem.optimizer, problem)
        for now, g in zip(own, problem.grads, strict=True):
            updates, state = jax.jit(made.update)(g["w"], state, w)
            w = optax.apply_updates(w, updates)
            np.testing.assert_allclose(now, np.ravel(w), rtol=rtol)


@pytest.mark.parametrize("id", SCHEDULES)
def test_the_scheduler_called_gives_the_rates_of_its_form(torch, id):
    t = BY_ID[id].x(np.random.default_rng(0))
    optimizer, scheduler = called(id, "torch", torch=torch, w=torch.zeros(1))
    told = (2.0,) if id.startswith("PLATEAU") else ()
    rates = []
    for _ in t:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(*told)
    np.testing.assert_allclose(rates, BY_ID[id].forms["torch"].spec(t), rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize("id", [id for id in SCHEDULES if not id.startswith("PLATEAU")])
def test_the_optax_schedule_called_gives_the_rates_of_its_form(optax, id):
    t = BY_ID[id].x(np.random.default_rng(0))
    schedule = called(id, "jax", optax=optax)
    rates = [float(schedule(done)) for done in t - 1]
    np.testing.assert_allclose(rates, BY_ID[id].forms["jax"].spec(t), rtol=1e-6, atol=1e-9)


def test_optax_computes_rates_in_single_precision(optax):
    """Its count is an int32, which JAX divides in float32, also for float64: a cast in ours."""
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        for dtype, found in ((jax.numpy.int32, "float32"), (jax.numpy.float64, "float64")):
            rate = optax.exponential_decay(0.1, 7, 0.5)(jax.numpy.asarray(3, dtype))
            assert rate.dtype == found


def test_torch_muon_differs_by_its_bfloat16_alone(torch, monkeypatch, assert_match):
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    x = np.random.default_rng(0).standard_normal((4, 3))
    for sample in discovery.optimizers()["Muon"].samples():
        if not sample.spec.corrected:
            rows = backproof.compare_optimizer(
                sample.spec, params={"w": x}, adapters=["torch"], case="in float64 throughout"
            )
            assert_match(rows)
            assert set(rows.verdict) == {"match"}
