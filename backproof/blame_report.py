"""What ``backproof blame`` found, as people read it: every figure with its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from .comparisons.attribution.findings import Findings, label, output_label
from .comparisons.attribution.limits import LIMITS
from .comparisons.attribution.monotone import Monotonicity
from .comparisons.attribution.prepared import Prepared
from .comparisons.attribution.rules import Rule
from .comparisons.attribution.surrogate import Surrogate
from .comparisons.records import BAD
from .images import image_of, print_images
from .rendering import ratio
from .tables import plain_table

if TYPE_CHECKING:
    import pandas as pd

TITLE = "bold cyan"
SHOWN = 10  # sentences on monotonicity


def print_findings(
    out: Console, ready: Prepared, sample: int, found: Findings,
    proved: Monotonicity | None, fitted: Surrogate | None,
) -> None:  # fmt: skip
    """Everything, in the order of the loss's way back through the network."""
    _print_head(out, ready, sample, found)
    if found.loss is not None and len(found.loss) > 1:
        _print_loss(out, found)
    _print_nodes(out, found)
    _print_weights(out, found)
    if found.inputs is not None and found.slopes is not None:
        _print_inputs(out, found, found.inputs, found.slopes)
        _print_rules(out, found)
    else:
        _title(out, "Inputs")
        _limits(out, "They are integers, which cannot be moved by a little.")
    if proved is not None:
        _print_proofs(out, found, proved)
    if fitted is not None:
        _print_tree(out, fitted)


def _print_head(out: Console, ready: Prepared, sample: int, found: Findings) -> None:
    made = found.made
    out.print(Text.assemble((ready.named.name, "bold"), f": {ready.named.description}"))
    weights = f"after {ready.steps} steps of Adam" if ready.steps else "as they start"
    right = "" if ready.accuracy is None else f", right on {100 * ready.accuracy:.1f} % of the data"
    shape = found.values["value", made.names[-1]].shape
    what = "the loss"
    if made.output is not None:
        flat = int(np.ravel_multi_index(made.output, shape))
        what = f"the output {output_label(made, flat, shape)}"
    out.print(f"Sample {sample}; weights {weights}{right}.")
    told = f"Explained is {what}, {_number(found.explained)}"
    if found.change is not None:
        told += f": {_signed(found.change)} from its value at the baseline"
    out.print(f"{told}.")


def _print_loss(out: Console, found: Findings) -> None:
    assert found.loss is not None
    of_outputs = found.loss["prediction"].notna().all()
    _title(out, "Loss, split by output" if of_outputs else "Loss, split by what it is the mean of")
    table = plain_table("", numbers=("prediction", "loss", "of it"))
    for row in found.loss.sort_values("loss", ascending=False).head(SHOWN).to_dict("records"):
        given = row["prediction"]
        table.add_row(row["output"], "" if given is None or np.isnan(given) else _number(given),
                      _number(row["loss"]), f"{100 * row['share']:.1f} %")  # fmt: skip
    out.print(table)
    _limits(out, LIMITS["loss"])


def _print_nodes(out: Console, found: Findings) -> None:
    _title(out, "Nodes, the heaviest of each layer")
    shared = "share" in found.nodes
    names = ["value", "blame", "first order", "if silenced", *(["share"] if shared else [])]
    table = plain_table("after layer", "node", numbers=names)
    previous = None
    for row in found.nodes.to_dict("records"):
        cells = [row["value"], row["blame"], row["first_order"], row["silenced"]]
        cells += [row["share"]] if shared else []
        layer = row["layer"] if row["layer"] != previous else ""
        previous = row["layer"]
        table.add_row(layer, row["node"], _number(cells[0]), *map(_signed, cells[1:]))
    out.print(table)
    _limits(out, LIMITS["nodes"])
    if found.change is not None:
        whole, gap = _signed(found.change), found.layer_gap()
        _limits(out, f"The shares (conductance) of all nodes of a layer add up to {whole}; here "
                f"they lack {gap:.1e} at most.")  # fmt: skip


def _print_weights(out: Console, found: Findings) -> None:
    _title(out, "Weights, the heaviest of all")
    table = plain_table("", numbers=("value", "gradient", "first order", "if deleted"))
    for row in found.weights.to_dict("records"):
        table.add_row(row["weight"], _number(row["value"]), *(
            _signed(row[name]) for name in ("gradient", "first_order", "deleted")
        ))  # fmt: skip
    out.print(table)
    _limits(out, LIMITS["weights"])


def _print_inputs(
    out: Console, found: Findings, inputs: pd.DataFrame, slopes: pd.DataFrame
) -> None:
    _title(out, "Inputs, the heaviest")
    pictures = _pictures(found)
    if pictures:
        print_images(out, pictures)
    table = plain_table("", numbers=("value", "gradient", "x gradient", "share"))
    for row in inputs.to_dict("records"):
        table.add_row(row["input"], _number(row["value"]), *(
            _signed(row[name]) for name in ("gradient", "times_gradient", "share")
        ))  # fmt: skip
    out.print(table)
    passes = list(found.gaps)
    gaps = ", ".join(f"{found.gaps[n]:.1e} with {n}" for n in passes)
    _limits(out, f"Shares are integrated gradients; they lack {gaps} Gauss nodes of completeness.")
    _title(out, "Slopes of the outputs")
    table = plain_table("", "by", numbers=("slope", "elasticity"))
    for row in slopes.to_dict("records"):
        elastic = row["elasticity"]
        table.add_row(row["output"], row["input"], _signed(row["slope"]),
                      "-" if elastic is None else _signed(elastic))  # fmt: skip
    out.print(table)
    _limits(out, LIMITS["inputs"])


def _pictures(found: Findings) -> dict[str, Any]:
    """Input, input x gradient and shares, where the input is an image."""
    values = {"input": found.made.x, "input x gradient": found.values["input x gradient", ""],
              "share": found.values["share", "x"]}  # fmt: skip
    images = {name: image_of(a[0]) for name, a in values.items()}
    return {} if any(image is None for image in images.values()) else images


def _print_rules(out: Console, found: Findings) -> None:
    _title(out, "Rules")
    shape = found.values["value", found.made.names[-1]].shape
    for rule in found.rules:
        x, y = label(rule.i, found.made.x.shape, "x"), output_label(found.made, rule.k, shape)
        _print(out, f"  {rule.sentence(x, y)}.")
        _print(out, f"    Exactly, it {rule.really()}. {_held(rule)}", "dim")
    _limits(out, LIMITS["rules"])


def _held(rule: Rule) -> str:
    """How far first order holds."""
    if not rule.agree_to:
        return "First order is more than 10 % off for the smallest step already."
    way = "decrease" if rule.step < 0 else "increase"
    size = f"{100 * rule.agree_to:.3g} %" if rule.of_x else f"{rule.agree_to:.3g}"
    return f"First order is within 10 % of that for every {way} up to {size}."


def _print_proofs(out: Console, found: Findings, proved: Monotonicity) -> None:
    _title(out, "Monotone everywhere in a box")
    made, shape = found.made, found.values["value", found.made.names[-1]].shape
    counted = ", ".join(f"{finding} {n:,}" for finding, n in proved.count().items())
    boxes = f"{proved.boxes} boxes" if proved.boxes > 1 else "one box"
    out.print(
        f"Of {proved.lo.size:,} slopes: {counted} (looked at in {boxes}).",
        soft_wrap=True,
    )
    for i, k in found.look.rules[:SHOWN]:
        x, y = label(i, made.x.shape, "x"), output_label(made, k, shape)
        _print(out, f"  {proved.sentence(k, i, x, y)}")
    _limits(out, LIMITS["monotone"])


def _print_tree(out: Console, fitted: Surrogate) -> None:
    _title(out, f"A tree of depth {fitted.depth} in the network's place")
    out.print(fitted.text, soft_wrap=True)
    if fitted.accuracy is None or fitted.network_accuracy is None:
        out.print(f"R² of the tree for the network's outputs, on {fitted.held_out} samples held "
                  f"out: {fitted.fidelity:.3f}.", soft_wrap=True)  # fmt: skip
    else:
        out.print(f"On {fitted.held_out} samples held out: fidelity to the network "
                  f"{100 * fitted.fidelity:.1f} %, accuracy {100 * fitted.accuracy:.1f} %, the "
                  f"network's {100 * fitted.network_accuracy:.1f} %.", soft_wrap=True)  # fmt: skip
    _limits(out, LIMITS["tree"])


def print_comparison(out: Console, rows: pd.DataFrame) -> None:
    """How all of it compares: a line for each implementation, and what is wrong."""
    _title(out, "Compared: every number above, by hand and by autograd")
    table = plain_table("", "verdicts", numbers=("values", "worst noise ratio", "allowed"))
    for name, own in rows.groupby("candidate", sort=False):
        counts = ", ".join(f"{n} {v}" for v, n in own["verdict"].value_counts().items())
        table.add_row(str(name), counts, f"{own['n_compared'].sum():,}",
                      ratio(own["noise_ratio"].max()), f"{own['allowed'].max():g}")  # fmt: skip
    out.print(table)
    wrong = rows[rows["verdict"].isin(BAD)]
    for row in wrong.head(SHOWN).to_dict("records"):
        what = f"{row['candidate']}, {row['quantity']} {row['leaf']}".strip()
        _print(out, f"  {what}: {row['verdict']}: {row['reason']}", "bold red")
    told = rows[rows["verdict"].isin(["unsupported", "unresolved"])]
    for _, same in told.groupby(["candidate", "reason"], sort=False):
        candidate, verdict, reason = (same[c].iloc[0] for c in ("candidate", "verdict", "reason"))
        _print(out, f"  {candidate}: {len(same)} {verdict}: {reason}", "yellow")


def _title(out: Console, title: str) -> None:
    out.print()
    out.print(title, style=TITLE)


def _limits(out: Console, text: str) -> None:
    _print(out, f"  {text}", "dim")


def _print(out: Console, text: str, style: str = "") -> None:
    """Wrapped below its indent on a terminal; one line in a file, to be searched and copied."""
    if not out.is_terminal:
        out.print(text, style=style, soft_wrap=True)
        return
    indent = len(text) - len(text.lstrip())
    out.print(Padding(Text(text[indent:], style=style), (0, 0, 0, indent), expand=False))


def _number(value: float) -> str:
    return f"{value:.6g}"


def _signed(value: float) -> str:
    return f"{value:+.5g}" if value else "0"
