"""The first wrong step of wrong programs, found in the traces of both frameworks.

The bugs are of two kinds: one operator of the reference's own code exchanged, so that the wrong
statement is known; and the mutants of the suite, where it is known which values of which layer
are wrong when the layer alone is run on right input.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from backproof import Candidate
from backproof.comparisons.ledger.first_wrong import (
    first_wrong,
    first_wrong_gradient,
    gradients_of,
    recorded,
)
from backproof.comparisons.ledger.source import statements
from backproof.comparisons.ledger.steps import record
from backproof.comparisons.mutants import mutants, substitute
from backproof.comparisons.passes import chain
from backproof.reference import attention, targets
from backproof.reference.layers.dense import Dense
from backproof.reference.layers.layernorm import LayerNorm
from backproof.reference.layers.relu import ReLU
from backproof.reference.layers.residual import Residual
from backproof.reference.layers.sigmoid import Sigmoid
from backproof.reference.layers.tanh import Tanh
from backproof.reference.losses.mean_squared_error import MeanSquaredError
from backproof.reference.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from backproof.reference.tree import leaves

# One operator exchanged

WRONG = {"+": "-", "-": "+", "*": "+", "/": "*", "@": "* 2 @"}
CODE = [
    ("mazur", Sigmoid, MeanSquaredError), ("mlp", Dense, Tanh, SoftmaxCrossEntropy),
    ("layer-norm", LayerNorm), ("residual", Residual), ("cnn", ReLU),
    ("attention", attention.attend, attention._weights, attention.attend_backward),
    ("mlp", targets.log_softmax),
]  # fmt: skip


def functions(owners):
    for owner in owners:
        if inspect.isfunction(owner):
            yield owner
        else:
            yield from (f for n in ("forward", "backward", "gradient") if (f := vars(owner).get(n)))


def planted(function):
    """The file with one operator of the function exchanged, its code, and the wrong statement."""
    file, (source, first) = inspect.getsourcefile(function), inspect.getsourcelines(function)
    lines = Path(file).read_text(encoding="utf-8").splitlines(keepends=True)
    tree = ast.parse("".join(lines))
    simple = [n for n in ast.walk(tree) if isinstance(n, ast.Assign | ast.Return | ast.AnnAssign)]
    for node in ast.walk(tree):
        if not first <= getattr(node, "lineno", 0) < first + len(source):
            continue
        statement = next((s for s in simple if s.lineno <= node.lineno <= s.end_lineno), None)
        if statement is None or not (place := operator(node, lines)):
            continue
        (line, column), text = place, lines[place[0]]
        wrong = [*lines]
        wrong[line] = text[:column] + WRONG[text[column]] + text[column + 1 :]
        code = compile("".join(wrong), file, "exec")
        yield (
            wrong,
            inner(code, function.__name__),
            range(statement.lineno, statement.end_lineno + 1),
        )


def operator(node, lines):
    """Where the operator of an operation stands: a line and a column, or nothing to exchange."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return node.lineno - 1, node.col_offset
    if not isinstance(node, ast.BinOp) or node.left.end_lineno != node.right.lineno:
        return None
    line = lines[node.right.lineno - 1]
    between = line[node.left.end_col_offset : node.right.col_offset]
    found = [i for i, c in enumerate(between) if c in WRONG]
    lone = len(found) == 1 and line.isascii()
    return (node.right.lineno - 1, node.left.end_col_offset + found[0]) if lone else None


def inner(code, name):
    """The code of the function of that name, wherever it is defined."""
    if code.co_name == name:
        return code
    found = (inner(c, name) for c in code.co_consts if inspect.iscode(c))
    return next((c for c in found if c is not None), None)


@contextmanager
def replaced(function, lines, code):
    """The function has that code, and its file reads like that."""
    file, right = function.__code__.co_filename, function.__code__
    before = linecache.getlines(file)
    try:
        function.__code__ = code
        linecache.cache[file] = (0, None, lines, file)
        statements.cache_clear()
        yield
    finally:
        function.__code__ = right
        linecache.cache[file] = (0, None, before, file)
        statements.cache_clear()


def run(problem):
    """The values that leave layers in the first draw, or None where the program fails."""
    try:
        with np.errstate(all="ignore"):
            program = record(problem.network, problem.loss, *problem.draws[0])
    except (ValueError, TypeError, IndexError, AttributeError):
        return None
    return {p.key: p.step.value for p in program.passed}


def differs(one, other):
    return one.keys() != other.keys() or any(
        one[k].shape != other[k].shape or not np.allclose(one[k], other[k], rtol=1e-9) for k in one
    )


@pytest.mark.parametrize(("name", "owners"), [(n, owners) for n, *owners in CODE])
def test_the_wrong_statement_is_found(name, owners, framework, explained):
    """It is the step that is found, or one of those before it that have no counterpart."""
    p, expected = explained.problem(name), explained.ledger(name)
    right, found, missed = run(p), 0, []
    for function in functions(owners):
        for text, code, lines in planted(function):
            with replaced(function, text, code):
                wrong = run(p)
                if wrong is None or not differs(right, wrong):
                    continue
                with np.errstate(all="ignore"):
                    runs = recorded(p, p.network, p.loss)
                first = first_wrong(expected, framework.name, runs)
            suspects = [] if first is None else [first.step, *first.unchecked]
            places = [s.where.rpartition(":") for s in suspects if s.file == code.co_filename]
            if any(int(number) in lines for _, _, number in places):
                found += 1
            else:
                missed.append(
                    (function.__qualname__, lines, first and (first.step.where, first.step.text))
                )
    assert not missed
    assert found >= 1


# The mutants of the suite

NETWORKS = ("mlp", "layer-norm", "residual", "cnn", "mazur")


def truth(p, mutant):
    """(phase, index in the chain) of the first layer that goes wrong alone, and what is wrong.

    Each layer that the mutant varies is run by itself, on the right input and cotangent.
    """
    params, x, target = p.draws[0]
    layers, per_layer = chain(p.network, params)
    values, kept = [x], []
    for layer, q in zip(layers, per_layer, strict=True):
        y, residuals = layer.forward(q, values[-1])
        values.append(y)
        kept.append(residuals)
    loss, of_loss = p.loss.forward(values[-1], target)
    wrong_loss = substitute(p.loss, mutant.target, mutant.make)
    bad = [substitute(layer, mutant.target, mutant.make) for layer in layers]
    answers = [b.forward(q, v) for b, q, v in zip(bad, per_layer, values, strict=False)]
    for i, (y, _) in enumerate(answers):
        if not np.allclose(y, values[i + 1], rtol=1e-9, atol=1e-12):
            return "forward", i, {"y"}
    value, of_wrong = wrong_loss.forward(values[-1], target)
    if not np.allclose(value, loss, rtol=1e-9):
        return "forward", "loss", {"y"}
    dy = p.loss.backward(of_loss)
    if not np.allclose(wrong_loss.backward(of_wrong), dy, rtol=1e-9, atol=1e-12):
        return "backward", "loss", {"dx"}
    for i in reversed(range(len(layers))):
        (dx, dp), (wx, wp) = layers[i].backward(kept[i], dy), bad[i].backward(answers[i][1], dy)
        mine, its = (
            {"dx": a, **{f"d{k}": v for k, v in leaves(b)}} for a, b in ((dx, dp), (wx, wp))
        )
        wrong = {k for k in mine if not np.allclose(mine[k], its[k], rtol=1e-9, atol=1e-12)}
        if wrong:
            return "backward", i, wrong
        dy = dx
    return None


def bugs(explained):
    for name in NETWORKS:
        p = explained.problem(name)
        specs = {type(s) for s in (*chain(p.network, p.draws[0][0])[0], p.loss)}
        for mutant in mutants().values():
            if mutant.target in specs:
                yield name, mutant


@pytest.fixture(scope="module")
def score(explained):
    """Every mutant of the layers and losses of a few networks: what is true, what is found."""
    table = []
    for name, mutant in bugs(explained):
        with np.errstate(all="ignore"):
            p, right = explained.problem(name), explained.ledger(name)
            if (true := truth(p, mutant)) is None:
                continue
            wrong = [substitute(s, mutant.target, mutant.make) for s in (p.network, p.loss)]
            runs = recorded(p, *wrong)
            found = {a: first_wrong(right, a, runs) for a in right.events}
        table.append((p, mutant.id, true, found))
    return table


def is_right(p, true, found):
    phase, index, wrong = true
    if found is None or found.call.phase != phase:
        return False
    path = "loss" if index == "loss" else paths(p)[index]
    if found.call.path.startswith(f"{path}."):
        return True  # inside of a layer that is made of layers
    return found.call.path == path and (not found.step.role or found.right.step.role in wrong)


def paths(p):
    """The path of each layer of the chain."""

    def walk(network, path):
        layers = getattr(network, "layers", None)
        if layers is None:
            yield path
        for i, inner in enumerate(layers or ()):
            yield from walk(inner, f"{path}.{i}" if path else str(i))

    return list(walk(p.network, ""))


def test_the_wrong_step_of_mutants_is_found(score, framework, capsys):
    """All of them, and at least 25 different mistakes."""
    rows = [(n, m, t, found[framework.name]) for n, m, t, found in score]
    right = [row for row in rows if is_right(row[0], *row[2:])]
    with capsys.disabled():
        print(f"\n{framework.name}: {len(right)} of {len(rows)} first wrong steps, "
              f"{len({m for _, m, _, _ in rows})} mistakes")  # fmt: skip
    missed = [
        (p.name, mutant, true, found and (found.call.path, found.step.name))
        for p, mutant, true, found in rows if not is_right(p, true, found)
    ]  # fmt: skip
    assert not missed
    assert len({m for _, m, _, _ in rows}) >= 25


# Hints, and gradients of somebody's own


@pytest.mark.parametrize(
    ("name", "mutant", "hint"),
    [
        ("layer-norm", "E01", "it is -1 times the right value"),
        ("mlp", "E11", "it is 5 times the right value"),
        ("mlp", "X01", "it is 0.2 times the right value"),
        ("layer-norm", "D25", "it is zero"),
        ("residual", "X06", "it has the numbers of step"),
    ],
)
def test_a_hint_says_what_it_is_instead(name, mutant, hint, framework, explained):
    p, m = explained.problem(name), mutants()[mutant]
    wrong = [substitute(s, m.target, m.make) for s in (p.network, p.loss)]
    assert hint in first_wrong(explained.ledger(name), framework.name, recorded(p, *wrong)).hint


def own(network, params, x, dy):
    """A perceptron by hand, with the bias's gradient averaged over the batch."""
    first, _, last = params
    a = np.tanh(x @ first["W"] + first["b"])
    dz = dy @ last["W"].T * (1 - a * a)
    dparams = {"W": x.T @ dz, "b": dz.mean(axis=0)}, {}, {"W": a.T @ dy, "b": dy.sum(axis=0)}
    return a @ last["W"] + last["b"], dz @ first["W"].T, dparams


def test_the_first_wrong_gradient_of_a_candidate(framework, explained):
    gradients = gradients_of(Candidate("mine", vjp=own).vjp, explained.problem("mlp"))
    wrong = first_wrong_gradient(explained.ledger("mlp"), framework.name, gradients)
    assert (wrong.step.leaf, wrong.hint) == ("d0.b", "it is 0.2 times the right value")
    assert wrong.after.step.leaf == "d0.W"


def test_a_right_program_has_no_wrong_step(framework, explained):
    for name in NETWORKS:
        p = explained.problem(name)
        runs = recorded(p, p.network, p.loss)
        assert first_wrong(explained.ledger(name), framework.name, runs) is None
