"""Imported fields: what nobody stated may be unknown, there and nowhere else; each rule is broken once."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from neuralviews.errors import FormatError, IntegrityError, SpecError
from neuralviews.records import COLUMNS, Records, Status
from neuralviews.store import examine
from neuralviews.store.canonical import canonical_json
from neuralviews.store.job import Job
from neuralviews.store.layout import RowLayout
from neuralviews.store.manifest import parse_manifest
from neuralviews.store.manifest_schema import PsnrSummary, Summary
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from .stores import (
    SPEC,
    fill,
    forge,
    make_imported,
    make_imported_job,
    make_imported_store,
    make_job,
    make_job_of,
    make_records,
    make_rows,
    make_store,
)

ROW = 42  # in shard 1; its PSNR and its loss are known


@pytest.fixture(scope="module")
def imported(finished_imported: Path) -> Store:
    return open_store(finished_imported)


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return StoreWriter(tmp_path / "imported", make_imported_job())


def changed(rows: range, row: int, **values: Any) -> Records:
    """The records of these rows, one of which was changed."""
    records = make_imported(rows)
    columns = {name: column.copy() for name, column in records.columns.items()}
    for name, value in values.items():
        columns[name][row - rows.start] = value
    return dataclasses.replace(records, columns=columns)


def plain_job(**more: Any) -> dict[str, Any]:
    """Of imported fields of which nothing else is stated."""
    return {**make_job(**more), "kind": "import"}


def unknown(rows: range) -> Records:
    """Records of `make_records` of whose quality nothing is known."""
    base = make_records(rows)
    nothing = {"psnr": np.nan, "loss": np.nan, "status": Status.unknown, "seed": 0, "steps": 0}
    columns = {name: np.full_like(base.columns[name], value) for name, value in nothing.items()}
    return dataclasses.replace(base, columns={**base.columns, **columns})


def test_a_store_of_imported_fields(imported: Store, finished_imported: Path) -> None:
    expected = make_imported(range(100))
    assert (imported.kind, imported.columns()) == ("import", (*COLUMNS, "attributes"))
    found = imported.read(np.arange(100))
    for name, column in expected.columns.items():
        assert imported.column(name).dtype == column.dtype
        np.testing.assert_array_equal(imported.column(name), column)
        np.testing.assert_array_equal(found.columns[name], column)
    assert imported.record(ROW)["attributes"] == [0.25, 0.0]
    assert np.isnan(imported.record(ROW + 1)["psnr"])
    assert verify(finished_imported, "semantic").rows == 100


def test_the_summary_counts_what_is_known(imported: Store) -> None:
    known = np.sort(make_imported(range(100)).columns["psnr"])[:20].tolist()  # NaN comes last
    summary = imported.manifest.summary
    assert summary.psnr == PsnrSummary(known[9], known[0], known[0])
    assert summary.status == {"converged": 0, "budget": 0, "diverged": 6, "unknown": 94}


def test_without_attributes_and_without_any_psnr(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", plain_job())
    for shard in writer.missing():
        writer.commit(shard, unknown(writer.row_range(shard)))
    writer.finalize()
    store = open_store(tmp_path / "store")
    assert store.columns() == tuple(COLUMNS)
    assert store.manifest.summary.psnr is msgspec.UNSET
    assert "psnr" not in json.loads((tmp_path / "store" / "manifest.json").read_bytes())["summary"]
    assert verify(tmp_path / "store", "semantic").rows == 100


ABOVE = np.nextafter(np.float32(999), np.float32(2000))
LARGEST = np.finfo(np.float32).max
RULES: dict[str, tuple[dict[str, Any], str]] = {
    "psnr": ({"psnr": ABOVE}, "psnr of record 42 is 999, expected -1000 to 999"),
    "infinite psnr": ({"psnr": np.inf}, "psnr of record 42 is inf, expected -1000 to 999"),
    "negative loss": ({"loss": -1}, "loss of record 42 is -1, expected 0 to"),
    "infinite loss": ({"loss": np.inf}, "loss of record 42 is inf, expected 0 to"),
    "a loss that only diverged ones have": (
        {"loss": LARGEST},
        "loss of record 42 is the largest float32, which only a diverged one may have",
    ),
    "status": ({"status": 4}, "status of record 42 is 4, expected 0 to 3"),
    "attributes": (
        {"attributes": [0, np.nan]},
        r"attributes of record 42 is nan, expected -3\.40282e\+38 to",
    ),
    "infinite attributes": ({"attributes": [np.inf, 0]}, "attributes of record 42 is inf, expected -3"),
    "label": ({"label": -2}, "label of record 42 is -2, expected -1 to 1048575"),
}


@pytest.mark.parametrize("rule", RULES)
def test_what_breaks_a_rule_is_not_published(writer: StoreWriter, rule: str) -> None:
    values, message = RULES[rule]
    with pytest.raises(SpecError, match=f"^shard 1: {message}"):
        writer.commit(1, changed(writer.row_range(1), ROW, **values))
    assert writer.missing() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "values",
    [
        {"psnr": np.nan},
        {"loss": np.nan},
        {"status": Status.converged},
        {"status": Status.budget},
        {"loss": LARGEST, "status": Status.diverged},
        {"attributes": [LARGEST, -LARGEST]},
        {"psnr": -1000},
        {"loss": 0, "psnr": 999},
    ],
    ids=str,
)
def test_what_no_rule_forbids_is_published(writer: StoreWriter, values: dict[str, Any]) -> None:
    writer.commit(1, changed(writer.row_range(1), ROW, **values))
    assert writer.is_done(1)


@pytest.mark.parametrize("content", ["fitted", "copies", "shapes"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("psnr", np.nan, "psnr of record 1 is nan, expected -1000 to 999"),
        ("loss", np.nan, "loss of record 1 is nan, expected 0 to"),
        ("status", Status.unknown, "status of record 1 is 3, expected 0 to 2"),
    ],
)
def test_other_records_are_known(tmp_path: Path, content: str, name: str, value: float, message: str) -> None:
    writer = StoreWriter(tmp_path / "store", make_job_of(content))
    records = make_rows(content, writer.row_range(0))
    column = records.columns[name].copy()
    column[1] = value
    with pytest.raises(SpecError, match=f"^shard 0: {message}"):
        writer.commit(0, dataclasses.replace(records, columns={**records.columns, name: column}))


@pytest.mark.parametrize("name", ["loss", "status"])
def test_what_is_unknown_is_refused_when_read_of_other_records(
    tmp_path: Path, finished: Path, name: str
) -> None:
    value = Status.unknown if name == "status" else np.nan
    store = forge(open_store(finished), tmp_path / "forged", **{name: value})
    with pytest.raises(IntegrityError, match=rf"{name} of record 0 is (nan|3), expected"):
        store.column(name)


@pytest.mark.parametrize(("name", "value"), [("status", 4), ("psnr", 1000), ("attributes", np.nan)])
def test_values_that_cannot_be_are_refused_when_read(
    imported: Store, tmp_path: Path, name: str, value: float
) -> None:
    store = forge(imported, tmp_path / "forged", **{name: value})
    with pytest.raises(IntegrityError, match=f"{name} of record 0 is"):
        store.column(name)
    with pytest.raises(IntegrityError, match=f"{name} of record 5 is"):
        store.read([5])
    with pytest.raises(IntegrityError, match=f"{name} of record"):
        verify(store.root, "semantic")


def test_records_of_another_width_are_refused(writer: StoreWriter, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="shard 0: found RowLayout"):
        writer.commit(0, make_records(writer.row_range(0)))
    plain = StoreWriter(tmp_path / "plain", plain_job())
    with pytest.raises(SpecError, match="shard 0: found RowLayout"):
        plain.commit(0, make_imported(plain.row_range(0)))


class TestJob:
    def test_the_layout(self) -> None:
        job = Job.parse(make_imported_job(), "job.json")
        assert (job.kind, job.layout) == ("import", RowLayout(SPEC.parameters, attributes=2))
        assert (job.parent_id, job.pipelines, job.max_disagreement) == (None, 0, None)
        assert Job.parse(plain_job(), "job.json").layout == RowLayout(SPEC.parameters)

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("columns", None, "found columns None, expected the width of attributes, no more"),
            ("columns", {}, r"found columns \{\}, expected the width of attributes"),
            ("columns", {"repairs": 5}, "found columns .*, expected the width of attributes"),
            ("columns", {"attributes": 2, "params": 1}, "found columns .*, expected the width of attributes"),
            ("columns", {"attributes": 0}, r"found columns\.attributes 0, expected 1 to 4096"),
            ("columns", {"attributes": 4097}, r"found columns\.attributes 4097, expected 1 to 4096"),
            ("columns", {"attributes": 2.0}, r"found columns\.attributes 2\.0, expected 1 to 4096"),
            ("columns", {"attributes": True}, r"found columns\.attributes True, expected 1 to 4096"),
            (
                "columns",
                {"attributes": 3},
                r"found attributes \['amplitude', 'frequency'\], expected 3 different",
            ),
            ("attributes", None, "found attributes None, expected 2 different names"),
            ("attributes", "ab", "found attributes 'ab', expected 2 different names"),
            ("attributes", ["a", "a"], r"found attributes \['a', 'a'\], expected 2 different names"),
            ("attributes", ["a", 1], r"found attributes \['a', 1\], expected 2 different names"),
            ("attributes", ["a", {}], r"found attributes \['a', \{\}\], expected 2 different names"),
        ],
    )
    def test_a_bad_key_is_named(self, key: str, value: Any, message: str) -> None:
        with pytest.raises(FormatError, match=rf"^job\.json: {message}"):
            Job.parse({**make_imported_job(), key: value}, "job.json")


class TestManifest:
    def edited(self, root: Path, **summary: Any) -> bytes:
        value = json.loads((root / "manifest.json").read_bytes())
        value["summary"] = {k: v for k, v in {**value["summary"], **summary}.items() if v is not None}
        return canonical_json(value)

    def test_the_psnr_may_be_missing_of_imported_records_alone(
        self, finished_imported: Path, finished: Path
    ) -> None:
        parse_manifest(self.edited(finished_imported, psnr=None), "m")
        with pytest.raises(
            FormatError, match=r"^m: summary\.psnr: missing, expected one, as the PSNR of fitted"
        ):
            parse_manifest(self.edited(finished, psnr=None), "m")

    @pytest.mark.parametrize(
        "status",
        [
            {"converged": 0, "budget": 0, "diverged": 6},
            {"converged": 0, "budget": 0, "diverged": 6, "other": 94},
        ],
    )
    def test_statuses_of_imported_records(self, finished_imported: Path, status: dict[str, int]) -> None:
        message = r"^m: summary\.status: expected \['converged', 'budget', 'diverged', 'unknown'\]"
        with pytest.raises(FormatError, match=message):
            parse_manifest(self.edited(finished_imported, status=status), "m")

    def test_no_others_are_unknown(self, finished: Path) -> None:
        status = {"converged": 0, "budget": 94, "diverged": 6, "unknown": 0}
        with pytest.raises(
            FormatError, match=r"summary\.status: expected \['converged', 'budget', 'diverged'\]"
        ):
            parse_manifest(self.edited(finished, status=status), "m")

    def test_a_summary_that_does_not_follow_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = examine.summarize

        def summarize(*given: Any) -> Summary:
            return msgspec.structs.replace(honest(*given), psnr=msgspec.UNSET)

        with monkeypatch.context() as patched:
            patched.setattr(examine, "summarize", summarize)
            fill(StoreWriter(tmp_path / "store", make_imported_job()))
        with pytest.raises(IntegrityError, match="the summary does not follow from the records"):
            verify(tmp_path / "store", "semantic")


def test_a_split_that_objects_do_not_share(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "imported", make_imported_job())
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, make_imported(rows) if shard != 1 else changed(rows, ROW, split=1))
    with pytest.raises(IntegrityError, match="object 14 is in more than one split"):
        writer.finalize()


def test_imported_stores_are_alike(tmp_path: Path, finished_imported: Path) -> None:
    assert make_imported_store(tmp_path / "again").dataset_id == open_store(finished_imported).dataset_id
    assert make_store(tmp_path / "fitted").kind == "generate"
