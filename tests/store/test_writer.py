"""The writer of stores: one job a folder, the same bytes in any order, and a store at the end or none."""

import json
import os
import pickle
from pathlib import Path

import pytest

from neuralviews.errors import FormatError, IntegrityError, NotAStore, OutputError
from neuralviews.field import FieldSpec
from neuralviews.store.canonical import canonical_json
from neuralviews.store.reader import open_store
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from .stores import (
    commit,
    contents,
    fill,
    make_job,
)


def test_the_job_is_published_before_anything_else(writer: StoreWriter) -> None:
    assert list(contents(writer.root)) == ["job.json"]
    assert json.loads((writer.root / "job.json").read_bytes()) == make_job()
    assert (writer.rows, writer.shard_count, writer.row_range(3)) == (100, 4, range(96, 100))
    assert writer.missing() == [0, 1, 2, 3]


def test_any_order_of_commits_and_any_number_of_runs_gives_the_same_bytes(
    writer: StoreWriter, finished: Path
) -> None:
    commit(writer, 2, 0)
    again = StoreWriter(writer.root, make_job())
    assert again.missing() == [1, 3]
    commit(again, 3, 1, 3)
    identity = again.finalize()
    assert contents(writer.root) == contents(finished)
    assert again.finalize() == identity
    assert contents(writer.root) == contents(finished)


def test_workers_open_the_folder_and_pickle(writer: StoreWriter) -> None:
    for other in (StoreWriter.open(writer.root), pickle.loads(pickle.dumps(writer))):
        assert (other.job, other.job_id, other.root) == (writer.job, writer.job_id, writer.root)
    commit(pickle.loads(pickle.dumps(writer)), 1)
    assert writer.is_done(1)


def test_opening_needs_a_job(tmp_path: Path) -> None:
    with pytest.raises(NotAStore, match=r"there is no job\.json"):
        StoreWriter.open(tmp_path)


def test_another_job_is_refused_with_the_difference(writer: StoreWriter) -> None:
    commit(writer, 0)
    before = contents(writer.root)
    other = make_job(rows=101, seed=4, spec=FieldSpec([2, 5, 4, 1], 20.0, 0.5))
    with pytest.raises(
        OutputError, match=r"another job \(arch\.omega: there \[30\.0, 30\.0\], here .* rows: there 100"
    ):
        StoreWriter(writer.root, other)
    many = make_job(a=1, b=2, c=3, d=4, e=5)
    with pytest.raises(OutputError, match=r"c: there None, here 3 and 2 more\); choose another folder"):
        StoreWriter(writer.root, many)
    with pytest.raises(OutputError, match="another job"):
        StoreWriter(writer.root, make_job(name=1))
    with pytest.raises(
        OutputError, match=r"another job \(arch\.dims: there \[2, 5, 4, 1\], here \[2, 7, 4, 1\]\); choose"
    ):
        StoreWriter(writer.root, make_job(spec=FieldSpec([2, 7, 4, 1], 30.0, 0.5)))
    assert contents(writer.root) == before


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(
        OutputError, match=r"holds 'thesis\.tex' and no job\.json; choose a new or an empty folder"
    ):
        StoreWriter(tmp_path, make_job())
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_bad_job_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="found rows 0"):
        StoreWriter(tmp_path / "store", make_job(rows=0))
    assert not (tmp_path / "store").exists()


def test_the_callers_job_may_change_afterwards(tmp_path: Path) -> None:
    job = make_job(nested={"a": (1, 2)})
    writer = StoreWriter(tmp_path / "store", job)
    job["nested"]["a"] = 0
    assert writer.job["nested"] == {"a": [1, 2]}


def test_finalizing_too_early_publishes_nothing(writer: StoreWriter) -> None:
    commit(writer, 0, 1, 2)
    with pytest.raises(IntegrityError, match=r"shard-000003\.h5\.json: missing; run the same command again"):
        writer.finalize()
    assert not (writer.root / "manifest.json").exists()


def test_a_manifest_that_could_not_be_read_again_is_not_published(
    writer: StoreWriter, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (finished / "manifest.json").stat().st_size
    commit(writer, *writer.missing())
    monkeypatch.setattr("neuralviews.store.writer.MAX_JSON_BYTES", size - 1)
    with pytest.raises(FormatError, match=rf"manifest\.json: {size} bytes, at most {size - 1} can be read"):
        writer.finalize()
    assert not (writer.root / "manifest.json").exists()
    monkeypatch.setattr("neuralviews.store.writer.MAX_JSON_BYTES", size)
    writer.finalize()
    assert contents(writer.root) == contents(finished)


def test_a_job_that_could_not_be_read_again_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralviews.store.writer.MAX_JOB_BYTES", 100)
    with pytest.raises(FormatError, match=r"job: \d+ bytes, at most 100; shorten it"):
        StoreWriter(tmp_path / "store", make_job())
    assert not (tmp_path / "store").exists()


def test_folders_named_like_leftovers_do_not_keep_a_store_from_being_finished(
    writer: StoreWriter, finished: Path
) -> None:
    for name in (".tmp-mine", "shards/.quarantine-mine"):
        (writer.root / name).mkdir()
    fill(writer)
    assert contents(writer.root) == contents(finished)
    verify(writer.root)


@pytest.mark.parametrize("name", ["Thumbs.db", "notes", "shard-000009.h5"])
def test_what_verification_refuses_is_not_published(writer: StoreWriter, finished: Path, name: str) -> None:
    commit(writer, *writer.missing())
    stray = writer.root / "shards" / name
    stray.touch()
    with pytest.raises(IntegrityError, match=rf"shards/{name}: no shard of this store; move it elsewhere$"):
        writer.finalize()
    assert not (writer.root / "manifest.json").exists()
    stray.unlink()
    writer.finalize()
    verify(writer.root)
    assert contents(writer.root) == contents(finished)


@pytest.mark.parametrize("name", [".DS_Store", "._shard-000000.h5", ".nfs000000000000012300000001"])
def test_what_systems_put_there_is_no_hindrance(writer: StoreWriter, finished: Path, name: str) -> None:
    (writer.root / "shards" / name).touch()
    fill(writer)
    verify(writer.root)
    (writer.root / "shards" / name).unlink()
    assert contents(writer.root) == contents(finished)


def test_other_spellings_of_the_arch_make_a_store_that_verifies(tmp_path: Path) -> None:
    job = make_job(rows=40)
    job["arch"]["omega"] = [30, 30]
    fill(StoreWriter(tmp_path / "store", job))
    assert verify(open_store(tmp_path / "store"), "semantic").rows == 40
    shard = (tmp_path / "store/shards/shard-000000.h5").read_bytes()
    assert canonical_json(job["arch"]) in shard
