"""Every sample of every schedule and transform: the adapters give the same values."""

from __future__ import annotations

import numpy as np

from backproof.reference import discovery
from backproof.reference.tree import leaves


def test_adapter_matches(function, adapter, precision, assert_match):
    assert_match(function.compare_values(adapter, precision))


def test_the_same_twice(function, precision):
    x = function.x(precision)
    first, again = (list(leaves(function.spec(x))) for _ in range(2))
    assert [(path, np.asarray(a).tobytes()) for path, a in first] == [
        (path, np.asarray(a).tobytes()) for path, a in again
    ]


def test_a_schedule_gives_a_rate_for_every_update():
    for name, spec in discovery.schedules().items():
        for sample in spec.samples():
            t = sample.x(np.random.default_rng(0))
            rates = np.asarray(sample.spec(t))
            assert rates.shape == t.shape, name
            assert (rates >= 0).all(), name
            # The numbers of the updates decide, not where they stand.
            np.testing.assert_array_equal(sample.spec(t[::-1])[::-1], rates)


def test_a_transform_keeps_shapes_and_dtype(precision):
    for name in ("ClipByGlobalNorm", "ClipByNorm", "ClipByValue", "ExponentialAverage"):
        for sample in discovery.transforms()[name].samples():
            x = sample.x(np.random.default_rng(0))
            x = (
                tuple(a.astype(precision) for a in x)
                if isinstance(x, tuple)
                else x.astype(precision)
            )
            for (_, a), (_, b) in zip(leaves(x), leaves(sample.spec(x)), strict=True):
                assert (a.shape, a.dtype) == (b.shape, b.dtype), name
