"""Every known divergence is shown by a sample, and explains no more than it says."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
import pytest

import backproof
from backproof.adapters.protocols import VJP, Candidate
from backproof.comparisons import divergences
from backproof.comparisons.divergences import KNOWN, KnownDivergence

PAIRS = [(record, name) for record in KNOWN for name in record.candidate.split("|")]
ENOUGH = 2  # samples of each; what test_layers and test_losses run is all of them


@pytest.fixture
def showing(every_setting):
    """The samples that must show a record's difference, for one of its candidates."""

    def find(record, candidate):
        for setting in every_setting:
            case = setting.sample.case(candidate)
            named = any(fnmatchcase(case, pattern) for pattern in record.case.split("|"))
            if named and record.place in case:
                yield setting

    return find


@pytest.mark.parametrize(("record", "candidate"), PAIRS, ids=lambda p: getattr(p, "id", p))
def test_a_sample_shows_it(record, candidate, precision, showing, need_adapter):
    if not any(fnmatchcase(precision, pattern) for pattern in record.dtype.split("|")):
        pytest.skip(f"{record.id} is of {record.dtype} only")
    need_adapter(candidate)
    samples = list(showing(record, candidate))[:ENOUGH]
    assert samples, f"no sample lies {record.place or record.case}"
    rows = pd.concat([setting.table(candidate, precision) for setting in samples])
    told = rows[rows.reason.str.startswith(f"{record.id}: ")]
    assert len(told), rows[["case", "quantity", "leaf", "verdict", "noise_ratio", "reason"]]
    assert set(told.verdict) == {"known divergence"}


def test_every_record_says_who_what_and_why():
    assert len({record.id for record in KNOWN}) == len(KNOWN)
    for record in KNOWN:
        assert record.reason
        assert record.source
        assert min(record.at_most) >= 0


def test_every_place_is_a_records(every_setting):
    places = {setting.sample.place for setting in every_setting} - {""}
    named = " ".join(record.place + record.case for record in KNOWN)
    assert not [place for place in places if place not in named]


# What a record does to a row.

X = np.array([[0.5, -1.0], [2.0, 0.25]])
RECORD = KnownDivergence("D-1", "mine", "Tanh()*", "y|dx", "on purpose", "here", at_most=(1, 1e-3))
PLACED = KnownDivergence("D-2", "mine", "Tanh()*", "dx", "on purpose", "here", place="far out")


@pytest.fixture
def verdicts(monkeypatch):
    """The verdict of y and of dx, with that record, of a candidate that is off by so much."""

    def run(record, y=0.0, dx=0.0, case="Tanh()"):
        def vjp(network, params, x, dy):
            right = np.tanh(x)
            return VJP(right + y, dy * (1 - right * right) + dx, {})

        monkeypatch.setattr(divergences, "KNOWN", [record])
        mine = Candidate("mine", vjp=vjp)
        rows = backproof.compare_vjp(backproof.Tanh(), x=X, adapters=[mine], case=case)
        return rows.set_index("quantity")

    return run


def test_what_it_explains_is_known(verdicts):
    rows = verdicts(RECORD, y=1e-6, dx=-1e-4)
    assert dict(rows.verdict) == {"y": "known divergence", "dx": "known divergence"}
    assert set(rows.reason) == {"D-1: on purpose"}


def test_what_no_longer_differs_is_unexpected(verdicts):
    assert dict(verdicts(RECORD, dx=1e-4).verdict) == {
        "y": "unexpected match", "dx": "known divergence"
    }  # fmt: skip


def test_more_than_it_says_is_a_mismatch(verdicts):
    rows = verdicts(RECORD, y=1e-6, dx=2e-3)
    assert dict(rows.verdict) == {"y": "known divergence", "dx": "mismatch"}
    assert "off at" in rows.reason["dx"]


def test_its_own_place_must_show_it_and_others_may(verdicts):
    assert verdicts(PLACED, dx=1e-4).verdict["dx"] == "known divergence"
    assert verdicts(PLACED).verdict["dx"] == "match"
    there = "Tanh() far out"
    assert verdicts(PLACED, dx=1e-4, case=there).verdict["dx"] == "known divergence"
    assert verdicts(PLACED, case=there).verdict["dx"] == "unexpected match"


def test_what_is_not_finite_is_known_only_without_a_bound(verdicts):
    assert verdicts(RECORD, y=math.nan, dx=1e-4).verdict["y"] == "mismatch"
    rows = verdicts(PLACED, dx=math.nan)
    assert rows.verdict["dx"] == "known divergence"
    assert rows.reason["dx"] == "D-2: on purpose; here nan at (0, 0), 4 of 4 entries are not finite"
