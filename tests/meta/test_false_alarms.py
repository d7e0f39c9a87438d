"""300 random correct networks, in both precisions: no implementation is ever called wrong."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from backproof import compare_training, compare_vjp
from backproof.adapters.loading import load
from backproof.comparisons.campaign.architectures import architectures
from backproof.comparisons.campaign.cases import cases, trainings

BASE = 0  # `nox -s trust` runs 10,000 comparisons from another
PRECISIONS = ("float32", "float64")
SHOWN = ["case", "dtype", "candidate", "mode", "step", "quantity", "leaf", "noise_ratio", "reason"]


@pytest.fixture(scope="module")
def implementations():
    """The reference and the frameworks that are installed, loaded once."""
    from backproof.adapters.loading import MissingFramework

    loaded = []
    for name in ("numpy", "torch", "jax"):
        try:
            loaded.append(load(name))
        except MissingFramework:
            continue
    return loaded


@pytest.fixture
def report(capsys):
    """Print a summary of verdicts that shows in every terminal, in CI and under xdist too."""

    def show(title: str, rows: pd.DataFrame) -> pd.DataFrame:
        share = rows.groupby(["mode", "dtype"]).verdict.value_counts(normalize=True)
        table = (100 * share.unstack(fill_value=0)).round(2)
        table["rows"] = rows.groupby(["mode", "dtype"]).size()
        resolved = rows[rows.verdict == "match"]
        table["largest noise ratio"] = resolved.groupby(["mode", "dtype"]).noise_ratio.max()
        with capsys.disabled():  # a worker of xdist passes on its standard error only
            print(f"\n{title}, verdicts in % of rows\n{table.to_string()}", file=sys.stderr)
        return table

    return show


def _assert_no_false_alarm(rows):
    rows = rows[rows.finding != "vacuous"]  # a softmax of one class shows nothing, and says so
    alarms = rows[rows.verdict.isin(["mismatch", "error", "unexpected match"])]
    assert alarms.empty, f"{len(alarms)} of {len(rows)}\n{alarms[SHOWN].head(30).to_string()}"


def test_gradients_of_random_networks(implementations, report):
    drawn, tables = list(cases(architectures(BASE, 14), BASE, 20)), []
    for case in drawn:
        for dtype in PRECISIONS:
            params, x = case.draw(dtype)
            tables.append(
                compare_vjp(
                    case.architecture.network, x=x, params=params, seed=case.seed[-1],
                    adapters=implementations, case=str(case),
                )
            )  # fmt: skip
    rows = pd.concat(tables)
    table = report(f"gradients of {len(drawn)} random networks", rows)
    assert len(drawn) == 280
    _assert_no_false_alarm(rows)
    assert not (rows.verdict == "unsupported").any()
    assert (table.reindex(columns=["unresolved"]).fillna(0) < 3).all(axis=None)
    assert (table["match"] > 85).all()


def test_training_of_random_networks(implementations, report):
    drawn, tables = list(trainings(architectures(BASE + 1, 5), BASE, 4)), []
    for training in drawn:
        for dtype in PRECISIONS:
            params, _ = training.case.draw(dtype)
            tables.append(
                compare_training(
                    training.case.architecture.network, training.loss, training.optimizer,
                    batches=training.batches(dtype), params=params, seed=training.case.seed[-1],
                    adapters=implementations, case=f"{training.case} {training.optimizer}",
                )
            )  # fmt: skip
    rows = pd.concat(tables)
    table = report(f"training of {len(drawn)} random networks", rows)
    assert len(drawn) == 20
    _assert_no_false_alarm(rows)
    assert (table.loc["lockstep"].get("unresolved", 0) < 0.5).all()
    assert (table.loc["free-running"].get("unresolved", 0) < 20).all()
    assert (table["match"] > 70).all()
