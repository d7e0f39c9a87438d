"""What only shows when the candidate is asked again: chance, memory, layout, precision.

These hypotheses are about the candidate itself (``of=("candidate",)``). They see an ``Asked``, and
yield an ``Observation`` for each thing that they find.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import Any

import numpy as np

from ....adapters.loading import FRAMEWORKS, load
from ....reference.tree import as_dtype, tree_map
from ...divergences import KNOWN
from ...formats import format_of, unit_roundoff
from ...problems import Evaluation, LossVJP, NetworkVJP
from ...rows import Context
from ...tolerances import Values
from ..bench import Bench
from ..registry import Asked, Observation, Observations, hypothesis

FEWEST = 8  # entries that tell of a format
FORMATS = {"float32": 2.0**-24, "float16 or TF32": 2.0**-11, "bfloat16": 2.0**-8}  # half an ulp
ALLOWED = format_of("float32").allowed
SPREAD = (0.01, 8.0)  # of errors in units of honest noise, if rounding made them


@hypothesis("the candidate itself", bits=4, of=("candidate",))
def not_deterministic(asked: Asked) -> Observations:
    """Asked again, it gives other numbers."""
    bench = asked.bench
    again, _ = asked.problem.ask(asked.adapter)
    now = bench.flat(again)
    if np.array_equal(now, bench.candidate, equal_nan=True):
        return
    apart = bench.ratios(now)
    if apart.max() <= bench.allowed:
        return
    where = " ".join(bench.keys[int(apart.argmax())]).strip()
    sums = (2 * bench.candidate, bench.candidate + bench.gold)
    if any(np.allclose(now[bench.measured], total[bench.measured]) for total in sums):
        text = ("asked again, it adds its result to that of the first time: gradients are "
                "accumulated and never set to zero")  # fmt: skip
        yield Observation("adds up", text, bench.wrong)
    else:
        off = float(np.nanmax(np.abs(now - bench.candidate)))
        text = f"not deterministic: asked again, it gives numbers up to {off:.2g} off in {where}"
        yield Observation("not deterministic", text, bench.wrong)


@hypothesis("the candidate itself", bits=4.5, of=("candidate",))
def memory_order(asked: Asked) -> Observations:
    """Right for arrays that are contiguous in memory, wrong for those that are not."""
    problem = asked.problem
    if not isinstance(problem, NetworkVJP | LossVJP):
        return
    straight = dataclasses.replace(problem, x=_straight(problem.x), dy=_straight(problem.dy))
    if isinstance(straight, NetworkVJP):
        straight = dataclasses.replace(straight, params=_straight(straight.params))
    values, _ = straight.ask(asked.adapter)
    bench = asked.bench
    if np.array_equal(bench.flat(values), bench.candidate, equal_nan=True):
        return
    if (bench.right_ratios(values) <= bench.allowed).all():
        text = "its input's memory is read as if it were contiguous: it is right for a copy that is"
        yield Observation("memory order", text, bench.wrong)


def _straight(tree: Any) -> Any:
    return tree_map(np.ascontiguousarray, tree)


@hypothesis("a framework's kernel", bits=4.8, of=("candidate",))
def kernel(asked: Asked) -> Observations:
    """Right as soon as the framework computes it without a kernel of its own."""
    framework: Any = asked.adapter
    if not hasattr(framework, "without_kernel"):
        return
    with framework.without_kernel():
        values, _ = asked.problem.ask(framework)
    ratios = asked.bench.right_ratios(values)
    if (ratios <= asked.bench.allowed).all():
        text = f"{framework.kernel}: without that, {framework.name} agrees"
        yield Observation("kernel", text, asked.bench.wrong, float(ratios.max()))


@hypothesis("a known divergence", bits=5, of=("candidate",))
def documented(asked: Asked) -> Observations:
    """The numbers of a framework that is known to differ here."""
    bench, here = asked.bench, asked.bench.problem
    loaded = {n for n, needs in FRAMEWORKS.items() if all(m in sys.modules for m in needs)}
    for name in sorted(loaded) if asked.case else ():
        context = Context(asked.case, here.mode, here.dtype, candidate=name)
        records = [r for r in KNOWN if r.concerns(context)]
        covering = [next((r for r in records if r.covers(key)), None) for key in bench.wrong]
        if None in covering:
            continue
        values, _ = here.ask(load(name))
        if (bench.ratios(bench.flat(values)) <= bench.allowed).all():
            known = {r.id: r.reason for r in covering if r}
            reasons = "; ".join(f"{id}: {reason}" for id, reason in known.items())
            text = f"what {name} is known to give here. {reasons}"
            yield Observation(" + ".join(known), text, bench.wrong)


@hypothesis("lower precision", bits=8, of=("candidate",))
def rounded(asked: Asked) -> Observations:
    """Numbers that have no more digits than a shorter format; or all of them as far off as that.

    Errors of the size of rounding prove nothing alone: those of a random mistake may be as small.
    """
    bench = asked.bench
    u, own = unit_roundoff(bench.problem.dtype), bench.error
    if not bench.all_measured or own.size < FEWEST:
        return
    for name, short in FORMATS.items():
        ratio = np.abs(own) / (bench.noise_of_wrong * (short / u))
        if short <= u or ratio.max() > ALLOWED:
            continue
        if bench.significant_bits <= -math.log2(short):
            text = f"numbers of {name}: every one of them has no more digits"
        elif len(bench.wrong) == len(bench.keys) > 1 and SPREAD[0] <= np.median(ratio) <= SPREAD[1]:
            text = f"all of them as far off as rounding to {name} inside would make them"
        else:
            return
        yield Observation(f"rounded to {name}", text, bench.wrong, float(ratio.max()))
        return


@hypothesis("lower precision", bits=8.5, of=("candidate",))
def unstable(asked: Asked) -> Observations:
    """Errors that shrink from float32 to float64 as rounding does, though larger than usual."""
    problem, bench = asked.problem, asked.bench
    if not isinstance(problem, NetworkVJP | LossVJP | Evaluation):
        return
    if bench.problem.dtype != np.float64 or not bench.error.size or not bench.all_measured:
        return
    names = [n for n in ("params", "x", "dy", "target") if hasattr(problem, n)]
    data: dict[str, Any] = {n: as_dtype(getattr(problem, n), np.float32) for n in names}
    short = dataclasses.replace(problem, dtype=np.dtype(np.float32), **data)
    values: Values = short.ask(asked.adapter)[0]
    if any(np.asarray(v).dtype == np.float64 for v in values.values()):
        return
    judged = Bench.of(short, values, {}, 0, 4)
    top = max(float(np.max(np.abs(e.gold), initial=0)) for e in judged.expected.leaves.values())
    e32 = float(np.nanmax(np.abs(judged.candidate - judged.gold), initial=0))
    shrunk = float(np.max(np.abs(bench.error))) / (2.0**-29 * (e32 + 2.0**-24 * top))
    if shrunk < 256:
        text = ("a formula that loses digits, not a wrong one: its error shrinks from float32 to "
                "float64 as rounding does")  # fmt: skip
        yield Observation("loses digits", text, bench.wrong)
