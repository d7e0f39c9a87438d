"""Pictures of what an input's parts do, by matplotlib: a row of panels in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .adapters.loading import MissingFramework
from .comparisons.attribution.findings import Findings, output_label
from .comparisons.cases import CaseError
from .images import image_of

SUFFIXES = (".png", ".svg", ".pdf")


def check_picture(path: str) -> None:
    """Raise CaseError for a file that cannot be drawn to, MissingFramework without matplotlib."""
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise CaseError(f"{path}: unknown suffix {file.suffix!r}, use {', '.join(SUFFIXES)}")
    if not file.absolute().parent.is_dir():
        raise CaseError(f"{path}: there is no directory {file.absolute().parent}")
    _matplotlib()


def _matplotlib() -> Any:
    """The figure's class and the ticks'."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise MissingFramework(
            "pictures need matplotlib: pip install 'backproof[pictures]'"
        ) from error
    return Figure, MaxNLocator


def draw(found: Findings, path: str, title: str) -> None:
    """The input, its gradient, input x gradient and shares, as images or as bars, to a file.

    Raises CaseError where x holds integers, or the file cannot be written.
    """
    if not found.made.has_floats:
        raise CaseError("x holds integers: there is nothing to draw")
    values = found.values
    panels = {"input": found.made.x, "gradient": values["blame", "x"],
              "input x gradient": values["input x gradient", ""],
              "integrated gradients": values["share", "x"]}  # fmt: skip
    Figure, ticks = _matplotlib()
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    axes = figure.subplots(1, len(panels))
    for axis, (name, array) in zip(axes, panels.items(), strict=True):
        _panel(figure, axis, name, array[0], ticks(nbins=4))
    figure.get_layout_engine().set(h_pad=0.12)
    figure.suptitle(f"{title}: what {_explained(found)} is due to")
    figure.supxlabel(
        "Orange raises it, violet lowers it. Gradients are local; shares count from the baseline "
        f"and lack {list(found.gaps.values())[-1]:.1e} of {found.change:.3g}.\nAbout this network "
        "only, and not causal.", fontsize=9,
    )  # fmt: skip
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise CaseError(f"{path} cannot be written: {error}") from error


def _explained(found: Findings) -> str:
    made = found.made
    if made.output is None:
        return f"the loss, {found.explained:.3g},"
    shape = found.values["value", made.names[-1]].shape
    flat = int(np.ravel_multi_index(made.output, shape))
    return f"{output_label(made, flat, shape)}, {found.explained:.3g},"


def _panel(figure: Any, axis: Any, name: str, array: Any, ticks: Any) -> None:
    image, largest = image_of(array), float(np.max(np.abs(array))) or 1.0
    axis.set_title(name, fontsize=10)
    if image is None:
        numbers = np.ravel(array)
        colours = ["#b26600" if v >= 0 else "#4054b2" for v in numbers]
        axis.bar(range(1, len(numbers) + 1), numbers, color=colours)
        axis.axhline(0, color="black", linewidth=0.5)
        return
    if name == "input":
        shown = axis.imshow(image, cmap="gray_r")
    else:
        shown = axis.imshow(image, cmap="PuOr_r", vmin=-largest, vmax=largest)
    bar = figure.colorbar(shown, ax=axis, location="bottom", shrink=0.8)
    bar.locator = ticks
    axis.set_xticks([])
    axis.set_yticks([])
