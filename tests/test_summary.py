"""The small tables that answer questions, on rows whose answers are plain to see."""

from __future__ import annotations

import pandas as pd
import pytest

from backproof.comparisons import summary
from backproof.comparisons.records import COLUMNS, Comparison, frame, rejudge


def row(quantity="loss", leaf="", step=1, verdict="match", **changes):
    """A row of a lockstep run, with what a test is about changed."""
    facts = {
        "case": "net", "mode": "lockstep", "optimizer": "Adam(lr=0.1)", "baseline": "reference",
        "candidate": "torch", "dtype": "float64", "n_compared": 10, "n_nonzero": 9,
        "n_distinct": 8, "n_finite": 10,
        "normwise_error": 1e-16, "noise_ratio": 0.5, "allowed": 1024.0,
    }  # fmt: skip
    return Comparison(quantity=quantity, leaf=leaf, step=step, verdict=verdict, **(facts | changes))


@pytest.fixture
def diverging():
    """Right at step 1; at step 2 a gradient goes wrong, and after it everything."""
    leaves = [("loss", ""), ("gradient", "0.W"), ("gradient", "2.W"), ("state", "0.W.m"),
              ("weights", "0.W"), ("weights", "2.W")]  # fmt: skip
    wrong = {(2, "gradient", "0.W"), (2, "gradient", "2.W"), (2, "state", "0.W.m"),
             (2, "weights", "0.W"), (3, "loss", "")}  # fmt: skip
    return frame(
        row(q, leaf, t, "mismatch" if (t, q, leaf) in wrong else "match")
        for t in (1, 2, 3) for q, leaf in leaves
    )  # fmt: skip


def test_first_divergence_is_the_first_step_and_there_the_last_layer(diverging):
    first = summary.first_divergence(diverging)
    assert list(first.columns) == list(COLUMNS)
    assert first[["step", "quantity", "leaf"]].to_numpy().tolist() == [[2, "gradient", "2.W"]]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ([("gradient", "2.W"), ("loss", "")], ("loss", "")),
        ([("weights", "0.W"), ("state", "0.W.m")], ("state", "0.W.m")),
        ([("weights", "0.W"), ("weights", "2.W")], ("weights", "0.W")),
        ([("dx", ""), ("dparams", "0.W"), ("dparams", "2.W")], ("dparams", "2.W")),
        ([("dx", ""), ("y", "")], ("y", "")),
        ([("loss", ""), ("", "")], ("", "")),  # the adapter raised
    ],
)
def test_within_a_step_what_is_computed_first_comes_first(wrong, expected):
    rows = frame(row(q, leaf, verdict="mismatch") for q, leaf in wrong)
    first = summary.first_divergence(rows).iloc[0]
    assert (first["quantity"], first["leaf"]) == expected


def test_first_divergence_of_every_candidate_dtype_and_mode(diverging):
    others = [diverging.assign(candidate="jax"), diverging.assign(dtype="float32"),
              diverging.assign(mode="free-running"), diverging.assign(optimizer="SGD()"),
              diverging.assign(case="other")]  # fmt: skip
    first = summary.first_divergence(pd.concat([diverging, *others]))  # the index repeats
    assert len(first) == 6
    assert set(first["step"]) == {2}


@pytest.mark.parametrize("verdict", ["mismatch", "unexpected match", "error"])
def test_every_bad_verdict_is_a_divergence(verdict):
    assert len(summary.first_divergence(frame([row(verdict=verdict)]))) == 1


@pytest.mark.parametrize("verdict", ["match", "unresolved", "structural zero", "known divergence"])
def test_no_other_verdict_is_a_divergence(verdict):
    assert summary.first_divergence(frame([row(verdict=verdict)])).empty


def test_summary_counts_values_and_verdicts_and_takes_the_worst_judged_ratio():
    rows = frame([
        row(noise_ratio=2.0), row(noise_ratio=5.0), row(noise_ratio=900.0, verdict="unresolved"),
        row(noise_ratio=7.0, dtype="float32"), row(candidate="jax", noise_ratio=1.0),
    ])  # fmt: skip
    table = summary.summary(rows).set_index("candidate")
    assert list(table.index) == ["torch", "jax"]
    torch = table.loc["torch"]
    assert (torch["n_compared"], torch["n_nonzero"]) == (40, 36)
    assert (torch["float64"], torch["float32"]) == (5.0, 7.0)
    assert (torch["match"], torch["unresolved"], torch["mismatch"]) == (3, 1, 0)
    assert pd.isna(table.loc["jax", "float32"])


def test_totals():
    rows = frame([row(), row(), row(verdict="unresolved")])
    assert summary.totals(rows) == {
        "rows": 3, "n_compared": 30, "n_nonzero": 27, "n_distinct": 24, "n_finite": 30,
        "match": 2, "unresolved": 1,
    }  # fmt: skip
    older = rows.assign(n_distinct=-1, n_finite=-1)
    assert summary.totals(older)["n_distinct"] == -1


def test_power_is_that_of_the_rows_that_match():
    rows = frame([
        row(resolution=1e-12), row(resolution=3e-9, quantity="state", leaf="0.W.v", step=2),
        row(resolution=1e-10), row(resolution=1.0, verdict="unresolved", n_compared=20),
        row(resolution=1e-5, dtype="float32"),
    ])  # fmt: skip
    table = summary.power(rows).set_index("dtype")
    assert list(table.index) == ["float64", "float32"]
    assert table["median"].tolist() == [1e-10, 1e-5]
    assert table["weakest"].tolist() == [3e-9, 1e-5]
    assert table.loc["float64", "where"] == 'net, Adam, lockstep, step 2, state["0.W.v"]'
    assert table["unresolved"].tolist() == [0.4, 0.0]


def test_power_counts_single_entries_that_are_unresolved():
    partly = row(resolution=1e-9, n_compared=10, n_unresolved=3)
    rows = frame([partly, row(resolution=1.0, verdict="unresolved", n_compared=10)])
    assert summary.power(rows)["unresolved"].tolist() == [13 / 20]


@pytest.mark.parametrize(
    ("last", "expected"),
    [(1, [1]), (3, [1, 2, 3]), (10, [1, 2, 5, 10]), (100, [1, 2, 5, 10, 20, 50, 100]),
     (120, [1, 2, 5, 10, 20, 50, 100, 120])],
)  # fmt: skip
def test_milestones(last, expected):
    assert summary.milestones(last) == expected


def test_trajectory_takes_the_worst_leaf_and_the_worst_ratio_so_far():
    rows = frame([
        row("weights", "0.W", 1, normwise_error=1e-3, noise_ratio=9.0),
        row("weights", "2.W", 1, normwise_error=2e-3, noise_ratio=1.0),
        row("weights", "0.W", 2, normwise_error=5e-3, noise_ratio=2.0, verdict="unresolved"),
        row("weights", "2.W", 2, normwise_error=1e-3, noise_ratio=3.0),
    ])  # fmt: skip
    table = summary.trajectory_table(rows)
    assert list(table["normwise_error"]) == [2e-3, 5e-3]
    assert list(table["noise_ratio"]) == [9.0, 9.0]
    assert list(table["verdict"]) == ["match", "unresolved"]


def test_trajectory_keeps_chosen_steps_only():
    table = summary.trajectory_table(frame(row(step=t) for t in range(1, 13)))
    assert list(table["step"]) == [1, 2, 5, 10, 12]


def test_gradients_are_the_vjp_rows_that_have_a_quantity():
    rows = frame([row(), row("y", mode="vjp"), row("", mode="vjp", verdict="error")])
    assert list(summary.gradient_table(rows)["quantity"]) == ["y"]


def test_every_verdict_but_match_is_explained_and_counted():
    horizon = {"mode": "free-running", "finding": "past horizon", "verdict": "unresolved"}
    rows = frame([
        row(), row("weights", "0.W", 12, **horizon), row("weights", "0.W", 13, **horizon),
        row(step=20, candidate="jax", **horizon),
        row(verdict="match", finding="kinks resolved"),
        row("", verdict="unsupported", finding="unsupported", reason="no such thing"),
        row("", verdict="unsupported", finding="unsupported", reason="no such thing", case="two"),
        row(verdict="mismatch"),
    ])  # fmt: skip
    told = summary.explanations(rows).set_index("verdict")
    assert told["rows"].to_dict() == {"unresolved": 3, "kink": 1, "unsupported": 2}
    assert told["where"]["unresolved"] == "net, Adam, float64, free-running"
    assert told["candidates"]["unresolved"] == "torch, jax"
    assert told["reason"]["unresolved"].startswith(
        "1 leaves and the loss past the horizon, from step 12 (0.W) to 20 (loss) on"
    )
    assert told["where"]["unsupported"] == "net, two, Adam, float64, lockstep"


def test_the_horizon_of_each_trajectory_is_told():
    rows = frame(
        row(step=t, dtype=dtype, verdict="unresolved", finding="past horizon")
        for t, dtype in ((5, "float32"), (9, "float64"))
    )
    told = summary.explanations(rows)["reason"]
    assert ["from step 5 " in told[0], "from step 9 " in told[1]] == [True, True]


def test_reasons_that_differ_in_numbers_only_are_told_once():
    rows = frame(
        row(verdict="unresolved", reason=f"noise does not scale (ratio {r})") for r in (5.1, 6e-9)
    )
    (reason,) = summary.explanations(rows)["reason"]
    assert reason == "noise does not scale (ratio 5.1) (and 1 more like it)"


def test_short_names_keep_what_tells_two_optimizers_apart():
    rows = frame([
        row(optimizer="SGD(lr=0.1, momentum=0.0, nesterov=False)"),
        row(optimizer="SGD(lr=0.1, momentum=0.9, nesterov=False)"),
        row(optimizer="Adam(lr=0.1)"),
    ])  # fmt: skip
    assert list(summary.short_names(rows).values()) == [
        "SGD(lr=0.1)", "SGD(lr=0.1, momentum=0.9)", "Adam",
    ]  # fmt: skip


def test_judging_again_with_a_smaller_constant_finds_more():
    rows = frame([row(noise_ratio=5.0), row(noise_ratio=float("nan"))])
    assert list(rejudge(rows)["verdict"]) == ["match", "mismatch"]
    assert list(rejudge(rows, allowed=4.0)["verdict"]) == ["mismatch", "mismatch"]
