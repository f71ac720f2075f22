"""Readers in other processes: pickled, forked, without HDF5, and with few files to open."""

import multiprocessing
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuralviews.store.reader import Store, open_store

from .stores import (
    ALL,
    make_store,
)


def test_reading_needs_no_hdf5(finished: Path) -> None:
    program = (
        "import sys; sys.modules['h5py'] = None; from neuralviews.store.reader import open_store;"
        f"s = open_store({str(finished)!r}); s.read([5, 1]); s.column('label'); print(s.dataset_id)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == open_store(finished).dataset_id


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


def test_another_current_folder_changes_nothing(
    finished: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(finished.parent)
    store = open_store(finished.name)
    sent = pickle.dumps(store)
    monkeypatch.chdir(tmp_path)
    for opened in (store, pickle.loads(sent)):
        np.testing.assert_array_equal(opened.weights([99, 40, 3]), ALL.weights[[99, 40, 3]])
        assert repr(opened).startswith(f"<Store {finished.name} ")  # as it was called


def test_an_open_store_is_opened_already(store: Store) -> None:
    assert open_store(store) is store
