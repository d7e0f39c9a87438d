"""What can be asked of the samples themselves: that they are awkward enough to show a mistake."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import backproof
from backproof.reference import discovery
from backproof.reference.reductions import REDUCTIONS
from backproof.reference.tree import leaves


@pytest.fixture(params=discovery.everything().values(), ids=lambda spec: spec.__name__)
def samples(request):
    return list(request.param.samples())


def test_every_hyperparameter_is_set(samples):
    """One that keeps its default everywhere could be ignored by everybody, and nobody would see."""
    for field in dataclasses.fields(samples[0].spec):
        values = {repr(getattr(sample.spec, field.name)) for sample in samples}
        assert field.default is dataclasses.MISSING or len(values) > 1, field.name


@pytest.mark.parametrize("name", discovery.losses())
def test_every_reduction_is_taken(name):
    samples = discovery.losses()[name].samples()
    assert {sample.spec.reduction for sample in samples} >= set(REDUCTIONS)


@pytest.mark.parametrize("name", {**discovery.layers(), **discovery.losses()})
def test_batches_are_larger_than_one(name, every_setting):
    """A mean over a batch of one is a sum."""
    arrays = [
        array for setting in every_setting if setting.id.rpartition("-")[0] == name
        for _, array in leaves(setting.x("float64"))
    ]  # fmt: skip
    assert max(len(array) for array in arrays if np.ndim(array)) > 1


def test_kinks_name_who_must_differ(every_setting):
    for setting in every_setting:
        assert set(setting.sample.kink) <= set(backproof.adapter_names())
