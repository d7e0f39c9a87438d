"""A window that slides over the last axes of an array: where it stops, and what its taps see.

Along one axis a kernel of k taps, d apart, spans d(k - 1) + 1 entries. On n entries with p before
and q behind it has (n + p + q - span)//s + 1 positions, s apart; the last entries may stay unseen.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from .protocols import Array

Size = int | tuple[int, ...]  # for all axes, or for each
Padding = int | str | tuple[int | tuple[int, int], ...]  # a pair: before and behind
Index = tuple[Any, ...]


@dataclass(frozen=True)
class Window:
    """Taps, stride, dilation and padding of each axis; and how many groups the channels form.

    ``same``: the padding is that of stride 1, the most there is; ``on`` some sizes it may be less.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    groups: int = 1
    same: bool = False

    @cached_property
    def spans(self) -> tuple[int, ...]:
        """How many entries the window reaches over."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def on(self, sizes: tuple[int, ...]) -> Window:
        """The window with the padding that it has on these sizes.

        With "same", n/s positions, rounded up, reach further than n by some entries: half of them
        are before it, the odd one behind.
        """
        if not self.same:
            return self
        each = zip(sizes, self.positions(sizes), self.spans, self.stride, strict=True)
        more = [max((h - 1) * s + span - n, 0) for n, h, span, s in each]
        return replace(self, padding=tuple((p // 2, p - p // 2) for p in more), same=False)

    def padded(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """The sizes with the padding."""
        return tuple(n + p + q for n, (p, q) in zip(sizes, self.padding, strict=True))

    def positions(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """How often the window fits on each axis; 0 or less where it does not."""
        each = zip(self.padded(sizes), self.spans, self.stride, strict=True)
        return tuple((n - span) // s + 1 for n, span, s in each)

    def sizes(self, positions: tuple[int, ...], more: Size) -> tuple[int, ...]:
        """The sizes on which the window has these positions, and ``more`` entries it never sees."""
        extra = more if isinstance(more, tuple) else (more,) * len(positions)
        each = zip(positions, self.stride, self.spans, self.padding, extra, strict=False)
        return tuple((n - 1) * s + span - p - q + e for n, s, span, (p, q), e in each)

    def fits(self, x: Array, channels: int | None = None) -> bool:
        """Whether x is (N, channels, sizes) with room for the window."""
        if x.ndim != 2 + len(self.kernel) or channels not in (None, x.shape[1]):
            return False
        return min(self.positions(x.shape[2:])) > 0

    def wants(self, channels: int | str = "C") -> str:
        """What ``fits`` asks for, in words."""
        each = zip(self.spans, self.padding, strict=True)
        least = [max(span - p - q, 1) for span, (p, q) in each]
        names = ", ".join("L" if len(least) == 1 else "DHW"[-len(least) :])
        bound = least[0] if len(set(least)) == 1 else tuple(least)
        return f"x of shape (N, {channels}, {names}) with {names} >= {bound}"

    def taps(self, positions: Sequence[int], axes: slice = slice(None)) -> Iterator[Index]:
        """For each tap of these axes, in order, the index of what it sees of a padded array."""
        each = zip(self.kernel, self.stride, self.dilation, positions, strict=True)
        slices = [[slice(i * d, i * d + s * n, s) for i in range(k)] for k, s, d, n in each]
        for tap in product(*slices[axes]):
            yield (..., *tap)

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """x with the padding around its last axes."""
        if not any(map(any, self.padding)):
            return x
        width = ((0, 0),) * (x.ndim - len(self.padding)) + self.padding
        return np.pad(x, width, constant_values=value)

    def crop(self, x: Array) -> Array:
        """What ``pad`` was given."""
        sizes = x.shape[x.ndim - len(self.padding) :]
        inside = [slice(p, n - q) for n, (p, q) in zip(sizes, self.padding, strict=True)]
        index: Index = (..., *inside)
        return x[index]

    def rounded_up(self, sizes: tuple[int, ...]) -> Window:
        """The window with so much more padding that a last, partial position counts too.

        It does only where it starts on the array or on the padding before it, as in torch.
        """
        padding = []
        for n, (p, q), span, s in zip(sizes, self.padding, self.spans, self.stride, strict=True):
            room = n + p + q - span  # for the start of the last window
            last = min(-(-room // s), (n + p - 1) // s) * s  # where it starts
            padding.append((p, q + max(last - room, 0)))
        return replace(self, padding=tuple(padding))


def each_axis(spec: Any, axes: int, name: str, value: Any) -> tuple[Any, ...]:
    """A hyperparameter for each axis, where one for all may be given."""
    values = value if isinstance(value, tuple) else (value,) * axes
    if len(values) != axes:
        raise ValueError(f"{spec}: {name} must be one number, or one for each of {axes} axes")
    return values


def window(spec: Any, axes: int) -> Window:
    """The window of a spec's kernel, stride, padding and dilation, or ValueError.

    A stride of None is the kernel's size. Padding "same" keeps the sizes, but for a stride: see
    ``Window.on``; "valid" is none.
    """

    def counts(name: str, value: Any) -> tuple[int, ...]:
        values = each_axis(spec, axes, name, value)
        if min(values) < 1:
            raise ValueError(f"{spec}: {name} must be 1 or more")
        return values

    kernel = counts("kernel", spec.kernel)
    stride = counts("stride", kernel if spec.stride is None else spec.stride)
    dilation = counts("dilation", getattr(spec, "dilation", 1))
    over = Window(kernel, stride, dilation, ((0, 0),) * axes)
    padding = getattr(spec, "padding", 0)
    if padding == "valid":
        return over
    if padding == "same":
        return replace(over, padding=tuple(((s - 1) // 2, s // 2) for s in over.spans), same=True)
    padding = each_axis(spec, axes, "padding", padding)
    if any(isinstance(p, str) for p in padding):
        raise ValueError(f'{spec}: padding must be "same", "valid" or numbers')
    pairs = tuple(p if isinstance(p, tuple) else (p, p) for p in padding)
    if min(map(min, pairs)) < 0:
        raise ValueError(f"{spec}: padding must be 0 or more")
    return replace(over, padding=pairs)


def whole(sizes: tuple[int, ...]) -> Window:
    """The window that sees everything at once."""
    one = (1,) * len(sizes)
    return Window(sizes, one, one, ((0, 0),) * len(sizes))


def symmetric(spec: Any, over: Window) -> Window:
    """The window, or ValueError where it pads one side of an axis more than the other."""
    named = isinstance(getattr(spec, "padding", 0), str)
    if named or any(p != q for p, q in over.padding):
        raise ValueError(f"{spec}: padding must be a number, the same before and behind")
    return over
