"""Import and export beside what people do by hand: ``torch.load`` and ``torch.save``, a file a field.

One core, CPU seconds of the process, all work included: looking at every file first, and publishing.
"""

import io
import shutil
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.exchange.export import export
from neuralviews.exchange.run import ImportOptions, import_store
from neuralviews.field import FieldSpec, split
from neuralviews.seeds import derive_seed
from neuralviews.store.reader import Store, open_store

from .rows import Row

SPEC = FieldSpec([2, 32, 32, 1], output_offset=0.5)
FIELDS = 20_000
SAMPLE = 4_000
"""Fields that the baselines handle in each round; their cost is the same for all."""


def measure(rounds: int) -> list[Row]:
    """All figures, on temporary files of about 600 MB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        archive = _published(folder / "mnist-inrs.zip")
        loads, imports, saves, exports = [], [], [], []
        for round_ in range(rounds):
            loads.append(_cpu(lambda: _load_all(archive)) / SAMPLE)
            out = folder / f"store{round_}"
            imports.append(
                _cpu(lambda out=out: import_store(archive, out, ImportOptions("dwsnets"))) / FIELDS
            )
            store = open_store(out)
            saves.append(_cpu(lambda store=store: _save_all(store, folder / "by-hand.zip")) / SAMPLE)
            again = folder / "again.zip"
            exports.append(
                _cpu(lambda store=store, again=again: export(store, np.arange(len(store)), "dwsnets", again))
                / FIELDS
            )
            again.unlink()
            if round_:
                shutil.rmtree(folder / f"store{round_ - 1}")
        return [
            _rate(
                "import of 20,000 DWSNets .pth from one zip, a core", imports, loads, "torch.load and stack"
            ),
            _rate("export of 20,000 fields to one zip of .pth, a core", exports, saves, "torch.save"),
            *_loading(folder, store),
        ]


def _published(path: Path) -> Path:
    """An archive as DWSNets published theirs: packed, the label in the name."""
    stream = np.random.default_rng(derive_seed(0, "bench", "exchange"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in range(FIELDS):
            weights = (stream.standard_normal(SPEC.parameters) * 0.1).astype(np.float32)
            name = f"mnist-inrs/mnist_png_training_{row % 10}_{row}/checkpoints/model_final.pth"
            archive.writestr(name, _saved(weights))
    return path


def _saved(weights: NDArray[np.float32]) -> bytes:
    import torch

    state = {}
    for number, (weight, bias) in enumerate(split(SPEC, weights)):
        state[f"seq.{number}.weight"] = torch.from_numpy(weight.copy())
        state[f"seq.{number}.bias"] = torch.from_numpy(bias.copy())
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def _load_all(archive: Path) -> Any:
    import torch

    with zipfile.ZipFile(archive) as files:
        states = [
            torch.load(io.BytesIO(files.read(name)), weights_only=True) for name in files.namelist()[:SAMPLE]
        ]
    return torch.stack([torch.cat([tensor.ravel() for tensor in state.values()]) for state in states])


def _save_all(store: Store, path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for row, weights in enumerate(store.weights(np.arange(SAMPLE))):
            archive.writestr(f"{row}.pth", _saved(weights))
    path.unlink()


def _cpu(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def _rate(name: str, ours: list[float], theirs: list[float], other: str) -> Row:
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    baseline = f"{other} {1 / statistics.median(theirs):,.0f} fields/s"
    return Row(name, 1 / statistics.median(ours), "fields/s", baseline, ratio, "at least 2,000 fields/s")


def _loading(folder: Path, store: Store) -> list[Row]:
    """All fields into memory: from the store, and from a file each."""
    import torch

    files = folder / "files"
    files.mkdir()
    for row, weights in enumerate(store.weights(np.arange(SAMPLE))):
        (files / f"{row}.pth").write_bytes(_saved(weights))

    def by_file() -> Any:
        states = [torch.load(files / f"{row}.pth", weights_only=True) for row in range(SAMPLE)]
        return torch.stack([torch.cat([tensor.ravel() for tensor in state.values()]) for state in states])

    rows = np.arange(len(store))
    slow, proven, again = [], [], []
    by_file(), store.weights(rows)
    for _ in range(5):
        slow.append(_wall(by_file) / SAMPLE)
        again.append(statistics.median(_wall(lambda: store.weights(rows)) for _ in range(5)) / len(store))
        proven.append(_wall(lambda: open_store(store.root).weights(rows)) / len(store))
    return [
        _speedup("loading the imported store; ratio: how much faster than one .pth a field", again, slow),
        _speedup("the same with the first, which proves every shard by its hash", proven, slow, wanted=False),
    ]


def _wall(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _speedup(name: str, ours: list[float], theirs: list[float], *, wanted: bool = True) -> Row:
    ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
    baseline = f"torch.load {statistics.median(theirs) * 1e6:.4g} us a field"
    target = "at least 300x" if wanted else ""
    return Row(name, statistics.median(ours) * 1e6, "us a field", baseline, ratio, target)
