"""Shrinking: smaller, still wrong, wrong for the same reason, and the same every time."""

from __future__ import annotations

from functools import partial
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import backproof as bp
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.case_files import dumps, loads
from backproof.comparisons.shrinking.failure import failures, first_failure, shaken
from backproof.comparisons.shrinking.search import described, size, smaller
from backproof.reference.tree import tree_map

quick = partial(bp.shrink, diagnose=False)  # the cause has tests of its own

DEEP = bp.Sequential(
    bp.Dense(5, 7), bp.Tanh(), bp.Residual(bp.Sequential(bp.Dense(7, 4), bp.Dense(4, 7))),
    bp.ReLU(), bp.Dense(7, 3), bp.Softmax(),
)  # fmt: skip


ELEMENTWISE = {
    "Tanh": lambda n: bp.Tanh(), "Sigmoid": lambda n: bp.Sigmoid(), "GELU": lambda n: bp.GELU(),
    "LayerNorm": bp.LayerNorm, "Softmax": lambda n: bp.Softmax(),
}  # fmt: skip


class Changed(NumpyReference):
    """The reference, with something done to the values of one kind of layer."""

    def __init__(self, **changes):
        self.name, self.changes = "mine", changes

    def vjp(self, network, params, x, dy):
        return super().vjp(self._with(network), params, x, dy)

    def train(self, network, *rest):
        return super().train(self._with(network), *rest)

    def _with(self, layer):
        inside = getattr(layer, "layers", None)
        if isinstance(layer, bp.Sequential):
            return bp.Sequential(*map(self._with, inside))
        if isinstance(layer, bp.Residual):
            return bp.Residual(self._with(layer.inner))
        change = self.changes.get(type(layer).__name__)
        return layer if change is None else Backward(layer, change)


class Backward:
    """A layer with another backward pass."""

    def __init__(self, layer, change):
        self.layer, self.change = layer, change

    def init(self, rng):
        return self.layer.init(rng)

    def forward(self, params, x):
        y, residuals = self.layer.forward(params, x)
        return y, (residuals, x)

    def backward(self, residuals, dy):
        kept, x = residuals
        return self.change(x, dy, *self.layer.backward(kept, dy))


def off(x, dy, dx, dparams):
    return 1.01 * dx, dparams


def shrink(case, *, candidate=None, **changes):
    return quick(case, candidate or Changed(**changes))


def deep(**given):
    return bp.Case.vjp(DEEP, **{"x": (6, 5), "seed": 1} | given)


def training(optimizer=None, network=DEEP, steps=6, **given):
    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal((4, 5)), rng.standard_normal((4, 3))) for _ in range(steps)]
    rule = optimizer or bp.SGD(0.1, momentum=0.9)
    return bp.Case.training(network, bp.MeanSquaredError(), rule, batches=batches, **given)


# What is found


def test_one_layer_of_a_deep_network():
    small = shrink(deep(), Tanh=off)
    assert small.case.specs == {"network": bp.Tanh()}
    assert small.case.numbers == 2
    assert list(small.rows.verdict) == ["structural zero", "mismatch"]
    assert (str(small.at_first), str(small.failure)) == ("dparams Dense.b, vjp", "dx of Tanh, vjp")
    assert str(small).splitlines()[:2] == [
        "from 7 layers, 181 numbers; wrong in dparams Dense.b, vjp",
        "to 1 layer, 2 numbers; wrong in dx of Tanh, vjp",
    ]
    assert not small.stopped
    assert small.case.adapters == ("mine",)


def test_the_rows_are_those_of_the_shrunk_case():
    small = shrink(deep(case="deep"), Softmax=off)
    assert small.case.label == "deep, shrunk"
    again = small.case.compare([Changed(Softmax=off)])
    assert again.to_json() == small.rows.to_json()


def test_training_becomes_one_gradient_or_one_update():
    assert shrink(training(), Tanh=off).case.specs == {"network": bp.Tanh()}

    class Late(NumpyReference):
        name = "late"

        def optimize(self, optimizer, params, grads):
            for t, done in enumerate(super().optimize(optimizer, params, grads), start=1):
                yield done if t < 4 else (tree_map(lambda w: w * 1.01, done.params), done.state)

        def train(self, network, loss, optimizer, params, batches, starts=None):
            for done in super().train(network, loss, optimizer, params, batches, starts):
                yield done if done.t < 4 else bp.Step(
                    done.t, done.loss, done.grads,
                    tree_map(lambda w: w * 1.01, done.params), done.state,
                )  # fmt: skip

    small = quick(training(), Late())
    assert (small.case.kind, small.case.steps) == ("optimizer", 4)
    assert str(small.failure) == "weights of SGD, optimizer"
    assert small.case.numbers <= 5


def test_what_only_training_shows_stays_training():
    class Forgets(NumpyReference):
        """Each batch with the target of the one before."""

        name = "forgets"

        def train(self, network, loss, optimizer, params, batches, starts=None):
            x, target = zip(*batches, strict=True)
            pairs = list(zip(x, target[:1] + target[:-1], strict=True))
            return super().train(network, loss, optimizer, params, pairs, starts)

    small = quick(training(), Forgets())
    assert (small.case.kind, small.case.steps) == ("training", 2)
    assert small.case.numbers <= 8
    assert "loss" in str(small.failure)


def test_a_candidate_that_raises():
    def picky(network, params, x, dy):
        if np.shape(x)[0] > 2 and "Softmax" in str(network):
            raise RuntimeError(f"no kernel for {np.shape(x)}")
        y, residuals = network.forward(params, x)
        return y, *network.backward(residuals, dy)

    small = quick(deep(), bp.Candidate("picky", vjp=picky))
    assert small.case.specs == {"network": bp.Softmax()}
    assert small.case.arrays["x"].shape == (3, 1)
    assert str(small.failure) == "the run of Softmax, vjp (error: RuntimeError: no kernel for #)"


def test_a_candidate_whose_numbers_are_none():
    def nan(x, dy, dx, dparams):
        return np.where(x > 1, np.nan, dx), dparams

    small = shrink(deep(), ReLU=nan)
    assert small.case.specs == {"network": bp.ReLU()}
    assert small.failure.way == "not finite"
    assert small.case.numbers == 2


@st.composite
def networks(draw):
    """A random chain of layers, and the name of one of them."""
    width, layers = 3, []
    for kind in draw(st.lists(st.sampled_from([*ELEMENTWISE, "Dense", "block"]), min_size=1,
                              max_size=7)):  # fmt: skip
        if kind == "Dense":
            layers.append(bp.Dense(width, width := draw(st.integers(2, 6))))
        elif kind == "block":
            layers.append(bp.Residual(bp.Sequential(bp.Dense(width, 3), bp.Dense(3, width))))
        else:
            layers.append(ELEMENTWISE[kind](width))
    named = {"Residual": "Dense"}
    names = sorted({named.get(n, n) for n in (type(layer).__name__ for layer in layers)})
    return bp.Sequential(*layers), draw(st.sampled_from(names))


@given(networks(), st.integers(0, 3))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_whatever_the_network_the_wrong_layer_is_left(drawn, seed):
    network, wrong = drawn
    case = bp.Case.vjp(network, x=(5, 3), seed=seed)
    small = shrink(case, **{wrong: off})
    assert type(small.case.specs["network"]).__name__ == wrong
    assert smaller(small.case, case)
    assert small.case.numbers <= 8
    assert loads(dumps(small.case), "file").compare([Changed(**{wrong: off})]).equals(small.rows)


# For the same reason


def test_another_bug_is_not_taken_for_it():
    """Of two, the one that is wrong first is kept: with it mended, the small case passes."""
    both = Changed(Tanh=off, Softmax=lambda x, dy, dx, dparams: (dx + 0.1, dparams))
    small = quick(deep(), both)
    (name,) = (type(spec).__name__ for spec in small.case.specs.values())
    mended = Changed(**{k: v for k, v in both.changes.items() if k != name})
    assert (small.case.compare([mended]).verdict == "match").all()


def test_a_tie_is_not_taken_for_it():
    """Simple numbers make ties, where conventions differ: that is another failure."""

    def one_at_ties(x, dy, dx, dparams):
        return np.where(x == 0, dy, dx), dparams

    def other(x, dy, dx, dparams):
        return one_at_ties(x, dy, 1.01 * dx, dparams)

    case = bp.Case.vjp(bp.ReLU(), x=(4, 3))
    small = shrink(case, ReLU=other)
    assert (small.case.arrays["x"] != 0).all()
    x = np.array([[0.0, 1.0]])
    ties = shrink(bp.Case.vjp(bp.ReLU(), x=x), ReLU=one_at_ties)
    assert 0 in ties.case.arrays["x"]  # where the failure is one, it is kept


def test_keeps_decides_instead():
    asked = []

    def wide(case, rows):
        asked.append(set(rows.candidate))
        return case.arrays["x"].shape[-1] >= 2 and (rows.verdict == "mismatch").any()

    small = quick(bp.Case.vjp(bp.Tanh(), x=(5, 4)), Changed(Tanh=off), keeps=wide)
    assert small.case.arrays["x"].shape == (1, 2)
    assert all(names == {"mine"} for names in asked)
    noisy = quick(deep(), "numpy", keeps=lambda case, rows: rows.noise_ratio.max() > 0.3)
    assert noisy.failure is None  # nothing is wrong: this is for looking at something else
    assert noisy.rows.noise_ratio.max() > 0.3
    assert str(noisy).splitlines()[1] == f"to {described(noisy.case)}"
    with pytest.raises(bp.CaseError, match="keeps says no to the case itself"):
        quick(deep(), Changed(Tanh=off), keeps=lambda case, rows: False)


def test_nothing_to_shrink():
    with pytest.raises(bp.CaseError, match="numpy does not disagree on Sequential"):
        quick(deep(), "numpy")
    with pytest.raises(bp.UnknownName):
        quick(deep(), "numpi")


# The search


def test_the_same_every_time():
    first, second = (shrink(deep(), Dense=off) for _ in range(2))
    assert dumps(first.case) == dumps(second.case)
    assert first.evaluations == second.evaluations


def test_it_ends_when_its_means_do():
    told = []
    few = quick(deep(), Changed(Dense=off), evaluations=12, progress=told.append)
    assert (few.evaluations, few.stopped) == (12, "comparisons")
    assert "out of comparisons: it may get smaller still" in str(few)
    assert smaller(few.case, deep())
    assert told[-1].endswith(f"now {described(few.case)}")
    assert quick(deep(), Changed(Dense=off), seconds=1e-9).stopped == "time"


def test_what_is_smaller():
    case, one = deep(), bp.Case.vjp(bp.Tanh(), x=np.array([[0.5, 2.0]]), dy=np.array([[1.0, 0.0]]))
    assert smaller(one, case)
    assert not smaller(case, case)
    assert size(training())[0] > size(case)[0]
    for x in ([[0.5, 1.0]], [[0.0, 2.0]], [[0.5, 0.0]]):
        assert smaller(one.replace(arrays={"x": np.array(x)}), one)
    for x in ([[-0.5, 2.0]], [[0.25, 2.0]], [[0.5, 20.0]]):
        assert smaller(one, one.replace(arrays={"x": np.array(x)}))


def test_the_shrunk_case_is_a_case_like_any_other(tmp_path):
    small = shrink(deep(dtype="float32"), Tanh=lambda x, dy, dx, dp: (dx * np.float32(1.01), dp))
    small.case.save(tmp_path / "small.json", small.rows)
    again = bp.read_case(tmp_path / "small.json")
    assert dumps(again) == dumps(small.case)
    assert "network = bp.Tanh()\n" in small.case.python()


def test_shaking_leaves_targets_and_integers():
    case = training()
    other = shaken(case)
    for (x, target), (y, same) in zip(case.arrays["batches"], other.arrays["batches"], strict=True):
        assert (x != y).all()
        np.testing.assert_array_equal(target, same)
    tokens = bp.Case.vjp(bp.Embedding(3, 2), x=np.array([0, 0, 2]))
    np.testing.assert_array_equal(shaken(tokens).arrays["x"], [0, 0, 2])
    assert (shaken(bp.Case.vjp(bp.Tanh(), x=np.zeros((1, 2)))).arrays["x"] != 0).all()


def test_failures_are_named():
    case = training()
    rows = case.compare([Changed(Softmax=off)])
    first = first_failure(case, rows)
    assert str(first) == "gradient Dense.b, lockstep"
    assert first.stage == "backward"
    found = failures(case, rows)
    assert found[first] > 1e9
    assert {str(f) for f in found} >= {"state v of SGD, lockstep", "weights of SGD, free-running"}
    assert first_failure(case, case.compare("numpy")) is None


def test_names_are_unique():
    """Every search has candidates of one name: the adapter is asked under the name it was given."""
    numbers = count()

    class Unnamed(Changed):
        @property
        def name(self):
            return f"other {next(numbers)}"

        @name.setter
        def name(self, value):
            pass

    assert quick(deep(), Unnamed(Tanh=off)).case.numbers == 2
