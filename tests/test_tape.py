"""The tape: the reference as a list of array operations, that can be run on other numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from backproof.comparisons.ledger.explanation import explanation, problem_of
from backproof.comparisons.ledger.live import RATE, live, updated
from backproof.comparisons.ledger.networks import SMALL
from backproof.comparisons.ledger.problem import explain, named
from backproof.comparisons.ledger.tape import NotTraceable, Tape
from backproof.explain_live import page_data, page_operations
from backproof.reference.layers.sequential import Sequential
from backproof.reference.losses.mean_squared_error import MeanSquaredError
from backproof.reference.tree import leaves, tree_map


def flat_view(array, more):
    """What a view or a put sees of an array, by its offset and strides or by its index."""
    flat = array.reshape(-1)
    if "index" in more:
        return flat[more["index"]].reshape(more["region"])
    strides = [s * flat.itemsize for s in more["strides"]]
    return np.lib.stride_tricks.as_strided(flat[more["offset"] :], more["region"], strides)


def run(tape, given):
    """Every array of a tape, from what is given by name: as the page does it, in NumPy."""
    made = []
    for o in tape.operations:
        inputs = [made[i] for i in o.inputs]
        if o.name in ("given", "constant"):
            value = np.array(given.get(o.more.get("name"), o.more["numbers"]), float)
        elif o.name == "view":
            value = flat_view(inputs[0], o.more)
        elif o.name == "put":
            value = inputs[0].copy()
            places = flat_view(np.arange(value.size), o.more)
            value.reshape(-1)[places] = inputs[1]
        elif "axes" in o.more:
            value = getattr(np, o.name)(inputs[0], axis=tuple(o.more["axes"]))
        elif o.name in ("where", "invert"):  # truth is a number there
            inputs[0] = inputs[0].astype(bool)
            value = getattr(np, o.name)(*inputs)
        else:
            value = getattr(np, o.name)(*inputs)
        made.append(np.array(value, float).reshape(o.shape))
    return made


@pytest.mark.parametrize("name", [*SMALL, "mazur", "LPPool2d", "Pad", "TiedHead", "Concat"])
def test_a_tape_is_the_network(name):
    """On other parameters, inputs and another rate it gives what the reference gives."""
    problem, rng = problem_of(name), np.random.default_rng(1)

    def moved(array):
        floats = array.dtype.kind == "f"
        return array + 0.3 * rng.standard_normal(array.shape) if floats else array

    made = live(problem, explain(problem, {}))
    shown = tuple(tree_map(moved, tree) for tree in problem.shown)
    other = dataclasses.replace(problem, shown=shown, rate=0.7)
    ledger = explain(other, {})
    given = {k: v for k, v in leaves(named(*shown)) if k in made.given}
    arrays = run(made.tape, {**given, RATE: 0.7})
    right = {row.step.key: row.shown for row in ledger.rows}
    for row, var in made.rows.items():
        np.testing.assert_allclose(arrays[var], right[row.step.key], rtol=1e-9, atol=1e-12)
    gradients = {row.step.leaf: row.shown for row in ledger.rows if row.step.leaf}
    for path, w in updated(other, gradients).items():
        np.testing.assert_allclose(arrays[made.updated[path]], w, rtol=1e-9, atol=1e-12)


@pytest.fixture
def x():
    return Tape().given("x", np.arange(1.0, 7).reshape(2, 3))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda x: np.einsum("ij->ji", x), "np.einsum is none of the operations"),
        (lambda x: x.astype(int), "rounded to integers"),
        (lambda x: 1 if x.sum() > 2 else 0, "depends on the numbers"),
        (lambda x: x[x > 2], "which numbers are looked up depends on the numbers"),
        (lambda x: np.ones(2) @ x, "a product with a vector"),
        (lambda x: np.add.reduce(x), "np.add with reduce"),
        (lambda x: np.pad(x, 1, mode="edge"), "np.pad with edge"),
        (lambda x: x * 1j, "complex128 is no kind of number"),
        (lambda x: np.zeros((2, 3)).__setitem__(0, x[0]), "into an array of np.zeros"),
    ],
)
def test_what_a_tape_has_no_word_for(ask, message, x):
    with pytest.raises(NotTraceable, match=message):
        ask(x)


def test_a_shared_constant_is_there_once(x):
    y = (x + 1.0) * 1.0 + np.ones(3)
    names = [o.name for o in y.tape.operations]
    assert names == ["given", "constant", "add", "multiply", "constant", "add"]


def test_writing_changes_the_array_and_not_its_past(x):
    before = x.var
    y = x + 0.0
    y[:, 1] += 10 * x[:, 0]
    assert x.var == before
    np.testing.assert_array_equal(run(x.tape, {})[y.var], [[1, 12, 3], [4, 45, 6]])


class Scaled:
    """y = 2 x, by a function that no tape knows."""

    def init(self, rng):
        return {}

    def forward(self, params, x):
        return np.einsum("ni->ni", 2 * x), ()

    def backward(self, residuals, dy):
        return 2 * dy, {}


def test_a_page_without_a_tape_has_what_was_recorded():
    problem = problem_of("mazur")
    params, x, target = problem.shown
    network = Sequential(*problem.network.layers, Scaled())
    other = dataclasses.replace(
        problem, network=network, loss=MeanSquaredError(), shown=((*params, {}), x, target),
        draws=tuple(((*p, {}), *rest) for p, *rest in problem.draws),
    )  # fmt: skip
    data = page_data(explanation(other, {}))
    assert (
        data["why"]
        == "This page cannot recompute mazur: np.einsum is none of the operations that it knows."
    )
    assert {name for name, *_ in data["tape"]} == {"constant"}
    assert data["graph"]["columns"][-1]["title"] == "4 Scaled"


def test_the_pages_operations_are_read_from_its_script():
    assert {"add", "matmul", "view", "put", "where", "sum", "given"} <= page_operations()
    assert "data" not in page_operations()


@pytest.mark.parametrize("name", ["lesson", "mazur"])
def test_a_single_sample_is_lined_up(name, explained):
    """With a batch of one JAX leaves out reshapes: an equation is not found by its number."""
    ledger = explained.ledger(name)
    for adapter in ledger.events:
        assert ledger.worst(adapter) < 1e-12
        matched, steps = ledger.matched(adapter, "backward", passes=True)
        assert matched == steps > 0
