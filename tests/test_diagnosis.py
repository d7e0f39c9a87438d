"""Diagnosis: each hypothesis names what it should, and what fits nothing is unknown."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from backproof import (
    CELU,
    SGD,
    AdaBelief,
    Adam,
    AdamW,
    Candidate,
    ClipByGlobalNorm,
    Dense,
    ExponentialDecay,
    HardShrink,
    LayerNorm,
    MeanSquaredError,
    Residual,
    ScaledDotProductAttention,
    Sequential,
    Sigmoid,
    SoftmaxCrossEntropy,
    SoftShrink,
    Tanh,
    compare_training,
    compare_vjp,
    diagnose_function,
    diagnose_optimizer,
    diagnose_training,
    diagnose_vjp,
    load_adapter,
)
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.diagnosis import registry
from backproof.comparisons.diagnosis.diagnose import diagnosed
from backproof.comparisons.diagnosis.evidence import entry_bits
from backproof.comparisons.diagnosis.fitting import shortest
from backproof.comparisons.diagnosis.hypotheses.slips import SLIPS
from backproof.comparisons.diagnosis.lockstep import TrainingRun
from backproof.comparisons.diagnosis.registry import Proposal, hypotheses, hypothesis
from backproof.comparisons.diagnosis.verdicts import UNKNOWN, same_cause
from backproof.comparisons.mutants import adapter, mutants
from backproof.comparisons.posing import evaluation, replay, training_run, vjp_problem
from backproof.reference.tree import tree_map

RIGHT = NumpyReference()
CATALOGUE = frozenset({"known mistake"})
SLOPE = "the slope is taken for 1 - a², which is that of tanh"


def vjp_like(change):
    """A candidate whose (y, dx, dparams) are the right ones changed."""

    def vjp(network, params, x, dy):
        y, dx, dparams, _ = RIGHT.vjp(network, params, x, dy)
        return change(y, dx, dparams, x, dy)

    return Candidate("mine", vjp=vjp)


def as_other(other):
    """A candidate that computes as another spec."""
    return Candidate(
        "mine",
        vjp=lambda layer, *given: RIGHT.vjp(other, *given),
        optimize=lambda rule, *given: RIGHT.optimize(other, *given),
        evaluate=lambda f, *given: RIGHT.evaluate(other, *given),
    )


def layer(spec, x, candidate, without=CATALOGUE, dtype="float64", **given):
    problem = vjp_problem(spec, x, given.get("params"), given.get("dy"), None, dtype, 0)
    return diagnosed(problem, candidate, seed=0, without=without)


def rule(spec, candidate, without=CATALOGUE):
    return diagnosed(replay(spec, None, None, 6, 1.0, None, 0), candidate, without=without)


def half_gradient(optimizer, params, grads):
    return RIGHT.optimize(optimizer, params, [tree_map(lambda g: g / 2, g) for g in grads])


def starts_again(optimizer, params, grads):
    for t, g in enumerate(grads, start=1):
        state = tree_map(optimizer.init, params)
        pairs = {k: optimizer.update(g[k], state[k], params[k], t) for k in params}
        params = {k: w for k, (w, _) in pairs.items()}
        yield params, {k: s for k, (_, s) in pairs.items()}


def single(vjp):
    """A network's VJP in float32, given back as float64."""

    def run(layer, params, x, dy):
        short = tree_map(lambda a: a.astype(np.float32), (params, x, dy))
        return tree_map(lambda a: a.astype(np.float64), tuple(vjp(layer, *short)[:3]))

    return Candidate("mine", vjp=run)


ROWS = np.random.default_rng(1).standard_normal((3, 5)).T  # not contiguous
rng = np.random.default_rng(2)

CASES = {
    "known mistake": (
        "X50", lambda: layer(LayerNorm(5), (4, 5), adapter(mutants()["X50"]), frozenset())),
    "a slip": (
        SLOPE, lambda: layer(Sigmoid(), (4, 5), vjp_like(
            lambda y, dx, dparams, x, dy: (y, dy * (1 - y * y), dparams)))),
    "another convention": (
        "LayerNorm.eps=0.001", lambda: layer(LayerNorm(5), (4, 5), as_other(LayerNorm(5, 1e-3)))),
    "a fitted convention": (
        "LayerNorm.eps=0.00037",
        lambda: layer(LayerNorm(5), (4, 5), as_other(LayerNorm(5, 3.7e-4)))),
    "two exchanged": (
        "Adam.beta1<->beta2", lambda: rule(Adam(), as_other(Adam(beta1=0.999, beta2=0.9)))),
    "a constant": (
        "Sigmoid: gradient times=1/5, one over the batch size",
        lambda: layer(Sigmoid(), (5, 3), vjp_like(lambda y, dx, dp, *_: (y, dx / 5, dp)))),
    "a fitted constant": (
        "Tanh: gradient times=0.973",
        lambda: layer(Tanh(), (4, 3), vjp_like(lambda y, dx, dp, *_: (y, 0.973 * dx, dp)))),
    "the cotangent": (
        "Dense: the last of dy of the batch alone",
        lambda: layer(Dense(3, 2), (4, 3), vjp_like(
            lambda y, dx, dp, x, dy: (y, dx, {"W": np.outer(x[-1], dy[-1]), "b": dp["b"]})))),
    "another order": (
        'Dense: dparams["W"] transposed',
        lambda: layer(Dense(3, 3), (4, 3), vjp_like(
            lambda y, dx, dp, *_: (y, dx, dp | {"W": dp["W"].T})))),
    "the input": (
        'Dense: the opposite of params["b"]',
        lambda: layer(Dense(3, 2), (4, 3), Candidate("mine", vjp=lambda n, p, x, dy: RIGHT.vjp(
            n, p | {"b": -p["b"]}, x, dy)))),
    "another of its kind": (
        "HardShrink as SoftShrink(threshold=0.5)",
        lambda: layer(HardShrink(0.5), (4, 3), as_other(SoftShrink(0.5)))),
    "one operation": (
        "LayerNorm.backward: `dx_hat.mean(axis=-1, keepdims=True)` left out in "
        "`dx_hat - dx_hat.mean(axis=-1, keepdims=True)` (LayerNorm.backward)",
        lambda: layer(LayerNorm(5), (4, 5), adapter(mutants()["D23"]))),
    "another variable": (
        "AdaBelief.update: `state[\"m\"]` in the place of `m` in `g - m` (AdaBelief.update)",
        lambda: rule(AdaBelief(), adapter(mutants()["OP42"]))),
    "the step number": ("Adam: t + 1 in the place of t", lambda: rule(
        Adam(), adapter(mutants()["X95"]))),
    "the optimizer's memory": ("Adam: state forgotten", lambda: rule(
        Adam(), Candidate("mine", optimize=starts_again))),
    "the update": ("Adam: gradient times=1/2", lambda: rule(
        Adam(), Candidate("mine", optimize=half_gradient))),
    "decay": ("AdamW.weight_decay=0", lambda: rule(AdamW(), as_other(AdamW(weight_decay=0.0)))),
    "one of several": ("ClipByGlobalNorm: nothing done", lambda: diagnosed(
        evaluation(ClipByGlobalNorm(0.1), (1e4 * np.arange(6.0), np.ones(3)), None),
        Candidate("mine", evaluate=lambda f, x, dtype: x), without=CATALOGUE)),
    "an update's number": ("ExponentialDecay: t + 1", lambda: diagnosed(
        evaluation(ExponentialDecay(), np.arange(1, 9), "float64"),
        Candidate("mine", evaluate=lambda f, t, dtype: f(t + 1)), without=CATALOGUE)),
    "chance": ("not deterministic", lambda: layer(Tanh(), (4, 3), vjp_like(
        lambda y, dx, dp, *_: (y, dx + 1e-6 * rng.standard_normal(dx.shape), dp)))),
    "memory order": ("memory order", lambda: layer(Tanh(), (5, 3), Candidate(
        "mine", vjp=lambda n, p, x, dy: RIGHT.vjp(n, p, x, dy.ravel("K").reshape(dy.shape))),
        dy=ROWS)),
    "lower precision": ("rounded to float32", lambda: layer(
        Dense(4, 3), (5, 4), single(RIGHT.vjp))),
}  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return {name: diagnose() for name, (_, diagnose) in CASES.items()}


@pytest.mark.parametrize("name", CASES)
def test_each_hypothesis_names_its_case_and_no_other(found, name):
    wanted = CASES[name][0]
    assert found[name].id == wanted, found[name]
    best = found[name].causes[0]
    assert best.without > 1024
    assert best.noise_ratio <= 64
    for other in CASES:
        if other != name:
            assert wanted not in {cause.id for cause in found[other].causes}


def test_a_kernel_of_a_framework_is_named(need_adapter):
    """torch keeps max + log Σ e^(s - max) of a row of scores s, and the log is lost in the max."""
    q, k = np.zeros((2, 1, 2, 3, 4), np.float32)
    q[..., 0] = k[..., 0] = 100
    q[..., 1], k[..., 1] = 1, 18 * np.arange(3)
    x = q, k, rng.standard_normal(q.shape).astype(np.float32)
    torch = need_adapter("torch")
    found = diagnose_vjp(ScaledDotProductAttention(), adapter=torch, x=x, dtype="float32")
    assert (found.id, found.causes[0].kind) == ("kernel", "a framework's kernel")
    assert "its fused attention: without that, torch agrees" in str(found)
    assert found.causes[0].noise_ratio < 8


@pytest.mark.parametrize("seed", range(12))
def test_random_wrong_gradients_are_unknown(seed):
    random = np.random.default_rng(seed)
    spec, x = [(Dense(4, 3), (5, 4)), (LayerNorm(4), (3, 4)), (Tanh(), (4, 3))][seed % 3]

    size = [1.0, 1e-4, 1e-7][seed // 4]  # as small as rounding to a short format

    def wrong(y, dx, dparams, *_):
        noise = tree_map(lambda g: g + size * random.standard_normal(g.shape), (dx, dparams))
        return y, *noise

    problem = vjp_problem(spec, x, None, None, None, "float64", seed)
    values = problem.ask(vjp_like(wrong))[0]
    frozen = Candidate("mine", vjp=lambda *_: (
        values["y", ""], values["dx", ""],
        {leaf: v for (q, leaf), v in values.items() if q == "dparams"}))  # fmt: skip
    diagnosis = diagnosed(problem, frozen, seed=seed)
    assert diagnosis.id == UNKNOWN, diagnosis
    assert "unknown. Ruled out" in str(diagnosis)


def test_one_wrong_number_is_not_explained_by_a_number_fitted_to_it():
    def wrong(y, dx, dparams, *_):
        return y, dx, dparams | {"b": 0.6180339887 * dparams["b"]}

    assert layer(Dense(2, 1), (3, 2), vjp_like(wrong)).id == UNKNOWN
    named = layer(
        Dense(2, 1), (3, 2), vjp_like(lambda y, dx, dp, *_: (y, dx, dp | {"b": dp["b"] / 3}))
    )
    assert "a mean instead of a sum" in named.id  # one entry of float64 tells forty bits


NETWORK = Sequential(
    Dense(4, 6), Tanh(), Residual(Sequential(LayerNorm(6), Dense(6, 6))), Dense(6, 3)
)
PLACES = {"X17": "layer 1, Tanh()", "X50": f"layer 2.0, {LayerNorm(6)}", "X06": "layer 2, Residual"}


@pytest.mark.parametrize("id", ["X17", "X50", "X06"])
@pytest.mark.parametrize("knows_its_parts", [True, False])
def test_the_wrong_layer_is_found(id, knows_its_parts):
    candidate = adapter(mutants()[id])
    if not knows_its_parts:
        whole = candidate

        def vjp(network, *given):
            if network is not NETWORK:
                raise RuntimeError("I know my own network alone")
            return whole.vjp(network, *given)

        candidate = Candidate("mine", vjp=vjp)
    found = diagnose_vjp(NETWORK, x=(5, 4), adapter=candidate)
    assert found.where.layer == PLACES[id]
    assert (found.where.quantity, found.id) == ("dx", id)


def test_two_causes_at_once():
    first = mutants()["X50"]

    def vjp(network, params, x, dy):
        y, dx, dparams, _ = adapter(first).vjp(network, params, x, dy)
        return y, dx, dparams | {"beta": dparams["beta"] / 4}

    found = layer(LayerNorm(5), (4, 5), Candidate("mine", vjp=vjp), frozenset())
    assert len(found.causes[0].explanation.elements) == 2
    assert "X50" in found.id
    assert "a mean instead of a sum" in found.id or "times=1/4" in found.id


def test_a_candidate_of_which_every_shape_is_wrong_is_diagnosed_without_a_warning():
    def twice(y, dx, dparams, *_):
        return y[[0, *range(len(y))]], dx[1:], {}

    found = layer(Tanh(), (4, 3), vjp_like(twice), frozenset())
    assert not found.matches
    assert found.id == UNKNOWN


def test_training_is_followed_to_the_first_wrong_step():
    data = np.random.default_rng(0)
    batches = [(data.standard_normal((6, 3)), data.integers(0, 2, 6)) for _ in range(4)]
    network = Sequential(Dense(3, 4), Tanh(), Dense(4, 2))
    case = (network, SoftmaxCrossEntropy(), Adam(0.01))
    found = diagnose_training(*case, batches=batches, adapter=adapter(mutants()["X119"]))
    assert (found.id, found.where.step, found.where.quantity) == ("X119", 2, "gradient")
    rows = compare_training(
        *case, batches=batches, adapters=["numpy", adapter(mutants()["X94"])], diagnose=True
    )
    told = rows[rows["cause"] != ""]
    assert set(told["candidate"]) == {"X94"}
    assert (told[told["mode"] == "lockstep"]["step"] == 2).all()
    assert told["cause"].str.contains("the step counter never counts").all()


def test_a_framework_s_known_divergence_is_recognised():
    pytest.importorskip("torch")
    port = Candidate("mine", vjp=load_adapter("torch").vjp)  # copies all that torch does
    found = diagnose_vjp(CELU(0.3), x=(4, 5), adapter=port)
    assert found.causes[0].kind == "a known divergence"
    assert found.cause.startswith("what torch is known to give here. TORCH-")


def test_nothing_is_diagnosed_where_nothing_is_wrong():
    found = diagnose_vjp(NETWORK, x=(5, 4), adapter="numpy")
    assert found.matches
    assert (found.id, found.causes) == ("", ())
    rows = compare_vjp(NETWORK, x=(5, 4), adapters=["numpy"], diagnose=True)
    assert (rows["cause"] == "").all()


def test_a_candidate_that_raises_is_said_to():
    def broken(*_):
        raise RuntimeError("out of paper")

    found = diagnose_function(ExponentialDecay(), x=np.arange(1, 4),
                              adapter=Candidate("mine", evaluate=broken))  # fmt: skip
    assert "it raises RuntimeError: out of paper" in str(found)


def test_what_is_said():
    found = diagnose_optimizer(Adam(), adapter=adapter(mutants()["X99"]), case="Adam")
    text = str(found)
    assert "X99 on Adam" in text
    assert "from step 1 on are" in text
    assert "ε inside the square root (as in optax's eps_root)" in text
    assert "under this hypothesis" in text
    again = diagnose_optimizer(Adam(), adapter=adapter(mutants()["X99"]), seed=3, steps=5)
    assert same_cause(found, again)
    assert not same_cause(found, diagnose_optimizer(Adam(), adapter=adapter(mutants()["X97"])))


def test_a_new_hypothesis_is_one_entry(monkeypatch):
    monkeypatch.setattr(registry, "REGISTRY", [*registry.REGISTRY])
    hypotheses.cache_clear()

    @hypothesis("a whim", bits=5, of=("loss",))
    def cubed(part):
        def forward(self, prediction, target):
            return ((prediction - target) ** 3).mean(), (prediction - target,)

        wrong = type("MeanSquaredError", (MeanSquaredError,), {"forward": forward})
        yield Proposal("cubed", "the mean of cubes", lambda loss: wrong(loss.reduction))

    def loss_vjp(loss, prediction, target, dloss):
        right = RIGHT.loss_vjp(loss, prediction, target, dloss)
        return np.mean((prediction - target) ** 3), right.dx, {}

    try:
        found = diagnose_vjp(MeanSquaredError(), x=(4, 3), target=np.ones((4, 3)),
                             adapter=Candidate("mine", loss_vjp=loss_vjp))  # fmt: skip
        assert found.id == "cubed"
        assert "the mean of cubes" in found.cause
    finally:
        hypotheses.cache_clear()


@pytest.mark.parametrize(
    ("target", "text", "make"),
    [(target, *slip) for target, all_ in SLIPS.items() for slip in all_],
)
def test_a_slip_is_named(target, text, make):
    sample = next(target.samples())
    if hasattr(sample.spec, "update"):
        found = rule(sample.spec, as_other(make(sample.spec)), frozenset())
    else:
        x = sample.x(np.random.default_rng(0))
        found = layer(sample.spec, x, as_other(make(sample.spec)), frozenset())
    assert text in [cause.id for cause in found.causes]


def test_a_factor_is_fitted_where_a_number_is_exact():
    """The first state of momentum is g itself, without rounding: noise of nothing."""
    fed = rule(SGD(0.05, momentum=0.8), Candidate("mine", optimize=half_gradient))
    assert fed.id == "SGD: gradient times=1/2"


def test_without_gradients_the_layers_are_suspected_too():
    """A whole run is asked for losses and weights: it may be a layer that is wrong."""
    network = Sequential(Dense(3, 2), Sigmoid())
    wrong = Sequential(Dense(3, 2), mutants()["D10"].make(Sigmoid()))
    x, target = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    training, dtype = training_run(
        network, MeanSquaredError(), SGD(0.5), [(x, target)] * 3, None, None, 0
    )

    def train(_, loss, optimizer, params, batches, starts=None):
        return RIGHT.train(wrong, loss, optimizer, params, batches, starts)

    run = TrainingRun.of(training, 3, dtype, free=True)
    assert diagnosed(run, Candidate("mine", train=train)).id == "D10"


def test_evidence_is_counted_in_bits():
    gold, noise = np.array([1.0, 1.0, -2.0, 5.0]), np.full(4, 2.0**-50)
    candidate = np.array([2.0, 2.0, -4.0, 5.0])  # two are alike, one is right
    scale = np.sqrt((4 + 4 + 16) / 3)
    each = np.log2(scale / 2.0**-45)  # 32 units of noise
    np.testing.assert_allclose(entry_bits(candidate, gold, noise, 1024), [each] * 2)


def test_numbers_are_told_as_short_as_they_can_be():
    assert shortest(0.33333333333, 1e-9)[:2] == ("1/3", 1 / 3)
    assert shortest(0.9730000001, 1e-8)[0] == "0.973"
    assert shortest(1.000001, 1e-12)[0] == "1.000001"


def test_every_hypothesis_says_what_it_is():
    for h in hypotheses():
        assert h.propose.__doc__
        assert h.bits > 0
        assert dataclasses.is_dataclass(h)
