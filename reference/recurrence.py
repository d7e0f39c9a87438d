"""Recurrence: what recurrent layers share: time, layers on top of each other, both directions.

A recurrent layer has n_in, n, layers, bidirectional, one step of one cell and the step's way back:

    step(p, z, states) -> (states after it, residuals), from those before it
    step_backward(p, residuals, dstates) -> (dstates before it, dz, the uses of all other weights)

Its parameters are a tuple with a dict for each cell: layer after layer, and in a layer the forward
direction before the backward one. An initial or final state of all cells is (cells, N, H), in that
order. Every cell adds z_t = x_t Wx + b to what it makes of its state. x Wx is one product for all
steps; so is each weight's gradient, Σ_t (what stands left of it)ᵀ (the cotangent of the product).
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from .protocols import Array, Residuals, Tree, expect

States = tuple[Array, ...]  # of one cell, each (N, H); the first is its output h
Uses = dict[str, tuple[Array | None, Array]]  # weight: what stands left of it, the cotangent


def run(layer: Any, params: Tree, x: tuple[Array, ...], states: int) -> tuple[Any, Residuals]:
    """x = (sequence (N, T, I), initial states) to y = (outputs (N, T, H or 2H), final states).

    Raises ValueError where x is no such tuple with that number of states.
    """
    _check(layer, x, states)
    sequence, initial = x[0].swapaxes(0, 1), x[1:]
    finals, kept = [], []
    for first in range(0, len(params), 1 + layer.bidirectional):
        outputs = []
        for cell in range(first, first + 1 + layer.bidirectional):
            turned = _turned(sequence, cell - first)
            out, final, residuals = _scan(layer, params[cell], turned, _of(initial, cell))
            outputs.append(_turned(out, cell - first))
            finals.append(final)
            kept.append(residuals)
        sequence = np.concatenate(outputs, axis=-1) if layer.bidirectional else outputs[0]
    return (sequence.swapaxes(0, 1), *_stacked(finals)), tuple(kept)


def run_backward(
    layer: Any, residuals: Residuals, dy: tuple[Array, ...]
) -> tuple[tuple[Array, ...], Tree]:
    """dx and dparams; what arrives at outputs and final states goes back through every step."""
    dsequence, dfinal = dy[0].swapaxes(0, 1), dy[1:]
    count = len(residuals)
    dinitial: list[States] = [()] * count
    dparams: list[Tree] = [{}] * count
    for first in range(0, count, 1 + layer.bidirectional)[::-1]:
        dinputs = []
        for cell in range(first, first + 1 + layer.bidirectional):
            backwards = cell - first
            dout = dsequence[..., backwards * layer.n : (backwards + 1) * layer.n]
            dout = _turned(dout, backwards)
            din, dinitial[cell], dparams[cell] = _scan_backward(
                layer, residuals[cell], dout, _of(dfinal, cell)
            )
            dinputs.append(_turned(din, backwards))
        dsequence = reduce(add, dinputs)  # both directions have read it
    return (dsequence.swapaxes(0, 1), *_stacked(dinitial)), tuple(dparams)


def _scan(layer: Any, p: Tree, x: Array, states: States) -> tuple[Array, States, Residuals]:
    """One cell along x (T, N, I)."""
    z = (_rows(x) @ p["Wx"]).reshape(*x.shape[:2], p["b"].shape[0])
    outputs, kept = [], []
    for t in range(len(x)):
        states, residuals = layer.step(p, z[t] + p["b"], states)
        outputs.append(states[0])
        kept.append(residuals)
    return np.stack(outputs), states, (p, x, kept)


def _scan_backward(
    layer: Any, residuals: Residuals, dy: Array, dstates: States
) -> tuple[Array, States, Tree]:
    p, x, kept = residuals
    by_columns = {name: w.T.copy().T for name, w in p.items()}  # its .T, of each step, by rows
    dz, uses = [], []
    for t in range(len(dy))[::-1]:
        dstates = (dstates[0] + dy[t], *dstates[1:])  # h_t is an output, and goes to step t + 1
        dstates, dz_t, uses_t = layer.step_backward(by_columns, kept[t], dstates)
        dz.append(dz_t)
        uses.append(uses_t)
    dz, uses = dz[::-1], uses[::-1]
    rows = _rows(np.stack(dz))
    dparams = {"Wx": _rows(x).T @ rows, "b": rows.sum(axis=0)}
    for name in uses[0]:
        left, right = zip(*(u[name] for u in uses), strict=True)
        cotangents = rows if right[0] is dz[0] else _rows(np.stack(right))
        none = left[0] is None
        dparams[name] = cotangents.sum(axis=0) if none else _rows(np.stack(left)).T @ cotangents
    return (rows @ p["Wx"].T).reshape(x.shape), dstates, {name: dparams[name] for name in p}


def _rows(sequence: Array) -> Array:
    return sequence.reshape(-1, sequence.shape[-1])


def _turned(sequence: Array, backwards: int) -> Array:
    return sequence[::-1] if backwards else sequence


def _of(states: States, cell: int) -> States:
    return tuple(s[cell] for s in states)


def _stacked(cells: list[States]) -> States:
    return tuple(np.stack(s) for s in zip(*cells, strict=True))


def _check(layer: Any, x: Any, states: int) -> None:
    if not isinstance(x, tuple) or len(x) != 1 + states:
        raise ValueError(f"{layer} takes a tuple: a sequence and {states} initial state(s)")
    fits = x[0].ndim == 3 and x[0].shape[2] == layer.n_in and x[0].shape[1] > 0
    expect(fits, layer, f"a sequence of shape (N, T, {layer.n_in}), T >= 1", x[0])
    for state in x[1:]:
        shape = layer.layers * (1 + layer.bidirectional), x[0].shape[0], layer.n
        expect(state.shape == shape, layer, f"initial states of shape {shape}", state)


def draw_cells(layer: Any, rng: np.random.Generator, gates: int, **hidden: int) -> Tree:
    """A dict for each cell: Wx (I, gates H), b (gates H,), and its ``hidden`` weights (H, times H).

    A weight of 0 times is a bias, (H,). Biases are 0, the rest as in Glorot and Bengio (2010),
    equation 16. A layer above the first reads all directions of the one below.
    """
    n, directions = layer.n, 1 + layer.bidirectional

    def weight(n_in: int, blocks: int) -> Array:
        limit = np.sqrt(6 / (n_in + n))
        return rng.uniform(-limit, limit, (n_in, blocks * n)) if blocks else np.zeros(n)

    def cell(n_in: int) -> Tree:
        inner = {name: weight(n, blocks) for name, blocks in hidden.items()}
        return {"Wx": weight(n_in, gates), "b": np.zeros(gates * n), **inner}

    widths = [layer.n_in, *[n * directions] * (layer.layers - 1)]
    return tuple(cell(width) for width in widths for _ in range(directions))
