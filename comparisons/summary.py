"""What a table of comparisons says, in smaller tables: a function for each question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .formats import FORMATS
from .records import BAD, VERDICTS

if TYPE_CHECKING:
    import pandas as pd

MILESTONES = (1, 2, 5)  # and these times 10, 100, ...
NOT_JUDGED = ("unresolved", "unsupported", "known divergence")  # their noise ratio decides nothing
TRAINING = ("lockstep", "free-running")  # the two modes of one case
CASE = ["case", "optimizer", "dtype", "mode", "candidate"]
# Where to look first within a step: the cotangent passes from the loss to the state.
IN_STEP = ("", "loss", "y", "gradient", "dparams", "dx", "state", "weights")
BACKWARD = ("gradient", "dparams")  # of these, the last layer is reached first
SEVERITY = ("match", "structural zero", "known divergence", "unsupported", "unresolved",
            "unexpected match", "mismatch", "error")  # fmt: skip


def case_key(row: dict[Any, Any]) -> str:
    """What the rows of one case, and of no other, have in common."""
    kind = "training" if row["mode"] in TRAINING else row["mode"]
    return "|".join((row["case"], row["dtype"], row["optimizer"], kind))


def summary(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each case and candidate.

    Values compared, those not zero, the worst noise ratio judged in each dtype (columns
    "float64", "float32", ...) and how often each verdict was given (columns named as the verdicts).
    """
    import pandas as pd

    groups = results.groupby(["case", "candidate"], sort=False)
    sizes = groups[["n_compared", "n_nonzero"]].sum()
    judged = results[~results["verdict"].isin(NOT_JUDGED)]
    worst = judged.groupby(["case", "candidate", "dtype"])["noise_ratio"].max().unstack("dtype")
    counts = groups["verdict"].value_counts().unstack(fill_value=0)
    counts = counts.reindex(columns=list(VERDICTS), fill_value=0)
    columns = [d for d in FORMATS if d in set(results["dtype"])]
    table = sizes.join(worst.reindex(columns=columns)).join(counts)
    assert isinstance(table, pd.DataFrame)
    return table.reset_index()


COUNTS = ("n_compared", "n_nonzero", "n_distinct", "n_finite")


def totals(results: pd.DataFrame) -> dict[str, int]:
    """Rows, how many values were compared, not zero, distinct in their rows and finite, verdicts.

    -1 stands for a count that an old file does not have.
    """
    counts = results["verdict"].value_counts()
    given = {v: int(counts[v]) for v in VERDICTS if v in counts.index}
    known = {c: not len(results) or results[c].min() >= 0 for c in COUNTS}
    sizes = {c: int(results[c].sum()) if known[c] else -1 for c in COUNTS}
    return {"rows": len(results), **sizes, **given}


def power(results: pd.DataFrame) -> pd.DataFrame:
    """For each dtype, how small an error would have been seen, and how much was not decided.

    Columns: dtype; ``median`` and ``weakest`` resolution of the rows that matched; ``where`` the
    weakest is; ``unresolved``, the share of the values compared that got that verdict.
    """
    import pandas as pd

    lines = []
    for dtype in (d for d in FORMATS if d in set(results["dtype"])):
        rows = results[results["dtype"] == dtype]
        seen = rows[(rows["verdict"] == "match") & rows["resolution"].notna()]
        whole = rows["n_compared"].where(rows["verdict"] == "unresolved", rows["n_unresolved"])
        open_ = int(whole.sum())
        share = open_ / max(int(rows["n_compared"].sum()), 1)
        if len(seen):
            worst = seen.sort_values("resolution").iloc[-1]
            least = float(seen["resolution"].median()), float(worst["resolution"])
            lines.append((dtype, *least, _place(worst, short_names(results)), share))
    return pd.DataFrame(lines, columns=["dtype", "median", "weakest", "where", "unresolved"])


def _place(row: pd.Series, short: dict[str, str]) -> str:
    """Case, optimizer, mode, step, quantity and leaf of a row."""
    at = f"step {row['step']}" if row["step"] else ""
    name = f'{row["quantity"]}["{row["leaf"]}"]' if row["leaf"] else str(row["quantity"])
    mode = "" if row["mode"] == "vjp" else str(row["mode"])
    parts = [str(row["case"]), short[row["optimizer"]], mode, at, name]
    return ", ".join(part for part in parts if part)


def gradient_table(results: pd.DataFrame) -> pd.DataFrame:
    """A row for y, dx and every parameter, of every case, dtype and candidate."""
    rows = results[(results["mode"] == "vjp") & (results["quantity"] != "")]
    columns = ["case", "quantity", "leaf", "shape", "dtype", "candidate", "normwise_error",
               "max_ulp", "noise_ratio", "allowed", "verdict"]  # fmt: skip
    return rows[columns].reset_index(drop=True)


def milestones(last: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... up to the last step, which is always there."""
    steps = (m * 10**power for power in range(len(str(last))) for m in MILESTONES)
    return sorted({*(s for s in steps if s <= last), last} - {0})


def trajectory_table(results: pd.DataFrame) -> pd.DataFrame:
    """How the difference grows: a row for each quantity at chosen steps, all its leaves together.

    ``normwise_error`` the worst of the leaves at that step, ``noise_ratio`` the worst judged up
    to that step, ``verdict`` the gravest at that step.
    """
    import pandas as pd

    steps = (results["step"] > 0) & (results["quantity"] != "")
    rows = results[steps & results["mode"].isin(["lockstep", "free-running", "optimizer"])]
    rows = rows.assign(
        noise_ratio=rows["noise_ratio"].mask(rows["verdict"].isin(NOT_JUDGED)),
        verdict=pd.Categorical(rows["verdict"], SEVERITY, ordered=True).codes,
    )
    keys = [*CASE, "quantity", "step"]
    columns = {"normwise_error": "max", "noise_ratio": "max", "verdict": "max"}
    table = rows.groupby(keys, sort=False).agg(columns).reset_index()
    so_far = table.groupby([*CASE, "quantity"], sort=False)["noise_ratio"]
    table["noise_ratio"] = so_far.cummax().groupby([table[k] for k in keys[:-1]]).ffill()
    table["verdict"] = [SEVERITY[i] for i in table["verdict"]]
    last = int(table["step"].max()) if len(table) else 0
    return table[table["step"].isin(milestones(last))].reset_index(drop=True)


def first_divergence(results: pd.DataFrame) -> pd.DataFrame:
    """Where each candidate first went wrong: a whole row of ``results`` for each that did.

    One for each case, optimizer, dtype, mode and candidate with a mismatch, an unexpected match
    or an error: of its first step that has one, the quantity that comes first in the order loss,
    gradient (of the last layer first, which the cotangent reaches first), state, weights.
    """
    bad = results.reset_index(drop=True)
    bad = bad[bad["verdict"].isin(BAD)]
    order = {quantity: i for i, quantity in enumerate(IN_STEP)}
    place = bad.index.to_series().where(~bad["quantity"].isin(BACKWARD), -bad.index.to_series())
    ordered = bad.assign(order=bad["quantity"].map(order).fillna(len(order)), place=place)
    ordered = ordered.sort_values(["step", "order", "place"], kind="stable")
    first = ordered.drop_duplicates(CASE).sort_index()
    return first.drop(columns=["order", "place"]).reset_index(drop=True)


def explanations(results: pd.DataFrame) -> pd.DataFrame:
    """Every verdict that is no plain match and no failure, grouped: what, where, how often, why.

    Columns: verdict ("kink" for a match that needed one resolved), where, candidates, rows,
    reason. What concerns a free-running trajectory is told for each; the rest by its reason,
    numbers aside.
    """
    import pandas as pd

    kinks = results["finding"] == "kinks resolved"
    odd = (results["verdict"] != "match") | kinks
    rows = results[odd & ~results["verdict"].isin(BAD)].copy()
    rows["verdict"] = rows["verdict"].mask(kinks & (rows["verdict"] == "match"), "kink")
    rows["optimizer"] = rows["optimizer"].map(short_names(results))
    place = rows["case"] + "|" + rows["optimizer"] + "|" + rows["dtype"]
    reason = rows["reason"].str.replace(r"\d[\d.e+-]*", "#", regex=True)
    alike = reason.mask(rows["finding"].isin(["past horizon", "kink on the way"]), place)
    lines = []
    for (verdict, finding, _), group in rows.groupby(["verdict", "finding", alike], sort=False):
        why = _horizon(group) if finding == "past horizon" else _reasons(group)
        listed = (", ".join(w for w in dict.fromkeys(group[c]) if w) for c in CASE)
        *where, candidates = listed
        lines.append((verdict, ", ".join(w for w in where if w), candidates, len(group), why))
    return pd.DataFrame(lines, columns=["verdict", "where", "candidates", "rows", "reason"])


def _horizon(rows: pd.DataFrame) -> str:
    first = rows.groupby(["quantity", "leaf"])["step"].min().sort_values(kind="stable")
    names = [str(leaf or quantity) for quantity, leaf in first.index]
    weights = sum(1 for _, leaf in first.index if leaf)
    what = f"{weights} leaves" if weights == len(first) else f"{weights} leaves and the loss"
    span = f"from step {first.iloc[0]} ({names[0]})"
    if len(first) > 1:
        span += f" to {first.iloc[-1]} ({names[-1]})"
    return (
        f"{what} past the horizon, {span} on: runs that differ by rounding alone are more than "
        "1 % of the distance travelled apart"
    )


def _reasons(rows: pd.DataFrame) -> str:
    reasons = [str(r) for r in dict.fromkeys(rows["reason"]) if r]
    if not reasons:
        return "judged again, with another constant or on a saved finding"
    more = f" (and {len(reasons) - 1:,} more like it)" if len(reasons) > 1 else ""
    return reasons[0] + more


def short_names(results: pd.DataFrame) -> dict[str, str]:
    """Optimizer to a short name: "Adam" for "Adam(lr=...)", where no other Adam is in its case."""
    pairs = results[["case", "optimizer"]].drop_duplicates()
    short = pairs["optimizer"].str.replace(r"\(.*", "", regex=True)
    clash = short.groupby([pairs["case"], short]).transform("size") > 1
    both = zip(pairs["optimizer"], short, clash, strict=True)
    return {full: _trimmed(full) if clashes else name for full, name, clashes in both}


def _trimmed(optimizer: str) -> str:
    """Without the hyperparameters that are off."""
    return re.sub(r", \w+=(0\.0|False)(?=[,)])", "", optimizer)
