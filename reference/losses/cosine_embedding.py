"""CosineEmbedding: like pairs in one direction, unlike pairs apart by an angle."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import constant, dead, normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import exactly, signs, together

EPS = float(np.float32(1e-12))  # torch's constant: a vector of zeros has a cosine, zero


@final
@dataclass(frozen=True)
class CosineEmbedding:
    """L = 1/N Σ (1 - c where t = 1, max(0, c - Δ) where t = -1),  c = u·v / √((u² + ε)(v² + ε))
    Prediction (u, v): both (N, D). Target t in {-1, 1}: (N,).
    Derivation. ∂c/∂u = v / √((u² + ε)(v² + ε)) - c u / (u² + ε), and likewise for v. The slope in
    c is -1 where t = 1 and [c > Δ] where t = -1: together -t [t = 1 or c > Δ].
    ``margin``: Δ in [-1, 1]. ``reduction``: "mean", "sum", "none". Source: Bromley et al.,
    "Signature verification using a siamese time delay neural network" (1993), section 4;
    torch.nn.CosineEmbeddingLoss. Raises ValueError for shapes or a reduction that do not fit.
    """

    margin: float = 0.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Any, target: Array) -> tuple[Array, Residuals]:
        u, v = prediction
        expect(u.shape == v.shape and u.ndim == 2, self, "two arrays of one shape (N, D)", v)
        expect(target.shape == u.shape[:1], self, f"a target of shape {u.shape[:1]}", target)
        uu, vv = ((a * a).sum(axis=1, keepdims=True) + EPS for a in (u, v))
        root = np.sqrt(uu * vv)
        c = (u * v).sum(axis=1, keepdims=True) / root
        t = target[:, None]
        entries = np.where(t > 0, 1 - c, np.maximum(c - self.margin, 0))[:, 0]
        slope = -t * ((t > 0) | (c > self.margin))
        return reduced(entries, self.reduction), (u, v, uu, vv, root, c, slope)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Any:
        u, v, uu, vv, root, c, slope = residuals
        dc = slope * upstream(dloss, self.reduction, len(u), slope.shape)
        return dc * (v / root - u * (c / uu)), dc * (u / root - v * (c / vv))

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(CosineEmbedding(), together(normal(5, 3), normal(5, 3)), signs(5))
        far = together(normal(4, 2, scale=1e-3), normal(4, 2, scale=1e3))
        yield Sample(CosineEmbedding(-0.4, "sum"), far, signs(4))
        x, t = together(dead(normal(5, 2), 1), normal(5, 2)), constant(-1.0, 1, 1, -1, 1)
        yield Sample(CosineEmbedding(0.5, "none"), x, t, place="at a vector of zeros")
        x, t = exactly([[1.0, 0], [2, 1]], [[0.0, 3], [1, -1]]), constant(-1.0, -1)  # c = Δ
        yield Sample(CosineEmbedding(), x, t, kink=("finite_differences", "torch"))
