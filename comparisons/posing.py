"""From what was given to a question: checked, and completed by drawing what was left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import numpy as np

from ..reference.protocols import Function, Layer, Loss, Optimizer, Sample, Tree
from ..reference.tree import as_dtype, leaves, tree_map
from . import cases
from .envelope import Training
from .problems import Evaluation, LossVJP, NetworkVJP, Problem, Replay


def vjp_problem(
    spec: Layer | Loss, x: Any, params: Tree, dy: Any, target: Any, dtype: Any, seed: int
) -> NetworkVJP | LossVJP:
    """What ``compare_vjp`` was given, checked and completed; raises CaseError."""
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((x, params))))
    rng = np.random.default_rng(seed)
    x = cases.draw_input(x, rng, dtype)
    if hasattr(spec, "init"):
        cases.check_spec(spec, "layer")
        if target is not None:
            raise cases.CaseError(f"{spec} is a layer: it takes no target")
        return _network_vjp(cast(Layer, spec), params, x, dy, rng, dtype)
    cases.check_spec(spec, "loss")
    return _loss_vjp(spec, x, target, dy, rng, dtype)


def _network_vjp(
    network: Layer, params: Tree, x: Tree, dy: Any, rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> NetworkVJP:  # fmt: skip
    if params is None:
        params = cases.draw_params(network, rng, dtype)
    params = cases.check_params(network, params, dtype)
    dy = _cotangent(dy, cases.forward(network, params, x), rng, dtype)
    cases.check_integers(network, params, "x", x, dtype)
    given = (*cases.named_params(params), *cases.named_tree("x", x), *cases.named_tree("dy", dy))
    return NetworkVJP(network, params, x, dy, dtype, cases.non_finite(given))


def _loss_vjp(
    loss: Loss, x: Tree, target: Any, dy: Any, rng: np.random.Generator, dtype: np.dtype[Any]
) -> LossVJP:
    if target is None:
        raise cases.CaseError(f"{loss} is a loss: give its target")
    for name, prediction, _ in cases.named_tree("x", x):
        cases.check_floats(name, prediction, dtype)
    target = cases.check_tree("target", target, dtype)
    dy = _cotangent(dy, cases.forward(loss, x, target), rng, dtype)
    given = (("x", x), ("target", target), ("dy", dy))
    blame = cases.non_finite(named for pair in given for named in cases.named_tree(*pair))
    return LossVJP(loss, x, target, dy, dtype, blame)


def evaluation(function: Function, x: Any, dtype: Any) -> Evaluation:
    """What ``compare_function`` was given, checked; raises CaseError."""
    cases.check_spec(function, "function")
    dtype = cases.check_dtype(dtype, *(part for _, part in leaves(x)))
    x = cases.check_tree("x", x, dtype)
    cases.evaluate(function, x)
    return Evaluation(function, x, dtype, cases.non_finite(cases.named_tree("x", x)))


def replay(
    optimizer: Optimizer, params: Tree, grads: Iterable[Tree] | None, steps: int,
    gradient_scale: float, dtype: Any, seed: int,
) -> Replay:  # fmt: skip
    """What ``compare_optimizer`` was given, checked and completed; raises CaseError."""
    cases.check_spec(optimizer, "optimizer")
    rng = np.random.default_rng(seed)
    if params is None:
        draws = {"W": rng.standard_normal((4, 3)), "b": rng.standard_normal(3)}
        params = tree_map(lambda w: w.astype(np.dtype(dtype or np.float64)), draws)
    dtype, params = cases.check_weights(params, dtype)
    if grads is None:
        grads = cases.draw_grads(optimizer, params, steps, gradient_scale, rng)
    grads = cases.check_grads(list(grads), params, dtype)
    blame = cases.non_finite([*cases.named_params(params), *cases.named_grads(grads)])
    return Replay(optimizer, params, tuple(grads), dtype, blame)


def training_run(
    network: Layer, loss: Loss, optimizer: Optimizer, batches: list[Any], params: Tree,
    dtype: Any, seed: int,
) -> tuple[Training, np.dtype[Any]]:  # fmt: skip
    """What ``compare_training`` was given, checked and completed; raises CaseError."""
    for spec, kind in ((network, "layer"), (loss, "loss"), (optimizer, "optimizer")):
        cases.check_spec(spec, kind)
    pairs = cases.check_pairs(batches)
    dtype = cases.check_dtype(dtype, *(a for _, a in leaves((pairs[0][0], params))))
    checked = cases.check_batches(pairs, dtype)
    if params is None:
        params = cases.draw_params(network, np.random.default_rng(seed), dtype)
    params = cases.check_params(network, params, dtype)
    if not any(True for _ in leaves(params)):
        raise cases.CaseError(f"{network} has no parameters: there is nothing to train")
    for t, (x, target) in enumerate(checked, start=1):
        cases.forward(loss, cases.forward(network, params, x), target)
        cases.check_integers(network, params, f"x of batch {t}", x, dtype)
    return Training(network, loss, optimizer, params, checked), dtype


def of_sample(sample: Sample, dtype: Any, seed: Any, steps: int) -> Problem:
    """The question that a sample is: a VJP, so many steps of an optimizer, or a value.

    ``seed`` is that of all that is drawn, as NumPy takes one.
    """
    rng = np.random.default_rng(seed)
    spec, x = sample.spec, as_dtype(sample.x(rng), np.dtype(dtype))
    own = int(rng.integers(2**31))
    if isinstance(spec, Optimizer):
        return replay(spec, {"w": x}, None, steps, sample.gradient_scale, dtype, own)
    if isinstance(spec, Function):
        return evaluation(spec, x, dtype)
    target = as_dtype(sample.target(rng), np.dtype(dtype)) if sample.target else None
    return vjp_problem(spec, x, None, None, target, dtype, own)


def _cotangent(dy: Any, y: Tree, rng: np.random.Generator, dtype: np.dtype[Any]) -> Tree:
    if dy is None:  # transposed in memory: whoever takes it for contiguous shall be seen
        return tree_map(lambda part: np.asarray(rng.standard_normal(part.shape[::-1]), dtype).T, y)
    given = cases.check_tree("dy", dy, dtype)
    shapes = {leaf: part.shape for leaf, part in leaves(y)}
    if shapes.keys() != dict(leaves(given)).keys():
        raise cases.CaseError(f"dy has {len(dict(leaves(given)))} parts, y has {len(shapes)}")
    for name, part, _ in cases.named_tree("dy", given):
        cases.check_floats(name, part, dtype)
        wanted = shapes[name[3:-1]]
        if part.shape != wanted:
            what = name.replace("dy", "y")
            raise cases.CaseError(f"{name} has shape {part.shape}, {what} has shape {wanted}")
    return given
