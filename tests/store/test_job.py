from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import FormatError
from neuralviews.field import FieldSpec
from neuralviews.store.canonical import canonical_json, sha256_hex
from neuralviews.store.job import Job, differences

from .stores import SPEC, make_job


@given(st.integers(1, 5000), st.integers(1, 700))
def test_shards_partition_the_rows(rows: int, rows_per_shard: int) -> None:
    job = Job.parse(make_job(rows, rows_per_shard), "job.json")
    ranges = [job.row_range(shard) for shard in range(job.shard_count)]
    assert [row for part in ranges for row in part] == list(range(rows))
    assert all(len(part) == rows_per_shard for part in ranges[:-1])
    with pytest.raises(IndexError, match="expected 0 to"):
        job.row_range(job.shard_count)


def test_what_the_store_does_not_know_is_carried_along() -> None:
    content = make_job(other={"a": [1, None]})
    job = Job.parse(content, "job.json")
    assert (job.rows, job.spec, job.content["other"]) == (100, SPEC, {"a": [1, None]})
    assert job.id == sha256_hex(canonical_json(content))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "zarr", r"^job\.json: not a neuralviews store"),
        (
            "format_version",
            2,
            r"written by a newer neuralviews \(store format 2, this one reads up to 1\); update it",
        ),
        ("format_version", "1", "found format_version '1', expected a positive integer"),
        ("format_version", True, "found format_version True"),
        ("format_version", 0, "found format_version 0"),
        ("kind", "augment", r"found kind 'augment', this neuralviews reads 'generate'; update it"),
        ("rows", 0, "found rows 0, expected 1 to 281474976710656"),
        ("rows", 2.0, r"found rows 2\.0, expected 1 to"),
        ("rows", True, "found rows True, expected 1 to"),
        ("rows", 1 << 60, "found rows 1152921504606846976, expected 1 to"),
        ("rows_per_shard", None, "found rows_per_shard None, expected 1 to"),
        ("arch", None, "arch: field specification"),
        ("arch", {**SPEC.to_json(), "dims": [2, -5, 1]}, "arch: dims: found -5"),
        ("arch", {**SPEC.to_json(), "output_offset": 10**400}, "arch: "),
    ],
)
def test_a_bad_key_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Job.parse({**make_job(), key: value}, "job.json")


def test_too_many_shards_are_refused() -> None:
    Job.parse(make_job(rows=50_000, rows_per_shard=1), "job.json")
    message = r"job\.json: 50001 shards, at most 50000; raise store\.rows_per_shard to 2 or more"
    with pytest.raises(FormatError, match=message):
        Job.parse(make_job(rows=50_001, rows_per_shard=1), "job.json")


def test_long_values_are_cut_where_jobs_differ() -> None:
    (line,) = differences({"a": list(range(1000))}, {"a": "x" * 1000})
    assert line.startswith("a: there [0, 1, 2, ")
    assert len(line) < 150


def test_a_description_that_no_attribute_can_hold_is_refused() -> None:
    with pytest.raises(
        FormatError, match=r"job\.json: arch takes \d+ bytes, at most 60000; use fewer layers"
    ):
        Job.parse(make_job(spec=FieldSpec([2] * 1200)), "job.json")


@pytest.mark.parametrize("value", [None, [], 3, "x"])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(FormatError, match="not a neuralviews store"):
        Job.parse(value, "job.json")


def test_differences_are_named_by_their_path() -> None:
    old = {"a": 1, "b": {"c": [1, 2], "d": 1}, "same": 0}
    new = {"a": 1.0, "b": {"c": [1, 3]}, "same": 0}
    assert list(differences(old, new)) == [
        "a: there 1, here 1.0",
        "b.c: there [1, 2], here [1, 3]",
        "b.d: there 1, here None",
    ]
