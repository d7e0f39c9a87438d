"""Initialisers: another fan, another spread, another shape of the distribution, another matrix."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from ....reference.fans import fans
from ....reference.initialisers.truncated_normal import TruncatedNormal
from ....reference.protocols import Array
from ..parts import Part, varied
from ..registry import Family, Proposal, Proposals, hypothesis

OF = ("initialiser",)
Shape = tuple[int, ...]
Own = Callable[[Shape], Array]  # the right draw, of any shape
Rng = np.random.Generator
PILOT = 200_000  # draws that a deviation is taken from
CUTS = (2.0, 1.0, 3.0)  # deviations at which frameworks and their users cut
ROOTS = {"√2": math.sqrt(2), "1/√2": math.sqrt(0.5), "2": 2.0, "1/2": 0.5, "√3": math.sqrt(3),
         "1/√3": 1 / math.sqrt(3), "√6": math.sqrt(6), "1/√6": 1 / math.sqrt(6)}  # fmt: skip


def drawn(spec: Any, how: Callable[[Own, Rng, Shape, Any], Array]) -> Any:
    """The initialiser with another draw, made of its own."""
    base = type(spec)

    def draw(self: Any, rng: Rng, shape: Shape) -> Array:
        return how(partial(base.draw, self, rng), rng, shape, spec)

    return varied(spec, draw=draw)


@cache
def deviation(spec: Any, shape: Shape) -> float:
    """The standard deviation of the entries, around zero."""
    rng = np.random.default_rng(0)
    some = [spec.draw(rng, shape) for _ in range(-(-PILOT // math.prod(shape)))]
    return float(np.sqrt(np.mean(np.square(some))))


# The fan: entries are those of a weight of another shape


def _channels_last(s: Shape) -> Shape:
    if len(s) < 3:
        raise ValueError(f"a weight of shape {s} is no kernel")
    return (s[-1], s[-2], *s[:-2])


FANS: dict[str, Callable[[Shape], Shape]] = {
    "fan-in and fan-out exchanged": lambda s: (s[1], s[0], *s[2:]),
    "the kernel's taps left out of the fan": lambda s: (*s[:2], *[1] * len(s[2:])),
    "(O, I, K, ...) taken for (K, ..., I, O)": _channels_last,
}


@hypothesis("the fan", bits=6.5, of=OF)
def another_fan(part: Part) -> Proposals:
    """The fans of another shape."""
    for text, other in FANS.items() if part.spec.independent else ():

        def how(own: Own, rng: Rng, shape: Shape, spec: Any, other: Any = other) -> Array:
            size, another = math.prod(shape), other(shape)
            some = [own(another).ravel() for _ in range(-(-size // math.prod(another)))]
            return np.concatenate(some)[:size].reshape(shape)

        yield Proposal(
            f"{part.type_name}: {text}", f"{part.type_name} with {text}", partial(drawn, how=how)
        )


# The spread: the right entries times a power of their deviation, or times √3

SPREADS: dict[str, Callable[[float], float]] = {
    "the variance taken for the deviation": lambda sd: sd,
    "the deviation taken for the variance": lambda sd: sd**-0.5,
    "the deviation taken for the bound: √3 left out": lambda sd: 1 / math.sqrt(3),
    "the bound taken for the deviation: √3 too much": lambda sd: math.sqrt(3),
}


@hypothesis("the spread", bits=6.5, of=OF)
def another_spread(part: Part) -> Proposals:
    """A deviation, a variance and a bound taken for one another."""
    for text, factor in SPREADS.items():

        def how(own: Own, rng: Rng, shape: Shape, spec: Any, factor: Any = factor) -> Array:
            c: float = factor(deviation(spec, shape))
            return c * own(shape)

        yield Proposal(
            f"{part.type_name}: {text}", f"{part.type_name} with {text}", partial(drawn, how=how)
        )


@hypothesis("a constant", bits=8.5, of=OF)
def scaled_draws(part: Part) -> Proposals:
    """The draws times a constant: the last resort, after a hyperparameter that does it."""

    def make(c: float) -> Callable[[Any], Any]:
        return partial(drawn, how=lambda own, rng, shape, spec: c * own(shape))

    yield Family(
        f"{part.type_name}: times", lambda c: f"{part.type_name} times {c}", make, names=ROOTS
    )


# The shape: of the same deviation, where it is not said otherwise


def _cut(own: Own, rng: Rng, shape: Shape, spec: Any, at: float, widened: bool) -> Array:
    density = math.exp(-at * at / 2) / math.sqrt(2 * math.pi)
    left = math.sqrt(1 - 2 * at * density / math.erf(at / math.sqrt(2)))
    sd = deviation(spec, shape) / (left if widened else 1.0)
    return TruncatedNormal(sd, at).draw(rng, shape)


def _normal(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    return deviation(spec, shape) * rng.standard_normal(shape)


def _uniform(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    return deviation(spec, shape) * math.sqrt(3) * rng.uniform(-1, 1, shape)


def _clipped(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    edge = 2 * deviation(spec, shape)
    return np.clip(own(shape), -edge, edge)


SHAPES: dict[str, Any] = {
    "normal numbers of the same deviation": _normal,
    "uniform numbers of the same deviation": _uniform,
    "no number below zero: its draws without their signs":
        lambda own, rng, shape, spec: np.abs(own(shape)),
    "what is beyond two deviations put at the edge": _clipped,
}  # fmt: skip
for _at in CUTS:
    SHAPES |= {
        f"normal numbers cut at {_at:g} deviations and not widened again":
            partial(_cut, at=_at, widened=False),
        f"normal numbers cut at {_at:g} deviations and widened to the same deviation":
            partial(_cut, at=_at, widened=True),
    }  # fmt: skip


@hypothesis("the shape of the distribution", bits=6.5, of=OF)
def another_shape(part: Part) -> Proposals:
    """Normal, uniform, cut, clipped, of one sign."""
    name = part.type_name
    for i, (text, how) in enumerate(SHAPES.items() if part.spec.independent else ()):
        yield Proposal(
            f"{name}: {text}", f"{name} with {text}", partial(drawn, how=how), i / len(SHAPES)
        )
    if hasattr(part.spec, "cut"):
        yield Proposal(
            f"{name}: not cut", f"{name} that is not cut",
            lambda spec: dataclasses.replace(spec, cut=math.inf),
        )  # fmt: skip


# What frameworks and models start from, whatever was asked for

DEFAULTS: dict[str, Callable[[Rng, Shape], Array]] = {
    "torch.nn.Linear's own U(-1/√fan-in, 1/√fan-in)":
        lambda rng, shape: rng.uniform(-1, 1, shape) / math.sqrt(fans(shape)[0]),
    "N(0, 1), as torch.nn.Embedding and randn": lambda rng, s: rng.standard_normal(s),
    "N(0, 0.02²), as GPT-2 and BERT": lambda rng, s: 0.02 * rng.standard_normal(s),
    "N(0, 0.01²), as jax.nn.initializers.normal": lambda rng, s: 0.01 * rng.standard_normal(s),
    "U(0, 0.01), as jax.nn.initializers.uniform": lambda rng, s: 0.01 * rng.random(s),
    "N(0, 0.05²), as Keras's RandomNormal": lambda rng, s: 0.05 * rng.standard_normal(s),
    "U(-0.05, 0.05), as Keras's RandomUniform": lambda rng, s: rng.uniform(-0.05, 0.05, s),
    "U(0, 1), as rand": lambda rng, s: rng.random(s),
}  # fmt: skip


@hypothesis("another default", bits=9, of=OF)
def another_default(part: Part) -> Proposals:
    """The distribution that a framework or a model starts from by itself."""
    for text, law in DEFAULTS.items():

        def how(own: Own, rng: Rng, shape: Shape, spec: Any, law: Any = law) -> Array:
            found: Array = law(rng, shape)
            return found

        def make(spec: Any, how: Any = how) -> Any:
            other = drawn(spec, how)
            type(other).independent = True
            return other

        yield Proposal(f"{part.type_name} as {text}", f"{text}, not {part.type_name}", make)


# Matrices: the entries of one weight have to do with one another


def _flattened(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    return own((math.prod(shape[:-1]), shape[-1])).reshape(shape)


def _not_turned(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    return own((math.prod(shape[1:]), shape[0])).reshape(shape)


def _of_uniform(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    rows, columns = shape[0], math.prod(shape[1:])
    Q, R = np.linalg.qr(rng.random((max(rows, columns), min(rows, columns))))
    Q = Q * np.sign(np.diagonal(R))
    return np.asarray(spec.gain * (Q if rows >= columns else Q.T)).reshape(shape)


def _unit_rows(own: Own, rng: Rng, shape: Shape, spec: Any) -> Array:
    W = rng.standard_normal((shape[0], math.prod(shape[1:])))
    length = np.linalg.norm(W, axis=1, keepdims=True)
    return np.asarray(spec.gain * W / length).reshape(shape)


MATRICES = {
    "a kernel flattened to (all others, last), not to (first, all others)": _flattened,
    "a matrix of the transposed shape reshaped, not transposed": _not_turned,
    "the QR decomposition of uniform numbers from 0 to 1": _of_uniform,
    "rows of one length that are not orthogonal": _unit_rows,
}


@hypothesis("the matrix", bits=6.5, of=OF)
def another_matrix(part: Part) -> Proposals:
    """Other axes, another decomposition, or none."""
    for text, how in MATRICES.items() if not part.spec.independent else ():
        yield Proposal(
            f"{part.type_name}: {text}", f"{part.type_name} with {text}", partial(drawn, how=how)
        )
