"""Subsets: they have the columns and the rules of what they are of; hostile jobs of them are refused."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import FormatError, IntegrityError, SpecError
from neuralviews.field import FieldSpec
from neuralviews.records import Status
from neuralviews.store.canonical import canonical_json, parse_canonical
from neuralviews.store.job import Job
from neuralviews.store.reader import open_store
from neuralviews.store.space import estimate_bytes
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from .stores import CONTENTS, contents, make_job, make_job_of, make_rows, make_subset, make_subset_job

KINDS = {"fitted": "generate", "copies": "augment", "shapes": "generate", "imported": "import"}


def test_nothing_of_a_store_is_forgotten() -> None:
    assert {*KINDS} == {*CONTENTS}


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("content", CONTENTS)
def test_a_subset_of_each_kind(tmp_path: Path, content: str, depth: int) -> None:
    whole: Mapping[str, Any] = make_job_of(content)
    of: Mapping[str, Any] = whole
    for _ in range(depth - 1):
        of = make_subset_job(of)
    store = make_subset(tmp_path / "store", of)
    job = Job.parse(store.job, "job")
    parsed = Job.parse(whole, "whole")
    assert (store.kind, store.made_by, store.job["kind"]) == (KINDS[content], whole, "subset")
    assert (job.made_by, job.kind, job.layout) == (whole, KINDS[content], parsed.layout)
    assert (job.parent_id, job.pipelines, job.max_disagreement) == (
        parsed.parent_id,
        parsed.pipelines,
        parsed.max_disagreement,
    )
    assert (job.rows, job.rows_per_shard, job.content) == (64, 32, store.job)
    assert job.id != parsed.id
    found, expected = store.read(np.arange(64)), make_rows(content, range(64))
    np.testing.assert_array_equal(found.weights, expected.weights)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)
    assert verify(store.root, "semantic").rows == 64
    assert sum(map(len, contents(store.root).values())) <= estimate_bytes(store.job)
    summary = json.loads((store.root / "manifest.json").read_bytes())["summary"]
    assert ("shapes" in summary) == (content == "shapes")
    assert ("unknown" in summary["status"]) == (content == "imported")


@pytest.mark.parametrize(
    ("content", "name", "value", "message"),
    [
        ("fitted", "psnr", np.nan, "psnr of record 1 is nan, expected"),
        ("fitted", "status", Status.unknown, "status of record 1 is 3, expected 0 to 2"),
        ("imported", "attributes", np.inf, "attributes of record 1 is inf, expected"),
        ("shapes", "iou", 2, "iou of record 1 is 2, expected -1 to 1"),
        ("copies", "pipeline", 2, "pipeline of record 1 is not one of 0 to 1"),
        ("fitted", "record_id", 77, "record_id does not run from 0 to 31"),
    ],
)
def test_the_rules_are_those_of_the_whole(
    tmp_path: Path, content: str, name: str, value: float, message: str
) -> None:
    writer = StoreWriter(tmp_path / "store", make_subset_job(make_job_of(content), 64))
    records = make_rows(content, writer.row_range(0))
    column = records.columns[name].copy()
    column[1] = value
    with pytest.raises(SpecError, match=f"^shard 0: {message}"):
        writer.commit(0, dataclasses.replace(records, columns={**records.columns, name: column}))


def test_records_of_other_columns_are_refused(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", make_subset_job(make_job_of("imported"), 64))
    with pytest.raises(SpecError, match="shard 0: found RowLayout"):
        writer.commit(0, make_rows("fitted", range(32)))


def test_marked_shapes_are_those_of_the_wholes_limit(tmp_path: Path) -> None:
    marked = []
    for limit in (0.0, 1.0):
        root = tmp_path / f"{limit:g}"
        make_subset(root, make_job_of("shapes", max_disagreement=limit))
        marked.append(json.loads((root / "manifest.json").read_bytes())["summary"]["shapes"]["marked"])
    assert marked[0] > marked[1] == 0


def test_what_a_subset_says_of_columns_means_nothing() -> None:
    """Only the job of the whole does."""
    job = make_subset_job(make_job()) | {"columns": {"attributes": 2}, "max_disagreement": "x"}
    assert Job.parse(job, "job.json").layout.attributes == 0


def deep(levels: int) -> dict[str, Any]:
    job: dict[str, Any] = make_job()
    for _ in range(levels):
        job = make_subset_job(job)
    return job


OTHER = FieldSpec([2, 4, 4, 1], 30.0, 0.5)
HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({"of": None}, r"found of\.dataset_id None, expected 64 lower-case hexadecimal digits"),
    "no object": ({"of": [1]}, r"found of\.dataset_id None, expected 64 lower-case"),
    "no id": ({"of": {"job": make_job()}}, r"found of\.dataset_id None, expected 64"),
    "another id": (
        {"of": {"dataset_id": "A" * 64, "job": make_job()}},
        r"found of\.dataset_id 'AAAA.*, expected 64 lower-case",
    ),
    "no job": (
        {"of": {"dataset_id": "0" * 64}},
        r"of\.job is not that of a store of such fields; the job was",
    ),
    "a job of text": (
        {"of": {"dataset_id": "0" * 64, "job": "x"}},
        r"of\.job is not that of a store of such",
    ),
    "other fields": (
        {"of": {"dataset_id": "0" * 64, "job": make_job(spec=OTHER)}},
        r"of\.job is not that of a store of such fields; the job was edited",
    ),
    "more than the whole": (
        {"rows": 101},
        "found rows 101, expected at most those of the store that it is of",
    ),
    "a whole without rows": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job(), "rows": None}}},
        r"found of\.job\.rows None, expected 1 to",
    ),
    "a whole of text rows": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job(), "rows": "9"}}},
        r"found of\.job\.rows '9', expected 1 to",
    ),
    "an unknown kind": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job(), "kind": "distil"}}},
        r"of\.job: found kind 'distil', this neuralviews reads .*; update it",
    ),
    "another format": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job(), "format": "zarr"}}},
        r"of\.job: not a neuralviews store",
    ),
    "a newer version": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job(), "format_version": 2}}},
        r"of\.job: written by a newer neuralviews",
    ),
    "copies without parent": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job_of("copies"), "parent": None}}},
        r"of\.job: found parent\.dataset_id None",
    ),
    "an import of unnamed numbers": (
        {"of": {"dataset_id": "0" * 64, "job": {**make_job_of("imported"), "attributes": []}}},
        r"of\.job: found attributes \[\], expected 2 different names",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_jobs_are_refused(tmp_path: Path, case: str) -> None:
    values, message = HOSTILE[case]
    job = make_subset_job(make_job()) | values
    with pytest.raises(FormatError, match=rf"^job\.json: {message}"):
        Job.parse(job, "job.json")
    with pytest.raises(FormatError, match=message):
        StoreWriter(tmp_path / "store", job)
    assert not (tmp_path / "store").exists()


def test_rows_grow_towards_the_whole_at_every_level() -> None:
    job = deep(2)
    assert Job.parse(job, "job.json").rows == 100
    job["of"]["job"]["of"]["job"] = make_job(rows=99)
    message = r"^job\.json: of\.job: found rows 100, expected at most those of the store that it is of"
    with pytest.raises(FormatError, match=message):
        Job.parse(job, "job.json")


def test_chains_end(tmp_path: Path) -> None:
    """JSON of a store has 100 levels at most, so no chain is longer than can be followed."""
    assert Job.parse(deep(40), "job.json").made_by == make_job()
    with pytest.raises(FormatError, match="cannot be JSON of a store"):
        StoreWriter(tmp_path / "store", deep(60))
    text = b'{"of":{"job":' * 5000 + b"1" + b"}}" * 5000 + b"\n"
    with pytest.raises(FormatError, match=r"job\.json: "):
        parse_canonical(text, "job.json")


def test_a_forged_manifest_of_a_subset(tmp_path: Path) -> None:
    store = make_subset(tmp_path / "store", make_job())
    path = store.root / "manifest.json"
    value = json.loads(path.read_bytes())
    value["job"]["of"]["job"]["rows"] = 3
    path.write_bytes(canonical_json(value))
    with pytest.raises(FormatError, match=r"manifest\.json: job: found rows 64, expected at most those"):
        open_store(store.root)
    value["job"]["of"]["job"] = make_job_of("imported")
    path.write_bytes(canonical_json(value))
    with pytest.raises(FormatError, match=r"manifest\.json: shard 0: found datasets"):
        open_store(store.root)


def test_a_subset_is_another_store(tmp_path: Path) -> None:
    """The same records, but another job, so that each proves its own."""
    store = make_subset(tmp_path / "store", make_job(rows=64), rows=64)
    writer = StoreWriter(tmp_path / "whole", make_job(rows=64))
    for shard in writer.missing():
        writer.commit(shard, make_rows("fitted", writer.row_range(shard)))
    assert writer.finalize() != store.dataset_id
    for name in ("shard-000000.h5", "shard-000000.h5.json"):
        (store.root / "shards" / name).write_bytes((tmp_path / "whole" / "shards" / name).read_bytes())
    with pytest.raises(IntegrityError, match=r"shard-000000\.h5|does not follow"):
        verify(store.root, "full")
