"""How samples draw their inputs: normal numbers, exact points, integers, chosen scales."""

from __future__ import annotations

import numpy as np

from .protocols import Array, Draw


def normal(*shape: int, scale: float = 1.0, offset: float = 0.0) -> Draw:
    """Normal numbers of the given scale around offset."""
    return lambda rng: offset + scale * rng.standard_normal(shape)


def with_exact(*shape: int, values: tuple[float, ...] = (0.0,), share: float = 0.3) -> Draw:
    """Normal numbers of which about ``share`` are replaced by exact values (zeros, ties)."""

    def draw(rng: np.random.Generator) -> Array:
        x = rng.standard_normal(shape)
        exact = rng.choice(np.asarray(values), size=shape)
        mask = rng.random(shape) < share
        mask.flat[0] = True  # at least one exact point, whatever the seed
        return np.where(mask, exact, x)

    return draw


def dead(draw: Draw, *index: int | slice) -> Draw:
    """A part of the numbers all 0: a padding token, or a channel that a ReLU has switched off."""

    def drawn(rng: np.random.Generator) -> Array:
        x: Array = draw(rng)
        x[index] = 0
        return x

    return drawn


def integers(*shape: int, high: int) -> Draw:
    """Class labels 0 <= target < high."""
    return lambda rng: rng.integers(0, high, size=shape)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Draw:
    """Uniform numbers in [low, high)."""
    return lambda rng: rng.uniform(low, high, size=shape)


def constant(*values: float) -> Draw:
    """Chosen numbers, as they are: for the points where implementations are known to fail."""
    return lambda rng: np.asarray(values)


def steps(last: int) -> Draw:
    """The numbers of the updates 1 to last."""
    return lambda rng: np.arange(1, last + 1)


def many(*shapes: tuple[int, ...], scale: float = 1.0) -> Draw:
    """A tuple of arrays of normal numbers: the gradients of several parameters."""
    return lambda rng: tuple(scale * rng.standard_normal(shape) for shape in shapes)


def with_counts(*counts: int) -> Draw:
    """A gradient for each micro-batch, and how many tokens each is the mean of."""
    return lambda rng: (rng.standard_normal((len(counts), 4, 3)), np.array(counts))
