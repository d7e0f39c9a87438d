"""Small images in a terminal: a number of one digit in each cell, and its colour where there is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from rich.console import Console
from rich.text import Text

from .reference.protocols import Array

LEAST = 16  # numbers that make a square image, if they are a square's
GAP = 4  # columns between images
UP, DOWN = (178, 102, 0), (64, 84, 178)  # orange and blue: told apart by colour-blind people too


def image_of(x: Array) -> Array | None:
    """One sample as a picture, (rows, columns): of its only channel, or its row cut into a square.

    None for what is no image.
    """
    if x.ndim == 3 and x.shape[0] == 1:
        return np.asarray(x[0])
    if x.ndim == 2:
        return np.asarray(x)
    side = math.isqrt(x.size)
    return x.reshape(side, side) if x.ndim == 1 and side**2 == x.size >= LEAST else None


def print_images(out: Console, images: Mapping[str, Array]) -> None:
    """Side by side; each cell is a tenth of the largest size, and "-" where it is negative."""
    width = {name: max(2 * image.shape[1], len(name)) for name, image in images.items()}
    out.print(Text((" " * GAP).join(f"{name:{width[name]}}" for name in images), style="dim"))
    for row in range(max(image.shape[0] for image in images.values())):
        line = Text()
        for name, image in images.items():
            cells = image[row] if row < len(image) else []
            for value in cells:
                line.append_text(_cell(float(value), float(np.max(np.abs(image)))))
            line.append(" " * (width[name] - 2 * len(cells) + GAP))
        line.rstrip()
        out.print(line)
    out.print(Text("each in tenths of its largest number", style="dim"))


def _cell(value: float, largest: float) -> Text:
    part = value / largest if largest else 0.0
    digit = min(9, int(abs(part) * 10))
    text = f"{'-' if part < 0 else ' '}{digit}" if digit else " ."
    colour = UP if part > 0 else DOWN
    shade = tuple(round(abs(part) * c) for c in colour)
    return Text(text, style=f"on rgb({shade[0]},{shade[1]},{shade[2]})" if digit else "dim")
