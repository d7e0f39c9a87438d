"""Slips of people who write a layer or a rule for the first time, and of no library.

Each is a function from the right spec to the wrong one, registered for a type of spec by ``slip``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from ....reference.layers.conv2d import Conv2d
from ....reference.layers.lstm import LSTM
from ....reference.layers.max_pool2d import MaxPool2d
from ....reference.layers.rnn import RNN
from ....reference.layers.sigmoid import Sigmoid
from ....reference.layers.tanh import Tanh
from ....reference.optimizers.adam import Adam
from ....reference.optimizers.adamw import AdamW
from ....reference.protocols import Array, Tree
from ..around import Seen, around
from ..parts import Change, Part, as_class, varied
from ..registry import Proposal, Proposals, hypothesis

SLIPS: dict[type, list[tuple[str, Change]]] = {}


def slip(text: str, *targets: type) -> Callable[[Change], Change]:
    """Register the wrong version of these types of specs, with the words for what is wrong."""

    def register(make: Change) -> Change:
        for target in targets:
            SLIPS.setdefault(target, []).append((text, make))
        return make

    return register


@hypothesis("a slip", bits=7, of=("layer", "loss", "optimizer", "function"))
def slips(part: Part) -> Proposals:
    """What is registered here, and the mistakes that a formula itself brings along."""
    own = getattr(part.spec, "mistakes", {}).items()
    brought = ((text, partial(replace, function=wrong)) for text, wrong in own)
    for text, make in (*SLIPS.get(type(part.spec), ()), *brought):
        yield Proposal(text, f"{part.type_name} with this mistake: {text}", make)


# Activations: another slope


def _sloped(text: str, slope: Callable[[Array, Array], Array], *targets: type) -> None:
    def dx(_: Tree, seen: Seen) -> Tree:
        return seen.dy * slope(seen.x, seen.y)

    slip(f"the slope is taken for {text}", *targets)(lambda spec: around(spec, dx=dx))


_sloped("1 - a², which is that of tanh", lambda x, y: 1 - y * y, Sigmoid)
_sloped("a (1 - a), which is that of the sigmoid", lambda x, y: y * (1 - y), Tanh)
_sloped("a, without the factor 1 - a", lambda x, y: y, Sigmoid)
_sloped("1 - a, without the factor a", lambda x, y: 1 - y, Sigmoid)
_sloped("a (1 + a): a sign in it", lambda x, y: y * (1 + y), Sigmoid)
_sloped("that at z in the place of a: 1 - z²", lambda x, y: 1 - x * x, Tanh)


@slip("the activation is left out: a = z", Sigmoid, Tanh)
def without(spec: Any) -> Any:
    """What comes in."""
    return around(spec, y=lambda y, seen: seen.x)


@slip("the exponential alone, e^z: 1 + is missing in the denominator", Sigmoid)
def exponential_alone(spec: Any) -> Any:
    """1 / e^-z."""
    return around(spec, y=lambda y, seen: np.exp(seen.x))


@slip("1 - σ(z), which is σ(-z): the sign in the exponent", Sigmoid)
def turned(spec: Any) -> Any:
    """1 / (1 + e^z)."""
    return around(spec, y=lambda y, seen: 1 - y)


# Convolution, position by position


@slip("a window that comes later overwrites dx where windows overlap: = instead of +=", Conv2d)
def overwritten(spec: Any) -> Any:
    """Of each entry of dx, what the last window gives it."""

    def dx(right: Array, seen: Seen) -> Array:
        (_, given), W = _plain(spec), seen.params["W"]
        new = np.zeros_like(right)
        for h, w in np.ndindex(seen.dy.shape[2:]):
            part = seen.dy[:, :, h, w] @ W.reshape(W.shape[0], -1)
            new[_window(given, h, w)] = part.reshape(-1, *W.shape[1:])
        return new

    return around(spec, dx=dx)


@slip("dW is that of the last position alone: = instead of +=", Conv2d)
def last_position(spec: Any) -> Any:
    """dW of the window in the corner."""

    def dparams(right: Tree, seen: Seen) -> Tree:
        _, given = _plain(spec)
        h, w = (n - 1 for n in seen.dy.shape[2:])
        rows = seen.x[_window(given, h, w)]
        dW = seen.dy[:, :, h, w].T @ rows.reshape(rows.shape[0], -1)
        return {**right, "W": dW.reshape(right["W"].shape)}

    return around(spec, dparams=dparams)


@slip("the window with the smallest entry in the place of the largest", MaxPool2d)
def smallest(spec: Any) -> Any:
    """The cotangent goes to the minimum."""

    def dx(_: Array, seen: Seen) -> Array:
        _, residuals = spec.forward({}, -seen.x)
        moved: Array = spec.backward(residuals, seen.dy)[0]
        return moved

    return around(spec, dx=dx)


Given = tuple[int, int]  # kernel and stride


def _plain(spec: Any) -> tuple[None, Given]:
    """Kernel and stride of a convolution that has nothing else; ValueError for others."""
    if (spec.padding, spec.dilation, spec.groups) != (0, 1, 1):
        raise ValueError("told of plain convolutions alone")
    return None, (spec.kernel, spec.stride)


def _window(given: Given, h: int, w: int) -> Any:
    kernel, stride = given
    return np.s_[:, :, stride * h : stride * h + kernel, stride * w : stride * w + kernel]


# Recurrence


@slip("weights' gradients of the first step alone: = instead of +=", RNN, LSTM)
def first_step(spec: Any) -> Any:
    """Every step overwrites what the one after it has left, and the first is the last to do so."""

    def backward(self: Any, residuals: Any, dy: Any) -> Any:
        right = as_class(self, type(spec))
        dx, dparams = right.backward(residuals, dy)
        ((p, x, kept),) = residuals  # one cell
        *_, (dz, uses) = _backwards(right, p, kept, dy)
        first = {"Wx": x[0].T @ dz, "b": dz.sum(axis=0)}
        first |= {name: left.T @ upstream for name, (left, upstream) in uses.items()}
        return dx, ({name: first[name] for name in dparams[0]},)

    return varied(spec, backward=backward)


def _blocks(order: str) -> None:
    """The four blocks of the LSTM's dz in another order."""
    places = ["ifog".index(gate) for gate in order]

    def make(spec: Any) -> Any:
        def step_backward(self: Any, p: Tree, kept: Any, d: Any) -> Any:
            (_, dc), da, uses = as_class(self, type(spec)).step_backward(p, kept, d)
            blocks = [da[:, n * self.n : (n + 1) * self.n] for n in places]
            moved = np.concatenate(blocks, axis=-1)
            return (moved @ p["Wh"].T, dc), moved, {"Wh": (uses["Wh"][0], moved)}

        return varied(spec, step_backward=step_backward)

    slip(f"dz has its blocks in the order {', '.join(order)}, and not in that of Wx and b", LSTM)(
        make
    )


for _order in ("fiog", "ofig", "gfoi", "iofg", "igof", "ifgo", "giof", "igfo"):
    _blocks(_order)


def _backwards(spec: Any, p: Tree, kept: Any, dy: Any) -> Iterator[tuple[Array, Any]]:
    """dz and the uses of the other weights, from the last step to the first."""
    states = tuple(d[0] for d in dy[1:])
    for t in reversed(range(len(kept))):
        states = (states[0] + dy[0][:, t], *states[1:])
        states, dz, uses = spec.step_backward(p, kept[t], states)
        yield dz, uses


# Optimizers


@slip("m̂ and v̂ are kept in the place of m and v, and corrected again in the next step", Adam, AdamW)
def corrected_kept(spec: Any) -> Any:
    """The state is overwritten with its bias-corrected values."""

    def update(self: Any, g: Array, state: Tree, w: Array, t: int) -> tuple[Array, Tree]:
        new, after = as_class(self, type(spec)).update(g, state, w, t)
        kept = {"m": after["m"] / (1 - self.beta1**t), "v": after["v"] / (1 - self.beta2**t)}
        return new, kept

    return varied(spec, update=update)


@slip("the correction of m misses its exponent: 1 - β1 in the place of 1 - β1^t", Adam, AdamW)
def first_uncorrected(spec: Any) -> Any:
    """m̂ = m / (1 - β1)."""
    return _corrected(spec, lambda rule, t: (1 - rule.beta1, 1 - rule.beta2**t))


@slip("the correction of v misses its exponent: 1 - β2 in the place of 1 - β2^t", Adam, AdamW)
def second_uncorrected(spec: Any) -> Any:
    """v̂ = v / (1 - β2)."""
    return _corrected(spec, lambda rule, t: (1 - rule.beta1**t, 1 - rule.beta2))


def _corrected(spec: Any, by: Callable[[Any, int], tuple[Any, Any]]) -> Any:
    """The rule with m and v divided by other numbers."""

    def direction(rule: Any, state: Tree, c1: Any, c2: Any) -> Array:
        d: Array = state["m"] / c1 / (np.sqrt(state["v"] / c2) + rule.eps)
        return d

    def update(self: Any, g: Array, state: Tree, w: Array, t: int) -> tuple[Array, Tree]:
        rule = as_class(self, type(spec))
        new, after = rule.update(g, state, w, t)
        good = direction(rule, after, 1 - rule.beta1**t, 1 - rule.beta2**t)
        return new + rule.lr * (good - direction(rule, after, *by(rule, t))), after

    return varied(spec, update=update)
