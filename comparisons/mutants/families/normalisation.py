"""Wrong normalisations."""

from __future__ import annotations

import numpy as np

from ....reference import statistics as stats
from ....reference.layers.batch_norm_inference import BatchNormInference
from ....reference.layers.batchnorm1d import BatchNorm1d
from ....reference.layers.batchnorm2d import BatchNorm2d
from ....reference.layers.dense import Dense
from ....reference.layers.groupnorm import GroupNorm
from ....reference.layers.instancenorm import InstanceNorm
from ....reference.layers.l2_normalize import L2Normalize
from ....reference.layers.layernorm import LayerNorm
from ....reference.layers.local_response_norm import LocalResponseNorm
from ....reference.layers.rmsnorm import RMSNorm
from ....reference.layers.running_statistics import RunningStatistics
from ....reference.layers.weightnorm import WeightNorm
from ..registry import wrong


def _without_gamma(residuals):
    """As if γ, the last of the residuals, were 1."""
    *kept, gamma = residuals
    return *kept, np.ones_like(gamma)


# LayerNorm, RMSNorm


@wrong("X48", "mean(dx̂) subtracted twice", "tt-metal#53204",
       misses="an atol of 0.5 on gradients of order 1, as in the test of the report; training "
              "goes on")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx, grads = super().backward(residuals, dy)
        return dx - r * (gamma * dy).mean(axis=-1, keepdims=True), grads


@wrong("X50", "dx not multiplied by γ", "Knet.jl#288", "llm.c#763 (comment)",
       revealed_by="γ away from its initial value 1",
       misses="γ starts from 1")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        x_hat, r, gamma = residuals
        grads = super().backward(residuals, dy)[1]
        return super().backward((x_hat, r, np.ones_like(gamma)), dy)[0], grads


def _normalised(x, params, r):
    x_hat = (x - x.mean(axis=-1, keepdims=True)) * r
    return params["gamma"] * x_hat + params["beta"], (x_hat, r, params["gamma"])


@wrong("X64", "ε outside the square root: 1/(σ + ε)",
       revealed_by="a variance of the order of ε",
       misses="a variance of 1 beside an ε of 1e-5: they are 5e-6 apart")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        return _normalised(x, params, 1 / (x.std(axis=-1, keepdims=True) + self.eps))


@wrong("X65", "x of three axes normalised over the last two", "FlagGems#5474", "FlagGems#59",
       revealed_by="x of three axes",
       misses="x of two axes")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        axes = tuple(range(1, x.ndim))
        centred = x - x.mean(axis=axes, keepdims=True)
        r = 1 / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + self.eps)
        x_hat = centred * r
        return params["gamma"] * x_hat + params["beta"], (x_hat, r, params["gamma"])


@wrong("D21", "ε ten times too small, 1e-6 for 1e-5", "a default that libraries do not share",
       revealed_by="a variance of the order of ε",
       misses="a variance of 1 beside either ε: they are 5e-6 apart")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        return LayerNorm(self.n, self.eps / 10).forward(params, x)


@wrong("D22", "the unbiased variance, divided by D - 1",
       revealed_by="few features",
       misses="many features, where D and D - 1 are alike; training goes on")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        variance = x.var(axis=-1, ddof=1, keepdims=True)
        return _normalised(x, params, 1 / np.sqrt(variance + self.eps))


@wrong("D23", "the mean's term left out of dx: μ taken as a constant",
       misses="what is left still points downhill")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx, grads = super().backward(residuals, dy)
        return dx + r * (gamma * dy).mean(axis=-1, keepdims=True), grads


@wrong("D24", "the variance's term left out of dx: σ taken as a constant",
       misses="the cotangent of sum() has no part along x̂ for γ = 1; what is left "
              "points downhill")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx_hat = gamma * dy
        dx = r * (dx_hat - dx_hat.mean(axis=-1, keepdims=True))
        return dx, super().backward(residuals, dy)[1]


@wrong("D25", "the gradient of γ never written: it stays zero", "trueno#178 (RMSNorm)",
       revealed_by="every parameter's gradient compared",
       misses="β and the layers around learn, so the loss falls; tests that look at "
              "dx alone")  # fmt: skip
class _(LayerNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, grads | {"gamma": np.zeros_like(grads["gamma"])}


@wrong("D26", "the backward pass recomputes 1/σ with an ε of its own, a hundred times smaller",
       revealed_by="a variance of the order of ε",
       misses="a variance of 1 beside either ε: they are 5e-6 apart")  # fmt: skip
class _(LayerNorm):
    def forward(self, params, x):
        other = LayerNorm(self.n, self.eps / 100).forward(params, x)[1]
        y, residuals = super().forward(params, x)
        return y, (residuals, other)

    def backward(self, residuals, dy):
        right, other = residuals
        return super().backward(other, dy)[0], super().backward(right, dy)[1]


@wrong("X61", "the gradient of γ never written: it stays zero", "trueno#178",
       revealed_by="every parameter's gradient compared",
       misses="the layers around learn, so the loss falls; tests that look at dx "
              "alone")  # fmt: skip
class _(RMSNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, {"gamma": np.zeros_like(grads["gamma"])}


@wrong("NM08", "dx not multiplied by γ", "llm.c#763 (comment)",
       revealed_by="γ away from 1",
       misses="γ starts from 1")  # fmt: skip
class _(RMSNorm):
    def backward(self, residuals, dy):
        grads = super().backward(residuals, dy)[1]
        return super().backward(_without_gamma(residuals), dy)[0], grads


@wrong("NM09", "ε outside the root: x/(rms + ε)", "seen in other codebases",
       revealed_by="a mean square of the order of ε",
       misses="a mean square of 1 beside an ε of 1e-6: 5e-7 apart")  # fmt: skip
class _(RMSNorm):
    def forward(self, params, x):
        r = 1 / (np.sqrt((x * x).mean(axis=-1, keepdims=True)) + self.eps)
        return params["gamma"] * x * r, (x * r, r, params["gamma"])


@wrong("NM10", "the mean subtracted first: LayerNorm without β",
       misses="inputs whose mean is 0 over the features; a model learns with either")  # fmt: skip
class _(RMSNorm):
    def forward(self, params, x):
        return super().forward(params, x - x.mean(axis=-1, keepdims=True))


def _bfloat16(x):
    """float32 rounded to the nearest number of 8 digits, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    odd = (bits >> 16) & 1
    return ((bits + 0x7FFF + odd) & 0xFFFF0000).astype(np.uint32).view(np.float32)


@wrong("X123", "the gradient of γ summed up in bfloat16, row by row", "Liger-Kernel#950",
       revealed_by="more than 256 rows, where the sum stalls; in float64 any",
       misses="few rows, under a tolerance made for bfloat16")  # fmt: skip
class _(RMSNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        x_hat = residuals[0]
        total = np.zeros(self.n, np.float32)
        for row in (dy * x_hat).reshape(-1, self.n):
            total = _bfloat16(total + _bfloat16(row))
        return dx, grads | {"gamma": total.astype(dy.dtype)}


# BatchNorm


@wrong("X53", "dx not multiplied by γ", "Knet.jl#288",
       revealed_by="γ away from 1",
       misses="γ starts from 1")  # fmt: skip
class _(BatchNorm1d):
    def backward(self, residuals, dy):
        grads = super().backward(residuals, dy)[1]
        return super().backward(_without_gamma(residuals), dy)[0], grads


@wrong("X57", "statistics over the batch only, for each position of an (N, C, L)", "mlpack#2474",
       revealed_by="more than one position",
       misses="one position: x of two axes")  # fmt: skip
class _(BatchNorm1d):
    def forward(self, params, x):
        x_hat, r = stats.standardize(x, (0,), self.eps)
        return stats.scale(params, x_hat), (x_hat, r, params["gamma"])


@wrong("X54", "the saved 1/√(σ² + ε) taken for the variance by the backward pass", "FlagGems#5223",
       revealed_by="a variance far from 1",
       misses="standardised inputs have variance 1, where the two are the same")  # fmt: skip
class _(BatchNorm2d):
    def backward(self, residuals, dy):
        x_hat, r, gamma = residuals
        dx = super().backward((x_hat, 1 / np.sqrt(r + self.eps), gamma), dy)[0]
        return dx, super().backward(residuals, dy)[1]


@wrong("NM01", "μ and σ² taken for constants, as in inference",
       misses="many samples: each one's share in μ and σ² is small; training goes on")  # fmt: skip
class _(BatchNorm2d):
    def backward(self, residuals, dy):
        _, r, gamma = residuals
        dx = stats.by_channel(gamma, dy.ndim) * r * dy
        return dx, super().backward(residuals, dy)[1]


@wrong("NM03", "ε outside the square root: 1/(√v + ε)",
       revealed_by="a variance of the order of ε",
       misses="a variance of 1 beside an ε of 1e-5: 5e-6 apart")  # fmt: skip
class _(BatchNormInference):
    def forward(self, params, x):
        outside = tuple((v**0.5 + self.eps) ** 2 - self.eps for v in self.var)
        return BatchNormInference(self.mean, outside, self.eps).forward(params, x)


@wrong("NM04", "the gradient of γ with the input in place of x̂",
       misses="running statistics start from mean 0 and variance 1, where x and x̂ are the same "
              "to 5e-6")  # fmt: skip
class _(BatchNormInference):
    def forward(self, params, x):
        y, residuals = super().forward(params, x)
        return y, (*residuals, x)

    def backward(self, residuals, dy):
        *kept, x = residuals
        dx, grads = super().backward(kept, dy)
        return dx, grads | {"gamma": stats.scale_gradient(x, dy)["gamma"]}


@wrong("X33", "the gradient with 1/n for the unbiased variance",
       revealed_by="n = 2 or 3",
       misses="a batch of a hundred numbers or more: within 1 %")  # fmt: skip
class _(RunningStatistics):
    def backward(self, residuals, dy):
        _, n = residuals
        (dx, *rest), _ = super().backward(residuals, dy)
        plain, _ = super().backward(residuals, (dy[0], 0 * dy[1]))
        return (plain[0] + (dx - plain[0]) * (n / (n + self.unbiased)), *rest), {}


@wrong("X55", "running variance divided by n where it should be n - 1", "pytorch#1410",
       "pytorch#60528", "returnn#1539", "tinygrad#807",
       revealed_by="few samples",
       misses="a batch of a hundred numbers or more: 1/n is within the tolerance")  # fmt: skip
class _(RunningStatistics):
    def forward(self, params, x):
        return RunningStatistics(self.momentum, unbiased=False).forward(params, x)


@wrong("X56", "the momentum taken for the weight of the old statistics", "torch 0.1 is flax 0.9",
       revealed_by="a momentum other than 1/2",
       misses="a momentum of one half; training, which never looks at the running "
              "statistics")  # fmt: skip
class _(RunningStatistics):
    def forward(self, params, x):
        return RunningStatistics(1 - self.momentum, self.unbiased).forward(params, x)


@wrong("X58", "the statistics updated twice, by the recomputation of a checkpoint as well",
       "YOLO-Master#262", "pytorch#96136", "pytorch-pfn-extras#117",
       revealed_by="running statistics compared",
       misses="outputs, losses and gradients of training are right: only evaluation uses these "
              "numbers")  # fmt: skip
class _(RunningStatistics):
    def forward(self, params, x):
        (mean, var), residuals = super().forward(params, x)
        return super().forward(params, (x[0], mean, var))[0], residuals


# GroupNorm, InstanceNorm


@wrong("X62", "statistics for each channel instead of each group",
       revealed_by="1 < G < C, or one position",
       misses="G = C, one channel in each group; forward and backward agree, so a gradient check "
              "passes")  # fmt: skip
class _(GroupNorm):
    def forward(self, params, x):
        return GroupNorm(self.n, self.n, self.eps).forward(params, x)

    def backward(self, residuals, dy):
        return GroupNorm(self.n, self.n, self.eps).backward(residuals, dy)


@wrong("NM05", "groups of every G-th channel instead of neighbours",
       revealed_by="1 < G < C",
       misses="one group, or G = C; training, which goes on")  # fmt: skip
class _(GroupNorm):
    def _turned(self, a, groups):
        parts = a.reshape(len(a), groups, -1, *a.shape[2:]).swapaxes(1, 2)
        return parts.reshape(a.shape)

    def forward(self, params, x):
        y, kept = super().forward({"gamma": np.ones(self.n, x.dtype), "beta": params["beta"] * 0},
                                  self._turned(x, self.n // self.groups))  # fmt: skip
        y = self._turned(y, self.groups)
        return stats.scale(params, y), (*kept[:-1], params["gamma"])


@wrong("NM06", "the gradients of γ and β averaged over the samples",
       revealed_by="a batch of two or more",
       misses="a batch of one; Adam divides the batch size away")  # fmt: skip
class _(InstanceNorm):
    def backward(self, residuals, dy):
        dx, grads = super().backward(residuals, dy)
        return dx, {k: g / len(dy) for k, g in grads.items()}


@wrong("NM07", "statistics over the batch as well: BatchNorm",
       revealed_by="two samples or more",
       misses="a batch of one; training, which goes on")  # fmt: skip
class _(InstanceNorm):
    def forward(self, params, x):
        x_hat, r = stats.standardize(x, stats.but_channels(x.ndim), self.eps)
        return (stats.scale(params, x_hat) if self.affine else x_hat), (x_hat, r, params)


# LocalResponseNorm, WeightNorm, L2Normalize


@wrong("NM11", "α not divided by the size, as the paper has it", "torch and the paper differ",
       revealed_by="a size above 1",
       misses="a size of 1; forward and backward agree, so a gradient check passes")  # fmt: skip
class _(LocalResponseNorm):
    def _right(self):
        return LocalResponseNorm(self.size, self.alpha * self.size, self.beta, self.k)

    def forward(self, params, x):
        return self._right().forward(params, x)

    def backward(self, residuals, dy):
        return self._right().backward(residuals, dy)


@wrong("NM12", "the backward pass looks at the neighbours that x sees, not at those that see it",
       revealed_by="an even size",
       misses="an odd size, whose neighbourhood is symmetric")  # fmt: skip
class _(LocalResponseNorm):
    def backward(self, residuals, dy):
        x, s, near = residuals
        return super().backward((x, s, near.T), dy)


@wrong("NM13", "the norm of v taken for a constant: dv = g/‖v‖ dW",
       misses="the missing part is along v, which changes no direction: the loss "
              "falls")  # fmt: skip
class _(WeightNorm):
    def backward(self, residuals, dy):
        kept, _, g, norm = residuals
        dx, grads = super().backward(residuals, dy)
        dW = Dense(self.n_in, self.n_out).gradient(kept, dy)["W"]
        return dx, grads | {"v": g / norm * dW}


@wrong("NM14", "the norm over the outputs of each input of a square v: the other axis",
       revealed_by="n_in = n_out > 1",
       misses="n_in and n_out differ, where the mistake cannot be made: shapes "
              "would not fit")  # fmt: skip
class _(WeightNorm):
    def forward(self, params, x):
        if self.n_in != self.n_out:
            return super().forward(params, x)
        v, g = params["v"], params["g"]
        norm = np.sqrt((v * v).sum(axis=1))
        kept = Dense(self.n_in, self.n_out).forward({"W": g * v / norm, "b": params["b"]}, x)
        return kept[0], (kept[1], v / norm, g, norm)


@wrong("X04", "the inner axis of size 1 of a broadcast operand is not summed over",
       "tt-metal#40008", "pytorch#1787", "nd4j#2424",
       revealed_by="(B, 1) * (B, D) with D >= 2",
       misses="operands (D,) + (B, D), where only leading axes are broadcast")  # fmt: skip
class _(L2Normalize):
    def backward(self, residuals, dy):
        y, d, long = residuals
        return (dy - long * y * (dy * y)) / d, {}


@wrong("NM15", "ε added to the norm instead of clamping it", "torch clamps, others add",
       revealed_by="an ε of the order of the norm",
       misses="an ε of 1e-12 beside norms of order 1")  # fmt: skip
class _(L2Normalize):
    def forward(self, params, x):
        norm = np.sqrt((x * x).sum(axis=self.axis, keepdims=True))
        y = x / (norm + x.dtype.type(self.eps))
        return y, (y, norm + x.dtype.type(self.eps), norm > self.eps)


@wrong("NM16", "the projection left out of dx: the norm taken for a constant",
       misses="the missing part is along x, which changes no direction: the loss "
              "falls")  # fmt: skip
class _(L2Normalize):
    def backward(self, residuals, dy):
        return dy / residuals[1], {}


@wrong("NM17", "the projection kept where the norm is clamped",
       revealed_by="a norm below ε",
       misses="norms of order 1 are never clamped")  # fmt: skip
class _(L2Normalize):
    def backward(self, residuals, dy):
        y, d, long = residuals
        return super().backward((y, d, np.ones_like(long)), dy)


# Where numbers are all equal, or far from 0


@wrong("NM30", "x α + (β - m α) with α = γ r: no digits where m is far from 0", "torch on the CPU",
       revealed_by="a mean of many deviations",
       misses="running means of order 1, as those that training begins with")  # fmt: skip
class _(BatchNormInference):
    def forward(self, params, x):
        _, (x_hat, r, gamma) = super().forward(params, x)
        alpha = stats.by_channel(gamma, x.ndim) * r
        mean, beta = (
            stats.by_channel(np.asarray(a, x.dtype), x.ndim) for a in (self.mean, params["beta"])
        )
        return x * alpha + (beta - mean * alpha), (x_hat, r, gamma)


def _flat_gets_nothing(x_hat, dx, axes):
    return dx * (x_hat != 0).any(axis=axes, keepdims=True)


@wrong("NM31", "a channel without any spread gets no gradient: divided only where σ > 0",
       revealed_by="a channel that is 0 throughout",
       misses="channels of random numbers always have a spread")  # fmt: skip
class _(BatchNorm2d):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return _flat_gets_nothing(residuals[0], dx, (0, 2, 3)), dparams


@wrong("NM32", "a channel without any spread gets no gradient: divided only where σ > 0",
       revealed_by="a channel that is 0 throughout",
       misses="channels of random numbers always have a spread")  # fmt: skip
class _(BatchNorm1d):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return _flat_gets_nothing(residuals[0], dx, (0,)), dparams


@wrong("NM33", "a position of zeros gets no gradient",
       revealed_by="a padding token of zeros",
       misses="positions of random numbers are never 0 throughout")  # fmt: skip
class _(RMSNorm):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        return _flat_gets_nothing(residuals[0], dx, -1), dparams


@wrong("NM34", "a channel of zeros gets no gradient",
       revealed_by="a channel that is 0 throughout",
       misses="channels of random numbers are never 0 throughout")  # fmt: skip
class _(InstanceNorm):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        axes = tuple(range(2, dy.ndim))
        return _flat_gets_nothing(residuals[0], dx, axes), dparams


@wrong("NM35", "a group of zeros gets no gradient",
       revealed_by="a group that is 0 throughout",
       misses="groups of random numbers are never 0 throughout")  # fmt: skip
class _(GroupNorm):
    def backward(self, residuals, dy):
        dx, dparams = super().backward(residuals, dy)
        grouped = dx.reshape(residuals[0].shape)
        return _flat_gets_nothing(residuals[0], grouped, 2).reshape(dx.shape), dparams
