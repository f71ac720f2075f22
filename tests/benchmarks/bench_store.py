"""Reading a store beside ``np.memmap`` and beside one file a record, and what a commit costs.

Every round measures all alternatives in turn on rows of its own; figures are medians over rounds, and
ratios are medians of the rounds' own ratios. Alternatives read files of their own, so that none finds
the other's bytes in the processor's cache; all files are in the page cache.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.field import FieldSpec, split
from neuralviews.records import COLUMNS, Records
from neuralviews.seeds import derive_seed
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

from .rows import Row

SPEC = FieldSpec([2, 32, 32, 1])
ROWS_PER_SHARD = 10_240
BATCH = 256
FILES = 2_048
ROUNDS = 41

Rows = NDArray[np.int64]


def measure() -> list[Row]:
    """All figures of the store, on temporary files of about 2 GB."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        commit = _write(root / "store", 20)
        store = open_store(root / "store")
        _write(root / "narrow", 320, rows_per_shard=ROWS_PER_SHARD // 16)
        narrow = open_store(root / "narrow")
        flat = _flat_file(root / "flat", store)
        read_files = _one_file_a_record(root / "files", store)
        spread = np.arange(len(store))[::5]
        return [
            _batches(
                "random batch of 256 from one shard", store, flat, np.arange(ROWS_PER_SHARD), "at most 1.3x"
            ),
            _batches("random batch of 256 from 20 shards", store, flat, spread, "at most 2x"),
            _batches("random batch of 256 from 320 shards", narrow, flat, spread, "at most 2x"),
            _against_files(store, read_files),
            _sequential(store, flat),
            Row("commit of a record, CPU", commit * 1e6, "us", "", None, "at most 15 us"),
        ]


def _write(root: Path, shards: int, rows_per_shard: int = ROWS_PER_SHARD) -> float:
    """Make a store of synthetic weights; returns the median CPU seconds that committing a record took."""
    job = {
        "format": "neuralviews-store",
        "format_version": 1,
        "kind": "generate",
        "rows": shards * rows_per_shard,
        "rows_per_shard": rows_per_shard,
        "arch": SPEC.to_json(),
    }
    writer, seconds = StoreWriter(root, job), []
    for shard in range(shards):
        records = _records(writer.row_range(shard))
        start = time.process_time()
        writer.commit(shard, records)
        seconds.append((time.process_time() - start) / rows_per_shard)
    writer.finalize()
    return statistics.median(seconds)


def _records(rows: range) -> Records:
    index = np.arange(rows.start, rows.stop)
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in COLUMNS.items()}
    columns["record_id"][:] = columns["object_id"][:] = index
    stream = np.random.default_rng(derive_seed(0, "bench", rows.start))
    weights = stream.standard_normal((len(rows), SPEC.parameters), np.float32)
    return Records(SPEC, weights * np.float32(0.1), columns)


def _flat_file(path: Path, store: Store) -> NDArray[np.float32]:
    with path.open("wb") as file:
        for start in range(0, len(store), ROWS_PER_SHARD):
            store.weights(np.arange(start, start + ROWS_PER_SHARD)).tofile(file)
    return np.memmap(path, np.float32, "r", shape=(len(store), SPEC.parameters))


def _one_file_a_record(folder: Path, store: Store) -> Callable[[Rows], Any]:
    """Save state dictionaries as such datasets are often published; returns what reads a batch of them."""
    import torch

    folder.mkdir()
    for row in range(FILES):
        layers = split(SPEC, store.weights([row])[0])
        state = {}
        for number, (weight, bias) in enumerate(layers):
            state[f"seq.{number}.weight"] = torch.from_numpy(weight.copy())
            state[f"seq.{number}.bias"] = torch.from_numpy(bias.copy())
        torch.save(state, folder / f"{row}.pth")

    def read(rows: Rows) -> Any:
        states = [torch.load(folder / f"{row}.pth", weights_only=True) for row in rows.tolist()]
        return torch.stack([torch.cat([tensor.ravel() for tensor in state.values()]) for state in states])

    return read


def _seconds(call: Callable[[Any], Any], argument: Any) -> float:
    start = time.perf_counter()
    call(argument)
    return time.perf_counter() - start


def _draw(rows: Rows, round_: int) -> Rows:
    stream = np.random.default_rng(derive_seed(1, "bench", round_))
    return stream.choice(rows, BATCH)


def _batches(name: str, store: Store, flat: NDArray[np.float32], rows: Rows, target: str) -> Row:
    flat[rows], store.weights(rows)
    ours, theirs = [], []
    for round_ in range(ROUNDS):
        chosen = _draw(rows, round_)
        theirs.append(_seconds(flat.__getitem__, chosen))
        ours.append(_seconds(store.weights, chosen))
    return _row(name, ours, theirs, "np.memmap", target)


def _sequential(store: Store, flat: NDArray[np.float32]) -> Row:
    ours, theirs = [], []
    for round_ in range(9):
        start = round_ * ROWS_PER_SHARD
        part = slice(start, start + 2 * ROWS_PER_SHARD)
        rows = np.arange(part.start, part.stop)
        store.weights(rows), np.array(flat[part])
        theirs.append(_seconds(lambda part: np.array(flat[part]), part))
        ours.append(_seconds(store.weights, rows))
    return _row("20,480 rows in order", ours, theirs, "np.memmap", "at most 1.3x")


def _against_files(store: Store, read: Callable[[Rows], Any]) -> Row:
    rows = np.arange(FILES)
    read(rows)
    ours, theirs = [], []
    for round_ in range(7):
        chosen = _draw(rows, round_)
        theirs.append(_seconds(read, chosen))
        ours.append(
            statistics.median(_seconds(store.weights, _draw(rows, 100 * round_ + i)) for i in range(9))
        )
    return _row(
        "random batch of 256; ratio: how much faster than one .pth a record",
        ours,
        theirs,
        "torch.load",
        "at least 300x",
        faster=True,
    )


def _row(
    name: str, ours: list[float], theirs: list[float], other: str, target: str, *, faster: bool = False
) -> Row:
    ratios = [b / a if faster else a / b for a, b in zip(ours, theirs, strict=True)]
    baseline = f"{other} {statistics.median(theirs) * 1e6:.4g} us"
    return Row(name, statistics.median(ours) * 1e6, "us", baseline, statistics.median(ratios), target)
