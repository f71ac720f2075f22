"""Rows of a whole run from objects and views, wherever records lie."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.fit.numbering import places_of, run_rows
from neuralviews.signals.base import Objects

from ..store.stores import make_records


def objects(numbers: list[int]) -> Objects:
    count = len(numbers)
    return Objects(np.array(numbers, np.uint32), np.zeros(count, np.int32), np.zeros(count, np.uint8))


@given(st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=30), st.data())
def test_places_are_those_of_the_objects(numbers: set[int], data: st.DataObject) -> None:
    known = objects(sorted(numbers))
    asked = data.draw(st.lists(st.sampled_from(sorted(numbers)), min_size=1))
    places = places_of(np.array(asked, np.uint32), known)
    assert known.object_id[places].tolist() == asked


def test_of_an_object_that_is_not_there_another_is_named() -> None:
    known = objects([3, 7])
    places = places_of(np.array([0, 5, 2**32 - 1], np.uint32), known)
    assert (known.object_id[places] != [0, 5, 2**32 - 1]).all()


@given(st.lists(st.integers(0, 98), min_size=1, max_size=20))
def test_rows_of_records_are_their_numbers(rows: list[int]) -> None:
    """`make_records` has three views of each of the objects 0, 1, 2, ..."""
    records = make_records(range(99)).take(np.array(rows))
    assert run_rows(records, objects([*range(33)]), 3).tolist() == rows
    assert run_rows(records, objects([*range(33)]), 5).tolist() == [5 * (row // 3) + row % 3 for row in rows]
