"""Chapter 11, optimizers: what becomes of a gradient before it moves a weight."""

from __future__ import annotations

from ....reference.draws import normal, with_exact
from ....reference.optimizers.adam import Adam
from ....reference.optimizers.adamw import AdamW
from ....reference.optimizers.sgd import SGD
from ..exercise import Case, Exercise

MOMENTUM = {"mu": "spec.momentum", "m": "state.v"}
DECAYS = {"decay": "spec.weight_decay"}
ADAM = """
    m_t = β1 m_t-1 + (1 - β1) g         m̂ = m_t / (1 - β1^t)        w, g, m, v: any shape
    v_t = β2 v_t-1 + (1 - β2) g²        v̂ = v_t / (1 - β2^t)        t = 1, 2, 3, ...
"""

EXERCISES = [
    Exercise(
        name="momentum",
        chapter=11,
        title="gradient descent with momentum",
        text="""
    m ← μ m + g                         w, g, m: any shape     μ: mu, the momentum
    w ← w - η m                         η: lr                  m starts from 0

The gradients of the past go on pushing.
""",
        function="momentum(w, g, m, lr, mu) -> w, m",
        code='''
def momentum(w, g, m, lr, mu):
    """The weights and the buffer after one step.    w, g, m: any shape   lr, mu: numbers"""
    # First the buffer, then the step with the new buffer. New arrays, not += or -=.
    raise NotImplementedError("m")
    raise NotImplementedError("w")
    return w, m
''',
        worked=Case("two weights, the second step", SGD(0.1, momentum=0.9), normal(2), steps=2),
        cases=(
            Case("five steps", SGD(0.05, momentum=0.8), normal(4, 3), steps=5),
            Case("weights that are exactly 0", SGD(0.5, momentum=0.5), with_exact(5)),
            Case("a large learning rate", SGD(20.0, momentum=0.8), normal(3), steps=4),
        ),
        hints=(
            "In the first step m is 0, so the step is that of plain gradient descent.",
            "Two conventions are about: here the gradient enters whole, not times 1 - μ, and the "
            "learning rate stands outside of m.",
            "The step uses the new m.",
        ),
        words=MOMENTUM,
        ours={"momentum": "mu"},
    ),
    Exercise(
        name="adam",
        chapter=11,
        title="Adam",
        text=ADAM
        + """
    w ← w - η m̂ / (√v̂ + ε)             η: lr     β1, β2: beta1, beta2     ε: eps

m and v start from 0, which makes them too small at first: m̂ and v̂ are corrected for it.
""",
        function="adam(w, g, m, v, t, lr, beta1, beta2, eps) -> w, m, v",
        code='''
def adam(w, g, m, v, t, lr, beta1, beta2, eps):
    """Weights and both moments after step t, which counts from 1.    w, g, m, v: any shape"""
    # The two running means: of the gradient, and of its square.
    raise NotImplementedError("m and v")
    # Corrected for their start from 0, in variables of their own: m and v are kept as they are.
    raise NotImplementedError("m_hat and v_hat")
    # The step.
    raise NotImplementedError("w")
    return w, m, v
''',
        worked=Case("two weights, the second step", Adam(0.1), normal(2), steps=2),
        cases=(
            Case("five steps", Adam(0.01), normal(4, 3), steps=5),
            Case("other decay rates", Adam(0.1, 0.5, 0.9, 1e-2), normal(3), steps=4),
            Case("weights that are exactly 0", Adam(0.1, 0.8, 0.95, 1e-3), with_exact(5)),
        ),
        hints=(
            "In the first step m̂ is g and v̂ is g², whatever β1 and β2 are. Are yours?",
            "Where does ε stand: inside of the root, or outside? What is squared: g, or m?",
            "1 - β^t has the step number in its exponent; m̂ and v̂ divide by it, and what is "
            "handed out is m and v, not m̂ and v̂.",
        ),
    ),
    Exercise(
        name="adamw",
        chapter=11,
        title="AdamW: weight decay, decoupled",
        text=ADAM
        + """
    w ← w - η λ w - η m̂ / (√v̂ + ε)     η: lr     λ: decay     ε: eps

The decay takes a part of the weight itself, the old one. It does not pass through the moments.
""",
        function="adamw(w, g, m, v, t, lr, beta1, beta2, eps, decay) -> w, m, v",
        code='''
def adamw(w, g, m, v, t, lr, beta1, beta2, eps, decay):
    """Weights and both moments after step t, which counts from 1.    w, g, m, v: any shape"""
    # The moments, as in Adam: of the gradient alone.
    raise NotImplementedError("m and v")
    raise NotImplementedError("m_hat and v_hat")
    # The step, with the decay of the old weights.
    raise NotImplementedError("w")
    return w, m, v
''',
        worked=Case(
            "two weights, the second step", AdamW(0.1, weight_decay=0.1), normal(2), steps=2
        ),
        cases=(
            Case("five steps", AdamW(0.01, weight_decay=0.1), normal(4, 3), steps=5),
            Case("other decay rates", AdamW(0.1, 0.5, 0.9, 1e-2, 0.3), normal(3), steps=4),
            Case("weights that are exactly 0", AdamW(0.1, 0.8, 0.95, 1e-3, 0.2), with_exact(5)),
        ),
        hints=(
            "With decay = 0 it must be Adam. Is that part right?",
            "g is not changed: no λ w is added to it. That would be L2 regularisation, in Adam.",
            "Of the old weights, η λ of them is taken away: the learning rate is in it.",
        ),
        words=DECAYS,
    ),
    Exercise(
        name="bug-adam",
        chapter=11,
        title="find the bug: Adam",
        mutant="X97",
        text=ADAM
        + """
    w ← w - η m̂ / (√v̂ + ε)             η: lr     β1, β2: beta1, beta2     ε: eps

The first step is right, and the cost falls. Repair it.
""",
        function="adam(w, g, m, v, t, lr, beta1, beta2, eps) -> w, m, v",
        code='''
def adam(w, g, m, v, t, lr, beta1, beta2, eps):
    """Weights and both moments after step t, which counts from 1.    w, g, m, v: any shape"""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1)
    v_hat = v / (1 - beta2)
    w = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w, m, v
''',
        worked=Case("two weights, the second step", Adam(0.1), normal(2), steps=2),
        cases=(
            Case("one step", Adam(0.1), normal(3), steps=1),
            Case("five steps", Adam(0.01), normal(4, 3), steps=5),
            Case("other decay rates", Adam(0.1, 0.5, 0.9, 1e-2), normal(3), steps=4),
        ),
        hints=(
            "The first step is right. Which of the arguments is never used?",
            "Late in training no correction should be left: m̂ = m. Is it so here?",
            "The correction is for the start from 0, and fades: 1 - β^t.",
        ),
    ),
]
