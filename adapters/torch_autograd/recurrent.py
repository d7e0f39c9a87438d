"""Recurrent layers in PyTorch: the operations behind torch.nn.LSTM, GRU and RNN."""

from __future__ import annotations

from typing import Any

import torch

from ...reference.layers.gru import GRU
from ...reference.layers.lstm import LSTM
from ...reference.layers.rnn import RNN
from ..protocols import Unsupported
from .registry import apply


def _flat(cells: Any, order: list[int], hidden: Any) -> list[torch.Tensor]:
    """torch's weights: rows are gates in torch's order; a second bias beside the hidden weights."""
    flat = []
    for p in cells:
        Wx, b = (torch.cat([p[k].chunk(len(order), -1)[g] for g in order], -1) for k in ("Wx", "b"))
        Wh, bh = hidden(p)
        flat += [Wx.T, Wh.T, b, torch.zeros_like(b) if bh is None else bh]
    return flat


def _settings(layer: Any) -> tuple[Any, ...]:
    """has_biases, num_layers, dropout, train, bidirectional, batch_first."""
    return True, layer.layers, 0.0, True, layer.bidirectional, True


@apply.register
def _(layer: LSTM, p: Any, x: Any) -> Any:
    order = [0, 1, 3, 2]  # torch has i, f, g, o

    def hidden(cell: Any) -> Any:
        return torch.cat([cell["Wh"].chunk(4, -1)[g] for g in order], -1), None

    return torch.lstm(x[0], x[1:], _flat(p, order, hidden), *_settings(layer))


@apply.register
def _(layer: GRU, p: Any, x: Any) -> Any:
    if not layer.reset_after:
        raise Unsupported("torch.gru resets after the product with the state; not before, as here")

    def hidden(cell: Any) -> Any:
        none = torch.zeros_like(cell["b"][: 2 * layer.n])
        return torch.cat([cell["Wh"], cell["Wn"]], -1), torch.cat([none, cell["bn"]])

    return torch.gru(x[0], x[1], _flat(p, [0, 1, 2], hidden), *_settings(layer))


@apply.register
def _(layer: RNN, p: Any, x: Any) -> Any:
    operation = torch.rnn_tanh if layer.nonlinearity == "tanh" else torch.rnn_relu
    flat = _flat(p, [0], lambda cell: (cell["Wh"], None))
    return operation(x[0], x[1], flat, *_settings(layer))
