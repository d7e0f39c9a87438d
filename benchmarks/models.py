"""One training step of larger models: a convolutional network, a transformer block, an LSTM.

torch and JAX run the expressions that Backproof's adapters register, on tensors of their own:
nothing is converted while the clock runs, and their optimizers are their own.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from backproof.comparisons.models import transformer_block as block
from backproof.reference.layers.conv2d import Conv2d
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.flatten import Flatten
from backproof.reference.layers.lstm import LSTM
from backproof.reference.layers.max_pool2d import MaxPool2d
from backproof.reference.layers.outputs import Outputs
from backproof.reference.layers.relu import ReLU
from backproof.reference.layers.sequential import Sequential
from backproof.reference.losses.mean_squared_error import MeanSquaredError
from backproof.reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from backproof.reference.optimizers.sgd import SGD
from backproof.reference.training import init_state, step
from backproof.reference.tree import as_dtype, leaves, tree_map

RATE = 0.01
Step = Callable[[], object]


@dataclass(frozen=True)
class Model:
    """A network, a batch of data and a goal: the reference's time in torch's."""

    name: str
    network: Any
    loss: Any
    shape: tuple[int, ...]
    classes: tuple[int, ...] = ()  # the shape of the labels 0..9, or () for numbers like y
    goal: float | None = None
    optimizer: str = "SGD"

    @property
    def batch(self) -> int:
        """The number of samples."""
        return self.shape[0]

    def data(self) -> tuple[Any, Any, Any]:
        """Parameters, x and target in float32."""
        rng = np.random.default_rng(0)
        params = as_dtype(self.network.init(rng), np.float32)
        x = rng.standard_normal(self.shape).astype(np.float32)
        if self.classes:
            return params, x, rng.integers(0, 10, self.classes)
        return params, x, rng.standard_normal(self.shape).astype(np.float32)


def reference_step(model: Model) -> Step:
    """backproof.reference.training.step, as it stands."""
    params, x, target = model.data()
    rule = SGD(RATE)
    state, t = init_state(rule, params), 0

    def run() -> object:
        nonlocal params, state, t
        t += 1
        done = step(model.network, model.loss, rule, params, state, (x, target), t)
        params, state = done.params, done.state
        return done.loss

    return run


def torch_step(model: Model) -> Step:
    """Eager, with torch.optim."""
    import torch

    from backproof.adapters.torch_autograd.adapter import TorchAutograd  # registers all
    from backproof.adapters.torch_autograd.registry import apply, apply_loss

    assert TorchAutograd
    arrays, x, target = model.data()
    params = tree_map(lambda w: torch.from_numpy(w.copy()).requires_grad_(), arrays)
    x, target = torch.from_numpy(x), torch.from_numpy(target)
    optimizer = torch.optim.SGD([w for _, w in leaves(params)], lr=RATE)

    def run() -> object:
        optimizer.zero_grad()
        loss = apply_loss(model.loss, apply(model.network, params, x), target)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return run


def jax_step(model: Model) -> Step:
    """One jitted function, waited for."""
    import jax
    import optax

    from backproof.adapters.jax_grad.adapter import JaxGrad
    from backproof.adapters.jax_grad.registry import apply, apply_loss

    assert JaxGrad
    params, x, target = (tree_map(jax.numpy.asarray, part) for part in model.data())
    optimizer = optax.sgd(RATE)
    state = optimizer.init(params)

    @jax.jit
    def update(params: Any, state: Any) -> Any:
        def objective(p: Any) -> Any:
            return apply_loss(model.loss, apply(model.network, p, x), target)

        loss, grads = jax.value_and_grad(objective)(params)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    def run() -> object:
        nonlocal params, state
        params, state, loss = jax.block_until_ready(update(params, state))
        return loss

    return run


BUILDERS = {"reference": reference_step, "torch": torch_step, "jax": jax_step}


def build(model: Model) -> dict[str, Step]:
    """The model's step in every framework, after the check that they compute the same."""
    losses = {name: [float(run()) for _ in range(5)] for name, run in _all(model).items()}  # type: ignore[arg-type]
    for name, theirs in losses.items():
        if not np.allclose(losses["reference"], theirs, rtol=1e-3):
            raise RuntimeError(f"{name} does not train {model.name} as the reference does")
    return _all(model)


def _all(model: Model) -> dict[str, Step]:
    return {name: make(model) for name, make in BUILDERS.items()}


def lenet() -> Model:
    """LeNet on images of 28 x 28."""
    network = Sequential(
        Conv2d(1, 6, 5, padding=2), ReLU(), MaxPool2d(2), Conv2d(6, 16, 5), ReLU(), MaxPool2d(2),
        Flatten(), Dense(400, 120), ReLU(), Dense(120, 84), ReLU(), Dense(84, 10),
    )  # fmt: skip
    return Model("LeNet 28x28", network, SoftmaxCrossEntropy(), (64, 1, 28, 28), (64,), goal=1.2)


def transformer_block() -> Model:
    """A pre-norm block of width 256 with 4 heads on 128 tokens."""
    network = Sequential(*block(256, 4, causal=True, wider=4))
    name = "transformer block d 256, 4 heads, T 128"
    return Model(name, network, MeanSquaredError(), (8, 128, 256), goal=1.15)


def lstm() -> Model:
    """An LSTM of 128 over 50 steps."""
    network = Sequential(Outputs(LSTM(64, 128)), Dense(128, 10))
    return Model("LSTM T 50, H 128", network, SoftmaxCrossEntropy(), (32, 50, 64), (32, 50), 1.5)


MODELS = (lenet, transformer_block, lstm)


def peak_memory() -> dict[str, float]:
    """Bytes by which a fresh process of each framework grows at most in three steps of LeNet.

    Empty where the system does not tell the peak: it is Linux that can forget an earlier one.
    """
    if not CLEAR.exists():
        return {}
    here = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {here!r}); import models; models.print_growth"
    return {
        framework: float(subprocess.check_output(
            [sys.executable, "-P", "-c", f"{code}({framework!r})"], text=True
        ))
        for framework in ("reference", "torch")
    }  # fmt: skip


CLEAR = Path("/proc/self/clear_refs")
FORGET_PEAK = "5"


def print_growth(framework: str) -> None:
    """Peak resident memory during three steps, less what was resident before them.

    A step on a batch of one comes first: what a library loads once is not what a step needs.
    """
    build = BUILDERS[framework]
    build(replace(lenet(), shape=(1, 1, 28, 28), classes=(1,)))()
    run = build(lenet())
    gc.collect()
    CLEAR.write_text(FORGET_PEAK)
    before = _status("VmRSS")
    for _ in range(3):
        run()
    print(_status("VmHWM") - before)


def _status(field: str) -> int:
    """A size of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{field}:")).split()[1])
