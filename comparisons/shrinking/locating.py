"""Where the failure is: the one step, the one layer, the loss or the optimizer that shows it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...reference.protocols import Tree
from ...reference.training import train
from ...reference.tree import as_dtype
from ..case import Case
from ..envelope import Training
from .failure import first_step
from .nodes import parts
from .search import Search, size


def locate(search: Search) -> None:
    """From training to one gradient or update; from a network to one of its layers, and so on."""
    step = first_step(search.rows)
    if search.case.kind == "training" and step:
        any(map(search.part, without_training(search.case, step)))
    while any(map(search.part, _smallest_first(search.case))):
        pass


def _smallest_first(case: Case) -> list[Case]:
    return sorted(inside(case), key=size)


def inside(case: Case) -> Iterator[Case]:
    """Every layer of the network alone, with what the reference gives it there."""
    if "network" not in case.specs or case.kind != "vjp":
        return
    a = case.arrays
    for part in parts(case.specs["network"], a["params"], a["x"], a["dy"]):
        yield vjp(case, {"network": part.layer}, params=part.params, x=part.x, dy=part.dy)


def vjp(case: Case, spec: dict[str, Any], **arrays: Tree) -> Case:
    """A case of one VJP, in all else like the given one."""
    settings = {k: v for k, v in case.settings.items() if k == "replicas"}
    arrays = as_dtype(arrays, case.dtype)
    return dataclasses.replace(case, kind="vjp", specs=spec, arrays=arrays, settings=settings)


def without_training(case: Case, step: int) -> Iterator[Case]:
    """The gradients of one step, its loss, and the optimizer up to it, each alone."""
    network, loss, optimizer = case.specs.values()
    run = Training(network, loss, optimizer, case.arrays["params"], list(case.arrays["batches"]))
    with np.errstate(all="ignore"):
        params, _ = run.starts()[step - 1]
        x, target = run.batches[step - 1]
        prediction, _ = network.forward(params, x)
        value, residuals = loss.forward(prediction, target)
        dy = loss.backward(residuals)
        yield vjp(case, {"network": network}, params=params, x=x, dy=dy)
        one = np.ones_like(value)
        yield vjp(case, {"loss": loss}, x=prediction, target=target, dy=one)
        steps = train(network, loss, optimizer, run.params, run.batches[:step])
        grads = tuple(done.grads for done in steps)
    yield dataclasses.replace(
        case, kind="optimizer", specs={"optimizer": optimizer}, settings={},
        arrays={"params": run.params, "grads": grads},
    )  # fmt: skip
