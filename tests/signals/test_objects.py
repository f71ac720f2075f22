"""Subsets of objects and splits: in proportion, by hash, once for all views."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import RecipeError, SourceError
from neuralviews.records import Split
from neuralviews.seeds import derive_seed
from neuralviews.signals.base import Objects
from neuralviews.signals.splits import assign_splits

from .source_files import recipe_for


def objects_with(splits: list[int]) -> Objects:
    count = len(splits)
    return Objects(np.arange(count, dtype=np.uint32), np.zeros(count, np.int32), np.array(splits, np.uint8))


@given(splits=st.lists(st.integers(0, 2), min_size=1, max_size=60), count=st.integers(1, 70))
def test_limited_keeps_the_proportions_and_the_lowest_ids(splits: list[int], count: int) -> None:
    objects = objects_with(splits)
    kept = objects.limited(count)
    assert len(kept) == min(count, len(objects))
    assert np.all(np.diff(kept.object_id.astype(np.int64)) > 0)
    for split in Split:
        members = objects.object_id[objects.split == split]
        chosen = kept.object_id[kept.split == split]
        assert np.array_equal(chosen, members[: len(chosen)])
        share = len(members) * len(kept) / len(objects)
        assert share - 1 < len(chosen) < share + 1


@given(splits=st.lists(st.integers(0, 2), min_size=2, max_size=40))
def test_limited_to_all_is_all(splits: list[int]) -> None:
    objects = objects_with(splits)
    assert objects.limited(len(objects)) is objects


@pytest.mark.parametrize("count", [0, -3])
def test_limited_needs_an_object(count: int) -> None:
    with pytest.raises(SourceError, match=rf"limit: found {count}, expected at least 1 object"):
        objects_with([0, 1]).limited(count)


def test_random_split_follows_the_hashed_order() -> None:
    recipe = recipe_for({"kind": "digits"}, 1, split={"rule": "random", "val": 3, "test": 2}, seed=7)
    parts = np.array([Split.train] * 20 + [Split.test] * 4, np.uint8)
    splits = assign_splits(recipe, parts)
    order = sorted(range(20), key=lambda i: derive_seed(7, "small", "split", i))
    assert set(np.flatnonzero(splits == Split.val)) == set(order[:3])
    assert set(np.flatnonzero(splits == Split.test)) == {*order[3:5], 20, 21, 22, 23}
    assert np.array_equal(parts, [0] * 20 + [2] * 4)


@given(seed=st.integers(0, 2**32), val=st.integers(0, 9), test=st.integers(0, 9))
def test_random_split_draws_exactly_as_many_as_asked(seed: int, val: int, test: int) -> None:
    recipe = recipe_for({"kind": "digits"}, 1, split={"rule": "random", "val": val, "test": test}, seed=seed)
    splits = assign_splits(recipe, np.zeros(18, np.uint8))
    assert np.bincount(splits, minlength=3).tolist() == [18 - val - test, val, test]


def test_index_split_is_by_object_id_alone() -> None:
    recipe = recipe_for({"kind": "digits"}, 1, split={"rule": "index", "train": 2, "val": 3})
    assert assign_splits(recipe, np.array([2, 2, 0, 0, 2], np.uint8)).tolist() == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"rule": "random", "val": 4, "test": 3},
            r"small: split: found val \+ test = 7, expected at most the 6",
        ),
        (
            {"rule": "index", "train": 2, "val": 7},
            r"small: split.val: found 7, expected .* within the 6 objects",
        ),
    ],
)
def test_splits_larger_than_the_source_are_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        assign_splits(recipe_for({"kind": "digits"}, 1, split=rule), np.zeros(6, np.uint8))
