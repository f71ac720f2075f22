from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import FormatError
from neuralviews.field import FieldSpec
from neuralviews.store.canonical import canonical_json, sha256_hex
from neuralviews.store.job import Job, differences
from neuralviews.store.layout import RowLayout

from .stores import SPEC, make_copies_job, make_job, make_shapes_job


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
        (
            "kind",
            "distil",
            r"found kind 'distil', this neuralviews reads 'generate', 'augment', 'import', 'subset'; update",
        ),
        ("kind", ["augment"], r"found kind \['augment'\], this neuralviews reads"),
        ("kind", None, "found kind None, this neuralviews reads"),
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


def test_an_augmented_store_has_wider_rows_and_a_parent() -> None:
    content = make_copies_job(columns={"classes": 4, "params": 7}, parent="ab" * 32)
    job = Job.parse(content, "job.json")
    assert job.layout == RowLayout(SPEC.parameters, 4, 7)
    assert (job.kind, job.parent_id, job.pipelines) == ("augment", "ab" * 32, 2)
    fitted = Job.parse(make_job(), "job.json")
    assert fitted.layout == RowLayout(SPEC.parameters)
    assert (fitted.kind, fitted.parent_id, fitted.pipelines) == ("generate", None, 0)


def test_what_only_augmented_stores_have_means_nothing_elsewhere() -> None:
    job = Job.parse(make_job(pipelines=0, parent=0), "job.json")
    assert (job.layout, job.parent_id, job.pipelines) == (RowLayout(SPEC.parameters), None, 0)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("columns", None, "found columns None, expected the widths of classes and params, no more"),
        ("columns", {"classes": 2}, r"found columns \{'classes': 2\}, expected the widths of"),
        ("columns", {"classes": 2, "params": 3, "more": 1}, "found columns .*, expected the widths of"),
        ("columns", {"classes": 0, "params": 3}, r"found columns\.classes 0, expected 1 to 4096"),
        ("columns", {"classes": 4097, "params": 3}, r"found columns\.classes 4097, expected 1 to 4096"),
        ("columns", {"classes": 2, "params": 2.0}, r"found columns\.params 2\.0, expected 1 to 1048576"),
        ("columns", {"classes": 2, "params": True}, r"found columns\.params True, expected 1 to 1048576"),
        ("pipelines", None, "found pipelines None, expected a list of 1 to 65536"),
        ("pipelines", [], "found pipelines 0, expected a list of 1 to 65536"),
        ("pipelines", [0] * 65537, "found pipelines 65537, expected a list of 1 to 65536"),
        ("parent", None, r"found parent\.dataset_id None, expected 64 lower-case hexadecimal digits"),
        ("parent", {}, r"found parent\.dataset_id None, expected 64"),
        ("parent", {"dataset_id": 7}, r"found parent\.dataset_id 7, expected 64"),
        ("parent", {"dataset_id": "A" * 64}, r"found parent\.dataset_id 'AAA.*, expected 64"),
        ("parent", {"dataset_id": "a" * 64 + "\n"}, r"found parent\.dataset_id 'aaa.*, expected 64"),
    ],
)
def test_a_bad_key_of_an_augmented_store_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(FormatError, match=rf"^job\.json: {message}"):
        Job.parse({**make_copies_job(), key: value}, "job.json")


def test_a_store_of_shapes_has_wider_rows_and_a_limit() -> None:
    job = Job.parse(make_shapes_job(max_disagreement=1), "job.json")
    assert job.layout == RowLayout(SPEC.parameters, repairs=5)
    assert (job.kind, job.parent_id, job.pipelines, job.max_disagreement) == ("generate", None, 0, 1.0)
    fitted = Job.parse(make_job(max_disagreement="any"), "job.json")
    assert (fitted.layout.repairs, fitted.max_disagreement) == (0, None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("columns", None, "found columns None, expected the width of repairs, no more"),
        ("columns", {}, r"found columns \{\}, expected the width of repairs, no more"),
        ("columns", {"classes": 2, "params": 3}, "found columns .*, expected the width of repairs"),
        ("columns", {"repairs": 5, "params": 3}, "found columns .*, expected the width of repairs"),
        ("columns", {"repairs": 6}, r"found columns\.repairs 6, expected 5"),
        ("columns", {"repairs": 5.0}, r"found columns\.repairs 5\.0, expected 5"),
        ("columns", {"repairs": True}, r"found columns\.repairs True, expected 5"),
        ("max_disagreement", None, "found max_disagreement None, expected a number from 0 to 1"),
        ("max_disagreement", True, "found max_disagreement True, expected a number from 0 to 1"),
        ("max_disagreement", "0", "found max_disagreement '0', expected a number"),
        ("max_disagreement", 1.5, r"found max_disagreement 1\.5, expected a number"),
        ("max_disagreement", -1, "found max_disagreement -1, expected a number"),
        ("max_disagreement", 10**400, "found max_disagreement 1000.*, expected a number"),
    ],
)
def test_a_bad_key_of_a_store_of_shapes_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(FormatError, match=rf"^job\.json: {message}"):
        Job.parse({**make_shapes_job(), key: value}, "job.json")


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


def test_shards_state_the_arch_as_the_job_spells_it() -> None:
    """Other writers may spell 30 what ours spells 30.0: the canonical JSON is of what stands there."""
    arch = {**SPEC.to_json(), "omega": [30, 15.5], "output_scale": 2}
    job = Job.parse({**make_job(), "arch": arch}, "job.json")
    assert job.arch == canonical_json(arch) != canonical_json(job.spec.to_json())
    assert job.spec == FieldSpec(SPEC.dims, [30.0, 15.5], SPEC.output_offset, 2.0)
    assert Job.parse(make_job(), "job.json").arch == canonical_json(SPEC.to_json())


@pytest.mark.parametrize("key", ["dims", "omega", "parameters", "other"])
def test_a_large_description_is_refused_before_it_is_read(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(value: object) -> None:
        raise AssertionError("it was read")

    arch = {**SPEC.to_json(), key: [1] * 30_000}
    monkeypatch.setattr(FieldSpec, "from_json", refuse)
    with pytest.raises(
        FormatError, match=rf"^job\.json: arch takes {len(canonical_json(arch))} bytes, at most 60000; use"
    ):
        Job.parse({**make_job(), "arch": arch}, "job.json")


@pytest.mark.parametrize("attributes", [["a"], None, []])
def test_imported_attributes_need_their_width(attributes: Any) -> None:
    job = make_job(kind="import", attributes=attributes)
    with pytest.raises(
        FormatError, match=r"^job\.json: found columns None, expected the width of attributes, no more$"
    ):
        Job.parse(job, "job.json")
    assert Job.parse(make_job(attributes=attributes), "job.json").layout.attributes == 0  # of other kinds
