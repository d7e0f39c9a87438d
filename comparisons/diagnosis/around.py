"""Other specs made of a right one: hooks around its methods, and mixtures of right and wrong.

Each function returns a spec that computes as the right one does but for one thing, in whatever
arithmetic it is run. Hooks see ``Seen``, what the call saw so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...reference.protocols import Tree
from ...reference.tree import leaves, unflatten
from ..noisy import Noisy
from ..tolerances import Exact
from .parts import as_class, kind_of, varied

Hook = Callable[..., Any]


@dataclass
class Seen:
    """What a call of a layer has seen: its parameters (or target), input, output, cotangent."""

    params: Tree
    x: Tree
    y: Tree = None
    dy: Tree = None


def _same(value: Any, seen: Seen) -> Any:
    return value


def around(
    spec: Any, *, params: Hook = _same, x: Hook = _same, y: Hook = _same, kept: Hook = _same,
    dy: Hook = _same, dx: Hook = _same, dparams: Hook = _same,
) -> Any:  # fmt: skip
    """A layer or a loss with a change to what it sees (params, x, dy), keeps, or gives.

    Each hook takes the value and ``Seen``; ``kept`` the residuals.
    """
    base, is_loss = type(spec), kind_of(spec) == "loss"

    def forward(self: Any, first: Any, second: Any) -> Any:
        own, given = (second, first) if is_loss else (first, second)
        seen = Seen(own, given)
        own, given = params(own, seen), x(given, seen)
        pair = (given, own) if is_loss else (own, given)
        out, residuals = as_class(self, base).forward(*pair)
        seen.y = out
        return y(out, seen), (kept(residuals, seen), seen)

    def backward(self: Any, residuals: Any, upstream: Any = 1.0) -> Any:
        inner, seen = residuals
        seen.dy = upstream
        got = as_class(self, base).backward(inner, dy(upstream, seen))
        if is_loss:
            return dx(got, seen)
        return dx(got[0], seen), dparams(got[1], seen)

    def gradient(self: Any, residuals: Any, upstream: Any) -> Any:
        return backward(self, residuals, upstream)[1]

    return varied(spec, forward=forward, backward=backward, gradient=gradient)


def mixed(right: Any, wrong: Any, keys: frozenset[tuple[str, str]]) -> Any:
    """The right layer or loss, but the wrong one's values in these quantities and leaves."""
    is_loss = kind_of(right) == "loss"

    def forward(self: Any, first: Any, second: Any) -> Any:
        one, two = right.forward(first, second), wrong.forward(first, second)
        return chosen("y", one[0], two[0], keys), (one[1], two[1])

    def backward(self: Any, residuals: Any, dy: Any = 1.0) -> Any:
        one, two = (s.backward(r, dy) for s, r in zip((right, wrong), residuals, strict=True))
        if is_loss:
            return chosen("dx", one, two, keys)
        return chosen("dx", one[0], two[0], keys), chosen("dparams", one[1], two[1], keys)

    def gradient(self: Any, residuals: Any, dy: Any) -> Any:
        return backward(self, residuals, dy)[1]

    return varied(right, forward=forward, backward=backward, gradient=gradient)


def chosen(quantity: str, right: Tree, wrong: Tree, keys: frozenset[tuple[str, str]]) -> Tree:
    """The right tree with the wrong one's leaves where keys say so."""
    other = dict(leaves(wrong))
    picked = (
        other[leaf] if (quantity, leaf) in keys and leaf in other else value
        for leaf, value in leaves(right)
    )
    return unflatten(right, picked)


def at_leaf(path: str, change: Callable[[Any], Any]) -> Hook:
    """A hook that changes one leaf of a tree."""

    def hook(tree: Tree, seen: Seen) -> Tree:
        values: Iterator[Any] = (
            change(value) if leaf == path else value for leaf, value in leaves(tree)
        )
        return unflatten(tree, values)

    return hook


def around_rule(
    spec: Any, *, g: Hook | None = None, t: Callable[[int], int] | None = None,
    state: Hook | None = None, w: Hook | None = None, init: Hook | None = None,
    kept: Hook | None = None,
) -> Any:  # fmt: skip
    """An optimizer with a change to what it sees or gives.

    ``g(g, w)`` changes the gradient, ``t(t)`` the step, ``state(state, w, t)`` the state it reads,
    ``w(new, old, g)`` the weights it gives, ``kept(new, old)`` the state it gives, and
    ``init(state)`` the state it starts from.
    """
    base = type(spec)

    def update(self: Any, grad: Any, before: Any, weights: Any, step: int) -> Any:
        seen = state(before, weights, step) if state else before
        d = g(grad, weights) if g else grad
        rule = as_class(self, base)
        new, after = rule.update(d, seen, weights, t(step) if t else step)
        new = w(new, weights, d) if w else new
        return new, kept(after, before) if kept else after

    def begin(self: Any, weights: Any) -> Any:
        first = as_class(self, base).init(weights)
        return init(first) if init else first

    return varied(spec, update=update, init=begin)


def mixed_rule(right: Any, wrong: Any, which: str) -> Any:
    """The right optimizer, but the wrong one's "weights", or its "state", in every step."""

    def update(self: Any, g: Any, state: Any, w: Any, t: int) -> Any:
        one, two = (in_arithmetic(s, g).update(g, state, w, t) for s in (right, wrong))
        return (two[0], one[1]) if which == "weights" else (one[0], two[1])

    def begin(self: Any, w: Any) -> Any:
        return (wrong if which == "state" else right).init(w)

    return varied(right, update=update, init=begin)


def in_arithmetic(spec: Any, like: Any) -> Any:
    """The spec with its floats as the arithmetic of that array has them."""
    if isinstance(like, Noisy):
        return like.noise.hyperparameters(spec)
    return Exact(like.dtype).hyperparameters(spec)


def around_function(spec: Any, *, x: Hook | None = None, y: Hook | None = None) -> Any:
    """A schedule or a transform with a change to what it is given, or to what it gives."""
    base = type(spec)

    def call(self: Any, given: Any) -> Any:
        out = as_class(self, base)(x(given) if x else given)
        return y(out, given) if y else out

    return varied(spec, __call__=call)
