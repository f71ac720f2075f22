"""What spans shards, found from runs of records: as a look at all records at once finds it."""

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neuralviews.records import Split, Status
from neuralviews.store.job import Job
from neuralviews.store.object_runs import FACTS, ObjectRuns
from neuralviews.store.totals import Totals

from .stores import make_job, make_records, make_shapes, make_shapes_job

Row = tuple[int, int, int]
rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 1)), min_size=1, max_size=40)


def columns_of(records: list[Row]) -> dict[str, NDArray[Any]]:
    object_id, view, split = np.array(records).T
    return {
        "object_id": object_id.astype(np.uint32),
        "view": view.astype(np.uint16),
        "split": split.astype(np.uint8),
    }


def runs_of(records: list[Row], cuts: list[int]) -> ObjectRuns:
    """Taken in shard by shard, cut at these places."""
    found = ObjectRuns(["split"])
    bounds = [0, *sorted(cut % (len(records) + 1) for cut in cuts), len(records)]
    for start, stop in pairwise(bounds):
        if start < stop:
            found.add(columns_of(records[start:stop]))
    return found


def expected_problems(records: list[Row]) -> list[str]:
    """The first object of two splits, and the first view that an object has twice."""
    splits = defaultdict(set)
    for object_id, _, split in records:
        splits[object_id].add(split)
    crossing = sorted(object_id for object_id, found in splits.items() if len(found) > 1)
    twice = sorted(k for k, count in Counter((o, v) for o, v, _ in records).items() if count > 1)
    problems = [f"object {crossing[0]} is in more than one split"] if crossing else []
    return problems + ([f"object {twice[0][0]} has view {twice[0][1]} more than once"] if twice else [])


@given(rows, st.lists(st.integers(0, 100), max_size=4))
def test_problems_are_those_of_all_records(records: list[Row], cuts: list[int]) -> None:
    assert [*runs_of(records, cuts).problems()] == expected_problems(records)


@given(rows, st.lists(st.integers(0, 100), max_size=4))
def test_objects_are_those_of_all_records(records: list[Row], cuts: list[int]) -> None:
    owners = {object_id: object_id % 2 for object_id, _, _ in records}
    found = runs_of([(object_id, view, owners[object_id]) for object_id, view, _ in records], cuts).objects()
    assert dict(zip(found["object_id"].tolist(), found["split"].tolist(), strict=True)) == owners
    assert found["object_id"].tolist() == sorted(owners)


def test_the_last_view_of_an_object_is_apart_from_the_first_of_the_next() -> None:
    ends = [(0, 65_535, 0), (1, 0, 0), (1, 65_535, 0), (2, 0, 0)]
    assert not [*runs_of(ends, [2]).problems()]
    assert [*runs_of([*ends, (1, 65_535, 0)], [2]).problems()] == ["object 1 has view 65535 more than once"]
    largest = [(2**32 - 1, view, 0) for view in (0, 65_535, 65_535)]
    assert [*runs_of(largest, []).problems()] == ["object 4294967295 has view 65535 more than once"]


def test_an_ordered_store_is_kept_as_a_run_an_object_and_shard() -> None:
    runs = ObjectRuns(["split"])
    for start in range(0, 3000, 1000):
        view = np.arange(start, start + 1000) % 500
        runs.add(
            {
                "object_id": (np.arange(start, start + 1000) // 500).astype(np.uint32),
                "view": view.astype(np.uint16),
                "split": np.zeros(1000, np.uint8),
            }
        )
    assert sum(len(part["object_id"]) for part in runs._parts) == 6


def test_facts_that_differ_within_and_across_shards_are_found() -> None:
    for name in FACTS:
        for changed in (
            1,
            40,
        ):  # the second view of the first object; a view whose first is in the shard before
            runs = ObjectRuns(["split", *FACTS])
            columns = {key: value.copy() for key, value in make_shapes(range(100)).columns.items()}
            columns[name][changed] += 1
            for part in (slice(0, 40), slice(40, 100)):
                runs.add({key: value[part] for key, value in columns.items()})
            assert [*runs.problems()] == [f"{name} of object {changed // 3} differs between its views"]


@given(st.integers(1, 200), st.lists(st.integers(1, 199), max_size=5))
def test_totals_do_not_depend_on_the_cut(count: int, cuts: list[int]) -> None:
    for make, job in ((make_records, make_job), (make_shapes, make_shapes_job)):
        columns = make(range(count)).columns
        bounds = [0, *sorted({cut for cut in cuts if cut < count}), count]
        totals = Totals(Job.parse(job(rows=count), "job"))
        for start, stop in pairwise(bounds):
            totals.add({name: column[start:stop] for name, column in columns.items()})
        assert not [*totals.problems()]
        found, psnr = totals.summary(), np.sort(columns["psnr"])
        assert found.psnr
        order = (found.psnr.median, found.psnr.p05, found.psnr.min)
        assert order == (psnr[(count - 1) // 2], psnr[5 * (count - 1) // 100], psnr[0])
        for part in Split:
            of = columns["split"] == part
            assert found.splits[part.name].records == of.sum()
            assert found.splits[part.name].objects == len(np.unique(columns["object_id"][of]))
        assert found.status["diverged"] == (columns["status"] == Status.diverged).sum()
        if found.shapes:
            errors = np.sort(columns["surface_error"])
            assert found.shapes.surface_error.max == errors[-1]
            assert sum(found.shapes.targets.values()) == len(np.unique(columns["object_id"]))
