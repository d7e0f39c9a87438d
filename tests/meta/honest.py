"""A correct implementation whose roundings are drawn: what others may honestly come to."""

from __future__ import annotations

from backproof import Candidate
from backproof.adapters.protocols import VJP, Updated
from backproof.comparisons.noise import Honest
from backproof.comparisons.noisy import Noisy
from backproof.reference.training import Step, init_state, step, update
from backproof.reference.tree import leaves, tree_map


def _dtype(tree):
    return next(a.dtype for _, a in leaves(tree) if a.dtype.kind == "f")


def honest(seed, spoilt=lambda values: values):
    """A candidate that rounds every operation at random, and branches by what comes of it.

    ``spoilt`` changes what it gives: (y, dx, dparams), (params, state) or a Step.
    """

    def noise(dtype):
        return Honest(dtype, seed)

    def rounded(tree, dtype):
        return tree_map(lambda a: (a.base if isinstance(a, Noisy) else a).astype(dtype), tree)

    def vjp(network, params, x, dy):
        dtype = _dtype(x)
        n = noise(dtype)
        y, residuals = network.forward(n.tree(params), n.tree(x))
        dx, dparams = network.backward(residuals, n.tree(dy))
        return spoilt(VJP(*(rounded(part, dtype) for part in (y, dx, dparams))))

    def optimize(optimizer, params, grads):
        dtype = _dtype(params)
        n = noise(dtype)
        rule, p = n.hyperparameters(optimizer), n.tree(params)
        state = init_state(rule, p)
        for t, g in enumerate(grads, start=1):
            p, state = update(rule, n.tree(g), state, p, t)
            yield spoilt(Updated(rounded(p, dtype), rounded(state, dtype)))

    def train(network, loss, optimizer, params, batches, starts=None):
        dtype = _dtype(params)
        n = noise(dtype)
        rule, p = n.hyperparameters(optimizer), n.tree(params)
        state, starts = init_state(rule, p), iter(starts or ())
        for t, (x, target) in enumerate(batches, start=1):
            given = next(starts, None)
            p, state = map(n.tree, given) if given else (p, state)
            done = step(network, loss, rule, p, state, (n.tree(x), n.tree(target)), t)
            p, state = done.params, done.state
            parts = (done.loss, done.grads, done.params, done.state)
            yield spoilt(Step(t, *(rounded(part, dtype) for part in parts)))

    return Candidate("honest", vjp=vjp, optimize=optimize, train=train)
