import dataclasses
import json
import os
import pickle
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import FormatError, IntegrityError, NotAStore, OutputError, SpecError, UnsafeShard
from neuralviews.field import FieldSpec
from neuralviews.records import Records, Status
from neuralviews.store.files import DifferentBytes, quarantine
from neuralviews.store.verify import verify
from neuralviews.store.writer import StoreWriter

from .stores import (
    contents,
    copy_store,
    fill,
    leftovers,
    make_copies,
    make_copies_job,
    make_job,
    make_records,
    make_shapes,
    make_shapes_job,
)


@pytest.fixture
def writer(tmp_path: Path) -> StoreWriter:
    return StoreWriter(tmp_path / "store", make_job())


def commit(writer: StoreWriter, *shards: int) -> None:
    for shard in shards:
        writer.commit(shard, make_records(writer.row_range(shard)))


def changed(records: Records, name: str, row: int, value: Any) -> Records:
    column = records.columns[name].copy()
    column[row] = value
    return dataclasses.replace(records, columns={**records.columns, name: column})


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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("record_id", 7, "record_id does not run from 32 to 63"),
        ("split", 3, "split of record 34 is 3, expected 0 to 2"),
        ("status", 9, "status of record 34 is 9, expected 0 to 2"),
        ("psnr", np.nan, "psnr of record 34 is nan, expected -1000 to 999"),
        ("psnr", 1e30, r"psnr of record 34 is 1e\+30, expected -1000 to 999"),
        ("label", -2, "label of record 34 is -2, expected -1 to 1048575"),
        ("label", 1 << 20, "label of record 34 is 1048576, expected -1 to 1048575"),
        ("loss", np.inf, "loss of record 34 is inf, expected 0 to "),
        ("loss", -1e-9, "loss of record 34 is -1e-09, expected 0 to "),
        ("loss", np.finfo("f4").max, "loss of record 34 is the largest float32, which only a diverged"),
    ],
)
def test_impossible_columns_are_not_published(
    writer: StoreWriter, name: str, value: Any, message: str
) -> None:
    records = changed(make_records(writer.row_range(1)), name, 2, value)
    with pytest.raises(SpecError, match=f"shard 1: {message}"):
        writer.commit(1, records)
    assert list(contents(writer.root)) == ["job.json"]


def test_a_diverged_record_may_have_no_finite_loss(writer: StoreWriter) -> None:
    records = changed(make_records(writer.row_range(1)), "loss", 5, np.finfo("f4").max)
    assert records.columns["status"][5] == Status.diverged
    writer.commit(1, records)
    assert writer.is_done(1)


def test_impossible_weights_are_not_published(writer: StoreWriter) -> None:
    records = make_records(writer.row_range(1))
    records.weights[31, -1] = np.inf
    with pytest.raises(SpecError, match="shard 1: weights of record 63 are not finite"):
        writer.commit(1, records)


def test_records_of_another_shape_or_shard_are_refused(writer: StoreWriter) -> None:
    other = FieldSpec([2, 5, 4, 1], 20.0, 0.5)
    for records in (make_records(range(32), other), make_records(range(31)), make_records(range(32, 64))):
        with pytest.raises(SpecError, match=r"^shard 0: "):
            writer.commit(0, records)


def test_records_of_another_kind_or_width_are_refused(writer: StoreWriter, tmp_path: Path) -> None:
    with pytest.raises(
        SpecError,
        match=r"^shard 0: found RowLayout\(parameters=44, classes=2, params=3, repairs=0, attributes=0, "
        r"shadow=False\), the job has RowLayout\(parameters=44, classes=0, params=0, repairs=0, "
        r"attributes=0, shadow=False\)",
    ):
        writer.commit(0, make_copies(range(32)))
    for columns in ({"classes": 2, "params": 4}, {"classes": 3, "params": 3}):
        copies = StoreWriter(tmp_path / f"copies-{columns['params']}", make_copies_job(columns=columns))
        for records in (make_copies(range(64)), make_records(range(64))):
            with pytest.raises(SpecError, match=r"^shard 0: found RowLayout\("):
                copies.commit(0, records)
    shapes = StoreWriter(tmp_path / "shapes", make_shapes_job())
    for records in (make_copies(range(32)), make_records(range(32))):
        with pytest.raises(SpecError, match=r"^shard 0: found RowLayout\("):
            shapes.commit(0, records)
    with pytest.raises(SpecError, match=r"^shard 0: found RowLayout\("):
        writer.commit(0, make_shapes(range(32)))


def test_other_bytes_for_a_committed_shard_are_an_error(writer: StoreWriter) -> None:
    commit(writer, 0)
    before = contents(writer.root)
    records = make_records(writer.row_range(0))
    with pytest.raises(
        IntegrityError, match=r"shard-000000\.h5: committed before .* the run is not deterministic"
    ):
        writer.commit(0, changed(records, "steps", 0, 1))
    assert contents(writer.root) == before


def test_a_shard_without_receipt_is_set_aside(writer: StoreWriter, finished: Path) -> None:
    path = writer.root / "shards/shard-000001.h5"
    path.write_bytes(b"torn")
    assert not writer.is_done(1)
    fill(writer)
    assert contents(writer.root) == contents(finished)
    (writer.root / "shards/shard-000001.h5.json").unlink()
    commit(writer, 1)
    assert contents(writer.root) == contents(finished)


def test_what_was_set_aside_is_kept_until_the_end(writer: StoreWriter) -> None:
    (writer.root / "shards/shard-000001.h5").write_bytes(b"torn")
    (writer.root / ".tmp-job.json-0").touch()
    commit(writer, 0, 1, 2, 3)
    kept = [name for name in leftovers(writer.root) if ".quarantine-shard-000001.h5-" in name]
    assert (writer.root / kept[0]).read_bytes() == b"torn"
    writer.finalize()
    assert leftovers(writer.root) == []


def test_a_damaged_receipt_is_made_anew(writer: StoreWriter, finished: Path) -> None:
    commit(writer, 0, 1, 2, 3)
    receipts = [writer.root / f"shards/shard-{shard:06d}.h5.json" for shard in range(3)]
    receipts[0].write_bytes(receipts[0].read_bytes()[:20])
    receipts[1].write_bytes(receipts[0].read_bytes().replace(b"}", b"]"))
    receipts[2].write_bytes((writer.root / "shards/shard-000003.h5.json").read_bytes())
    assert writer.missing() == [0, 1, 2]
    fill(writer)
    assert contents(writer.root) == contents(finished)


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: os.truncate(p, 5000)])
def test_a_lost_or_cut_shard_is_fitted_again(writer: StoreWriter, finished: Path, damage: Any) -> None:
    fill(writer)
    damage(writer.root / "shards/shard-000002.h5")
    assert writer.missing() == [2]
    fill(writer)
    assert contents(writer.root) == contents(finished)


def test_a_link_in_a_shards_place_is_refused(writer: StoreWriter, finished: Path) -> None:
    commit(writer, 0)
    path = writer.root / "shards/shard-000000.h5"
    path.unlink()
    path.symlink_to(finished / "shards/shard-000000.h5")
    with pytest.raises(UnsafeShard, match=r"shard-000000\.h5: a link"):
        writer.missing()


def test_finalizing_proves_every_byte(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    for name in ("manifest.json", "SHA256SUMS"):
        (root / name).unlink()
    path = root / "shards/shard-000001.h5"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256 .* remove it and run"):
        StoreWriter.open(root).finalize()
    assert not (root / "manifest.json").exists()


def test_finalizing_too_early_publishes_nothing(writer: StoreWriter) -> None:
    commit(writer, 0, 1, 2)
    with pytest.raises(IntegrityError, match=r"shard-000003\.h5\.json: missing; run the same command again"):
        writer.finalize()
    assert not (writer.root / "manifest.json").exists()


def test_an_object_in_two_splits_is_not_published(writer: StoreWriter) -> None:
    commit(writer, 0, 1, 2)
    records = make_records(writer.row_range(3))
    row = 1  # record 97, object 32, whose first view lies in shard 3 too
    writer.commit(3, changed(records, "split", row, 1))
    with pytest.raises(IntegrityError, match="object 32 is in more than one split"):
        writer.finalize()
    assert not (writer.root / "manifest.json").exists()


def test_a_view_given_twice_is_not_published(writer: StoreWriter) -> None:
    commit(writer, 0, 1, 2)
    writer.commit(3, changed(make_records(writer.row_range(3)), "view", 1, 0))
    with pytest.raises(IntegrityError, match="object 32 has view 0 more than once"):
        writer.finalize()


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


def test_another_manifest_is_never_replaced(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    (root / "manifest.json").write_bytes(b"{}\n")
    with pytest.raises(IntegrityError, match=r"manifest\.json: there already, with other content"):
        StoreWriter.open(root).finalize()
    assert (root / "manifest.json").read_bytes() == b"{}\n"


def test_writers_that_never_agree_end_in_an_error(
    writer: StoreWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise DifferentBytes("shard", "0" * 64)

    monkeypatch.setattr("neuralviews.store.writer.publish", refuse)
    with pytest.raises(
        IntegrityError, match=r"shard-000000\.h5: another writer keeps publishing other bytes"
    ):
        commit(writer, 0)


def test_a_good_shard_is_not_taken_away_by_a_writer_that_met_a_damaged_one(
    writer: StoreWriter, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between one writer's judgement and its renaming, another repairs the shard and commits it."""
    other = StoreWriter.open(writer.root)
    (writer.root / "shards/shard-000000.h5").write_bytes(b"torn")
    done = []

    def slow(*args: Any) -> None:
        if not done:
            done.append(False)
            commit(other, 0)
        quarantine(*args)
        done.append(other.is_done(0))

    monkeypatch.setattr("neuralviews.store.writer.quarantine", slow)
    commit(writer, 0)
    # The first setting aside is the other writer's own, of the damaged file.
    assert done == [False, False, True]
    name = "shards/shard-000000.h5"
    assert (writer.root / name).read_bytes() == (finished / name).read_bytes()


def test_folders_named_like_leftovers_do_not_keep_a_store_from_being_finished(
    writer: StoreWriter, finished: Path
) -> None:
    for name in (".tmp-mine", "shards/.quarantine-mine"):
        (writer.root / name).mkdir()
    fill(writer)
    assert contents(writer.root) == contents(finished)
    verify(writer.root)


def test_two_writers_at_once_both_succeed(tmp_path: Path, finished: Path) -> None:
    """Threads of one process interleave finely; the kill tests use processes."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            fill(StoreWriter(tmp_path / "store", make_job()))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert contents(tmp_path / "store") == contents(finished)
