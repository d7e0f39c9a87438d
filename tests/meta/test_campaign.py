"""The campaign behind docs/trust.md: what it draws and counts, and that it can find an alarm."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from backproof import Candidate, Dense, ReLU, compare_vjp
from backproof.adapters.numpy_reference import NumpyReference
from backproof.comparisons.campaign.architectures import FAMILIES, architecture, of_layer, samples
from backproof.comparisons.campaign.comparing import Some, outcomes
from backproof.comparisons.campaign.cost import cost
from backproof.comparisons.campaign.power import SIZES, families, planted
from backproof.comparisons.posing import vjp_problem
from backproof.reference import discovery

PAGE = Path(__file__).parents[2] / "docs" / "trust.md"


@pytest.mark.parametrize("index", range(len(FAMILIES)))
def test_a_network_is_the_same_for_the_same_seed_and_another_for_another(index):
    first, again, other = (architecture(base, index) for base in (5, 5, 6))
    assert (first.network, first.shape) == (again.network, again.shape)
    assert first.network != other.network


def test_every_layer_takes_part():
    taken = {type(sample.spec).__name__ for _, sample in samples(discovery.layers())}
    assert taken == set(discovery.layers())
    between = [of_layer(0, index) for index in range(0, len(samples(discovery.layers())), 7)]
    assert sum(made is not None for made in between) > len(between) / 2


@pytest.mark.parametrize("kind", ["networks", "layers", "losses", "kinks", "trainings"])
def test_right_implementations_agree_in_both_precisions(kind):
    for some in (Some(kind, 9, 0, 1), Some(kind, 9, 1, 1)):
        made = [outcomes(name, dtype, compare([NumpyReference()]))
                for name, dtype, compare in some.questions()]  # fmt: skip
        assert [m["outcome"] for (m,) in made] == ["agrees"] * len(made)
        assert {m["dtype"] for (m,) in made} == {"float32", "float64"}
        assert all(m["rows"] and m["entries"] >= m["rows"] and m["ratio"] < 1 for (m,) in made)


def _off(share):
    def vjp(network, params, x, dy):
        got = NumpyReference().vjp(network, params, x, dy)
        return got._replace(dx=got.dx * (1 + share))

    return Candidate("off", vjp=vjp)


@pytest.mark.parametrize(
    ("network", "x", "share", "outcome"),
    [(Dense(3, 2), (4, 3), 1e-9, "alarm"), (Dense(3, 2), (4, 3), 0.0, "agrees"),
     (ReLU(), -np.ones((2, 3)), 0.0, "vacuous"), (Dense(3, 2), np.full((2, 3), np.inf), 0.0,
                                                 "undefined")],
)  # fmt: skip
def test_what_a_comparison_came_to(network, x, share, outcome):
    (found,) = outcomes("", "float64", compare_vjp(network, x=x, adapters=[_off(share)]))
    assert found["outcome"] == outcome
    assert bool(found["told"]) == (outcome == "alarm")


def test_an_alarm_can_be_asked_again():
    first, second = Some("kinks", 9, 0, 2), Some("kinks", 9, 0, 1)
    (last, _, _), *_ = list(first.questions())[3:]
    assert first.again(3, "numpy")[0] | {"case": ""} != second.again(0, "numpy")[0] | {"case": ""}
    assert first.again(3, "numpy")[0]["case"] == last


@pytest.mark.parametrize(
    ("some", "number", "candidate"),
    [
        (Some("networks", 20261125, 71, 7), 13, "torch"),
        (Some("trainings", 78, 70, 1), 1, "numpy"),
        (Some("networks", 20261126, 22, 3), 5, "torch"),
        (Some("networks", 20261203, 77, 10), 18, "torch"),
    ],
    ids=[
        "many equal numbers in a pooling window",
        "Adafactor of no gradient",
        "a zero of terms that cancel",
        "a normalisation that rounds less than torch's",
    ],
)
def test_what_once_was_a_false_alarm(some, number, candidate, need_adapter):
    assert some.again(number, need_adapter(candidate))[0]["outcome"] == "agrees"


def test_planted_errors_are_caught_from_some_size_on():
    problem = vjp_problem(Dense(3, 2), (4, 3), None, None, None, "float64", 0)
    found = list(planted(problem, 0))
    assert {row["leaf"] for row in found} == {"y/", "dx/", "dparams/W", "dparams/b"}
    assert all(row["caught"] for row in found if row["size"] >= 1e-9)
    assert not any(row["caught"] for row in found if row["size"] <= 1e-15)
    assert len(found) == 4 * 2 * len(SIZES)


def test_every_layer_loss_and_optimizer_has_a_family():
    known = families()
    for find in (discovery.layers, discovery.losses, discovery.optimizers):
        assert set(find()) <= set(known)


def test_cost_is_counted_in_plain_gradients():
    found = cost("perceptron", "float32", [NumpyReference()], pairs=3)
    assert found.parameters > 1e5
    assert 1 < found.tolerances < found.ratio
    assert found.verdicts == ("match",)


def test_the_page_tells_of_no_false_alarm_in_ten_thousand():
    alarms, made = re.search(r"\*\*(\d+) false alarms in ([\d,]+) comp", PAGE.read_text()).groups()
    assert int(alarms) == 0
    assert int(made.replace(",", "")) >= 10_000
