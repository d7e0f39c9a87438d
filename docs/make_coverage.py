"""Write docs/coverage.md from the results of `backproof compare --samples`: `nox -s coverage`.

A row for every layer, loss, optimizer, schedule and transform: how torch and JAX compute it, and
the worst noise ratio that any of its samples met.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import backproof
from backproof.comparisons import environment
from backproof.comparisons.summary import NOT_JUDGED
from backproof.reference import discovery

if TYPE_CHECKING:
    import pandas as pd

PAGE = Path(__file__).with_name("coverage.md")
ADAPTERS = ("torch", "jax")
KINDS = {
    "Layers": discovery.layers, "Losses": discovery.losses, "Optimizers": discovery.optimizers,
    "Schedules": discovery.schedules, "Transforms": discovery.transforms,
    "Initialisers": discovery.initialisers,
}  # fmt: skip
INTRODUCTION = """# Coverage

What is compared with what. *Own operation*: the framework's own named operation; for JAX, one of
jax, optax or flax. *Own formula*: it has none, and the adapter writes the formula in its
primitives: its autograd still gives an independent gradient. *Unsupported*: settings that one
framework has and the other lacks, with the reason. The numbers are the worst noise ratios over all
samples, in float64 (1024 is allowed) and float32 (64); `-` where nothing was compared. Finite
differences and the complex step judge every layer and loss as well, in the tests.

Written by `nox -s coverage`; that every item is here, with the right translation, is a test.
"""


def page(results: pd.DataFrame) -> str:
    """The whole page."""
    loaded = {name: backproof.load_adapter(name) for name in ADAPTERS}
    items = results.assign(item=results["case"].str.partition("(")[0])
    parts = [INTRODUCTION, _environment()]
    for kind, found in KINDS.items():
        specs = found()
        heads = ["item", "reference", *ADAPTERS]
        rows = [[name, _worst(items, name, "numpy"), *(
            _cell(loaded[a], spec, items, name) for a in ADAPTERS
        )] for name, spec in specs.items()]  # fmt: skip
        parts.append(f"## {kind} ({len(specs)})\n\n" + "\n".join(_table(heads, rows)))
    return "\n\n".join(parts) + "\n"


def _environment() -> str:
    versions = environment.versions(("numpy", *ADAPTERS), ())
    return "Measured with " + ", ".join(f"{k} {v}" for k, v in versions.items()) + "."


def _cell(adapter: Any, spec: type, items: pd.DataFrame, name: str) -> str:
    """How it is translated, the worst ratios, and what is unsupported."""
    here = items[(items["item"] == name) & (items["candidate"] == adapter.name)]
    reasons = sorted(set(here["reason"][here["verdict"] == "unsupported"]))
    told = "".join(f"<br>unsupported: {reason}" for reason in reasons)
    return f"{adapter.translation(spec)}<br>{_worst(items, name, adapter.name)}{told}"


def _worst(items: pd.DataFrame, name: str, candidate: str) -> str:
    here = items[(items["item"] == name) & (items["candidate"] == candidate)]
    judged = here[~here["verdict"].isin(NOT_JUDGED)]
    ratios = [judged["noise_ratio"][judged["dtype"] == d].max() for d in ("float64", "float32")]
    return ", ".join("-" if ratio != ratio else f"{ratio:.2g}" for ratio in ratios)


def _table(heads: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


if __name__ == "__main__":
    PAGE.write_text(page(backproof.read_results(sys.argv[1])), encoding="utf-8")
    print(f"written to {PAGE}")
