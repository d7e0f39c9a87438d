"""Saved results: the same bits back, and a plain word for every file that is not one."""

from __future__ import annotations

import json
import math
import os

import numpy as np
import pandas as pd
import pytest

from backproof.comparisons.records import COLUMNS, Comparison, frame
from backproof.comparisons.results import SUFFIXES, ResultsError, check_writable, read, save

AWKWARD = ['comma, "quote"', "two\nlines", "# no comment", "NaN", "", "é × σ"]


@pytest.fixture
def results():
    """Rows with every awkward number and string."""
    numbers = [math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0]
    rows = [
        Comparison(
            case=AWKWARD[i % len(AWKWARD)], mode="vjp", baseline="reference", candidate="torch",
            dtype="float64", leaf=str(i), n_compared=2**53 + 1, noise_ratio=x, max_ulp=-x,
            verdict="mismatch", finding="not finite", reason=AWKWARD[-1 - i % len(AWKWARD)],
        )
        for i, x in enumerate(numbers)
    ]  # fmt: skip
    table = frame(rows)
    table.attrs = {"seed": 7, "versions": {"numpy": "2.0"}, "networks": ["a", "b"], "seconds": 0.5}
    return table


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    return tmp_path / f"results{request.param}"


def test_the_same_bits_come_back(results, path):
    save(results, path)
    back = read(path)
    pd.testing.assert_frame_equal(back, results, check_exact=True)
    signs = np.signbit(back["noise_ratio"]) == np.signbit(results["noise_ratio"])
    assert signs[results["noise_ratio"].notna()].all()
    assert back.attrs == results.attrs


def test_saving_changes_nothing_and_replaces_an_old_file(results, path):
    path.write_text("old")
    before = results.copy(deep=True)
    save(results, path)
    pd.testing.assert_frame_equal(results, before)
    assert results.attrs == before.attrs
    assert len(read(path)) == len(results)
    assert os.listdir(path.parent) == [path.name]


def test_a_link_is_followed(results, path, tmp_path):
    link = tmp_path / f"link{path.suffix}"
    link.symlink_to(path)
    save(results, link)
    assert link.is_symlink()
    assert len(read(path)) == len(results)


def test_json_is_strict_json(results, tmp_path):
    path = tmp_path / "results.json"
    save(results, path)

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    content = json.loads(path.read_text(), parse_constant=refuse)
    assert content["rows"][0]["noise_ratio"] == "NaN"
    assert content["meta"]["seed"] == 7


def test_csv_begins_with_its_metadata(results, tmp_path):
    path = tmp_path / "results.csv"
    save(results, path)
    lines = path.read_text().splitlines()
    assert lines[0] == "# seed: 7"
    assert lines[5].split(",")[:2] == list(COLUMNS[:2])


def test_a_save_that_fails_halfway_leaves_the_old_file(results, path, monkeypatch):
    path.write_text("old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ResultsError, match=r"cannot be written: No space left on device"):
        save(results, path)
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


def test_an_interrupted_save_leaves_no_draft(results, path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(results, path)
    assert not os.listdir(path.parent)


def test_where_nothing_can_be_written_is_said_before(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, message in {
        "a.xlsx": r"a\.xlsx: unknown suffix '\.xlsx', use \.parquet, \.csv or \.json",
        "a": r"unknown suffix ''",
        "folder.csv": r"folder\.csv is a directory: name a file",
        "none/a.csv": r"a\.csv cannot be written: there is no directory .*none",
    }.items():
        with pytest.raises(ResultsError, match=message):
            check_writable(tmp_path / name)
    assert os.listdir(tmp_path) == ["folder.csv"]


def test_a_file_that_may_not_be_written_to(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")
    monkeypatch.setattr(os, "access", lambda *args: False)  # also where the tests run as root
    with pytest.raises(ResultsError, match=r"exists and may not be written to"):
        check_writable(path)


def test_a_folder_that_may_not_be_written_to(tmp_path, monkeypatch):
    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    with pytest.raises(ResultsError, match=r"a\.csv cannot be written: Permission denied"):
        check_writable(tmp_path / "a.csv")


def test_checking_leaves_nothing_behind(path):
    check_writable(path)
    assert not os.listdir(path.parent)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00\xff\x80", b"[1, 2]", b"{}"])
def test_a_foreign_file(path, content):
    path.write_bytes(content)
    with pytest.raises(ResultsError, match=r"not written by backproof"):
        read(path)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.98])
def test_a_truncated_file(results, path, share):
    save(pd.concat([results] * 20, ignore_index=True), path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ResultsError, match=r"damaged|cut off"):
        read(path)


def test_a_csv_cut_off_between_two_lines(results, tmp_path):
    path = tmp_path / "results.csv"
    save(results[3:], path)
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(ResultsError, match=r"holds 3 of 4 rows: it was cut off or changed"):
        read(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["leaf", "verdict"]), r"lacks the columns leaf, verdict"),
        (lambda t: t.assign(verdict="fine"), r"unknown verdict 'fine'"),
        (lambda t: t.assign(finding="nothing"), r"unknown finding 'nothing'"),
        (lambda t: t.assign(noise_ratio="much"), r"a column of numbers holds something else"),
        (lambda t: t.assign(step="first"), r"a column of numbers holds something else"),
    ],
)
def test_a_changed_table(results, path, change, message):
    changed = change(results)
    changed.attrs = results.attrs | {"rows": len(results)}
    if path.suffix == ".parquet":
        changed.to_parquet(path)
    elif path.suffix == ".csv":
        head = "".join(f"# {k}: {json.dumps(v)}\n" for k, v in changed.attrs.items())
        path.write_text(head + changed.to_csv(index=False, na_rep="nan"))
    else:
        rows = json.loads(changed.to_json(orient="records"))
        path.write_text(json.dumps({"meta": changed.attrs, "rows": rows}))
    with pytest.raises(ResultsError, match=message):
        read(path)


def test_a_table_of_somebody_else(path):
    table = pd.DataFrame({"a": [1, 2]})
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".csv":
        table.to_csv(path)
    else:
        table.to_json(path)
    with pytest.raises(ResultsError, match=r"not written by backproof"):
        read(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(ResultsError, match=r"does not exist"):
        read(path)


def test_no_rows_come_back_as_no_rows(results, path):
    save(results[:0], path)
    assert list(read(path).columns) == list(COLUMNS)
    assert read(path).empty
