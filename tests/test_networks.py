"""The named networks: published numbers, in every framework, and data that a seed decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backproof.adapters.loading import load
from backproof.comparisons.job import Task
from backproof.comparisons.named_network import BATCH
from backproof.comparisons.networks import NETWORKS, named
from backproof.reference.optimizers.sgd import SGD
from backproof.reference.tree import leaves


@pytest.fixture
def framework_or_reference(adapter):
    return load(adapter)


def printed(value, text):
    """Whether a number, rounded to the digits of the text, reads as the text."""
    return f"{float(np.asarray(value).item()):.{len(text.partition('.')[2])}f}" == text


def close(value, text):
    """Whether it agrees with printed digits, the last one off by one at most (it was cut off)."""
    digits = len(text.partition(".")[2])
    return abs(float(np.asarray(value).item()) - float(text)) < 10.0**-digits


def train(adapter, name, optimizer, steps):
    network = named(name)
    batches = network.batches(steps, "float64", 0)
    start = network.start("float64", 0)
    return list(adapter.train(network.network, network.loss, optimizer, start, batches))


def test_lesson_reproduces_the_numbers_of_its_last_neuron(framework_or_reference):
    network = named("lesson")
    w, b = (network.params[2][k] for k in ("W", "b"))
    x, _ = network.data()
    first = network.network.layers[0].forward(network.params[0], x)[0]
    a = 1 / (1 + np.exp(-first))
    assert a.item() == pytest.approx(0.25, rel=1e-15)
    assert (w * a + b).item() == pytest.approx(1.125, rel=1e-15)
    adapter = framework_or_reference
    y, *_ = adapter.vjp(network.network, network.start("float64", 0), x, np.ones((1, 1)))
    assert printed(y, "0.7549149869")
    (step,) = train(adapter, "lesson", SGD(lr=0.5), 1)
    assert printed(step.loss, "0.0600666637")
    assert printed(step.grads[2]["W"], "-0.0226726123")
    assert printed(step.grads[2]["b"], "-0.0906904492")


def test_mazur_reproduces_the_published_forward_pass(framework_or_reference):
    network = named("mazur")
    x, target = network.data()
    adapter = framework_or_reference
    hidden = replace(network, network=type(network.network)(*network.network.layers[:2]))
    out_h = adapter.vjp(hidden.network, network.params[:2], x, np.ones((1, 2))).y
    out_o = adapter.vjp(network.network, network.params, x, np.ones((1, 2))).y
    assert close(out_h[0, 0], "0.593269992")
    assert close(out_h[0, 1], "0.596884378")
    assert close(out_o[0, 0], "0.75136507")
    assert close(out_o[0, 1], "0.772928465")
    loss = adapter.loss_vjp(network.loss, out_o, target, np.ones(())).y
    assert close(loss, "0.298371109")


def test_mazur_reproduces_the_published_gradient_and_step(framework_or_reference):
    first, second = train(framework_or_reference, "mazur", SGD(lr=0.5), 2)
    assert close(first.grads[2]["W"][0, 0], "0.082167041")  # his w5
    assert close(first.grads[0]["W"][0, 0], "0.000438568")  # his w1
    hidden, output = first.params[0]["W"], first.params[2]["W"]
    his = {
        "0.149780716": hidden[0, 0], "0.19956143": hidden[1, 0],
        "0.24975114": hidden[0, 1], "0.29950229": hidden[1, 1],
        "0.35891648": output[0, 0], "0.408666186": output[1, 0],
        "0.511301270": output[0, 1], "0.561370121": output[1, 1],
    }  # fmt: skip
    assert not [text for text, w in his.items() if not close(w, text)]
    assert float(second.loss) == pytest.approx(0.29102777369359933, rel=1e-14)


def test_digits_are_the_real_ones():
    pytest.importorskip("sklearn", reason="digits: pip install 'backproof[datasets]'")
    for name, shape in (("digits-mlp", (64,)), ("digits-cnn", (1, 8, 8))):
        x, target = named(name).data()
        assert x.shape == (1797, *shape)
        assert (x.min(), x.max()) == (0, 1)
        assert np.bincount(target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_minibatches_cover_an_epoch_and_a_seed_decides_them():
    pytest.importorskip("sklearn", reason="digits: pip install 'backproof[datasets]'")
    network = named("digits-mlp")
    epoch = 1797 // BATCH
    batches = network.batches(epoch + 1, "float64", 0)
    rows = np.concatenate([x for x, _ in batches[:epoch]])
    data = {r.tobytes() for r in network.data()[0]}
    assert rows.shape == (epoch * BATCH, 64)
    assert len({r.tobytes() for r in rows}) > len(data) - 100  # no sample twice in an epoch
    again, other = network.batches(3, "float64", 0), network.batches(3, "float64", 1)
    for (x, t), (x2, t2) in zip(batches, again, strict=False):
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(t, t2)
    assert not np.array_equal(batches[0][0], other[0][0])
    assert network.batches(1, "float32", 0)[0][0].dtype == np.float32
    assert network.batches(1, "float32", 0)[0][1].dtype.kind == "i"


@pytest.mark.parametrize("name", NETWORKS)
def test_where_training_starts_is_decided_by_the_seed(name):
    network = named(name)
    one, same, other = (dict(leaves(network.start("float64", s))) for s in (0, 0, 1))
    assert all(np.array_equal(one[k], same[k]) for k in one)
    fixed = network.params is not None
    assert all(np.array_equal(one[k], other[k]) for k in one) == fixed


@pytest.mark.parametrize("name", ["lesson", "digits-mlp"])
def test_the_same_seed_gives_the_same_bits(name, installed):
    if named(name).needs:
        pytest.importorskip("sklearn", reason="digits: pip install 'backproof[datasets]'")
    task = Task(name, "float32", adapters=tuple(installed), steps=2)
    one, two = task.run(), task.run()
    assert one.equals(two)
    assert not one.equals(replace(task, seed=1).run())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_task_reports_each_of_its_parts(name):
    if named(name).needs:
        pytest.importorskip("sklearn", reason="digits: pip install 'backproof[datasets]'")
    task, heard = Task(name, "float64", adapters=("numpy",), steps=2), []
    task.run(heard.append)
    assert len(heard) == task.parts
