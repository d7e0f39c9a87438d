"""Who can be shrunk: code for one network, losses, functions, optimizers, layers of one's own."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import backproof as bp
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.case_files import dumps
from backproof.comparisons.shrinking.search import worth
from backproof.reference.tree import tree_map

quick = partial(bp.shrink, diagnose=False)  # the cause has tests of its own


def test_a_candidate_of_one_network_keeps_its_structure():
    """Code that knows three layers cannot be asked about two; its sizes and numbers still can."""

    def mine(network, params, x, dy):
        first, _, last = params
        a = np.tanh(x @ first["W"] + first["b"])
        dz = dy @ last["W"].T * (1 - a * a)
        dparams = ({"W": x.T @ dz, "b": dz.mean(axis=0)}, {}, {"W": a.T @ dy, "b": dy.sum(axis=0)})
        return a @ last["W"] + last["b"], dz @ first["W"].T, dparams

    network = bp.Sequential(bp.Dense(4, 8), bp.Tanh(), bp.Dense(8, 3))
    small = quick(bp.Case.vjp(network, x=(5, 4)), bp.Candidate("mine", vjp=mine))
    assert small.case.specs["network"] == bp.Sequential(bp.Dense(1, 1), bp.Tanh(), bp.Dense(1, 1))
    assert small.case.arrays["x"].shape == (2, 1)
    assert str(small.failure) == "dparams Dense.b, vjp"
    assert worth(small.case) <= 4


def test_a_layer_that_is_no_dataclass():
    """It cannot be written, nor varied; its sizes and numbers can."""

    class Halved:
        def init(self, rng):
            return {"a": np.ones(3)}

        def forward(self, params, x):
            return params["a"] * x / 2, (params["a"], x)

        def backward(self, residuals, dy):
            a, x = residuals
            return a * dy / 2, {"a": (x * dy / 2).sum(axis=0)}

    class Wrong(NumpyReference):
        name = "wrong"

        def vjp(self, *args):
            y, dx, dparams, _ = super().vjp(*args)
            return y, 2 * dx, dparams

    network = bp.Sequential(Halved(), Halved())
    small = quick(bp.Case.vjp(network, x=(4, 3)), Wrong())
    assert type(small.case.specs["network"]) is Halved
    assert small.case.arrays["x"].shape == (1, 1)
    with pytest.raises(bp.CaseFileError, match="Halved is no dataclass"):
        dumps(small.case)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_losses_functions_and_optimizers(dtype):
    class Off(NumpyReference):
        name = "off"

        def loss_vjp(self, *args):
            value, dx, dparams, _ = super().loss_vjp(*args)
            return value, dx * dx.dtype.type(1.01), dparams

        def evaluate(self, *args):
            return tree_map(lambda y: y * y.dtype.type(1.01), super().evaluate(*args))

        def optimize(self, *args):
            for params, state in super().optimize(*args):
                yield params, {k: {n: s * 2 for n, s in v.items()} for k, v in state.items()}

    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((6, 5)).astype(dtype), rng.integers(0, 5, 6)
    given = {"dtype": dtype}
    cases = [
        bp.Case.vjp(bp.CrossEntropy(weight=(1.0, 2.0, 3.0, 4.0, 5.0)), x=x, target=labels, **given),
        bp.Case.function(bp.CosineDecay(total=20), x=np.arange(1, 30), **given),
        bp.Case.function(bp.ClipByGlobalNorm(), x=(x, x[0]), **given),
        bp.Case.optimizer(bp.Adam(weight_decay=0.1), steps=9, **given),
    ]
    assert [quick(case, Off()).case.numbers for case in cases] == [4, 1, 2, 2]


def test_rounding_is_not_taken_for_it():
    """Where the right value is exact, a rounding too is further off than is allowed."""

    class Buffer(NumpyReference):
        name = "buffer"

        def optimize(self, optimizer, params, grads):
            before = params
            for now, _ in super().optimize(optimizer, params, grads):
                v = tree_map(lambda a, b: (a - b) / optimizer.lr, before, now)
                yield now, tree_map(lambda w, step: {"v": step}, params, v)
                before = now

    rule = bp.SGD(0.1, momentum=0.9, nesterov=True)
    small = quick(bp.Case.optimizer(rule), Buffer())
    assert small.case.specs["optimizer"].nesterov
    assert small.rows.normwise_error.max() > 0.1


def test_the_order_in_memory_is_kept_where_it_matters():
    def reads_memory(network, params, x, dy):
        y, residuals = network.forward(params, x)
        return y, *network.backward(residuals, dy.ravel(order="K").reshape(dy.shape))

    dy = np.random.default_rng(0).standard_normal((4, 5)).T
    case = bp.Case.vjp(bp.Tanh(), x=(5, 4), dy=dy)
    small = quick(case, bp.Candidate("mine", vjp=reads_memory)).case
    assert not small.arrays["dy"].flags.c_contiguous
    assert small.arrays["dy"].shape == (2, 2)
    assert worth(small) <= 2
