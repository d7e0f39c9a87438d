"""Chapter 8, classification: probabilities, and their cost."""

from __future__ import annotations

from ....reference.draws import constant, integers, normal, with_exact
from ....reference.layers.softmax import Softmax
from ....reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from ..exercise import Case, Exercise

COST = SoftmaxCrossEntropy()

EXERCISES = [
    Exercise(
        name="softmax",
        chapter=8,
        title="softmax, for any numbers",
        text="""
    p_k = e^z_k / Σ_j e^z_j             z, p: (..., K), over the last axis

Probabilities: positive, with the sum 1. A common shift of z changes nothing, since it is a common
factor above and below: so the largest z can be made 0 first, and no exponential overflows.
""",
        function="softmax(z) -> p",
        code='''
def softmax(z):
    """p, along the last axis.    z, p: (..., K)"""
    # keepdims=True keeps the axis that max and sum go over, so that shapes fit again.
    raise NotImplementedError("p")
''',
        worked=Case("two samples", Softmax(), normal(2, 3)),
        cases=(
            Case("a matrix", Softmax(), normal(3, 4)),
            Case("three axes", Softmax(), normal(2, 3, 5)),
            Case("ties", Softmax(), with_exact(4, 3, values=(0.0, 2.0), share=0.8)),
            Case("large numbers, up to 1000", Softmax(), constant(1000.0, 1000.0, 999.0, -1000.0)),
        ),
        hints=(
            "The sum of your p along the last axis must be 1 for every sample. Print it.",
            "e^1000 is inf in float64, and inf / inf is NaN. Which shift of z avoids it?",
            "Subtract from z its largest entry along the last axis; then exponentials; then divide "
            "by their sum along the last axis.",
        ),
        words={"z": "x", "p": "y"},
    ),
    Exercise(
        name="softmax-cross-entropy",
        chapter=8,
        title="softmax with cross-entropy, and its gradient",
        text="""
    p_nk = softmax(z)_nk                z, dz: (N, K)     labels: (N,), integers from 0 to K - 1
    C = -1/N Σ_n ln p_n,label_n         C: one number

The gradient dz = ∂C/∂z is the simplest there is: derive it from ∂p_k/∂z_j = p_k (δ_kj - p_j).
""",
        function="softmax_cross_entropy(z, labels) -> C, dz",
        code='''
def softmax_cross_entropy(z, labels):
    """C and dz = ∂C/∂z.    z, dz: (N, K)   labels: (N,)   C: one number"""
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # ln p, no overflow
    # C needs one entry of each row of log_p: that of the label.
    raise NotImplementedError("C")
    # dz needs p, and the labels as rows of a matrix: 1 at the label, 0 elsewhere.
    raise NotImplementedError("dz")
    return C, dz
''',
        worked=Case("two samples, three classes", COST, normal(2, 3), integers(2, high=3)),
        cases=(
            Case("a batch of 5", COST, normal(5, 4), integers(5, high=4)),
            Case("a single sample", COST, normal(1, 3), integers(1, high=3)),
            Case("ties", COST, with_exact(4, 3, share=0.8), integers(4, high=3)),
            Case("large numbers", COST, normal(3, 4, scale=300), integers(3, high=4)),
        ),
        hints=(
            "Every row of dz sums to 0: raising all logits alike changes nothing.",
            "log_p[np.arange(N), labels] is the entry of the label in each row.",
            "For one sample, ∂C/∂z_k is p_k for the wrong classes, and p_k - 1 for the right one. "
            "The mean over N samples is a factor of its own.",
        ),
        words={"z": "x", "labels": "target", "C": "y", "dz": "dx"},
        ours={"each": "1/N", "right": "onehot"},
    ),
    Exercise(
        name="bug-softmax",
        chapter=8,
        title="find the bug: softmax, backward",
        mutant="X25",
        text="""
    p_k = e^z_k / Σ_j e^z_j             z, p, dp, dz: (N, K)
    dz_k = p_k (dp_k - Σ_j dp_j p_j)

dz from dp = ∂C/∂p, and from p, which is kept. A test with a square matrix of equal rows passes.
Repair it.
""",
        function="softmax_backward(p, dp) -> dz",
        code='''
def softmax_backward(p, dp):
    """dz = ∂C/∂z.    p, dp, dz: (N, K)"""
    total = (dp * p).sum(axis=0, keepdims=True)
    return p * (dp - total)
''',
        worked=Case("two samples", Softmax(), normal(2, 3)),
        cases=(
            Case("a batch of 3", Softmax(), normal(3, 4)),
            Case("ties", Softmax(), with_exact(4, 3, values=(0.0, 2.0), share=0.8)),
            Case("a single sample", Softmax(), normal(1, 5)),
        ),
        hints=(
            "One sample's gradient must not depend on another sample. Change one row of dp: which "
            "rows of dz change?",
            "Over which index does the sum of the equation go, and which axis is that?",
            "Axis 0 is the batch.",
        ),
        words={"p": "y", "dp": "dy", "dz": "dx"},
    ),
]
