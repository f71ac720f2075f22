import multiprocessing
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralviews.errors import FormatError, IncompleteStore, IntegrityError, NotAStore, SpecError, UnsafeShard
from neuralviews.records import AUGMENTED_COLUMNS, COLUMNS
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from .stores import (
    SPEC,
    copy_store,
    forge,
    make_copies,
    make_copies_job,
    make_job,
    make_records,
    make_store,
)

ALL = make_records(range(100))
SHARD = "shards/shard-000001.h5"


@pytest.fixture(scope="module")
def store(finished: Path) -> Store:
    return open_store(finished)


def flip(path: Path, position: int) -> None:
    """Change one bit and put the modification time back, as a failing disk would."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 4]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_it_knows_what_it_holds_from_the_manifest_alone(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes((finished / "manifest.json").read_bytes())
    store = open_store(str(tmp_path))
    assert (len(store), store.spec, store.columns()) == (100, SPEC, tuple(COLUMNS))
    assert store.job == make_job()
    assert store.dataset_id in repr(open_store(finished)) or store.dataset_id[:12] in repr(store)
    with pytest.raises(IntegrityError, match=r"shard-000000\.h5: missing"):
        store.column("label")


def test_whole_columns_are_read_once_and_cannot_be_written(store: Store) -> None:
    for name, expected in ALL.columns.items():
        column = store.column(name)
        assert column.dtype == COLUMNS[name]
        np.testing.assert_array_equal(column, expected)
        assert store.column(name) is column
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


def test_an_unknown_column_is_named(store: Store) -> None:
    with pytest.raises(KeyError, match="colour: no such column; there are record_id, "):
        store.column("colour")


rows_of_the_store = st.lists(st.integers(0, 99), max_size=150)


@given(rows_of_the_store | rows_of_the_store.map(sorted))
def test_rows_come_in_the_order_given(store: Store, rows: list[int]) -> None:
    expected = ALL.take(np.array(rows, np.int64))
    found = store.read(rows)
    np.testing.assert_array_equal(found.weights, expected.weights)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)
    out = np.full((len(rows), SPEC.parameters), np.nan, np.float32)
    assert store.weights(np.array(rows, np.uint64), out) is out
    np.testing.assert_array_equal(out, expected.weights)


@pytest.mark.parametrize("rows", [[0, 1, 2], [99, 0]])
def test_what_was_read_is_the_callers_own(store: Store, rows: list[int]) -> None:
    store.weights(rows)[:] = 0
    np.testing.assert_array_equal(store.weights(rows), ALL.weights[rows])


@pytest.mark.parametrize("rows", [[100], [-1], [0, 1 << 40], 3, [[1]], [0.0], [True], "a"])
def test_rows_outside_the_store_are_refused(store: Store, rows: object) -> None:
    for read in (store.weights, store.read):
        with pytest.raises(IndexError, match=r"^rows: found "):
            read(rows)  # type: ignore[operator]


@pytest.mark.parametrize(
    "out",
    [
        np.empty((1, SPEC.parameters), np.float32),
        np.empty((2, SPEC.parameters)),
        np.empty((SPEC.parameters, 2), np.float32).T,
    ],
)
def test_out_must_fit(store: Store, out: np.ndarray) -> None:
    with pytest.raises(SpecError, match=r"out: found .* expected C-contiguous float32"):
        store.weights([0, 1], out)


def test_one_record(store: Store) -> None:
    assert store.record(53) == {name: column[53].item() for name, column in ALL.columns.items()}
    field = store.field(53)
    assert field.spec == SPEC
    np.testing.assert_array_equal(field.weights, ALL.weights[53])
    assert field.render((3, 4)).shape == (3, 4)


@pytest.fixture(scope="module")
def copies(finished_copies: Path) -> Store:
    return open_store(finished_copies)


def test_an_augmented_store_has_more_columns_some_of_them_wide(copies: Store, store: Store) -> None:
    expected = make_copies(range(200))
    assert (copies.kind, store.kind) == ("augment", "generate")
    assert copies.columns() == (*COLUMNS, *AUGMENTED_COLUMNS)
    assert copies.job == make_copies_job(parent=store.dataset_id)
    for name in copies.columns():
        column = copies.column(name)
        assert column.dtype == expected.columns[name].dtype
        np.testing.assert_array_equal(column, expected.columns[name])
    with pytest.raises(ValueError, match="read-only"):
        copies.column("params")[0, 0] = 0
    with pytest.raises(KeyError, match=r"params: no such column; there are record_id, .*, status'"):
        store.column("params")


@given(st.lists(st.integers(0, 199), max_size=150))
def test_augmented_rows_come_in_the_order_given(copies: Store, rows: list[int]) -> None:
    expected = make_copies(range(200)).take(np.array(rows, np.int64))
    found = pickle.loads(pickle.dumps(copies)).read(rows)
    np.testing.assert_array_equal(found.weights, expected.weights)
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.columns[name], column)


def test_one_augmented_record(copies: Store) -> None:
    record = copies.record(13)
    assert record == {name: column[13].tolist() for name, column in make_copies(range(200)).columns.items()}
    assert (record["parent_a"], record["parent_b"], record["shares"]) == (6, 15, [0.25, 0.75])


def test_reading_needs_no_hdf5(finished: Path) -> None:
    program = (
        "import sys; sys.modules['h5py'] = None; from neuralviews.store.reader import open_store;"
        f"s = open_store({str(finished)!r}); s.read([5, 1]); s.column('label'); print(s.dataset_id)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == open_store(finished).dataset_id


def test_only_the_shards_that_are_asked_for_are_touched(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    (root / SHARD).unlink()
    store = open_store(root)
    np.testing.assert_array_equal(store.read([99, 3]).weights, ALL.weights[[99, 3]])
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: missing"):
        store.read([99, 40])


def test_a_damaged_shard_is_refused_every_time(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    flip(root / SHARD, (root / SHARD).stat().st_size - 9)
    store = open_store(root)
    for _ in range(3):
        with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256 [0-9a-f]{64}, expected"):
            store.weights([40])
        with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256"):
            store.column("label")
    assert len(store.weights([0])) == 1


def test_a_shard_that_changes_after_it_was_proven_is_proven_again(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    open_store(root).weights([40])
    flip(root / SHARD, 100)
    with pytest.raises(IntegrityError, match=r"shard-000001\.h5: found sha256"):
        open_store(root).weights([40])


def test_a_proven_shard_is_not_hashed_again(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = copy_store(finished, tmp_path / "store")
    open_store(root).weights([40])

    def refuse(fd: int) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr("neuralviews.store.mapping.file_sha256", refuse)
    open_store(root).weights([40])


@pytest.mark.parametrize("change", [-1, 1, 4096])
def test_a_shard_of_another_size_is_never_mapped(finished: Path, tmp_path: Path, change: int) -> None:
    root = copy_store(finished, tmp_path / "store")
    size = (root / SHARD).stat().st_size
    os.truncate(root / SHARD, size + change)
    with pytest.raises(
        IntegrityError, match=rf"shard-000001\.h5: found {size + change} bytes, expected {size}"
    ):
        open_store(root).weights([40])


def test_links_out_of_the_store_are_not_followed(finished: Path, tmp_path: Path) -> None:
    root = copy_store(finished, tmp_path / "store")
    (root / SHARD).unlink()
    (root / SHARD).symlink_to(finished / SHARD)
    with pytest.raises(UnsafeShard, match=r"shard-000001\.h5: a link, expected the file itself"):
        open_store(root).weights([40])
    (root / "shards").rename(tmp_path / "aside")
    (root / "shards").symlink_to(tmp_path / "aside")
    with pytest.raises(UnsafeShard, match=r"shard-000000\.h5: a link"):
        open_store(root).weights([0])


def test_a_pickled_store_maps_for_itself(store: Store) -> None:
    store.column("label")
    data = pickle.dumps(store)
    assert len(data) < 20_000
    copy = pickle.loads(data)
    np.testing.assert_array_equal(copy.weights([99, 40, 3]), ALL.weights[[99, 40, 3]])
    assert copy.dataset_id == store.dataset_id


def _sum_of_all(store: Store) -> float:
    return float(store.weights(np.arange(len(store))).sum(dtype=np.float64))


def run_with_few_descriptors(store: Path, allowed: int) -> str:
    """What reading all rows and a column prints in a process that may open few files."""
    program = (
        "from neuralviews.store.reader import open_store; from neuralviews.errors import StoreError\n"
        "import numpy, resource\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({allowed}, {allowed}))\n"
        "try:\n"
        f"    store = open_store({str(store)!r})\n"
        "    rows = numpy.arange(len(store))[::-1]\n"
        "    print(store.column('label').sum(), store.weights(rows).sum(dtype='f8'))\n"
        "except StoreError as error: print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return run.stdout


def test_a_store_may_have_more_shards_than_a_process_files(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", rows_per_shard=1)
    assert len(store.manifest.shards) == 100
    expected = f"{store.column('label').sum()} {_sum_of_all(store)}\n"
    assert run_with_few_descriptors(store.root, 32) == expected


def test_too_few_descriptors_for_a_single_file_say_what_to_do(finished: Path) -> None:
    found = run_with_few_descriptors(finished, 3)
    assert re.fullmatch(r"StoreError .*\(Too many open files\); allow more open files \(ulimit -n\)\n", found)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_children_read_the_same(store: Store, method: str) -> None:
    store.weights([0, 50])
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_sum_of_all, [store] * 4) == [_sum_of_all(store)] * 4


def test_what_is_no_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        NotAStore, match=r"none: no folder that can be read; expected a folder with job\.json"
    ):
        open_store(tmp_path / "none")
    with pytest.raises(NotAStore, match="holds no store"):
        open_store(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotAStore, match="file: no folder"):
        open_store(tmp_path / "file")


def test_an_unfinished_store_says_how_to_finish(tmp_path: Path) -> None:
    StoreWriter(tmp_path / "store", make_job())
    with pytest.raises(IncompleteStore, match="store: not finished; run the command that makes it again"):
        open_store(tmp_path / "store")


def test_a_newer_store_says_so(finished: Path, tmp_path: Path) -> None:
    text = (finished / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(
        text.replace('"format_version":1,"job"', '"format_version":2,"job"')
    )
    with pytest.raises(FormatError, match=r"manifest\.json: written by a newer neuralviews \(store format 2"):
        open_store(tmp_path)


def test_a_big_endian_machine_is_refused(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "byteorder", "big")
    with pytest.raises(FormatError, match="this machine is big-endian"):
        open_store(finished)
    with pytest.raises(FormatError, match="this machine is big-endian"):
        StoreWriter(tmp_path / "store", make_job())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("label", -50, "label of record 0 is -50, expected -1 to 1048575"),
        ("label", 2**31 - 1, "label of record 0 is 2147483647, expected -1 to 1048575"),
        ("psnr", 3e38, r"psnr of record 0 is 3e\+38, expected -1000 to 999"),
        ("loss", np.inf, r"loss of record 0 is inf, expected 0 to 3.40282e\+38"),
        ("status", 200, "status of record 0 is 200, expected 0 to 2"),
        ("classes", [1, -7], "classes of record 0 is -7, expected -1 to 1048575"),
        ("classes", [1, 1], "classes of record 0 name one twice"),
        ("shares", [np.nan, 0], "shares of record 0 is nan, expected 0 to 1"),
        ("params", np.inf, r"params of record 0 is inf, expected -3.40282e\+38 to 3.40282e\+38"),
        ("in_domain", 2, "in_domain of record 0 is 2, expected 0 to 1"),
    ],
)
def test_values_that_a_column_cannot_have_are_not_served(
    finished_copies: Path, tmp_path: Path, name: str, value: object, message: str
) -> None:
    forged = forge(open_store(finished_copies), tmp_path / "forged", **{name: value})
    for _ in range(2):
        with pytest.raises(IntegrityError, match=f"forged: {message}; make the store again"):
            forged.column(name)
    with pytest.raises(IntegrityError, match=message.replace("record 0", "record 70")):
        forged.read([70, 3])


def test_a_column_of_some_rows_is_part_of_the_column(store: Store) -> None:
    rows = np.array([99, 0, 31, 32, 32, 5])
    for name in store.columns():
        before = open_store(store.root).column_at(name, rows)
        np.testing.assert_array_equal(before, store.column(name)[rows])
        np.testing.assert_array_equal(store.column_at(name, rows), before)
        assert before.dtype == store.column(name).dtype
    with pytest.raises(KeyError, match="size: no such column; there are record_id"):
        store.column_at("size", [0])
    with pytest.raises(IndexError, match="found 100 to 100"):
        store.column_at("label", [100])


def test_a_scan_gives_all_rows_once_and_keeps_no_map(store: Store) -> None:
    fresh = open_store(store.root)
    found = [*fresh.scan("object_id", "psnr")]
    assert [row for rows, _ in found for row in rows] == [*range(100)]
    for name in ("object_id", "psnr"):
        whole = np.concatenate([columns[name] for _, columns in found])
        np.testing.assert_array_equal(whole, store.column(name))
        assert not found[0][1][name].flags.writeable
    assert not fresh._maps._arrays
    with pytest.raises(KeyError, match="size: no such column"):
        next(fresh.scan("size"))
