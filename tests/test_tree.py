"""Trees of parameters: paths, order, and the functions that walk them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from backproof.reference.tree import joined, leaves, map_floats, split, tree_map, unflatten, unzip

TREE = ({"W": 1, "b": 2}, {}, ({"gamma": 3}, ()), {"z": 4, "a": 5})
PATHS = ["0.W", "0.b", "2.0.gamma", "3.z", "3.a"]


def test_leaves_have_dotted_paths_in_the_trees_own_order():
    assert list(leaves(TREE)) == list(zip(PATHS, [1, 2, 3, 4, 5], strict=True))


def test_a_bare_array_is_a_leaf_without_a_path():
    array = np.ones((2, 3))
    ((path, leaf),) = leaves(array)
    assert path == ""
    assert leaf is array
    assert tree_map(np.sum, array) == 6


def test_a_list_is_a_leaf():
    assert list(leaves({"a": [1, 2]})) == [("a", [1, 2])]


@pytest.mark.parametrize("empty", [{}, (), ({}, ())])
def test_an_empty_tree_has_no_leaves(empty):
    assert list(leaves(empty)) == []
    assert tree_map(lambda w: w + 1, empty) == empty
    assert unflatten(empty, iter([])) == empty


def test_tree_map_keeps_the_shape():
    assert tree_map(lambda w: 10 * w, TREE) == (
        {"W": 10, "b": 20}, {}, ({"gamma": 30}, ()), {"z": 40, "a": 50}
    )  # fmt: skip
    assert list(tree_map(str, TREE)[3]) == ["z", "a"]


def test_tree_map_matches_by_key_and_not_by_order():
    assert tree_map(lambda a, b: a - b, {"x": 5, "y": 7}, {"y": 1, "x": 2}) == {"x": 3, "y": 6}


def test_a_leaf_may_stand_beside_a_subtree():
    state = ({"W": {"m": 1, "v": 2}},)
    assert tree_map(lambda w, s: w + s["m"] + s["v"], ({"W": 10},), state) == ({"W": 13},)


@pytest.mark.parametrize("other", [({"V": 1},), ({},), ()])
def test_tree_map_wants_a_matching_tree(other):
    with pytest.raises((KeyError, IndexError)):
        tree_map(lambda a, b: a, ({"W": 1},), other)


def test_unzip_splits_pairs():
    pairs = ({"W": (1, {"m": 2})}, {}, (3, {"m": 4}))
    like = ({"W": 0}, {}, 0)
    assert unzip(pairs, 2, like) == (({"W": 1}, {}, 3), ({"W": {"m": 2}}, {}, {"m": 4}))


def test_unflatten_is_the_inverse_of_leaves():
    values = iter(value for _, value in leaves(TREE))
    assert unflatten(TREE, values) == TREE
    assert next(values, None) is None
    with pytest.raises((StopIteration, RuntimeError)):
        unflatten(TREE, iter([1, 2]))


ARRAYS = {"W": np.arange(6.0).reshape(2, 3), "b": (np.arange(6.0, 8.0), np.array(8.0))}


def test_joined_and_split_are_each_others_inverse():
    vector = joined(ARRAYS)
    np.testing.assert_array_equal(vector, np.arange(9.0))
    for (path, a), (_, b) in zip(leaves(ARRAYS), leaves(split(ARRAYS, vector)), strict=True):
        assert a.shape == b.shape, path
        np.testing.assert_array_equal(a, b)


def test_joined_keeps_leading_axes():
    stacked = split(ARRAYS, np.arange(18.0).reshape(2, 9))
    assert [a.shape for _, a in leaves(stacked)] == [(2, 2, 3), (2, 2), (2,)]
    np.testing.assert_array_equal(joined(stacked, 1), np.arange(18.0).reshape(2, 9))


@dataclass(frozen=True)
class Inner:
    rate: float = 0.5
    count: int = 2


@dataclass(frozen=True)
class Outer:
    inner: Inner = field(default=Inner())
    decay: float = 0.25
    name: str = "x"
    rates: tuple[float, ...] = (0.5,)
    none: float | None = None


def test_map_floats_finds_the_floats_of_nested_specs():
    assert map_floats(lambda x: 2 * x, Outer()) == Outer(Inner(1.0), 0.5)
