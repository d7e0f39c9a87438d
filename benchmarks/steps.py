"""One training step of the same network, written for each framework as its users write it.

None goes through Backproof's adapters, which convert arrays: data and weights are where each
framework wants them before the clock starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
import torch.nn.functional as F
from torch import nn

from backproof.reference.layers.dense import Dense
from backproof.reference.layers.relu import ReLU
from backproof.reference.layers.sequential import Sequential
from backproof.reference.layers.sigmoid import Sigmoid
from backproof.reference.layers.tanh import Tanh
from backproof.reference.losses.mean_squared_error import MeanSquaredError
from backproof.reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from backproof.reference.optimizers.adam import Adam
from backproof.reference.optimizers.sgd import SGD
from backproof.reference.training import init_state, step
from backproof.reference.tree import tree_map

Array = Any
RATE = 0.01
Step = Callable[[], object]  # one training step; its loss, in the framework's own type


@dataclass(frozen=True)
class Task:
    """A multilayer perceptron, its data and its optimizer; ``goal`` a ratio to torch, if any."""

    name: str
    widths: tuple[int, ...]
    activation: str
    batch: int
    optimizer: str = "SGD"
    goal: float | None = None
    classes: bool = True  # cross-entropy on labels; or sigmoids to the end and the mean of squares

    def data(self) -> tuple[Array, Array]:
        """Random inputs, and labels or numbers to predict."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.batch, self.widths[0])).astype(np.float32)
        if self.classes:
            return x, rng.integers(0, self.widths[-1], self.batch)
        return x, rng.random((self.batch, self.widths[-1])).astype(np.float32)

    def weights(self) -> list[tuple[Array, Array]]:
        """W (inputs, outputs) and b of every layer, in float32."""
        rng = np.random.default_rng(1)
        return [
            ((rng.standard_normal((n, m)) / np.sqrt(n)).astype(np.float32), np.zeros(m, np.float32))
            for n, m in zip(self.widths, self.widths[1:], strict=False)
        ]

    def activated(self, i: int) -> bool:
        """Whether the i-th Dense is followed by the activation."""
        return i < len(self.widths) - 2 or not self.classes


def reference_step(task: Task) -> Step:
    """backproof.reference.training.step, as it stands."""
    activation = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid}[task.activation]
    layers: list[Any] = []
    params: Any = ()
    for i, (W, b) in enumerate(task.weights()):
        layers.append(Dense(*W.shape))
        params += ({"W": W, "b": b},)
        if task.activated(i):
            layers.append(activation())
            params += ({},)
    network = Sequential(*layers)
    loss = SoftmaxCrossEntropy() if task.classes else MeanSquaredError()
    optimizer = {"SGD": SGD(RATE), "Adam": Adam(RATE)}[task.optimizer]
    state, batch, t = init_state(optimizer, params), task.data(), 0

    def run() -> object:
        nonlocal params, state, t
        t += 1
        done = step(network, loss, optimizer, params, state, batch, t)
        params, state = done.params, done.state
        return done.loss

    return run


def torch_step(task: Task) -> Step:
    """torch.nn modules, autograd and torch.optim, eager, with the defaults."""
    activation = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[task.activation]
    model = nn.Sequential()
    for i, (W, b) in enumerate(task.weights()):
        linear = nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T))
            linear.bias.copy_(torch.from_numpy(b))
        model.append(linear)
        if task.activated(i):
            model.append(activation())
    objective = F.cross_entropy if task.classes else F.mse_loss
    chosen = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[task.optimizer]
    optimizer = chosen(model.parameters(), lr=RATE)
    x, target = map(torch.from_numpy, task.data())

    def run() -> object:
        optimizer.zero_grad()
        loss = objective(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return run


def jax_step(task: Task) -> Step:
    """jax.value_and_grad and optax under one jax.jit, waited for."""
    activation = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}[task.activation]
    optimizer = {"SGD": optax.sgd, "Adam": optax.adam}[task.optimizer](RATE)
    x, target = map(jnp.asarray, task.data())

    def objective(params: Any, x: jax.Array, target: jax.Array) -> jax.Array:
        for i, (W, b) in enumerate(params):
            x = x @ W + b
            x = activation(x) if task.activated(i) else x
        if task.classes:
            return optax.losses.softmax_cross_entropy_with_integer_labels(x, target).mean()
        return optax.losses.squared_error(x, target).mean()

    @jax.jit
    def step(params: Any, state: Any, x: jax.Array, target: jax.Array) -> Any:
        loss, grads = jax.value_and_grad(objective)(params, x, target)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    params = tree_map(jnp.asarray, tuple(task.weights()))
    state = optimizer.init(params)

    def run() -> object:
        nonlocal params, state
        params, state, loss = jax.block_until_ready(step(params, state, x, target))
        return loss

    return run


BUILDERS = {"reference": reference_step, "torch": torch_step, "jax": jax_step}


def build(task: Task) -> dict[str, Step]:
    """The task's step in every framework, after the check that they train alike."""
    check = {name: make(task) for name, make in BUILDERS.items()}
    losses = {name: [float(run()) for _ in range(20)] for name, run in check.items()}  # type: ignore[arg-type]
    ours = losses["reference"]
    for name, theirs in losses.items():
        apart = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        if not apart <= 0.01 * abs(ours[0] - ours[-1]):  # of what training has achieved
            raise RuntimeError(f"{name} does not train {task.name} as the reference does")
    return {name: make(task) for name, make in BUILDERS.items()}


def _tasks() -> tuple[Task, ...]:
    digits = Task("digits-mlp 64-32-10", (64, 32, 10), "tanh", 128, goal=0.8)
    mlp = Task("MLP 784-256-128-10", (784, 256, 128, 10), "relu", 128, goal=0.8)
    tiny = Task("2-2-2", (2, 2, 2), "sigmoid", 1, goal=0.5, classes=False)
    tasks = (digits, replace(digits, batch=32, goal=None), mlp, tiny)
    return tuple(replace(task, optimizer=o) for task in tasks for o in ("SGD", "Adam"))


TASKS = _tasks()
