"""CTC: a label sequence's probability, summed over all its alignments to the frames."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import normal
from ..lattice import NEVER, lattice, occupation
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import exactly, log_softmax


@final
@dataclass(frozen=True)
class CTC:
    """L = -1/N Σ_n log Z_n / max(S_n, 1),  Z = Σ_alignments Π_t p_t       p = softmax(z)
    Logits z: (T, N, K), or log p if ``log_input``. Target: labels (N, S), frames T_n <= T and label
    counts S_n <= S: (N,). Derivation. ∂ log Z/∂ log p_tk = o_tk, the probability that an alignment
    has symbol k at t (reference/lattice.py). So dz_tk = p_tk Σ_j o_tj - o_tk times the sample's
    share, -o_tk if ``log_input``, 0 from frame T_n on. Σ_j o_tj = 1; only autograd sums it.
    ``blank``: the class of no label. ``reduction``: "mean" (each over its count of labels), "sum",
    "none". Labels that do not fit into the frames have the loss inf. Source: Graves et al.,
    "Connectionist temporal classification" (2006). Raises ValueError for bad shapes.
    """

    blank: int = 0
    reduction: str = "mean"
    log_input: bool = False

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Any) -> tuple[Array, Residuals]:
        z, (labels, frames, counts) = prediction, target
        expect(z.ndim == 3 and len(labels) == z.shape[1], self, "logits of shape (T, N, K)", z)
        log_p = z if self.log_input else log_softmax(z, 2)
        sums = lattice(log_p, labels, frames, counts, self.blank)
        share = (1 / np.maximum(counts, 1) ** (self.reduction == "mean")).astype(z.dtype)
        entries = share * np.where(sums.log_Z > NEVER / 2, -sums.log_Z, np.inf)[:, 0]
        return reduced(entries, self.reduction), (log_p, sums, share)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        log_p, sums, share = residuals
        T, N, K = log_p.shape
        on = (np.arange(T)[:, None] < sums.frames)[..., None] * share[:, None]
        one = occupation(sums, K).sum(axis=2, keepdims=True)  # rounded apart: it may be left out
        dz = (np.exp(log_p) * (not self.log_input) * one - occupation(sums, K)) * on
        return dz * upstream(dloss, self.reduction, N, (N, 1))  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(CTC(), normal(5, 2, 3), exactly([[1, 1], [2, 1]], [5, 4], [2, 1]))
        few = exactly([[0, 1], [1, 1]], [4, 3], [2, 0])
        yield Sample(CTC(2, "sum"), normal(4, 2, 3), few)
        more = exactly([[3, 0, 3], [2, 2, 0], [0, 0, 0]], [6, 6, 2], [3, 2, 1])
        yield Sample(CTC(1, "none"), normal(6, 3, 4, scale=30), more)
        yield Sample(CTC(2, log_input=True), normal(4, 2, 3, offset=-1), few)
