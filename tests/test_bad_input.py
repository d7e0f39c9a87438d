"""Whatever is given: a clear message, or a row that says what went wrong; no pass, no crash."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

import backproof as b
from backproof.adapters.loading import load
from backproof.adapters.numpy_reference import NumpyReference
from backproof.reference.tree import leaves, tree_map

DENSE = b.Dense(4, 3)
NETWORK = b.Sequential(DENSE, b.Tanh(), b.Dense(3, 2))
MSE = b.MeanSquaredError()
ADAM, SGD = b.Adam(), b.SGD(0.1, momentum=0.9)
REFERENCE = NumpyReference()
RNG = np.random.default_rng(0)
X, TARGET = RNG.standard_normal((5, 4)), RNG.standard_normal((5, 2))
PARAMS = {"W": RNG.standard_normal((4, 3)), "b": RNG.standard_normal(3)}
BATCHES = [(X * t, TARGET) for t in (1, 2, 3, 4)]
WEIGHTS = {"w": np.ones((2, 3))}
LABELS = np.array([0, 1, 0, 1, 1])


def vjp(network=DENSE, **changes):
    return b.compare_vjp(network, **({"x": X, "adapters": ["numpy"]} | changes))


def optimizer(rule=ADAM, **changes):
    return b.compare_optimizer(rule, **({"adapters": ["numpy"]} | changes))


def training(network=NETWORK, loss=MSE, rule=SGD, **changes):
    given = {"batches": BATCHES, "adapters": ["numpy"]} | changes
    return b.compare_training(network, loss, rule, **given)


def changed(tree, leaf, value, index=...):
    array = tree[leaf].copy()
    array[index] = value
    return tree | {leaf: array}


def at(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


# Cases that cannot be compared: CaseError, before anything runs

DENSE_TEXT = "Dense(n_in=4, n_out=3, bias=True)"
REFUSED = {
    "wrong param shape": (
        lambda: vjp(params=PARAMS | {"W": np.ones((3, 4))}),
        f"params['W'] has shape (3, 4), {DENSE_TEXT} wants (4, 3)",
    ),
    "missing leaf": (
        lambda: vjp(params={"W": PARAMS["W"]}), f"params of {DENSE_TEXT}: missing 'b'"
    ),
    "extra leaf": (
        lambda: vjp(params=PARAMS | {"c": np.ones(3)}), f"params of {DENSE_TEXT}: not known 'c'"
    ),
    "leaf of another name": (
        lambda: vjp(params={"W": PARAMS["W"], "bias": PARAMS["b"]}),
        f"params of {DENSE_TEXT}: missing 'b'; not known 'bias'",
    ),
    "leaf of an inner layer": (
        lambda: vjp(NETWORK, params=(PARAMS, {}, {})), "missing '2.W', '2.b'"
    ),
    "params float32, x float64": (
        lambda: vjp(params=PARAMS | {"W": PARAMS["W"].astype("float32")}),
        "params['W'] is float32, the case is float64: give one dtype throughout",
    ),
    "params of integers": (
        lambda: vjp(params=PARAMS | {"b": np.zeros(3, int)}),
        "params['b'] is int64, the case is float64: convert it first",
    ),
    "longdouble": (
        lambda: vjp(x=X.astype("longdouble")),
        "is not compared: use float64, float32, float16, bfloat16",
    ),
    "longdouble asked for": (lambda: vjp(x=(5, 4), dtype="longdouble"), "is not compared: use"),
    "dtype of integers": (lambda: vjp(x=(5, 4), dtype=int), "dtype int64 is not compared"),
    "dtype unknown": (
        lambda: vjp(dtype="quad"), "dtype 'quad' is not known: use float64, float32, float16"
    ),
    "x of integers": (
        lambda: vjp(x=np.ones((5, 4), int)), "x is int64, the case is float64: convert it first"
    ),
    "x complex": (lambda: vjp(x=X + 0j), "x is complex128: give real numbers (float64)"),
    "x text": (lambda: vjp(x="rubbish"), "give real numbers (float64)"),
    "x ragged": (lambda: vjp(x=[[1.0, 2.0], [3.0]]), "x is no array"),
    "x shape with a negative size": (
        lambda: vjp(x=(5, -4)), "x cannot have the shape (5, -4): a size is negative"
    ),
    "x against dtype": (
        lambda: vjp(dtype="float32"),
        "x is float64, the case is float32: give one dtype throughout",
    ),
    "x shape": (
        lambda: vjp(x=X[:, :3]),
        f"{DENSE_TEXT} takes x of shape (..., 4), got an array of shape (5, 3)",
    ),
    "x shape to draw": (lambda: vjp(x=(5, 3)), "takes x of shape (..., 4), got an array of shape"),
    "x of too few axes": (lambda: vjp(b.Softmax(axis=1), x=X[0]), "axis 1 is out of bounds"),
    "image channels": (
        lambda: vjp(b.Conv2d(2, 3, 3), x=(1, 3, 5, 5)),
        "takes x of shape (N, 2, H, W) with H, W >= 3, got an array of shape (1, 3, 5, 5)",
    ),
    "mask": (
        lambda: vjp(b.MultiHeadAttention(4, 2), x=(np.ones((2, 3, 4)), np.ones((2, 3), bool))),
        "takes a mask that broadcasts to (2, 2, 3, 3), got an array of shape (2, 3)",
    ),
    "one input too many": (
        lambda: vjp(b.MultiHeadAttention(4, 2), x=(np.ones((2, 3, 4)),) * 3),
        "takes a query, or a query and a memory, and a mask",
    ),
    "layers that do not fit": (
        lambda: vjp(b.Sequential(b.Dense(4, 3), b.Dense(4, 2))),
        "Dense(n_in=4, n_out=2, bias=True) takes x of shape (..., 4), got an array of shape (5, 3)",
    ),
    "dy shape": (lambda: vjp(dy=np.ones((5, 4))), "dy has shape (5, 4), y has shape (5, 3)"),
    "dy dtype": (
        lambda: vjp(dy=np.ones((5, 3), "float32")), "dy is float32, the case is float64"
    ),
    "loss without target": (
        lambda: vjp(MSE), "MeanSquaredError(reduction='mean') is a loss: give its target"
    ),
    "target shape": (
        lambda: vjp(MSE, target=np.ones(5)),
        "takes a target of the prediction's shape (5, 4), got an array of shape (5,)",
    ),
    "labels shape": (
        lambda: vjp(b.SoftmaxCrossEntropy(), target=LABELS[:2]),
        "takes a target of shape (5,), got an array of shape (2,)",
    ),
    "label too large": (
        lambda: vjp(b.SoftmaxCrossEntropy(), target=LABELS + 3), "takes labels 0..3, got 3..4"
    ),
    "label negative": (
        lambda: vjp(b.SoftmaxCrossEntropy(), target=LABELS - 1), "takes labels 0..3, got -1..0"
    ),
    "labels that are no integers": (
        lambda: vjp(b.SoftmaxCrossEntropy(), target=np.ones(5)),
        "SoftmaxCrossEntropy(reduction='mean') takes integer labels, got float64",
    ),
    "empty input": (lambda: vjp(x=X[:0]), "x is empty: its shape is (0, 4)"),
    "no adapters": (lambda: vjp(adapters=[]), "no adapters: name at least one"),
    "adapter that is none": (lambda: vjp(adapters=["numpy", 3]), "3 is no adapter"),
    "adapters of one name": (
        lambda: vjp(adapters=["numpy", REFERENCE]), "two adapters are named 'numpy'"
    ),
    "a class for a layer": (lambda: vjp(b.Tanh), "Tanh is a class: give an object"),
    "an optimizer for a network": (
        lambda: vjp(b.SGD()), "is no layer: it has no forward and no backward"
    ),
    "None for a network": (lambda: vjp(None), "None is no loss: it has no forward"),
    "a target for a layer": (lambda: vjp(target=LABELS), f"{DENSE_TEXT} is a layer"),
    "a layer for a loss": (lambda: training(loss=b.Tanh()), "Tanh() is no loss"),
    "a loss for an optimizer": (
        lambda: training(rule=MSE),
        "MeanSquaredError(reduction='mean') is no optimizer: it has no init",
    ),
    "a layer for an optimizer": (
        lambda: optimizer(b.Tanh()), "Tanh() is no optimizer: it has no update"
    ),
    "no gradients": (
        lambda: optimizer(grads=[]), "there are no gradients: give one tree for each step"
    ),
    "no steps": (lambda: optimizer(steps=0), "there are no gradients"),
    "gradient of another leaf": (
        lambda: optimizer(params=WEIGHTS, grads=[WEIGHTS, {"v": WEIGHTS["w"]}]),
        "gradient 2 has leaves {'v': (2, 3)}, the weights have {'w': (2, 3)}",
    ),
    "gradient shape": (
        lambda: optimizer(params=WEIGHTS, grads=[{"w": np.ones((3, 2))}]),
        "gradient 1 has leaves {'w': (3, 2)}, the weights have {'w': (2, 3)}",
    ),
    "gradient dtype": (
        lambda: optimizer(params=WEIGHTS, grads=[{"w": np.ones((2, 3), "float32")}]),
        "gradient 1 'w' is float32, the case is float64",
    ),
    "weights of two dtypes": (
        lambda: optimizer(params=WEIGHTS | {"b": np.ones(3, "float32")}),
        "params['b'] is float32, the case is float64",
    ),
    "weights of integers": (
        lambda: optimizer(params={"w": np.ones(3, int)}), "params['w'] is int64"
    ),
    "no weights": (lambda: optimizer(params={}), "params hold no weights"),
    "no batches": (
        lambda: training(batches=[]), "there are no batches: give at least one (x, target)"
    ),
    "batches that are no pairs": (
        lambda: training(batches=[BATCHES[0], X]), "batch 2 is no pair: give (x, target)"
    ),
    "empty batch": (
        lambda: training(batches=[BATCHES[0], (X[:0], TARGET[:0])]),
        "x of batch 2 is empty: its shape is (0, 4). Give at least one sample",
    ),
    "batch of another dtype": (
        lambda: training(batches=[BATCHES[0], (X.astype("float32"), TARGET)]),
        "x of batch 2 is float32, the case is float64",
    ),
    "batch shape": (
        lambda: training(batches=[(X[:, :3], TARGET)]), "takes x of shape (..., 4), got an array"
    ),
    "second batch's shape": (
        lambda: training(batches=[BATCHES[0], (X[:, :3], TARGET)]),
        "takes x of shape (..., 4), got an array of shape (5, 3)",
    ),
    "batch target": (
        lambda: training(batches=[(X, TARGET[:, :1])]),
        "takes a target of the prediction's shape (5, 2), got an array of shape (5, 1)",
    ),
    "second batch's labels": (
        lambda: training(loss=b.SoftmaxCrossEntropy(), batches=[(X, LABELS), (X, LABELS + 1)]),
        "takes labels 0..1, got 1..2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_case_error(case):
    call, message = REFUSED[case]
    with pytest.raises(b.CaseError) as error:
        call()
    assert message in str(error.value)


def test_the_cases_are_right_otherwise():
    """What the table above spoils matches as it is."""
    for rows in (vjp(params=PARAMS), vjp(NETWORK), vjp(MSE, target=X + 1), optimizer(), training(),
                 optimizer(params=WEIGHTS, grads=[WEIGHTS]),
                 vjp(b.SoftmaxCrossEntropy(), target=LABELS)):  # fmt: skip
        assert set(rows.verdict) == {"match"}


@pytest.mark.parametrize(
    ("name", "near"), [("pytorch", "torch"), ("Torch", "torch"), ("nunpy", "numpy")]
)
def test_unknown_adapter_suggests_the_nearest(name, near):
    for call in (vjp, optimizer, training):
        with pytest.raises(
            b.UnknownName, match=rf"unknown adapter '{name}'\. Did you mean {near}\?"
        ):
            call(adapters=["numpy", name])
    with pytest.raises(b.UnknownName, match=r"unknown adapter 'qqq'\. Known: .*jax, numpy, torch"):
        b.load_adapter("qqq")


def test_one_name_is_not_a_list_of_letters():
    assert set(vjp(adapters="numpy").candidate) == {"numpy"}
    with pytest.raises(b.UnknownName, match="unknown adapter 'nunpy'"):
        vjp(adapters="nunpy")


# Numbers that are not finite: a verdict that says where, never a pass


def is_error(rows, where):
    """Each candidate has an error whose reason says where; no row of the rest is a mismatch."""
    assert set(rows.verdict) <= {"match", "structural zero", "unresolved", "error"}
    for _, own in rows.groupby(["candidate", "mode"]):
        bad = own[own.verdict == "error"]
        assert len(bad)
        assert bad.reason.str.contains(where, regex=False).all(), set(bad.reason)
    return True


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_vjp(bad, installed):
    assert is_error(vjp(params=changed(PARAMS, "W", bad, (1, 2)), adapters=installed),
                    f"params['W'] holds {bad} at (1, 2)")  # fmt: skip
    assert is_error(vjp(x=at(X, (3, 1), bad), adapters=installed), f"x holds {bad} at (3, 1)")
    dy = at(np.ones((5, 3)), (4, 0), bad)
    assert is_error(vjp(dy=dy, adapters=installed), f"dy holds {bad} at (4, 0)")
    assert is_error(vjp(MSE, target=at(X, (0, 1), bad), adapters=installed),
                    f"target holds {bad} at (0, 1)")  # fmt: skip


def spoiled(x, bad):
    """x with its first float overwritten, and what the messages say of it."""
    floats = [(path, a) for path, a in leaves(x) if a.dtype.kind == "f"]
    if not floats:
        pytest.skip("an integer is never NaN or inf")
    (path, first), *_ = floats
    changed = tree_map(lambda a: at(a, (0,) * a.ndim, bad) if a is first else a, x)
    return changed, f"x{f'[{path}]' if path else ''} holds {bad} at {(0,) * first.ndim}"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_x_is_never_a_pass(layer, bad):
    """No layer may swallow a NaN, or saturate at an inf, and pass for it."""
    x, where = spoiled(layer.x("float64"), bad)
    rows = layer.compare("numpy", "float64", x=x)
    assert is_error(rows, where)
    assert (rows.verdict[rows.quantity == "y"] == "error").all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_prediction_is_never_a_pass(loss, bad):
    x, where = spoiled(loss.x("float64"), bad)
    assert is_error(loss.compare("numpy", "float64", x=x), where)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_optimizer(bad, installed):
    grads = [WEIGHTS, changed(WEIGHTS, "w", bad, (0, 2)), WEIGHTS]
    rows = optimizer(params=WEIGHTS, grads=grads, adapters=installed)
    assert set(rows.verdict[rows.step == 1]) == {"match"}
    assert is_error(rows, f"gradient 2 'w' holds {bad} at (0, 2)")
    assert is_error(optimizer(params=changed(WEIGHTS, "w", bad, (1, 1)), grads=[WEIGHTS]),
                    f"params['w'] holds {bad} at (1, 1)")  # fmt: skip


def test_a_network_without_parameters_cannot_be_trained():
    with pytest.raises(b.CaseError, match=r"Tanh\(\) has no parameters: there is nothing to train"):
        b.compare_training(b.Tanh(), b.MeanSquaredError(), b.SGD(0.1), batches=BATCHES[:1])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite_training(bad, installed):
    x = at(X, (2, 3), bad)
    first = training(batches=[(x, TARGET), BATCHES[0]], adapters=installed)
    assert is_error(first, f"x of batch 1 holds {bad} at (2, 3)")
    second = training(batches=[BATCHES[0], (X, at(TARGET, (4, 1), bad))], adapters=installed)
    assert set(second.verdict[second.step == 1]) == {"match"}
    assert "match" not in set(second.verdict[second.step == 2])
    assert is_error(second, f"target of batch 2 holds {bad} at (4, 1)")
    start = (changed(PARAMS, "b", bad, 1), {}, {"W": np.ones((3, 2)), "b": np.zeros(2)})
    assert is_error(training(params=start), f"params['0.b'] holds {bad} at (1,)")


def test_overflow_in_the_cases_own_dtype_is_no_mismatch(installed):
    """Every correct implementation overflows here; only the wider gold value does not."""
    x, params = np.full((2, 2), 1e30, "float32"), {"W": np.full((2, 1), 1e30, "float32")}
    rows = vjp(b.Dense(2, 1, bias=False), x=x, params=params, adapters=installed)
    assert set(rows.verdict[rows.quantity == "y"]) == {"error"}
    assert rows.reason[rows.quantity == "y"].str.contains("float32").all()
    assert "mismatch" not in set(rows.verdict)


def test_a_diverging_run_is_no_mismatch(installed):
    """A learning rate far too large: float32 overflows, the wider gold run not yet."""
    batches = [(X.astype("float32"), TARGET.astype("float32"))] * 12
    rows = training(b.Dense(4, 2), rule=b.SGD(1e4), batches=batches, adapters=installed)
    assert set(rows.verdict[rows.step == 1]) == {"match"}
    assert "error" in set(rows.verdict[rows.step == 12])
    assert "mismatch" not in set(rows.verdict)


def test_no_warning_escapes():
    """Overflow has a verdict; a warning besides would end a session that makes warnings errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables = [
            vjp(x=X * 1e300, params=changed(PARAMS, "W", 1e10)),
            vjp(b.Sigmoid(), x=at(X, 0, np.inf)),
            optimizer(b.SGD(1e300), params=WEIGHTS, grads=[changed(WEIGHTS, "w", 1e300)] * 2),
            training(rule=b.SGD(1e300)),
        ]
    for rows in tables:
        assert "error" in set(rows.verdict)
        assert not rows.reason.str.contains("Warning").any(), set(rows.reason)


# A candidate that gives the wrong thing: a row for each leaf, and the rest still compared


def candidate(change):
    """The reference, but for one change of its VJP."""

    def wrong(network, params, x, dy):
        return change(REFERENCE.vjp(network, params, x, dy))

    return b.Candidate("mine", vjp=wrong)


def one_row(rows, **expected):
    """The only row that is no match is as expected; ``reason`` is contained in its reason."""
    own = rows[rows.candidate == "mine"]
    assert set(rows.verdict[rows.candidate != "mine"]) <= {"match"}
    (row,) = own[own.verdict != "match"].to_dict("records")
    assert expected.pop("reason") in row["reason"]
    assert {k: row[k] for k in expected} == expected
    assert len(own) > 1  # the other leaves were compared
    return True


WRONG = {
    "nan": (
        lambda v: v._replace(y=at(v.y, (2, 1), np.nan)),
        {"quantity": "y", "verdict": "mismatch", "finding": "not finite",
         "reason": "nan at (2, 1), 1 of 15 entries are not finite"},
    ),
    "inf": (
        lambda v: v._replace(dparams=changed(v.dparams, "b", np.inf)),
        {"quantity": "dparams", "leaf": "b", "verdict": "mismatch", "finding": "not finite",
         "reason": "inf at (0,), 3 of 3 entries are not finite"},
    ),
    "shape": (
        lambda v: v._replace(dparams=v.dparams | {"W": v.dparams["W"].T}),
        {"quantity": "dparams", "leaf": "W", "verdict": "mismatch", "finding": "wrong shape",
         "reason": "shape (3, 4) instead of (4, 3)"},
    ),
    "shape that would broadcast": (
        lambda v: v._replace(dparams=v.dparams | {"b": v.dparams["b"][None]}),
        {"leaf": "b", "verdict": "mismatch", "reason": "shape (1, 3) instead of (3,)"},
    ),
    "dtype": (
        lambda v: v._replace(dx=v.dx.astype("float32")),
        {"quantity": "dx", "verdict": "mismatch", "finding": "wrong dtype",
         "reason": "dtype float32 instead of float64"},
    ),
    "complex": (
        lambda v: v._replace(dx=v.dx + 0j),
        {"quantity": "dx", "verdict": "mismatch",
         "reason": "dtype complex128 instead of float64"},
    ),
    "objects": (
        lambda v: v._replace(dx=v.dx.astype(object)),
        {"quantity": "dx", "verdict": "mismatch", "reason": "dtype object instead of float64"},
    ),
    "missing leaf": (
        lambda v: v._replace(dparams={"W": v.dparams["W"]}),
        {"quantity": "dparams", "leaf": "b", "verdict": "error", "finding": "missing",
         "reason": "the candidate gave no such leaf"},
    ),
    "None for a leaf": (
        lambda v: v._replace(dx=None),
        {"quantity": "dx", "verdict": "error", "reason": "the candidate gave no such leaf"},
    ),
    "extra leaf": (
        lambda v: v._replace(dparams=v.dparams | {"c": v.dx}),
        {"quantity": "dparams", "leaf": "c", "verdict": "mismatch",
         "reason": "the reference has no such leaf"},
    ),
    "text for a leaf": (
        lambda v: v._replace(dx="rubbish"),
        {"quantity": "dx", "verdict": "mismatch", "reason": "shape () instead of (5, 4)"},
    ),
    "one entry": (
        lambda v: v._replace(dx=at(v.dx, (4, 2), v.dx[4, 2] + 0.5)),
        {"quantity": "dx", "verdict": "mismatch", "worst_index": "(4, 2)",
         "reason": "0.5 off at (4, 2): "},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_result_is_one_row(case):
    change, expected = WRONG[case]
    assert one_row(vjp(adapters=[candidate(change), "numpy"]), **expected)


RUBBISH = {
    "None": lambda v: None,
    "number": lambda v: 3,
    "text": lambda v: "rubbish",
    "three letters": lambda v: "abc",
    "too few": lambda v: v[:2],
    "ragged y": lambda v: v._replace(y=[[1.0], [2.0, 3.0]]),
    "ragged dparams": lambda v: v._replace(dparams={"W": [[1.0], [2.0, 3.0]], "b": [0.0]}),
    "dparams None": lambda v: v._replace(dparams=None),
    "dparams a list": lambda v: v._replace(dparams=[*v.dparams.values()]),
    "dparams by number": lambda v: v._replace(dparams=dict(enumerate(v.dparams.values()))),
    "uncertainty a number": lambda v: v._replace(uncertainty=7),
    "uncertainty of another shape": lambda v: v._replace(uncertainty=(np.ones(99), {})),
    "uncertainty nan": lambda v: v._replace(uncertainty=(v.dx * np.nan, {})),
}


def is_bad(rows):
    """The candidate has a row that fails, with words; the reference beside it is unharmed."""
    own = rows[rows.candidate == "mine"]
    bad = own[own.verdict.isin(["error", "mismatch"])]
    assert len(bad)
    assert (bad.reason != "").all()
    others = rows[rows.candidate != "mine"]
    assert len(others)
    assert set(others.verdict) == {"match"}
    return bad


@pytest.mark.parametrize("case", RUBBISH)
def test_rubbish_is_a_row(case):
    bad = is_bad(vjp(adapters=[candidate(RUBBISH[case]), "numpy"]))
    if case in ("None", "number", "text", "too few"):
        (reason,) = bad.reason
        assert reason.startswith("TypeError: it gave ")
        assert reason.endswith(", not (y, dx, dparams)")


def test_huge_uncertainty_is_not_a_pass_without_words():
    """Uncertainty is added to the tolerance, so it shows as a resolution that sees nothing."""
    rows = vjp(adapters=[candidate(lambda v: v._replace(uncertainty=(v.dx + 1e9, {})))])
    assert (rows.resolution[rows.quantity == "dx"] > 1).all()


def test_lists_and_plain_tuples_will_do():
    def plain(v):
        return v.y.tolist(), v.dx.tolist(), {k: a.tolist() for k, a in v.dparams.items()}

    assert set(vjp(adapters=[candidate(plain)]).verdict) == {"match"}


# A candidate that raises, stops, or changes what it was given


def raises(*args, **kwargs):
    raise MemoryError("GPU has gone\n  home ☃")


def test_raising_at_once_is_one_row():
    mine = b.Candidate("mine", vjp=raises, loss_vjp=raises, optimize=raises, train=raises)
    for call in (vjp, lambda **k: vjp(MSE, target=X + 1, **k), optimizer, training):
        bad = is_bad(call(adapters=[mine, "numpy"]))
        assert set(bad.reason) == {"MemoryError: GPU has gone home ☃"}
        assert list(bad["mode"]) == list(dict.fromkeys(bad["mode"]))  # one for each mode
        assert (bad.step <= 1).all()


def test_what_a_candidate_lacks_is_unsupported():
    for call, what in ((vjp, "vjp"), (optimizer, "optimize"), (training, "train"),
                       (lambda **k: vjp(MSE, target=X + 1, **k), "loss_vjp")):  # fmt: skip
        rows = call(adapters=[b.Candidate("mine"), "numpy"])
        own = rows[rows.candidate == "mine"]
        assert set(own.verdict) == {"unsupported"}
        assert set(own.reason) == {f"this candidate was given no {what}"}
        assert set(rows.verdict[rows.candidate == "numpy"]) == {"match"}


def trainer(change):
    """The reference's training, of which ``change`` sees every step: (t, step)."""

    def train(*args, **kwargs):
        for step in REFERENCE.train(*args, **kwargs):
            yield change(step)

    return b.Candidate("mine", train=train)


def raise_at_3(step):
    return raises() if step.t == 3 else step


def test_raising_in_the_middle_keeps_the_rows_before():
    rows = training(adapters=[trainer(raise_at_3), "numpy"])
    bad = is_bad(rows)
    assert list(bad.step) == [3, 3]
    assert set(bad["mode"]) == {"lockstep", "free-running"}
    assert set(bad.reason) == {"MemoryError: GPU has gone home ☃"}
    kept = rows[(rows.candidate == "mine") & (rows.verdict == "match")]
    assert set(kept.step) == {1, 2}
    assert set(rows.step[rows.candidate == "numpy"]) == {1, 2, 3, 4}


def test_raising_in_the_middle_of_an_optimizer():
    def optimize(*args):
        for t, done in enumerate(REFERENCE.optimize(*args), start=1):
            yield raises() if t == 3 else done

    rows = optimizer(steps=4, adapters=[b.Candidate("mine", optimize=optimize), "numpy"])
    bad = is_bad(rows)
    assert list(bad.step) == [3]
    assert set(rows.step[(rows.candidate == "mine") & (rows.verdict == "match")]) == {1, 2}


def test_stopping_early_is_an_error():
    def train(*args):
        return list(REFERENCE.train(*args))[:2]

    def optimize(*args):
        return list(REFERENCE.optimize(*args))[:2]

    mine = b.Candidate("mine", train=train, optimize=optimize)
    for call in (training, optimizer):
        bad = is_bad(call(adapters=[mine, "numpy"]))
        assert set(bad.step) == {3}
        assert bad.reason.str.contains("stopped before step 3").all()


STEP_RUBBISH = {
    "None": lambda step: None,
    "text": lambda step: "abcde",
    "number": lambda step: 3,
    "tuple": lambda step: (1, 2),
    "state None": lambda step: dataclasses.replace(step, state=None),
    "loss ragged": lambda step: dataclasses.replace(step, loss=[[1.0], [2.0, 3.0]]),
    "loss nan": lambda step: dataclasses.replace(step, loss=step.loss * np.nan),
    "params a list": lambda step: dataclasses.replace(step, params=[1.0, 2.0]),
    "grads None": lambda step: dataclasses.replace(step, grads=None),
}


@pytest.mark.parametrize("case", STEP_RUBBISH)
def test_rubbish_from_training_is_a_row(case):
    bad = is_bad(training(batches=BATCHES[:2], adapters=[trainer(STEP_RUBBISH[case]), "numpy"]))
    if case in ("None", "text", "number", "tuple"):
        got = repr(STEP_RUBBISH[case](None))
        assert set(bad.reason) == {f"TypeError: it gave {got}, not a Step"}


@pytest.mark.parametrize("got", [None, "ab", 3, (1, 2, 3), (None, None)], ids=repr)
def test_rubbish_from_an_optimizer_is_a_row(got):
    mine = b.Candidate("mine", optimize=lambda *args: [got] * 3, train=lambda *args: got)
    bad = is_bad(optimizer(steps=3, adapters=[mine, "numpy"]))
    if got != (None, None):  # two trees, if bare ones: judged leaf by leaf
        assert set(bad.reason) == {f"TypeError: it gave {got!r}, not (params, state)"}
    is_bad(training(batches=BATCHES[:2], adapters=[mine, "numpy"]))


def spoil(*trees):
    for tree in trees:
        for array in tree.values() if isinstance(tree, dict) else [tree]:
            array[...] = 0
        if isinstance(tree, dict):
            tree["spoilt"] = np.zeros(1)


def test_a_candidate_cannot_spoil_the_others_input():
    """One that writes to its arguments harms itself at most: not the case, not the next one."""

    def spoiling_vjp(network, params, x, dy):
        spoil(params, x, dy)
        return x, dy, {}

    def spoiling_optimize(rule, params, grads):
        for g in grads:
            spoil(g, params)
            yield params, {}

    def spoiling_train(network, loss, rule, params, batches, starts=None):
        spoil(params[0])
        for x, target in batches:
            spoil(x, target)
            yield None

    mine = b.Candidate("mine", vjp=spoiling_vjp, optimize=spoiling_optimize, train=spoiling_train)
    x, params = X.copy(), {k: v.copy() for k, v in PARAMS.items()}
    is_bad(vjp(x=x, params=params, adapters=[mine, "numpy"]))
    weights, grads = {"w": WEIGHTS["w"].copy()}, [{"w": WEIGHTS["w"].copy()} for _ in range(3)]
    is_bad(optimizer(b.SGD(), params=weights, grads=grads, adapters=[mine, "numpy"]))
    batches = [(x, t.copy()) for x, t in [(X.copy(), TARGET)] * 2]
    is_bad(training(batches=batches, adapters=[mine, "numpy"]))
    for mutable, original in ((x, X), (params["W"], PARAMS["W"]), (weights["w"], WEIGHTS["w"])):
        np.testing.assert_array_equal(mutable, original)
    assert list(params) == ["W", "b"]


def test_missing_framework_of_an_entry_point(tmp_path, monkeypatch):
    """An outside adapter whose own framework is missing; see test_imports for ours."""
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[backproof.adapters]\noutside = outside_adapter:A\n")
    (tmp_path / "outside_adapter.py").write_text("import no_such_framework\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(b.MissingFramework) as error:
        load("outside")
    assert str(error.value) == (
        "adapter 'outside' cannot load: No module named 'no_such_framework'. install its package"
    )
