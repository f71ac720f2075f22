"""Record ids kept as runs: like the array of them in every way that parents are asked for."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.augment.row_runs import RowRuns

ids = st.lists(st.integers(0, 60), unique=True, min_size=1, max_size=40).map(sorted)


@given(ids, st.lists(st.integers(0, 40), max_size=4), st.data())
def test_they_are_like_the_array(rows: list[int], cuts: list[int], data: st.DataObject) -> None:
    array = np.array(rows)
    runs = RowRuns.joined(np.split(array, sorted(cut for cut in cuts if cut <= len(array))))
    assert len(runs) == len(array)
    places = np.array(data.draw(st.lists(st.integers(0, len(array) - 1))), np.int64)
    np.testing.assert_array_equal(runs[places], array[places])
    np.testing.assert_array_equal(runs[2:-1:2], array[2:-1:2])
    np.testing.assert_array_equal(np.asarray(runs), array)
    assert np.asarray(runs).dtype == runs[places].dtype == np.int64
    wanted = np.arange(64)
    expected = [rows.index(row) if row in rows else -1 for row in wanted]
    assert runs.places(wanted.astype(np.uint64)).tolist() == expected


def test_rows_side_by_side_are_one_run() -> None:
    runs = RowRuns.joined(np.array_split(np.arange(10**6), 64))
    assert len(runs) == 10**6
    assert len(runs._starts) == 64
