"""A comparison that could not have shown a mistake is an error that says so."""

from __future__ import annotations

import numpy as np
import pytest

from backproof import (
    SGD,
    AdamW,
    Candidate,
    ClipByValue,
    Dense,
    Embedding,
    Hinge,
    MeanSquaredError,
    ReLU,
    Sequential,
    Softmax,
    compare_function,
    compare_optimizer,
    compare_training,
    compare_vjp,
    diagnose_function,
    diagnose_optimizer,
    diagnose_training,
    diagnose_vjp,
)
from backproof.comparisons import vacuity


def _vacuous(rows):
    found = rows[rows.finding == "vacuous"]
    assert (found.verdict == "error").all()
    return dict(zip(found.candidate, found.reason, strict=True))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_a_constant_cotangent_is_an_error(dtype, installed):
    dy = np.ones((3, 4), dtype)
    rows = compare_vjp(Dense(2, 4), x=(3, 2), dy=dy, dtype=dtype, adapters=installed)
    assert _vacuous(rows) == dict.fromkeys(installed, vacuity.CONSTANT)


def test_what_a_constant_cotangent_hides():
    """The reason why it is an error: a softmax without a backward passes, but for that."""

    def vjp(network, params, x, dy):
        return network.forward(params, x)[0], np.zeros_like(x), {}

    none = Candidate("no backward", vjp=vjp)
    rows = compare_vjp(Softmax(), x=(3, 4), dy=np.ones((3, 4)), adapters=[none])
    measured = rows[rows.finding != "vacuous"]
    assert not measured.verdict.isin(["mismatch"]).any()
    assert _vacuous(rows)
    assert (compare_vjp(Softmax(), x=(3, 4), adapters=[none]).verdict == "mismatch").any()


@pytest.mark.parametrize(
    ("network", "x", "dy"),
    [
        (Dense(2, 1), (1, 2), np.array([[2.0]])),  # one number
        (Dense(2, 2), (1, 2), np.array([[2.0, 0.0]])),
        (Dense(2, 4), (3, 2), None),
    ],
)
def test_a_cotangent_of_one_number_or_of_several_is_fine(network, x, dy):
    assert not _vacuous(compare_vjp(network, x=x, dy=dy, adapters=["numpy"]))


def test_the_cotangent_of_a_scalar_loss_is_fine():
    x = np.array([[0.3], [-2.0]])
    assert not _vacuous(compare_vjp(Hinge(), x=x, target=np.sign(x), adapters=["numpy"]))
    rows = compare_vjp(Hinge("none"), x=x, target=np.sign(x), dy=np.ones((2, 1)),
                       adapters=["numpy"])  # fmt: skip
    assert _vacuous(rows) == {"numpy": vacuity.CONSTANT}


def test_a_gradient_that_is_zero_everywhere_is_an_error():
    x = -np.abs(np.random.default_rng(0).standard_normal((3, 4))) - 1
    assert _vacuous(compare_vjp(ReLU(), x=x, adapters=["numpy"])) == {
        "numpy": vacuity.ZERO_GRADIENT
    }
    kept = np.array([[2.0, 3.0]])  # every margin is kept
    rows = compare_vjp(Hinge(), x=kept, target=np.ones((1, 2)), adapters=["numpy"])
    assert _vacuous(rows) == {"numpy": vacuity.ZERO_GRADIENT}


def test_one_leaf_of_zeros_in_a_live_comparison_is_fine():
    params = ({"W": np.zeros((2, 3)), "b": np.zeros(3)}, {"W": np.ones((3, 1)), "b": np.ones(1)})
    network = Sequential(Dense(2, 3), Dense(3, 1))
    rows = compare_vjp(network, x=np.zeros((4, 2)), params=params, adapters=["numpy"])
    assert "structural zero" in set(rows.verdict)
    assert not _vacuous(rows)


def test_no_gradient_at_all_is_an_error():
    class Looked(Embedding):
        """An embedding whose rows are fixed."""

        def init(self, rng):
            return {}

        def forward(self, params, x):
            return np.eye(self.n_rows)[x], ()

        def backward(self, residuals, dy):
            return None, {}

    x = np.array([[0, 1], [2, 1]])
    rows = compare_vjp(Looked(3, 3), x=x, adapters=["numpy"])
    assert _vacuous(rows) == {"numpy": vacuity.NO_GRADIENT}


def test_an_update_that_never_moves_is_an_error():
    grads = [{"w": np.zeros(3)}] * 2
    still = compare_optimizer(SGD(0.1), params={"w": np.ones(3)}, grads=grads, adapters=["numpy"])
    assert _vacuous(still) == {"numpy": vacuity.STILL}
    decayed = compare_optimizer(AdamW(0.1), params={"w": np.ones(3)}, grads=grads,
                                adapters=["numpy"])  # fmt: skip
    assert not _vacuous(decayed)


def test_values_of_zero_are_an_error():
    rows = compare_function(ClipByValue(1.0), x=np.zeros((2, 2)), adapters=["numpy"])
    assert _vacuous(rows) == {"numpy": vacuity.ZERO_VALUES}


def test_training_without_a_gradient_is_an_error():
    params = ({"W": np.ones((2, 2)), "b": np.full(2, -100.0)}, {})
    network = Sequential(Dense(2, 2), ReLU())
    batch = (np.ones((3, 2)), np.ones((3, 2)))
    rows = compare_training(network, MeanSquaredError(), SGD(0.1), batches=[batch] * 2,
                            params=params, adapters=["numpy"])  # fmt: skip
    assert _vacuous(rows) == {"numpy": vacuity.ZERO_GRADIENT}


def test_rows_count_what_is_not_zero_distinct_and_finite():
    x = np.array([[1.0, 1.0, 0.0], [2.0, -1.0, 0.0]])

    def vjp(network, params, x, dy):
        y, dx, dparams = network.forward(params, x)[0], dy.copy(), {}
        dx[0, 0] = np.nan
        return y, dx, dparams

    rows = compare_vjp(ReLU(), x=x, adapters=[Candidate("mine", vjp=vjp)])
    y, dx = rows.iloc[0], rows.iloc[1]
    assert (y.n_compared, y.n_nonzero, y.n_distinct, y.n_finite) == (6, 3, 3, 6)
    assert (dx.n_compared, dx.n_nonzero, dx.n_finite) == (6, 3, 5)
    assert dx.verdict == "mismatch"


def test_a_diagnosis_says_what_the_comparison_says():
    """Nothing wrong is no finding where nothing wrong could be found."""
    x = -np.abs(np.random.default_rng(0).standard_normal((3, 4))) - 1
    zero, weights = [{"w": np.zeros(3)}] * 2, {"w": np.ones(3)}
    kept = [(np.array([[2.0, 3.0]]), np.ones((1, 2)))] * 2
    dead, params = Dense(2, 2), {"W": np.eye(2), "b": np.zeros(2)}
    found = {
        vacuity.ZERO_GRADIENT: diagnose_vjp(ReLU(), x=x, adapter="numpy"),
        vacuity.CONSTANT: diagnose_vjp(Dense(4, 2), x=x, dy=np.ones((3, 2)), adapter="numpy"),
        vacuity.STILL: diagnose_optimizer(SGD(0.1), params=weights, grads=zero, adapter="numpy"),
        vacuity.ZERO_VALUES: diagnose_function(ClipByValue(1.0), x=np.zeros(3), adapter="numpy"),
    }
    for reason, diagnosis in found.items():
        assert (diagnosis.matches, diagnosis.answer) == (False, reason)
        assert reason in str(diagnosis)
    trained = diagnose_training(
        dead, Hinge(), SGD(0.1), batches=kept, params=params, adapter="numpy"
    )
    assert trained.answer == vacuity.ZERO_GRADIENT
    live = diagnose_training(
        dead, Hinge(), SGD(0.1), batches=[(-x, t) for x, t in kept], params=params, adapter="numpy"
    )
    assert live.matches
    assert diagnose_vjp(ReLU(), x=-x, adapter="numpy").matches


def test_a_wrong_value_is_diagnosed_even_so():
    x = -np.ones((2, 3))
    wrong = Candidate("x", vjp=lambda network, params, x, dy: (x, np.zeros_like(x), {}))
    assert diagnose_vjp(ReLU(), x=x, adapter=wrong).where.quantity == "y"
