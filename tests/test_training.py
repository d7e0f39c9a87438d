"""A training step by hand, and two published examples to their last printed digit.

The digits are kept as they were printed. A number agrees when it rounds to them.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

import backproof
from backproof.adapters.loading import load
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.sequential import Sequential
from backproof.reference.layers.sigmoid import Sigmoid
from backproof.reference.losses.mean_squared_error import MeanSquaredError
from backproof.reference.optimizers.adam import Adam
from backproof.reference.optimizers.lbfgs import LBFGS
from backproof.reference.optimizers.scheduled import Scheduled
from backproof.reference.optimizers.sgd import SGD
from backproof.reference.schedules.step_decay import StepDecay
from backproof.reference.training import init_state, step, train, update

MSE = MeanSquaredError()


def printed(value, digits):
    """Whether the value, rounded as the digits are, is them."""
    unit = Decimal(1).scaleb(Decimal(digits).as_tuple().exponent)
    return Decimal(float(value)).quantize(unit) == Decimal(digits)


def test_printed_can_fail():
    assert printed(0.12345, "0.1235") or printed(0.12345, "0.1234")
    assert printed(-0.02267, "-0.0227")
    assert not printed(0.1233, "0.1235")
    assert not printed(0.12361, "0.1235")
    assert not printed(float("nan"), "0.1")


# One sigmoid neuron: w = 0.5, b = 1, a = 0.25, y = 1, cost (a - y)²

NEURON = Sequential(Dense(1, 1), Sigmoid())
NEURON_PARAMS = ({"W": np.array([[0.5]]), "b": np.array([1.0])}, {})
NEURON_BATCH = (np.array([[0.25]]), np.array([[1.0]]))


def test_neuron_by_the_reference():
    z, _ = NEURON.layers[0].forward(NEURON_PARAMS[0], NEURON_BATCH[0])
    assert z.item() == 1.125
    a, _ = NEURON.forward(NEURON_PARAMS, NEURON_BATCH[0])
    assert printed(a.item(), "0.7549149869")


def test_neuron_by_every_adapter(adapter):
    (done,) = load(adapter).train(NEURON, MSE, SGD(1.0), NEURON_PARAMS, [NEURON_BATCH])
    assert printed(done.loss, "0.0600666637")
    assert printed(done.grads[0]["W"].item(), "-0.0226726123")
    assert printed(done.grads[0]["b"].item(), "-0.0906904492")
    assert printed(done.params[0]["W"].item(), "0.5226726123")
    assert printed(done.params[0]["b"].item(), "1.0906904492")


# Mazur, "A Step by Step Backpropagation Example" (2015). E = 1/2 Σ (t - o)² over two outputs is
# the mean; his biases are not trained; his new weights all come from the old ones.

MAZUR = Sequential(
    Dense(2, 2, bias=(0.35, 0.35)), Sigmoid(), Dense(2, 2, bias=(0.60, 0.60)), Sigmoid()
)
MAZUR_PARAMS = (
    {"W": np.array([[0.15, 0.25], [0.20, 0.30]])}, {},
    {"W": np.array([[0.40, 0.50], [0.45, 0.55]])}, {},
)  # fmt: skip
MAZUR_BATCH = (np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]]))


def all_printed(array, *digits):
    got = np.ravel(array)
    return len(got) == len(digits) and all(map(printed, got, digits))


def test_mazur_forward_by_the_reference():
    hidden, _ = Sequential(*MAZUR.layers[:2]).forward(MAZUR_PARAMS[:2], MAZUR_BATCH[0])
    assert all_printed(hidden, "0.593269992", "0.596884378")


def test_mazur_by_every_adapter(adapter):
    loaded = load(adapter)
    vjp = loaded.vjp(MAZUR, MAZUR_PARAMS, MAZUR_BATCH[0], np.ones((1, 2)))
    assert all_printed(vjp.y, "0.75136507", "0.772928465")
    first, second = loaded.train(MAZUR, MSE, SGD(0.5), MAZUR_PARAMS, [MAZUR_BATCH] * 2)
    assert printed(first.loss, "0.298371109")
    assert printed(first.grads[2]["W"][0, 0], "0.082167041")  # dE/dw5
    assert printed(first.grads[0]["W"][0, 0], "0.000438568")  # dE/dw1
    # w1 w3 / w2 w4: a row for each input; his w7 is from h1 to o2
    hidden, output = first.params[0]["W"], first.params[2]["W"]
    assert all_printed(hidden, "0.149780716", "0.24975114", "0.19956143", "0.29950229")
    assert all_printed(output, "0.35891648", "0.511301270", "0.408666186", "0.561370121")
    assert printed(second.loss, "0.291027773693599")


def test_the_examples_match_in_every_adapter(installed):
    for network, params, batch in (
        (NEURON, NEURON_PARAMS, NEURON_BATCH), (MAZUR, MAZUR_PARAMS, MAZUR_BATCH)
    ):  # fmt: skip
        rows = backproof.compare_training(
            network, MSE, SGD(0.5), params=params, batches=[batch] * 3, adapters=installed
        )
        assert set(rows.verdict) == {"match"}


# The functions


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    network = Sequential(Dense(3, 2), Sigmoid())
    batches = [(rng.standard_normal((4, 3)), rng.standard_normal((4, 2))) for _ in range(3)]
    return network, network.init(rng), batches


def test_state_has_a_dict_at_every_leaf(case):
    _, params, _ = case
    state = init_state(Adam(), params)
    assert state[1] == {}
    for name, w in params[0].items():
        assert set(state[0][name]) == {"m", "v"}
        assert state[0][name]["m"].shape == w.shape
    assert init_state(SGD(), params) == ({"W": {}, "b": {}}, {})


def test_step_is_forward_backward_update_written_out(case):
    """One step of a sigmoid layer under the mean squared error, in explicit sums."""
    network, params, batches = case
    (x, target), W, b = batches[0], params[0]["W"], params[0]["b"]
    done = step(network, MSE, SGD(0.1), params, init_state(SGD(0.1), params), batches[0], 1)
    dW, db, loss = np.zeros_like(W), np.zeros_like(b), 0.0
    for n in range(4):
        for o in range(2):
            y = 1 / (1 + np.exp(-(sum(x[n, i] * W[i, o] for i in range(3)) + b[o])))
            loss += (y - target[n, o]) ** 2 / 8
            dz = 2 * (y - target[n, o]) / 8 * y * (1 - y)
            db[o] += dz
            dW[:, o] += x[n] * dz
    np.testing.assert_array_almost_equal_nulp(done.loss, np.asarray(loss), nulp=16)
    np.testing.assert_array_almost_equal_nulp(done.grads[0]["W"], dW, nulp=64)
    np.testing.assert_array_almost_equal_nulp(done.grads[0]["b"], db, nulp=64)
    np.testing.assert_array_equal(done.params[0]["W"], W - 0.1 * done.grads[0]["W"])
    assert done.t == 1


def test_every_gradient_is_of_the_weights_before_the_update(case):
    """No layer's backward may see a weight that is already updated."""
    network, params, batches = case
    deep = Sequential(*network.layers, Dense(2, 2))
    start = (*params, {"W": np.eye(2), "b": np.ones(2)})
    slow = step(deep, MSE, SGD(1e-9), start, init_state(SGD(), start), batches[0], 1)
    fast = step(deep, MSE, SGD(1e9), start, init_state(SGD(), start), batches[0], 1)
    for leaf in ("W", "b"):
        for i in (0, 2):
            np.testing.assert_array_equal(slow.grads[i][leaf], fast.grads[i][leaf])


def test_update_is_the_rule_at_every_leaf(case):
    _, params, _ = case
    rule = Adam(0.1)
    state = init_state(rule, params)
    new, new_state = update(rule, params, state, params, 7)
    for name, w in params[0].items():
        alone, alone_state = rule.update(w, state[0][name], w, 7)
        np.testing.assert_array_equal(new[0][name], alone)
        np.testing.assert_array_equal(new_state[0][name]["v"], alone_state["v"])


def test_train_chains_its_steps_and_counts_from_one(case):
    network, params, batches = case
    rule = Adam(0.1)
    p, state = params, init_state(rule, params)
    steps = list(train(network, MSE, rule, params, batches))
    assert [s.t for s in steps] == [1, 2, 3]
    for t, (batch, done) in enumerate(zip(batches, steps, strict=True), start=1):
        alone = step(network, MSE, rule, p, state, batch, t)
        assert done.loss == alone.loss
        p, state = update(rule, alone.grads, state, p, t)
        np.testing.assert_array_equal(done.params[0]["W"], p[0]["W"])
        np.testing.assert_array_equal(done.state[0]["W"]["m"], state[0]["W"]["m"])


def test_train_is_lazy_and_leaves_its_input_alone(case):
    network, params, batches = case
    before = params[0]["W"].copy()

    def endless():
        while True:
            yield batches[0]

    steps = train(network, MSE, SGD(0.5, momentum=0.9), params, endless())
    losses = [next(steps).loss for _ in range(50)]
    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(params[0]["W"], before)
    assert list(train(network, MSE, SGD(), params, [])) == []


def test_a_rule_for_the_whole_network_sees_one_vector_in_the_order_of_the_weights():
    params = {"b": np.array([3.0, 4.0]), "a": {"W": np.array([[1.0], [2.0]])}}
    grads = {"a": {"W": np.array([[30.0], [40.0]])}, "b": np.array([10.0, 20.0])}
    rule = LBFGS(0.5, memory=2)
    new, state = update(rule, grads, init_state(rule, params), params, 1)
    step = -0.5 * np.array([10.0, 20.0, 30.0, 40.0]) / 100  # divided by the 1-norm
    np.testing.assert_array_equal(state["g"], [10, 20, 30, 40])
    np.testing.assert_allclose(state["last"], step, rtol=1e-15)
    np.testing.assert_allclose(new["b"], [3 + step[0], 4 + step[1]], rtol=1e-15)
    np.testing.assert_allclose(new["a"]["W"], [[1 + step[2]], [2 + step[3]]], rtol=1e-15)
    assert state["s"].shape == (2, 4)


def test_lbfgs_minimises_a_quadratic_in_as_many_steps_as_it_has_directions():
    """With exact steps L-BFGS makes conjugate directions; here the line search is a formula."""
    rng = np.random.default_rng(0)
    A = np.diag([1.0, 3.0, 10.0]) + 0.5
    w, rule = rng.standard_normal(3), LBFGS(1.0, 3, curvature=None, still=None, descent=None)
    state = rule.init(w)
    for t in (1, 2, 3):
        g = A @ w
        moved, state = rule.update(g, state, w, t)
        d = moved - w
        exact = -(g @ d) / (d @ A @ d)
        state = state | {"last": exact * d}
        w = w + exact * d
    assert np.linalg.norm(w) < 1e-12


def test_a_schedule_sets_the_rate_of_every_update():
    rule = Scheduled(SGD(123.0), StepDecay(0.5, 2, 0.1))
    w, state, moved = np.zeros(1), {}, []
    for t in range(1, 6):
        w, state = rule.update(np.ones(1), state, np.zeros(1), t)
        moved.append(-w.item())
    np.testing.assert_allclose(moved, [0.5, 0.5, 0.05, 0.05, 0.005], rtol=1e-15)
