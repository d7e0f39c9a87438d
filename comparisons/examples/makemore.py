"""makemore, part 4: a perceptron taken apart into 26 steps, each differentiated by hand."""

from typing import Any

import numpy as np

from ...adapters.protocols import Adapter, Unsupported
from ...reference.circuit import Circuit
from ...reference.protocols import Tree
from ...reference.tree import leaves
from .example import Example, Figure, Values, unstable

N, VOCABULARY, CONTEXT, EMBEDDING, HIDDEN = 32, 27, 3, 10, 64
CLOSE = 1e-5, 1e-8  # of torch.allclose, by which cmp() prints "approximate"
STEPS = ("logprobs", "probs", "counts", "counts_sum", "counts_sum_inv", "norm_logits",
         "logit_maxes", "logits", "h", "hpreact", "bnraw", "bnvar_inv", "bnvar", "bndiff2",
         "bndiff", "bnmeani", "hprebn", "embcat", "emb")  # fmt: skip
WEIGHTS = ("W2", "b2", "bngain", "bnbias", "W1", "b1", "C")


def drawn() -> Tree:
    """Weights of the lecture's sizes and scales, random tokens, and a zero for every step."""
    rng, tokens = np.random.default_rng(4), np.random.default_rng(5)
    shapes = {"C": (VOCABULARY, EMBEDDING), "W1": (CONTEXT * EMBEDDING, HIDDEN), "b1": (HIDDEN,),
              "W2": (HIDDEN, VOCABULARY), "b2": (VOCABULARY,), "bngain": (1, HIDDEN),
              "bnbias": (1, HIDDEN)}  # fmt: skip
    scale = dict.fromkeys(shapes, 0.1) | {"C": 1.0, "W1": 5 / 3 / 30**0.5}
    p = {k: scale[k] * rng.standard_normal(s) + (k == "bngain") for k, s in shapes.items()}
    rows = np.eye(VOCABULARY)
    p["x"] = rows[tokens.integers(VOCABULARY, size=(N, CONTEXT))]
    p["t"] = rows[tokens.integers(VOCABULARY, size=N)]
    _, steps = forward(np, **p)
    p |= {name: np.zeros(steps[name].shape) for name in STEPS}
    return {name: value.astype(np.float32) for name, value in p.items()}


def forward(
    xp: Any, x: Any, t: Any, C: Any, W1: Any, b1: Any, W2: Any, b2: Any, bngain: Any, bnbias: Any,
    **zero: Any,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """The loss and every step on the way; its ``zero`` added to a step shows the step's slope."""
    at: dict[str, Any] = {}

    def step(name: str, value: Any) -> Any:
        at[name] = value + zero.get(name, 0)
        return at[name]

    emb = step("emb", x @ C)
    embcat = step("embcat", emb.reshape(N, -1))
    hprebn = step("hprebn", embcat @ W1 + b1)
    bnmeani = step("bnmeani", 1 / N * xp.sum(hprebn, axis=0, keepdims=True))
    bndiff = step("bndiff", hprebn - bnmeani)
    bndiff2 = step("bndiff2", bndiff**2)
    bnvar = step("bnvar", 1 / (N - 1) * xp.sum(bndiff2, axis=0, keepdims=True))
    bnvar_inv = step("bnvar_inv", (bnvar + 1e-5) ** -0.5)
    bnraw = step("bnraw", bndiff * bnvar_inv)
    h = step("h", xp.tanh(step("hpreact", bngain * bnraw + bnbias)))
    logits = step("logits", h @ W2 + b2)
    logit_maxes = step("logit_maxes", xp.amax(logits, axis=1, keepdims=True))
    counts = step("counts", xp.exp(step("norm_logits", logits - logit_maxes)))
    counts_sum = step("counts_sum", xp.sum(counts, axis=1, keepdims=True))
    counts_sum_inv = step("counts_sum_inv", counts_sum**-1.0)
    logprobs = step("logprobs", xp.log(step("probs", counts * counts_sum_inv)))
    return -xp.sum(logprobs * t) / N, at


def loss(xp: Any, **p: Any) -> Any:
    """The loss alone, for the framework to differentiate."""
    return forward(xp, **p)[0]


def by_hand(xp: Any, **p: Any) -> dict[str, Any]:
    """All 26 slopes step by step, and two more by the short formulas of the lecture's end."""
    _, at = forward(xp, **p)
    d: dict[str, Any] = {"logprobs": -p["t"] / N}
    head(xp, p, at, d)
    normalised(xp, p, at, d)
    d["embcat"], d["W1"] = d["hprebn"] @ p["W1"].T, at["embcat"].T @ d["hprebn"]
    d["b1"], d["emb"] = xp.sum(d["hprebn"], axis=0), d["embcat"].reshape(N, CONTEXT, EMBEDDING)
    d["C"] = p["x"].reshape(-1, VOCABULARY).T @ d["emb"].reshape(-1, EMBEDDING)
    return d


def head(xp: Any, p: Tree, at: Tree, d: dict[str, Any]) -> None:
    """From the logarithms back through softmax and the last layer to the tanh."""
    d["probs"] = d["logprobs"] / at["probs"]
    d["counts_sum_inv"] = xp.sum(at["counts"] * d["probs"], axis=1, keepdims=True)
    d["counts_sum"] = -(at["counts_sum"] ** -2.0) * d["counts_sum_inv"]
    d["counts"] = at["counts_sum_inv"] * d["probs"] + d["counts_sum"]
    d["norm_logits"] = at["counts"] * d["counts"]
    d["logit_maxes"] = -xp.sum(d["norm_logits"], axis=1, keepdims=True)
    largest = at["logits"] == xp.amax(at["logits"], axis=1, keepdims=True)
    d["logits"] = d["norm_logits"] + largest * d["logit_maxes"]
    d["fused logits"] = (at["probs"] - p["t"]) / N
    d["h"], d["W2"] = d["logits"] @ p["W2"].T, at["h"].T @ d["logits"]
    d["b2"] = xp.sum(d["logits"], axis=0)


def normalised(xp: Any, p: Tree, at: Tree, d: dict[str, Any]) -> None:
    """Back through the tanh and the batch normalisation."""
    d["hpreact"] = (1.0 - at["h"] ** 2) * d["h"]
    d["bngain"] = xp.sum(at["bnraw"] * d["hpreact"], axis=0, keepdims=True)
    d["bnbias"] = xp.sum(d["hpreact"], axis=0, keepdims=True)
    d["bnraw"] = p["bngain"] * d["hpreact"]
    d["bnvar_inv"] = xp.sum(at["bndiff"] * d["bnraw"], axis=0, keepdims=True)
    d["bnvar"] = -0.5 * (at["bnvar"] + 1e-5) ** -1.5 * d["bnvar_inv"]
    d["bndiff2"] = 1 / (N - 1) * d["bnvar"] + 0 * at["bndiff2"]
    d["bndiff"] = at["bnvar_inv"] * d["bnraw"] + 2 * at["bndiff"] * d["bndiff2"]
    d["bnmeani"] = -xp.sum(d["bndiff"], axis=0, keepdims=True)
    d["hprebn"] = d["bndiff"] + 1 / N * d["bnmeani"]
    dy = d["hpreact"]
    d["fused hprebn"] = p["bngain"] * at["bnvar_inv"] / N * (
        N * dy - d["bnbias"] - N / (N - 1) * at["bnraw"] * d["bngain"]
    )  # fmt: skip


def compared(adapter: Adapter) -> Values:
    """The framework's slopes beside those by hand, both in its own float32."""
    if adapter.name == "numpy":
        raise Unsupported("compares formulas by hand with autograd, which NumPy has not")
    p = drawn()
    auto = adapter.vjp(Circuit(loss, by_hand), p, (), np.ones((), np.float32)).dparams
    zero = {**{k: np.zeros_like(v) for k, v in p.items() if k not in ("x", "t")},
            "fused logits": np.zeros_like(p["logits"]),
            "fused hprebn": np.zeros_like(p["hprebn"])}  # fmt: skip
    order = by_hand(np, **p)
    hand = adapter.vjp(Circuit(by_hand, by_hand), p, (), {k: zero[k] for k in order}).y
    both = {name: (hand[name], auto[name.split()[-1]]) for name, _ in leaves(hand)}
    steps = [both[name] for name in (*STEPS, *WEIGHTS)]
    relative, absolute = CLOSE
    return {
        "exact, of 26": sum(np.array_equal(a, b) for a, b in steps),
        "close, of 26": sum(np.allclose(a, b, relative, absolute) for a, b in steps),
        "fused cross-entropy, apart": float(np.max(np.abs(np.subtract(*both["fused logits"])))),
        "fused batch norm, apart": float(np.max(np.abs(np.subtract(*both["fused hprebn"])))),
    }  # fmt: skip


EXAMPLES = (
    Example(
        "makemore-cmp", "26 slopes by hand beside PyTorch's, bit for bit",
        "Andrej Karpathy, Building makemore part 4: becoming a backprop ninja (2022)",
        {"network": "27-10x3-64-27, batch normalisation, tanh", "batch": N, "dtype": "float32",
         "tokens and weights": "random, of the lecture's sizes and scales"},
        {"exact, of 26": unstable("26", digits=0), "close, of 26": Figure("key", right="26"),
         "fused cross-entropy, apart": unstable("5.12e-09", digits=0),
         "fused batch norm, apart": unstable("9.3e-10", digits=0)}, compared,
        note="Equality to the last bit is lost in newer versions of PyTorch: from the tanh back, "
        "whose own backward is no longer (1 - t t) g (pytorch issue 121133). All stay close. What "
        "is equal depends on the version, and is not compared.",
    ),
)  # fmt: skip
