"""micrograd: the expression of its README, and the two of the lecture that builds it."""

from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.circuit import Circuit
from ...reference.protocols import Tree
from .example import Buggy, Example, Values, right_as_printed, wrong
from .scalars import inputs, slopes

LECTURE = "Andrej Karpathy, The spelled-out intro to neural networks: building micrograd (2022)"
URL = "https://github.com/karpathy/micrograd"
BIAS = 6.8813735870195432
STEP = 0.01


def readme(xp: Any, a: Any, b: Any) -> Any:
    """Sums, products, powers, quotients and two rectifiers of two numbers."""
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c - a
    d = d + d * 2 + xp.maximum(b + a, 0 * a)
    d = d + 3 * d + xp.maximum(b - a, 0 * a)
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


def readme_by_hand(dy: Any, a: Any, b: Any) -> Tree:
    """Taken together, c = 4 (a + b) + 3 - a and d = 12 (ab + b³) + 4 relu(b + a) + relu(b - a)."""
    up, down = 4.0 * (b + a > 0), 1.0 * (b - a > 0)
    e = 4 * (a + b) + 3 - a - 12 * (a * b + b**3) - up * (b + a) - down * (b - a)
    de = dy * (0.5 - 10 / e**4) * 2 * e
    return {"a": de * (3 - 12 * b - up + down), "b": de * (4 - 12 * (a + 3 * b**2) - up - down)}


def product(xp: Any, a: Any, b: Any, c: Any, f: Any) -> Any:
    """(ab + c) f."""
    return (a * b + c) * f


def product_by_hand(dy: Any, a: Any, b: Any, c: Any, f: Any) -> Tree:
    """Every factor gets the cotangent times the others."""
    return {"a": dy * f * b, "b": dy * f * a, "c": dy * f, "f": dy * (a * b + c)}


def neuron(xp: Any, x1: Any, x2: Any, w1: Any, w2: Any, b: Any, n: Any) -> Any:
    """A neuron; n is 0 and shows the slope at its net input."""
    return xp.tanh(x1 * w1 + x2 * w2 + b + n)


def neuron_by_hand(dy: Any, x1: Any, x2: Any, w1: Any, w2: Any, b: Any, n: Any) -> Tree:
    """1 - tanh², and on to each factor."""
    dn = dy * (1 - np.tanh(x1 * w1 + x2 * w2 + b + n) ** 2)
    return {"x1": dn * w1, "x2": dn * w2, "w1": dn * x1, "w2": dn * x2, "b": dn, "n": dn}


README = Circuit(readme, readme_by_hand, (("a", -4.0), ("b", 2.0)))
PRODUCT = Circuit(
    product, product_by_hand, (("a", 2.0), ("b", -3.0), ("c", 10.0), ("f", -2.0))
)  # fmt: skip
WITHOUT_BIAS = (("x1", 2.0), ("x2", 0.0), ("w1", -3.0), ("w2", 1.0))
NEURON = Circuit(neuron, neuron_by_hand, (*WITHOUT_BIAS, ("b", BIAS), ("n", 0.0)))
NEURON_INPUTS = {name: value for name, value in NEURON.inputs if name != "n"}


def one_step(adapter: Adapter) -> Values:
    """Every leaf goes a step up along its slope, and L is computed once more."""
    here = PRODUCT.init(np.random.default_rng(0))
    found = slopes(adapter, PRODUCT, value="L")
    moved = {name: value + STEP * found[f"d{name}"] for name, value in here.items()}
    return {**found, "L after a step": slopes(adapter, PRODUCT, moved)["y"]}


def of_the_neuron(adapter: Adapter) -> Values:
    """The output and the slopes."""
    return slopes(adapter, NEURON, value="o")


def rounded_before_it_is_wide() -> Values:
    """A float32 tensor made float64 keeps the digits that float32 had left of it."""
    b = np.float64(np.float32(BIAS))  # 6.881373405456543
    o = np.tanh(2.0 * -3.0 + 0.0 * 1.0 + b)
    slope = 1 - o**2
    return {"o": o, "dx2": slope * 1.0, "dx1": slope * -3.0, "dw1": slope * 2.0}


EXAMPLES = (
    Example(
        "micrograd-readme", "a long expression of two numbers",
        "Andrej Karpathy, README of micrograd (2020)", inputs(README),
        right_as_printed({"g": "24.7041", "da": "138.8338", "db": "645.5773"}),
        lambda adapter: slopes(adapter, README, value="g"), url=URL,
    ),
    Example(
        "micrograd-lecture", "L = (ab + c) f, and a step up along the slopes", LECTURE,
        {**inputs(PRODUCT), "step": STEP},
        right_as_printed({"L": "-8", "da": "6", "db": "-4", "dc": "-2", "df": "4",
                          "L after a step": "-7.286496"}), one_step,
    ),
    Example(
        "micrograd-neuron", "a tanh neuron of two inputs", LECTURE, NEURON_INPUTS,
        right_as_printed({"o": "0.7071067811865476", "dn": "0.4999999999999999", "dx1": "-1.5",
                          "dw1": "1.0", "dx2": "0.5", "dw2": "0.0000"}), of_the_neuron,
        note="The bias is chosen so that tanh gives the root of 1/2, and the slope is 1/2.",
    ),
    Example(
        "micrograd-neuron-float32", "the same neuron, as the lecture has PyTorch check it", LECTURE,
        NEURON_INPUTS,
        {"o": wrong("0.7071066904050358", right="0.7071067811865476"),
         "dx2": wrong("0.5000001283844369", right="0.5000000000000000"),
         "dx1": wrong("-1.5000003851533106", right="-1.5000000000000000"),
         "dw1": wrong("1.0000002567688737", right="1.0000000000000000")}, of_the_neuron,
        buggy=Buggy("It makes float32 tensors first and turns them into float64 after: b has lost "
                    "1.8e-7 by then.", rounded_before_it_is_wide),
        note="Wrong as a check of the float64 numbers beside it. Where the default dtype is "
        "float64 from the start, PyTorch agrees to the last digit.",
    ),
)  # fmt: skip
