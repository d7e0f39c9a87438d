"""Cases: run again from a file or as a program, to the last bit."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import backproof as bp
from backproof.comparisons.case_files import dumps, loads
from backproof.comparisons.layouts import memory_order
from backproof.reference.protocols import Function, Optimizer

NETWORK = bp.Sequential(bp.Dense(4, 3), bp.Tanh(), bp.Residual(bp.Dense(3, 3)))


def small(**changes):
    return bp.Case.vjp(NETWORK, **{"x": (5, 4), "seed": 3, "adapters": ["numpy"]} | changes)


def wrong(network, params, x, dy):
    y, residuals = network.forward(params, x)
    dx, dparams = network.backward(residuals, dy)
    return y, 1.5 * dx, dparams


def assert_same(a, b):
    pd.testing.assert_frame_equal(a, b, check_exact=True)


# The same rows


def as_case(setting, precision):
    """The case of a sample, and its rows as a comparison makes them."""
    spec, given = setting.spec, {"dtype": precision, "seed": setting.seed, "adapters": ["numpy"]}
    x = setting.x(precision)
    if isinstance(spec, Optimizer):
        given |= {"params": {"w": x}, "steps": 3}
        return bp.Case.optimizer(spec, **given), bp.compare_optimizer(spec, **given)
    if isinstance(spec, Function):
        return bp.Case.function(spec, x=x, **given), bp.compare_function(spec, x=x, **given)
    if setting.sample.target is not None:
        given["target"] = setting.target(precision)
    return bp.Case.vjp(spec, x=x, **given), bp.compare_vjp(spec, x=x, **given)


def test_every_first_sample_comes_back_to_the_last_bit(first_sample):
    case, rows = as_case(first_sample, ("float64", "float32")[len(first_sample.id) % 2])
    again = loads(dumps(case), "file")
    assert_same(case.compare(), rows)
    assert_same(again.compare(), rows)
    assert dumps(again) == dumps(case)
    assert list(again.specs.values()) == list(case.specs.values())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_training_comes_back_to_the_last_bit(dtype, tmp_path):
    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal((3, 4)).astype(dtype), np.array([0, 2, 1])) for _ in range(3)]
    what = NETWORK, bp.SoftmaxCrossEntropy(), bp.Adam(lr=0.1)
    given = {"batches": batches, "seed": 4, "adapters": "numpy", "replicas": 4, "case": "a name"}
    case, rows = bp.Case.training(*what, **given), bp.compare_training(*what, **given)
    case.save(tmp_path / "case.json", rows)
    again = bp.read_case(tmp_path / "case.json")
    assert_same(again.compare(), rows)
    assert_same(again.rows_in(pd.concat([rows, rows.assign(dtype="other")])), rows)
    assert (again.steps, again.settings, again.name) == (3, {"replicas": 4}, "a name")


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_the_order_in_memory_is_part_of_the_case(axes):
    """Some mistakes show only where an array is transposed in memory."""

    def reads_memory(network, params, x, dy):
        return wrong(network, params, x, dy.ravel(order="K").reshape(dy.shape))

    rng = np.random.default_rng(0)
    x, dy = (rng.standard_normal((2, 3, 4)).transpose(axes) for _ in range(2))
    case = bp.Case.vjp(bp.Sigmoid(), x=x[::-1], dy=dy)
    again = loads(dumps(case), "file")
    assert memory_order(again.arrays["dy"]) == tuple(np.argsort(axes)) != (0, 1, 2)
    candidate = bp.Candidate("mine", vjp=reads_memory)
    rows = bp.compare_vjp(bp.Sigmoid(), x=x[::-1], dy=dy, adapters=[candidate])
    assert_same(again.compare([candidate]), rows)
    straight = again.replace(arrays={"dy": np.ascontiguousarray(dy)}).compare([candidate])
    assert straight.noise_ratio.max() != rows.noise_ratio.max()


def test_numbers_that_are_none_come_back():
    x = np.array([[math.nan, math.inf, -math.inf, -0.0]])
    case = small(x=x)
    back = loads(dumps(case), "file").arrays["x"]
    np.testing.assert_array_equal(back, x)
    assert np.signbit(back[0, 3])
    assert (case.compare().verdict == "error").all()


def test_a_case_cannot_be_changed_by_whoever_runs_it():
    def writes(network, params, x, dy):
        x[:] = dy[:] = 0
        return wrong(network, params, x, dy)

    case = small()
    before = dumps(case)
    case.compare([bp.Candidate("writes", vjp=writes)])
    assert dumps(case) == before
    with pytest.raises(ValueError, match="read-only"):
        case.arrays["x"][0] = 1


def test_what_the_comparison_refuses_the_case_refuses():
    with pytest.raises(bp.CaseError, match="dy has shape"):
        small(dy=np.ones(3))
    with pytest.raises(TypeError, match="no comparison takes steps"):
        small(steps=3)
    with pytest.raises(bp.CaseError, match="is a layer: it takes no target"):
        small(target=np.ones(3))


# Programs


def run_program(text):
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"{text}\nprint(results.to_json(double_precision=15))"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_programs_give_the_same_rows():
    """One of each kind, in one process."""
    x = np.random.default_rng(1).standard_normal((4, 5)).astype("float32").T
    batches = [(np.ones((1, 4)), np.array([1]))]
    cases = [
        small(adapters=["numpy", "complex_step"]),
        small(x=x, adapters=["numpy"], case='at "its" kink', replicas=8),
        bp.Case.vjp(bp.Dropout(), x=(np.zeros((3, 4)), np.eye(3, 4) > 0), adapters=["numpy"]),
        bp.Case.optimizer(bp.SGD(momentum=0.5), steps=2, adapters=["numpy"]),
        bp.Case.training(NETWORK, bp.SoftmaxCrossEntropy(), bp.SGD(), batches=batches,
                         adapters=["numpy"]),
        bp.Case.function(bp.Noam(), x=np.arange(1, 4), adapters=["numpy"]),
    ]  # fmt: skip
    save = "\ntables = [*globals().get('tables', ()), results]\n"
    program = save.join(case.python() for case in cases) + save
    done = run_program(
        f"{program}import pandas\nresults = pandas.concat(tables, ignore_index=True)"
    )
    rows = pd.concat([case.compare() for case in cases], ignore_index=True)
    assert done.splitlines()[-1] == rows.to_json(double_precision=15)
    assert max(map(len, program.splitlines())) <= 100


def test_a_program_leaves_a_place_for_ones_own_functions():
    text = small(adapters=["numpy", bp.Candidate("my own")]).python()
    assert 'candidate = bp.Candidate("my own")  # give your functions' in text
    assert 'adapters = ["numpy", candidate]' in text
    names = {}
    exec(text.replace('"my own")', '"my own", vjp=wrong)'), {"wrong": wrong}, names)
    assert "mismatch" in set(names["results"].verdict)
    assert "adapters = None  # the reference itself, torch and jax" in small(adapters=None).python()
