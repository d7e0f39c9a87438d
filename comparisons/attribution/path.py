"""Shares along a path: integrated gradients for the inputs, conductance for the nodes.

On the straight path γ(α) = x0 + α (x - x0) from a baseline x0 to the input x, the number explained,
L, goes from L(x0) to L(x). By the chain rule, through any one layer of nodes a_j,

    L(x) - L(x0) = ∫_0^1 Σ_j ∂L/∂a_j da_j/dα dα       c_j = ∫_0^1 ∂L/∂a_j da_j/dα dα

so the shares c_j of the nodes of a layer add up to the whole change. For the inputs, da_i/dα is
x_i - x0_i, and c_i are the integrated gradients. The path is cut into panels; in each, the integral
is Gauss-Legendre's, and da_j/dα the derivative of the polynomial through a_j at its nodes: n nodes
are exact for every a_j that is a polynomial of degree n - 1. How far the sum of the shares is from
L(x) - L(x0), the completeness gap, is what the quadrature leaves.

A share depends on the baseline, and on the path.

Sources: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks" (2017), equation 1;
Dhamdhere, Sundararajan, Yan, "How important is a neuron?" (2018), equation 3; Trefethen,
"Spectral methods in MATLAB" (2000), chapter 6, for the derivative of an interpolant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.protocols import Array
from .subject import REFERENCE, Subject, amount, both_passes

NODES = 8  # of a panel
CLOSED = 1e-12  # a gap of this part of the change is closed
PANELS = 16  # at most


@dataclass(frozen=True)
class Path:
    """Where the straight path is cut, from 0 to 1, and how many Gauss nodes each part has."""

    cuts: tuple[float, ...] = (0.0, 1.0)
    nodes: int = NODES

    def __post_init__(self) -> None:
        if self.nodes < 1:
            raise ValueError(f"a path needs 1 node or more, not {self.nodes}")
        if len(self.cuts) < 2 or (self.cuts[0], self.cuts[-1]) != (0.0, 1.0):
            raise ValueError(f"a path goes from 0 to 1, not along {self.cuts}")


@dataclass(frozen=True)
class Shares:
    """What each entry of each value between the layers contributes, by the value's name.

    ``parts`` are arrays of the values' shapes, the input's first, whose sums ought to be
    ``change``, L(x) - L(x0).
    """

    parts: dict[str, Array]
    change: Array

    def gap(self, name: str = "x") -> float:
        """How far the shares of a value are from adding up."""
        return float(self.parts[name].sum() - self.change)


def shares(adapter: Adapter, made: Subject, path: Path) -> Shares:
    """Integrated gradients and conductances, all from the same passes."""
    total: dict[str, Array] = {}
    for a, b in zip(path.cuts, path.cuts[1:], strict=False):
        for name, part in _panel(adapter, made, a, b, path.nodes).items():
            total[name] = total[name] + part if name in total else part
    change = amount(adapter, made) - amount(adapter, made.at(made.baseline))
    return Shares(total, change)


def _panel(adapter: Adapter, made: Subject, a: float, b: float, n: int) -> dict[str, Array]:
    """The shares along the path from α = a to b."""
    nodes, weights = np.polynomial.legendre.leggauss(n)
    step = made.x - made.baseline
    passes = [
        both_passes(adapter, made.at(made.baseline + float(a + (b - a) * (t + 1) / 2) * step))
        for t in nodes
    ]
    names, found = made.names, dict[str, Array]()
    found["x"] = sum_of(
        [float(w / 2 * (b - a)) * p.cotangents[0] for w, p in zip(weights, passes, strict=True)]
    ) * step  # fmt: skip
    D = derivatives(nodes)
    for k, name in enumerate(names[1:], start=1):
        rates = (
            sum_of([float(d) * p.values[k] for d, p in zip(row, passes, strict=True)]) for row in D
        )  # da/dt at each node; dα/dt is in both factors, and cancels
        terms = zip(weights, passes, rates, strict=True)
        found[name] = sum_of([float(w) * p.cotangents[k] * rate for w, p, rate in terms])
    return found


def sum_of(arrays: list[Array]) -> Array:
    """One after another, in any arithmetic."""
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array
    return total


def derivatives(nodes: Array) -> Array:
    """D with D f = f' at the nodes for every polynomial f of degree below their number.

    Trefethen (2000), equations 6.8 and 6.9.
    """
    apart = nodes[:, None] - nodes + np.eye(len(nodes))
    c = apart.prod(axis=1)
    D: Array = c[:, None] / c / apart
    np.fill_diagonal(D, 0.0)
    np.fill_diagonal(D, (1 / apart).sum(axis=1) - 1)
    return D


def complete_path(made: Subject, nodes: int = NODES, panels: int = PANELS) -> Path:
    """A path so cut that the shares of every value add up; the reference decides.

    The panel with the widest gap is halved until each value's gaps are closed to CLOSED of the
    change, or ``panels`` is reached: at a kink the gap falls only with the panel's length.
    """
    Entry = tuple[float, float, float]

    def gap(a: float, b: float) -> Entry:
        ends = (amount(REFERENCE, made.at(made.baseline + t * (made.x - made.baseline)))
                for t in (a, b))  # fmt: skip
        start, end = map(float, ends)
        found = _panel(REFERENCE, made, a, b, nodes).values()
        return a, b, max(abs(float(part.sum()) - (end - start)) for part in found)

    entries = [gap(0.0, 1.0)]
    change = abs(float(amount(REFERENCE, made) - amount(REFERENCE, made.at(made.baseline))))
    while len(entries) < panels and sum(e[2] for e in entries) > CLOSED * change:
        worst = max(entries, key=lambda entry: entry[2])
        entries.remove(worst)
        middle = (worst[0] + worst[1]) / 2
        entries += [gap(worst[0], middle), gap(middle, worst[1])]
    return Path((*sorted(a for a, _, _ in entries), 1.0), nodes)
