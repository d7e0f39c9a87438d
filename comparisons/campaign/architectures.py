"""Random networks of the whole reference: layers, hyperparameters and shapes are drawn.

Layers on which a framework is known to differ (``divergences``) are left out here: they are
compared by their samples, whose place a record explains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...reference import discovery
from ...reference.protocols import Array, Draw, Layer, Sample
from ..diagnosis.parts import places
from ..divergences import KNOWN

Rng = np.random.Generator
Shape = tuple[int, ...]
Make = Callable[[Rng, Shape], Any]  # a layer for inputs of that shape, or None

L: Any = SimpleNamespace(**discovery.layers())
ACTIVATIONS: tuple[Layer, ...] = (
    L.Sigmoid(), L.Tanh(), L.ReLU(), L.LeakyReLU(0.1), L.SiLU(), L.Mish(), L.GELU("tanh"),
    L.Softplus(), L.HardSwish(), L.HardTanh(), L.ReLU6(), L.LogSigmoid(), L.SoftShrink(0.1),
    L.HardShrink(0.1), L.Threshold(0.1, -0.2), L.PReLU(),
)  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """A network, and the shape of its input, or how that is drawn if it is no float array."""

    name: str
    network: Layer
    shape: Shape
    draw: Draw | None = None

    @cached_property
    def differs_at_ties(self) -> bool:
        """Whether a framework takes another subgradient where a number is exactly on a kink."""
        return any(isinstance(part, _differing()) for _, part in places((self.network,)))


@cache
def _differing() -> tuple[type, ...]:
    """The layers of which a sample says so."""
    samples = (s for spec in discovery.layers().values() for s in spec.samples())
    return tuple({type(s.spec) for s in samples if {"torch", "jax"} & {*s.kink}})


def _width(rng: Rng, most: int = 48) -> int:
    return round(float(np.exp(rng.uniform(0, np.log(most)))))


def _any(rng: Rng, some: Sequence[Any]) -> Any:
    return some[int(rng.integers(len(some)))]


def activation(rng: Rng, shape: Shape) -> Any:
    """Any of them."""
    return _any(rng, ACTIVATIONS)


# On the last axis


def dense(rng: Rng, shape: Shape) -> Any:
    """An affine map, or something like it."""
    n, m = shape[-1], max(_width(rng), 2)
    gated = L.SwiGLU(n, m) if m < 24 else L.Dense(n, m)
    return _any(rng, (L.Dense(n, m), L.Dense(n, m, bias=False), L.WeightNorm(n, m),
                             L.Maxout(n, m, int(rng.integers(2, 4))), gated))  # fmt: skip


def normalised(rng: Rng, shape: Shape) -> Any:
    """Of one feature nothing is left, of two the sign."""
    n = shape[-1]
    some = [L.LayerNorm(n), L.RMSNorm(n), L.L2Normalize()]
    if len(shape) == 2 and shape[0] > 2:
        some.append(L.BatchNorm1d(n))
    return _any(rng, some) if n > 2 else None


def around(rng: Rng, shape: Shape) -> Any:
    """A detour, or several side by side."""
    n = shape[-1]
    inner = L.Sequential(L.Dense(n, max(_width(rng, 16), 2)), activation(rng, shape))
    width = inner.layers[0].n_out
    back = L.Sequential(*inner.layers, L.Dense(width, n))
    return _any(rng, (L.Residual(back), L.Add((L.Tanh(), back)), L.Concat((back, L.SiLU())),
                             L.Repeat(back, 2)))  # fmt: skip


def split(rng: Rng, shape: Shape) -> Any:
    """A gate over both halves."""
    return L.GLU() if shape[-1] % 2 == 0 else None


# On images (N, C, H, W)


def convolution(rng: Rng, shape: Shape) -> Any:
    """Strides that do not divide, groups, dilation, padding."""
    channels, least = shape[1], min(shape[2:])
    kernel, stride, padding = (int(rng.integers(*ends)) for ends in ((1, 4), (1, 4), (0, 2)))
    groups = channels if rng.random() < 0.2 else 1
    n_out = groups * int(rng.integers(1, 4)) if groups > 1 else int(rng.integers(1, 7))
    if rng.random() < 0.2 and least < 6:
        return L.ConvTranspose2d(channels, n_out, kernel, min(stride, 2), groups=groups)
    dilation = 2 if rng.random() < 0.2 else 1
    if least + 2 * padding < dilation * (kernel - 1) + 1:
        return None
    return L.Conv2d(channels, n_out, kernel, stride, padding, dilation, groups)


def pooled(rng: Rng, shape: Shape) -> Any:
    """Windows of every kind."""
    if min(shape[2:]) < 3:
        return None
    return _any(rng, (L.MaxPool2d(2), L.MaxPool2d(3, 2, 1), L.AvgPool2d(2), L.AvgPool2d(3, 1),
                             L.LPPool2d(2.0, 2), L.AdaptiveAvgPool2d((2, 3))))  # fmt: skip


def by_channel(rng: Rng, shape: Shape) -> Any:
    """Normalised over the positions of a channel, or of several."""
    c = shape[1]
    some: list[Layer] = [L.LocalResponseNorm(3), L.PReLU(c)]
    if np.prod(shape[2:]) > 2:
        some += [L.InstanceNorm(c), L.InstanceNorm(c, affine=True), L.GroupNorm(1, c)]
    if shape[0] * np.prod(shape[2:]) > 3:
        some.append(L.BatchNorm2d(c))
    return _any(rng, some)


def resized(rng: Rng, shape: Shape) -> Any:
    """Larger."""
    if max(shape[2:]) > 6:
        return None
    size = tuple(n + int(rng.integers(1, 4)) for n in shape[2:])
    some: list[Layer] = [L.UpsampleNearest2d(size), L.UpsampleBilinear2d(size),
                         L.Pad(((1, 0), (0, 1)))]  # fmt: skip
    if shape[1] % 4 == 0:
        some.append(L.PixelShuffle(2))
    return _any(rng, some)


# On sequences (N, T, D)


def attention(rng: Rng, shape: Shape) -> Any:
    """Heads over all positions, or those before."""
    n = shape[-1]
    if n % 2:
        return None
    causal = bool(rng.integers(2))
    some = (
        L.MultiHeadAttention(n, 2, causal=causal),
        L.GroupedQueryAttention(n, 2, 1, causal=causal),
    )
    inner = _any(rng, some)
    return L.Residual(inner) if rng.random() < 0.5 else inner


def recurrent(rng: Rng, shape: Shape) -> Any:
    """A cell that runs along the sequence, or both ways."""
    n, m = shape[-1], int(rng.integers(2, 7))
    both = bool(rng.integers(2))
    some = (L.LSTM(n, m, bidirectional=both), L.GRU(n, m, bidirectional=both), L.RNN(n, m))
    return L.Outputs(_any(rng, some))


def placed(rng: Rng, shape: Shape) -> Any:
    """Positions."""
    n = shape[-1]
    some: list[Layer] = [L.LearnedPositions(shape[1], n)]
    if n % 2 == 0:
        some += [L.SinusoidalPositions(n), L.RotaryEmbedding(n)]
    return _any(rng, some)


def along(rng: Rng, shape: Shape) -> Any:
    """A convolution along the sequence."""
    if shape[1] < 3:
        return None
    inner = L.Conv1d(shape[2], shape[2], 3, padding=1)
    pool: tuple[Layer, ...] = (L.MaxPool1d(2),) if shape[1] > 3 and rng.random() < 0.3 else ()
    turn = L.Transpose((0, 2, 1))
    return L.Sequential(turn, inner, *pool, turn)


VECTORS: tuple[Make, ...] = (dense, dense, activation, activation, normalised, around, split)
IMAGES: tuple[Make, ...] = (convolution, convolution, activation, pooled, by_channel, resized)
SEQUENCES: tuple[Make, ...] = (attention, recurrent, placed, along, dense, activation, normalised,
                               around)  # fmt: skip


def shape_after(layer: Layer, shape: Shape, rng: Rng) -> Shape:
    """The shape of y for an x of that shape."""
    y: Array = layer.forward(layer.init(rng), rng.standard_normal(shape))[0]
    return y.shape


def grown(rng: Rng, shape: Shape, makes: Sequence[Make], depth: int) -> tuple[list[Layer], Shape]:
    """So many layers on top of each other, and the shape that they end with."""
    stack: list[Layer] = []
    while len(stack) < depth:
        layer = _any(rng, makes)(rng, shape)
        after = shape_after(layer, shape, rng) if layer is not None else ()
        if layer is not None and np.prod(after) < 4000 and min(after) > 0:
            stack.append(layer)
            shape = after
    return stack, shape


def perceptron(rng: Rng) -> Architecture:
    """Vectors all the way; some end in a softmax."""
    shape = int(rng.integers(2, 33)), max(_width(rng), 3)
    stack, after = grown(rng, shape, VECTORS, int(rng.integers(2, 9)))
    ends: list[Layer] = [L.Softmax(), L.LogSoftmax(), L.Softmin()]
    last = [_any(rng, ends)] if after[-1] > 1 and rng.random() < 0.3 else []
    return Architecture("perceptron", L.Sequential(*stack, *last), shape)


def image_network(rng: Rng) -> Architecture:
    """Images, and a head."""
    size = int(rng.integers(4, 9))
    shape = int(rng.integers(2, 5)), int(rng.integers(1, 5)), size, size + int(rng.integers(0, 3))
    stack, after = grown(rng, shape, IMAGES, int(rng.integers(2, 6)))
    head: Layer = _any(rng, (L.Flatten(), L.GlobalAvgPool2d(), L.GlobalMaxPool2d()))
    n = shape_after(head, after, rng)[-1]
    return Architecture("images", L.Sequential(*stack, head, L.Dense(n, 3)), shape)


def sequence_network(rng: Rng) -> Architecture:
    """Sequences of vectors or of symbols."""
    shape = int(rng.integers(1, 4)), int(rng.integers(2, 7)), 2 * int(rng.integers(1, 5))
    stack, after = grown(rng, shape, SEQUENCES, int(rng.integers(1, 5)))
    tail: list[Layer] = [L.TokenMean()] if rng.random() < 0.5 else []
    body = [*stack, *tail, L.Dense(after[-1], 3)]
    if rng.random() < 0.3:
        symbols = L.Embedding(7, shape[-1])
        return Architecture("symbols", L.Sequential(symbols, *body), shape[:2],
                            lambda rng: rng.integers(0, 7, shape[:2]))  # fmt: skip
    return Architecture("sequences", L.Sequential(*body), shape)


def volume_network(rng: Rng) -> Architecture:
    """A convolution in three dimensions."""
    shape = 2, int(rng.integers(1, 3)), 3, 4, 3
    first = L.Conv3d(shape[1], int(rng.integers(1, 4)), 2, padding=int(rng.integers(0, 2)))
    body = [first, activation(rng, shape), L.Flatten()]
    n = shape_after(L.Sequential(*body), shape, rng)[-1]
    return Architecture("volumes", L.Sequential(*body, L.Dense(n, 2)), shape)


def sandwich(rng: Rng, sample: Sample) -> Architecture | None:
    """A layer's sample between affine maps of its last axis, where it takes and gives one array."""
    x = sample.x(rng)
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or x.ndim < 2 or sample.place:
        return None
    y = sample.spec.forward(sample.spec.init(rng), x)[0]
    if not isinstance(y, np.ndarray) or y.ndim < 2:
        return None
    before, after = L.Dense(x.shape[-1], x.shape[-1]), L.Dense(y.shape[-1], 3)
    network = L.Sequential(before, sample.spec, activation(rng, y.shape), after)
    return Architecture(f"sandwich of {type(sample.spec).__name__}", network, x.shape)


def samples(specs: Mapping[str, Any]) -> list[tuple[str, Sample]]:
    """Every sample of these layers or losses, numbered where its spec comes again: "#2"."""
    found = []
    for spec in specs.values():
        seen: list[str] = []
        for sample in spec.samples():
            seen.append(str(sample.spec))
            count = seen.count(seen[-1])
            found.append((f"#{count}" if count > 1 else "", sample))
    return found


def of_layer(base: int, index: int) -> Architecture | None:
    """A sandwich of the sample with that index, unless a framework is known to differ on it."""
    _, sample = samples(discovery.layers())[index]
    name = type(sample.spec).__name__
    odd = {part.partition("(")[0].strip("*") for record in KNOWN for part in record.case.split("|")}
    return None if name in odd else sandwich(np.random.default_rng([base, index]), sample)


FAMILIES = (perceptron, image_network, sequence_network, perceptron, image_network,
            sequence_network, volume_network)  # fmt: skip


def architecture(base: int, index: int) -> Architecture:
    """A random network: those of all families come in turn."""
    return FAMILIES[index % len(FAMILIES)](np.random.default_rng([base, index]))


def architectures(base: int, count: int) -> list[Architecture]:
    """The first so many of them."""
    return [architecture(base, index) for index in range(count)]
