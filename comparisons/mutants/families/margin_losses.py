"""Wrong losses of margins."""

from __future__ import annotations

import numpy as np

from ....reference.losses.cosine_embedding import CosineEmbedding
from ....reference.losses.hinge import Hinge
from ....reference.losses.hinge_embedding import HingeEmbedding
from ....reference.losses.margin_ranking import MarginRanking
from ....reference.losses.multi_label_margin import MultiLabelMargin
from ....reference.losses.multi_margin import MultiMargin
from ....reference.losses.soft_margin import SoftMargin
from ....reference.losses.squared_hinge import SquaredHinge
from ....reference.losses.triplet_margin import TripletMargin
from ....reference.reductions import reduced
from ..registry import right, wrong


@wrong("LS17", "the gradient also where the margin is kept",
       revealed_by="scores beyond the margin",
       misses="scores within the margin, as untrained ones are; or training, which "
              "goes on pushing")  # fmt: skip
class _(Hinge):
    def forward(self, prediction, target):
        return super().forward(prediction, target)[0], (target,)


@wrong("LS18", "the factor 2 left out of the gradient",
       misses="Adam divides the factor away; directions agree")  # fmt: skip
class _(SquaredHinge):
    def backward(self, residuals, dloss=1.0):
        return super().backward(residuals, dloss) / 2


@wrong("LS19", "unlike pairs pushed apart beyond the margin too",
       revealed_by="distances above the margin",
       misses="distances within the margin, where the two agree")  # fmt: skip
class _(HingeEmbedding):
    def forward(self, prediction, target):
        return super().forward(prediction, target)[0], (target,)


@wrong("LS20", "σ(t x) in place of σ(-t x)",
       misses="at 0 both are 1/2, and the sign is right: the loss falls")  # fmt: skip
class _(SoftMargin):
    def backward(self, residuals, dloss=1.0):
        u, t = residuals
        return super().backward((-u, t), dloss)


@wrong("LS21", "the norms taken for constants in the backward pass",
       misses="the missing part is along the vectors, which changes no angle: the "
              "loss falls")  # fmt: skip
class _(CosineEmbedding):
    def backward(self, residuals, dloss=1.0):
        u, v, uu, vv, root, c, slope = residuals
        return super().backward((u, v, uu, vv, root, 0 * c, slope), dloss)


@wrong("X09", "the second operand of a difference misses its minus sign", "micrograd_c#1",
       revealed_by="both operands' gradients",
       misses="a test of the first operand's gradient alone")  # fmt: skip
class _(MarginRanking):
    def backward(self, residuals, dloss=1.0):
        dx, dy = super().backward(residuals, dloss)
        return dx, -dy


@wrong("LS22", "the second score's gradient with the sign of the first", "micrograd_c#1 (family)",
       revealed_by="both scores compared",
       misses="a test of the first operand's gradient alone")  # fmt: skip
class _(MarginRanking):
    def backward(self, residuals, dloss=1.0):
        dx, _ = super().backward(residuals, dloss)
        return dx, dx


@wrong("X45", "an odd p without the absolute value", "optax.losses.triplet_margin_loss 0.2.8",
       revealed_by="p = 1 or 3 with negative differences",
       misses="p = 2 by default, which squares the sign away")  # fmt: skip
class _(TripletMargin):
    def forward(self, prediction, target):
        value, (short, slopes) = super().forward(prediction, target)
        if self.p == 2:
            return value, (short, slopes)
        return value, (short, tuple(np.abs(slope) for slope in slopes))


@wrong("LS23", "the slope of D(a - n), though the swap took D(q - n)",
       revealed_by="swap",
       misses="swap is off by default")  # fmt: skip
class _(TripletMargin):
    def forward(self, prediction, target):
        value, (short, (near, _, other)) = super().forward(prediction, target)
        unswapped = right(self, swap=False).forward(prediction, target)[1][1]
        return value, (short, (near, unswapped[1], 0 * other))


@wrong("LS24", "the right class gets no gradient",
       revealed_by="every entry compared",
       misses="the wrong classes are still pushed down, so the loss falls")  # fmt: skip
class _(MultiMargin):
    def backward(self, residuals, dloss=1.0):
        _, label = residuals
        return super().backward(residuals, dloss) * ~label


@wrong("LS25", "the slope of p = 1 whatever p is", revealed_by="p = 2", misses="p = 1 by default")
class _(MultiMargin):
    def forward(self, prediction, target):
        value = super().forward(prediction, target)[0]
        return value, right(self, p=1).forward(prediction, target)[1]


@wrong("LS26", "labels after the first -1 read too",
       revealed_by="a label behind the end",
       misses="rows full of labels to their end; value and gradient agree, so a gradient check "
              "passes")  # fmt: skip
class _(MultiLabelMargin):
    def forward(self, prediction, target):
        ended = np.where(target < 0, target[:, :1], target)
        return super().forward(prediction, ended)


# At the margins


@wrong("LS30", "log(1 + e^u), which overflows", "torch.nn.functional.soft_margin_loss",
       revealed_by="a score far on the wrong side",
       misses="scores of order 1, which never overflow")  # fmt: skip
class _(SoftMargin):
    def forward(self, prediction, target):
        entries = np.log1p(np.exp(-target * prediction))
        return reduced(entries, self.reduction), super().forward(prediction, target)[1]


@wrong("LS31", "slope -1 at exactly the margin", "torch's clamp",
       revealed_by="x = Δ where t = -1",
       misses="a random number is never exactly at the margin")  # fmt: skip
class _(HingeEmbedding):
    def forward(self, prediction, target):
        value = super().forward(prediction, target)[0]
        return value, (target * ((target > 0) | (prediction <= self.margin)),)


@wrong("LS32", "a slope at exactly the margin", "torch's clamp",
       revealed_by="two equal scores",
       misses="two random scores are never equal")  # fmt: skip
class _(MarginRanking):
    def forward(self, prediction, target):
        value, (t,) = super().forward(prediction, target)
        x, y = prediction
        return value, (np.where(self.margin - target * (x - y) == 0, target, t),)


@wrong("LS33", "a slope at exactly the margin", "torch's clamp",
       revealed_by="c = Δ where t = -1",
       misses="a random cosine is never exactly the margin")  # fmt: skip
class _(CosineEmbedding):
    def forward(self, prediction, target):
        value, (*kept, c, slope) = super().forward(prediction, target)
        return value, (*kept, c, np.where(c == self.margin, -target[:, None], slope))


@wrong("LS35", "ε in the sum where it belongs in the differences, and the other way round",
       "torch and optax differ",
       revealed_by="a large ε",
       misses="ε is 1e-6 by default, and not to be seen beside distances of order 1")  # fmt: skip
class _(TripletMargin):
    def forward(self, prediction, target):
        return right(self, in_sum=not self.in_sum).forward(prediction, target)


@wrong("LS36", "NaN where two vectors are equal: the slope of a root at 0",
       revealed_by="ε = 0 and an anchor that is its positive",
       misses="random vectors are never equal, and ε is not 0 by default")  # fmt: skip
class _(TripletMargin):
    def forward(self, prediction, target):
        value, (short, (near, *rest)) = super().forward(prediction, target)
        equal = (prediction[0] - prediction[1] + self.eps == 0).all(axis=-1, keepdims=True)
        return value, (short, (np.where(equal, np.nan, near), *rest))
