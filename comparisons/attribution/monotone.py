"""Whether an output rises with an input everywhere in a box: proved, refuted, or left open.

The slopes dy/dx over a whole box are bounded by running the layers' own forward and backward on
intervals. Where the bounds of a slope have one sign, the mean value theorem makes the output
monotone there. Where they do not, the box is halved, again and again; and the slopes at single
points, bounded in the same way, may show that there is no one sign to find.

Source: Moore, "Interval analysis" (1966), chapter 3; Clarke, "Optimization and nonsmooth analysis"
(1983), theorem 2.3.7, for the mean value theorem at kinks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...reference.layers.log_sigmoid import LogSigmoid
from ...reference.layers.sigmoid import Sigmoid
from ...reference.layers.softplus import Softplus
from ...reference.layers.softsign import Softsign
from ...reference.layers.tanh import Tanh
from ...reference.protocols import Array, Layer, Tree
from ..cases import CaseError
from ..passes import chain
from .interval import Interval, hull

# They rise everywhere, and their slopes are least and largest at the ends of an interval or at 0.
RISING = (Sigmoid, Tanh, Softsign, Softplus, LogSigmoid)
Finding = Literal["rises", "falls", "never falls", "never rises", "constant", "neither", "open"]
VERBS: dict[Finding, str] = {
    "rises": "raises", "falls": "lowers", "never falls": "never lowers",
    "never rises": "never raises", "constant": "does not move",
}  # fmt: skip
BOXES = 64  # into which the box is cut at most
WORDY = 4  # sides of a box that is told side by side
POINTS = 32  # that are tried for slopes of both signs


@dataclass(frozen=True)
class Monotonicity:
    """What is known of the slopes dy_k/dx_i, outputs by inputs, for all x in the box.

    ``lo`` and ``hi`` bound them; ``finding[k][i]`` says what follows: "open" where the bounds have
    both signs and no two points were found whose slopes do; ``witnesses`` holds those points,
    (where it rises, where it falls), by (k, i). ``boxes`` is how many parts it took.
    """

    low: Array
    high: Array
    lo: Array
    hi: Array
    finding: tuple[tuple[Finding, ...], ...]
    witnesses: dict[tuple[int, int], tuple[Array, Array]]
    boxes: int

    def sentence(self, k: int, i: int, x: str = "", y: str = "") -> str:
        """The finding on output k and input i in words, with the bounds it rests on."""
        x, y, finding = x or f"x{i + 1}", y or f"y{k + 1}", self.finding[k][i]
        bounds = f"slope in [{self.lo[k, i]:.4g}, {self.hi[k, i]:.4g}]"
        where = _box(self.low, self.high)
        if finding in VERBS:
            return f"raising {x} {VERBS[finding]} {y} everywhere in {where}: proved, {bounds}"
        if finding == "neither":
            up, down = (f"({_numbers(p)})" for p in self.witnesses[k, i])
            return f"raising {x} raises {y} at {up} and lowers it at {down}"
        return f"whether raising {x} raises {y} in {where} is not decided: {bounds}"

    def count(self) -> dict[str, int]:
        """How many slopes there are of each finding."""
        flat = [finding for row in self.finding for finding in row]
        return {finding: flat.count(finding) for finding in dict.fromkeys(flat)}


def _box(low: Array, high: Array) -> str:
    """A box in words: its sides, while they can be read."""
    if len({*low.ravel()}) == 1 == len({*high.ravel()}):
        power = f"^{low.size}" if low.size > 1 else ""
        return f"[{low.flat[0]:g}, {high.flat[0]:g}]{power}"
    if low.size > WORDY:
        return f"the box of {low.size} sides"
    return " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(low.ravel(), high.ravel(), strict=True))


def _numbers(x: Array) -> str:
    return ", ".join(f"{v:.4g}" for v in np.ravel(x))


def monotonicity(
    network: Layer, params: Tree, low: Any, high: Any, boxes: int = BOXES, seed: int = 0
) -> Monotonicity:
    """Certify, for every input and output, that one rises or falls with the other in a box.

    ``low`` and ``high`` are the corners, of the shape of one sample without the batch axis. At most
    ``boxes`` parts are looked at, and POINTS points drawn from the seed.

    Raises CaseError for corners that make no box, for params that are not float64, and for a
    network of which a layer has no interval form.
    """
    low, high = _corners(low, high)
    whole = slopes(network, params, low, high)
    found, used = whole.payload, 1
    parts = [(low, high, found)]
    while used < boxes and not np.all(_decided(found)):
        parts = _halved(network, params, parts, ~_decided(found))
        used += 1
        bounds = np.stack([part for *_, part in parts])
        found = np.stack([bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)])
    witnesses = _witnesses(network, params, low, high, ~_decided(found), seed)
    finding = tuple(
        tuple(_finding(found[:, k, i], (k, i) in witnesses) for i in range(found.shape[2]))
        for k in range(found.shape[1])
    )
    return Monotonicity(low, high, found[0], found[1], finding, witnesses, used)


def _corners(low: Any, high: Any) -> tuple[Array, Array]:
    low, high = np.broadcast_arrays(np.asarray(low, np.float64), np.asarray(high, np.float64))
    if not (np.isfinite(low).all() and np.isfinite(high).all() and np.all(low <= high)):
        raise CaseError("low and high are no corners of a box: low <= high is needed, all finite")
    return low, high


def _decided(bounds: Array) -> Any:
    return (bounds[0] >= 0) | (bounds[1] <= 0)


def _finding(bounds: Array, witnessed: bool) -> Finding:
    lo, hi = bounds
    if lo > 0 or hi < 0:
        return "rises" if lo > 0 else "falls"
    if lo == hi == 0:
        return "constant"
    if lo >= 0 or hi <= 0:
        return "never falls" if lo >= 0 else "never rises"
    return "neither" if witnessed else "open"


_Kept = tuple[Layer, Interval, Any]  # a layer, its input, its residuals
Part = tuple[Array, Array, Array]  # corners and bounds of one part of the box


def _halved(network: Layer, params: Tree, parts: list[Part], still: Any) -> list[Part]:
    """The parts, the one with the widest bounds halved across the side that matters most."""
    worst = max(parts, key=lambda part: float(np.max((part[2][1] - part[2][0])[still])))
    low, high, bounds = worst
    reach = np.abs(bounds).max(axis=(0, 1)) * (high - low).ravel()
    side = np.unravel_index(int(reach.argmax()), low.shape)
    middle_low, middle_high = low.copy(), high.copy()
    middle_low[side] = middle_high[side] = (low[side] + high[side]) / 2
    halves = [(low, middle_high), (middle_low, high)]
    new = [
        (a, b, np.stack([s.lo, s.hi])) for a, b in halves for s in (slopes(network, params, a, b),)
    ]
    return [part for part in parts if part is not worst] + new


def _witnesses(
    network: Layer, params: Tree, low: Array, high: Array, still: Any, seed: int
) -> dict[tuple[int, int], tuple[Array, Array]]:
    """Pairs of points at which an undecided slope is certainly positive and certainly negative."""
    if not np.any(still):
        return {}
    rng = np.random.default_rng(seed)
    points = [low, high, (low + high) / 2, *rng.uniform(low, high, (POINTS, *low.shape))]
    up: dict[tuple[int, int], Array] = {}
    down: dict[tuple[int, int], Array] = {}
    for point in points:
        at = slopes(network, params, point, point)
        for k, i in np.argwhere(still):
            if at.lo[k, i] > 0:
                up.setdefault((int(k), int(i)), point)
            elif at.hi[k, i] < 0:
                down.setdefault((int(k), int(i)), point)
    return {key: (up[key], down[key]) for key in up.keys() & down.keys()}


def slopes(network: Layer, params: Tree, low: Array, high: Array) -> Interval:
    """Bounds of dy_k/dx_i, (outputs, inputs), for all x between the corners."""
    x, kept = Interval.of(low[None], high[None]), list[_Kept]()
    with np.errstate(all="ignore"):
        for layer, p in zip(*chain(network, params), strict=True):
            with _naming(layer):
                y, residuals = _forward(layer, p, x)
            kept.append((layer, x, residuals))
            x = y
        rows = [_pulled_back(kept, row.reshape(x.shape)) for row in np.eye(x.size)]
    return Interval(np.stack([row.payload.reshape(2, -1) for row in rows], axis=1))


@contextmanager
def _naming(layer: Layer) -> Iterator[None]:
    """What the arithmetic refuses as a CaseError that names the layer."""
    try:
        yield
    except (TypeError, ValueError, AttributeError) as error:
        raise CaseError(f"{layer} has no bounds over a box: {error}") from error


def _forward(layer: Any, params: Tree, x: Interval) -> tuple[Interval, Any]:
    """The output and the residuals; a layer that rises is run at the ends alone."""
    if not isinstance(layer, RISING):
        y, residuals = layer.forward(params, x)
        return y, residuals
    rising: Any = layer  # whose annotations know of plain arrays only
    lo, hi = (rising.forward(params, Interval.of(end))[0] for end in (x.lo, x.hi))
    return Interval.of(lo.lo, hi.hi), None


def _pulled_back(kept: list[_Kept], dy: Array) -> Interval:
    pulled = Interval.of(dy)
    for layer, x, residuals in reversed(kept):
        with _naming(layer):
            rises = isinstance(layer, RISING)
            pulled = pulled * _slope(layer, x) if rises else layer.backward(residuals, pulled)[0]
    return pulled


def _slope(layer: Layer, x: Interval) -> Interval:
    """The hull of a layer's slopes at both ends, and at 0 where that lies between."""

    def at(point: Array) -> Interval:
        end = Interval.of(point)
        _, residuals = layer.forward({}, end)
        found: Interval = layer.backward(residuals, Interval.of(np.ones_like(point)))[0]
        return found

    return hull(at(x.lo), at(x.hi), at(np.clip(0.0, x.lo, x.hi)))
