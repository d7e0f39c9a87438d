"""The sums over all alignments of labels to frames that CTC is made of, in logarithms.

State s of a sequence of S labels is one of 2S + 1: a blank before, between and after the labels.
From one frame to the next an alignment stays in s, moves to s + 1, or to s + 2 where that passes
a blank between two different labels. Shapes: frames T, sequences N, symbols K.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .protocols import Array

NEVER = -1e30  # log 0, but finite: it can be subtracted from itself


class Lattice(NamedTuple):
    """The states of every sequence, and the scores of reaching them."""

    states: Array  # the symbol of each: (N, 2S+1)
    ends: Array  # in which of them an alignment may end
    frames: Array  # of each sequence: (N,)
    e: Any  # the log-probability of each state's symbol: (T, N, 2S+1)
    alpha: Any  # α_t(s) = log Σ over the alignments of frames 0..t that end in s
    log_Z: Any  # log Σ over all alignments: (N, 1)


def lattice(log_p: Any, labels: Array, frames: Array, counts: Array, blank: int) -> Lattice:
    """Forward through the frames: log_p (T, N, K), labels (N, S), frames and label counts (N,)."""
    N, S = labels.shape
    states = np.full((N, 2 * S + 1), blank)
    states[:, 1::2] = labels
    s, last = np.arange(2 * S + 1), 2 * counts[:, None]
    ends = (s == last) | (s == last - 1)
    e = log_p[:, np.arange(N)[:, None], states]
    never = _never(e)
    scores = [np.where(s < 2, e[0], never)]
    for t in range(1, e.shape[0]):  # held after a sequence's last frame
        moved = e[t] + _move(scores[-1], states)
        scores.append(np.where((t < frames)[:, None], moved, scores[-1]))
    final = np.where(ends, scores[-1], never)
    top = final.max(axis=1, keepdims=True)
    log_Z = top + np.log(np.exp(final - top).sum(axis=1, keepdims=True))
    return Lattice(states, ends, frames, e, np.stack(scores), log_Z)


def occupation(given: Lattice, K: int) -> Any:
    """Σ_s γ_t(s) [symbol of s = k], with γ_t(s) = e^(α_t(s) + β_t(s)) / Z: (T, N, K).

    β_t(s) = log Σ over the alignments of frames t+1.. that start from s. γ is the probability of
    state s at frame t, and ∂ log Z/∂e_t(s).
    """
    last = np.where(given.ends, np.zeros_like(given.e[0]), _never(given.e))
    beta = [last]
    for t in range(given.e.shape[0] - 2, -1, -1):
        # In reverse the states are passed as they are forward.
        moved = _move((beta[0] + given.e[t + 1])[:, ::-1], given.states[:, ::-1])[:, ::-1]
        beta.insert(0, np.where((t < given.frames - 1)[:, None], moved, last))
    gamma = np.exp(given.alpha + np.stack(beta) - given.log_Z)
    symbols = (given.states[..., None] == np.arange(K)).astype(given.e.dtype)
    return (gamma[:, :, None, :] @ symbols)[:, :, 0, :]


def _never(score: Any, *shape: int) -> Array:
    """NEVER in the scores' dtype: the same number everywhere, so that it is equal to itself."""
    return np.full(shape, NEVER, score.dtype)


def _move(score: Any, states: Array) -> Any:
    """log Σ over the states from which s is reached in one frame."""
    jump = np.pad(states[:, 2:] != states[:, :-2], ((0, 0), (2, 0)))
    return _log_sum(score, _later(score, 1), np.where(jump, _later(score, 2), _never(score)))


def _later(score: Any, k: int) -> Any:
    """The score of state s - k at s."""
    never = _never(score, score.shape[0], k)
    return np.concatenate([never, score[:, :-k]], axis=1)


def _log_sum(a: Any, b: Any, c: Any) -> Any:
    top = np.maximum(np.maximum(a, b), c)
    return top + np.log(np.exp(a - top) + np.exp(b - top) + np.exp(c - top))
