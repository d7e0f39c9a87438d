"""Files of cases: exact, readable, never run, and a plain word for every file that is none."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import types

import hypothesis.extra.numpy as strategies
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import backproof as bp
from backproof.comparisons.case_files import _tree, dumps, found, loads, numbers
from backproof.comparisons.expressions import ExpressionError, expression, outside, parse
from backproof.comparisons.layouts import dense, in_order, memory_order
from backproof.comparisons.programs import source
from backproof.reference import discovery

NETWORK = bp.Sequential(bp.Dense(4, 3), bp.Tanh(), bp.Residual(bp.Dense(3, 3)))


def small(**changes):
    return bp.Case.vjp(NETWORK, **{"x": (5, 4), "seed": 3, "adapters": ["numpy"]} | changes)


def wrong(network, params, x, dy):
    y, residuals = network.forward(params, x)
    dx, dparams = network.backward(residuals, dy)
    return y, 1.5 * dx, dparams


def assert_same(a, b):
    pd.testing.assert_frame_equal(a, b, check_exact=True)


def text_of(case, **changes):
    content = json.loads(dumps(case))
    return json.dumps(content | changes)


# Arrays and expressions, exactly

DTYPES = ["float64", "float32", "int64", "int8", "uint64", "bool"]


@st.composite
def arrays(draw):
    shape = draw(strategies.array_shapes(min_dims=0, max_dims=3, max_side=4))
    array = draw(strategies.arrays(draw(st.sampled_from(DTYPES)), shape))
    order = draw(st.permutations(range(len(shape))))
    return in_order(array, tuple(order))


def assert_bits(a, b):
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert memory_order(a) == memory_order(b)
    nan = np.isnan(a) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
    assert a[~nan].tobytes() == b[~nan].tobytes()
    np.testing.assert_array_equal(a, b)


@given(arrays())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_arrays_come_back_bit_for_bit(array):
    case = bp.Case(kind="function", specs={"function": bp.ClipByValue()}, arrays={"x": array},
                   dtype="float64")  # fmt: skip
    text = dumps(case)
    assert_bits(dense(array), _tree(json.loads(text)["x"], "x"))
    assert_bits(dense(array), eval(source(case.arrays["x"]), {"np": np}))


def test_decimals_are_the_shortest_that_come_back():
    assert numbers(np.array([0.1, 1.0, 1e22, 5e-324])) == [0.1, 1.0, 1e22, 5e-324]
    assert str(numbers(np.float32([0.1, 16777216.0]))) == "[0.1, 16777216.0]"


@pytest.mark.parametrize("name", discovery.everything())
def test_every_sample_is_written_as_it_is_constructed(name):
    for sample in discovery.everything()[name].samples():
        text = expression(sample.spec)
        assert parse(text, discovery.everything()) == sample.spec
        assert eval(expression(sample.spec, "bp."), {"bp": bp, "np": np}) == sample.spec


def test_expressions_leave_out_what_is_at_its_default():
    assert expression(bp.Sequential(bp.Conv2d(1, 2, 3, padding=1), bp.GELU("tanh"))) == (
        "Sequential(Conv2d(1, 2, 3, padding=1), GELU(approximate='tanh'))"
    )
    assert expression(bp.Adam(lr=np.float32(0.1))) == "Adam(lr=np.float32(0.10000000149011612))"
    for spec in (bp.Adam(lr=np.float32(0.1)), bp.ELU(-0.0), bp.ASGD(t0=math.inf), bp.ELU(-1.5)):
        again = parse(expression(spec), discovery.everything())
        assert repr(again) == repr(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Dens(4, 3)", "unknown spec 'Dens'. Did you mean Dense?"),
        ("Dense(4, 3", "is no expression"),
        ("Dense(4)", "Dense(4): "),
        ("MultiHeadAttention(4, 3)", "n is a multiple of heads"),
        ("Dense(*(4, 3))", "*(4, 3) may not stand in a spec"),
        ("Dense(4, 3, **{})", "** may not stand in a spec"),
        ("Dense(4, 3, bias=open('x'))", "unknown spec 'open'"),
        ("__import__('os').getcwd()", "may not stand in a spec"),
        ("Dense.forward(1, 2)", "may not stand in a spec"),
        ("Dense(1 + 3, 2)", "1 + 3 may not stand in a spec"),
        ("Dense((lambda: 4)(), 2)", "may not stand in a spec"),
        ("[Tanh() for _ in (1,)]", "may not stand in a spec"),
        ("(Tanh(), Tanh())", "is no layer, loss or optimizer"),
        ("1.5", "is no layer, loss or optimizer"),
        ("", "is no expression"),
        ("Sequential(" * 300 + ")" * 300, "is no expression"),
    ],
)
def test_only_specs_are_read(text, message):
    with pytest.raises(ExpressionError) as caught:
        parse(text, discovery.everything())
    assert message in str(caught.value)


@given(st.text("Dense(4,3)*=[]{}'\"\\.:lambda _\n0", max_size=30))
@settings(deadline=None)
def test_any_text_is_a_spec_or_refused(text):
    try:
        spec = parse(text, discovery.everything())
    except ExpressionError:
        return
    assert type(spec) in discovery.everything().values()


# Layers of the reader's own

OWN = """
from dataclasses import dataclass
import numpy as np

@dataclass(frozen=True)
class Doubled:
    factor: float = 2.0
    def init(self, rng): return {}
    def forward(self, params, x): return self.factor * x, ()
    def backward(self, residuals, dy): return self.factor * dy, {}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module of the user's; that it was imported is not the doing of any file."""
    (tmp_path / "my_layers.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers

    yield my_layers
    sys.modules.pop("my_layers", None)


def test_a_layer_of_ones_own(own, tmp_path):
    case = bp.Case.vjp(bp.Sequential(bp.Tanh(), own.Doubled(3.0)), x=(2, 3), adapters=["numpy"])
    path = tmp_path / "case.json"
    case.save(path)
    del sys.modules["my_layers"]
    with pytest.raises(bp.CaseFileError) as caught:
        bp.read_case(path)
    assert "uses Doubled of my_layers, which is not part of Backproof" in str(caught.value)
    assert "read_case(path, classes=[...]), or --import MODULE" in str(caught.value)
    assert "my_layers" not in sys.modules
    for classes in ([own.Doubled], [own]):
        assert_same(bp.read_case(path, classes).compare(), case.compare())
    assert "from my_layers import Doubled\n" in case.python()
    assert outside(case.specs["network"]) == {"Doubled": own.Doubled}


def test_a_class_that_has_the_name_of_ours_is_not_ours(own):
    other = dataclasses.make_dataclass("Tanh", [], bases=(own.Doubled,), frozen=True)
    with pytest.raises(bp.CaseFileError, match="Backproof has a Tanh of its own: rename yours"):
        dumps(bp.Case.vjp(other(), x=(2, 3)))


def test_a_spec_that_cannot_be_written():
    layer = types.SimpleNamespace(
        init=lambda rng: {}, forward=lambda p, x: (x, ()), backward=lambda r, dy: (dy, {})
    )
    with pytest.raises(bp.CaseFileError, match="SimpleNamespace is no dataclass"):
        dumps(bp.Case.vjp(layer, x=(2, 3)))
    circuit = bp.Circuit(lambda xp, x: x, lambda dy, x: {"x": dy}, (("x", 1.0),))
    with pytest.raises(bp.CaseFileError, match="cannot be written: it holds <function"):
        dumps(bp.Case.vjp(circuit, x=()))


# Files that are none

DAMAGE = {
    "kind": ("sideways", "unknown kind 'sideways': use vjp, optimizer, training, function"),
    "backproof case": (2, "a case of format 2, this version reads 1"),
    "network": ("Dense(9, 3)", "holds no case that can be run: params of Dense"),
    "dtype": ("float99", "dtype 'float99' is not known"),
    "seed": (-1, '"seed" or "settings" is no whole number'),
    "name": (3, '"name" is no text'),
    "adapters": ("numpy", '"adapters" is no list of names'),
    "settings": ({"replicas": "many"}, '"seed" or "settings" is no whole number'),
    "classes": ("Dense", '"classes" is damaged'),
    "params": ([1], '"params"[0] holds 1 in place of an array'),
    "x": ({"array": "float64", "shape": [2], "values": [1.0]}, "holds 1 parts where its shape"),
    "dy": ({"array": "complex64", "shape": [], "values": 1.0}, "an array of complex64: use"),
    "optimizer": ("SGD()", "a case of kind vjp has network, not network and optimizer"),
}


@pytest.mark.parametrize("key", DAMAGE)
def test_damage_is_told(key):
    value, message = DAMAGE[key]
    with pytest.raises(bp.CaseFileError) as caught:
        loads(text_of(small(), **{key: value}), "some/file.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("some/file.json")


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ({"array": "float64", "shape": [1], "values": ["much"]}, "and holds 'much'"),
        ({"array": "int64", "shape": [1], "values": [1.5]}, "and holds 1.5"),
        ({"array": "bool", "shape": [1], "values": [1]}, "and holds 1"),
        ({"array": "int8", "shape": [1], "values": [300]}, "is an array of int8: "),
        ({"array": "float64", "shape": [-1], "values": [1.0]}, "has no shape"),
        ({"array": "float64", "shape": "5", "values": [1.0]}, "has no shape"),
        ({"array": "float64", "values": [1.0]}, "has no shape"),
        ({"array": "float64", "shape": [1]}, "holds no parts where its shape says 1"),
        ({"array": "float64", "shape": [1], "values": [1.0], "order": [1]}, "none of its axes"),
        ({"array": "float64", "shape": [1], "values": [1.0], "order": 1}, "none of its axes"),
    ],
)
def test_damaged_arrays_are_told(leaf, message):
    with pytest.raises(bp.CaseFileError) as caught:
        loads(text_of(small(), x=leaf), "file")
    assert '"x" ' in str(caught.value)
    assert message in str(caught.value)


def test_a_file_that_was_cut_off_is_never_a_case():
    text = dumps(small())
    for end in range(0, len(text) - 2, 17):
        with pytest.raises(bp.CaseFileError, match="is damaged, or no case"):
            loads(text[:end], "file")


def test_a_missing_part_is_told():
    content = json.loads(dumps(small()))
    for key in content.keys() - {"backproof", "adapters", "seed"}:
        less = {k: v for k, v in content.items() if k != key}
        with pytest.raises(bp.CaseFileError):
            loads(json.dumps(less), "file")


def test_files_that_are_no_cases(tmp_path):
    results = bp.compare_vjp(NETWORK, x=(2, 4), adapters=["numpy"])
    results.attrs = {"seed": 0}
    bp.save_results(results, tmp_path / "results.json")
    (tmp_path / "binary.json").write_bytes(b"\x80\x81")
    for name, message in {
        "absent.json": "absent.json does not exist",
        "results.json": "is no case: it does not begin with 'backproof case'",
        "binary.json": "is no case",
        "case.txt": "a case is a .json file",
        ".": "is a directory",
    }.items():
        with pytest.raises(bp.CaseFileError) as caught:
            bp.read_case(tmp_path / name)
        assert message in str(caught.value)


def test_where_a_case_cannot_be_written(tmp_path):
    with pytest.raises(bp.CaseFileError, match="there is no directory"):
        small().save(tmp_path / "no" / "case.json")
    with pytest.raises(bp.CaseFileError, match=r"a case is a \.json file"):
        small().save(tmp_path / "case.npz")
    small().save(tmp_path / "case.json")
    assert os.listdir(tmp_path) == ["case.json"]


def test_what_was_wrong_is_saved_with_the_case(tmp_path):
    candidate = bp.Candidate("mine", vjp=wrong)
    rows = small().compare([candidate, "numpy"])
    small().save(tmp_path / "case.json", rows)
    (row,) = found(tmp_path / "case.json")
    assert (row["candidate"], row["quantity"], row["verdict"]) == ("mine", "dx", "mismatch")
    assert row["noise_ratio"] == rows.noise_ratio.max()
    text = (tmp_path / "case.json").read_text()
    (tmp_path / "case.json").write_text(text.replace('"mode"', '"node"'))
    with pytest.raises(bp.CaseFileError, match='"found" is damaged'):
        found(tmp_path / "case.json")
