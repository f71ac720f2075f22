"""Copies a second: made as batches are gathered, and made into stores.

Fields are random ones from the standard init, of the shape of MNIST's and about as many. One round serves
batches of every augmentation, and makes one store by each plan, in turn; compilers have run before.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from neuralviews import ViewDataset
from neuralviews.augment import (
    AffineCoords,
    AlignedMixUp,
    Augmentation,
    Compose,
    Permutation,
    PhaseShift,
    RandomSymmetry,
    Repair,
    SignFlip,
)
from neuralviews.augment.run import augment_store
from neuralviews.fit.init import initial_weights
from neuralviews.fit.job import plan_job
from neuralviews.recipe import Recipe, recipe_from_canonical
from neuralviews.records import COLUMNS, Records, Status
from neuralviews.signals.catalogue import open_source
from neuralviews.store.writer import StoreWriter
from neuralviews.work.shards import Sharing

from .bench_fit import cpu_seconds
from .rows import Row

__all__ = ["measure"]

BATCH = 256
BATCHES = 60
VIEWS = 36
IMAGE = [28, 28]
MOVES = AffineCoords(rotate=15, translate=0.1)
REPAIRED = "AlignedMixUp and Repair"
ONLINE: dict[str, Augmentation | Compose] = {
    "SignFlip": SignFlip(),
    "PhaseShift": PhaseShift(),
    "Permutation": Permutation(),
    "RandomSymmetry": RandomSymmetry(),
    "AffineCoords, rotate and translate": MOVES,
    "SignFlip, PhaseShift, AffineCoords": Compose([SignFlip(), PhaseShift(), MOVES]),
    "AlignedMixUp": AlignedMixUp(),
    REPAIRED: Compose([AlignedMixUp(), Repair()]),
}
PLANS = {"symmetries": "at least 20,000", "aligned-mixup": "at least 8,000"}


def measure(rounds: int) -> list[Row]:
    """Records a second of one core; and for stores of copies, those of the clock."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = _made_store(folder / "store")
        return [*_online(store, rounds), *_offline(store, folder / "copies", max(2, rounds // 2))]


def _online(store: Path, rounds: int) -> list[Row]:
    plain = ViewDataset(store)
    datasets = {name: ViewDataset(store, transform=step) for name, step in ONLINE.items()}
    batches = np.random.default_rng(3).integers(0, len(plain), (BATCHES, BATCH)).tolist()

    def rate(dataset: ViewDataset, count: int = BATCHES) -> float:
        def serve() -> None:
            for batch in batches[:count]:  # none is kept, as in training
                dataset.collate(dataset.__getitems__(batch))

        return BATCH * count / cpu_seconds(serve)

    for dataset in (plain, *datasets.values()):
        dataset.__getitems__(batches[0])
    unchanged: list[float] = []
    rates: dict[str, list[float]] = {key: [] for key in datasets}
    for _ in range(rounds):
        unchanged.append(rate(plain))
        for key, dataset in datasets.items():
            rates[key].append(rate(dataset, 1) if key == REPAIRED else rate(dataset))
    baseline = f"no transform {statistics.median(unchanged):.4g}"
    rows = []
    for key, found in rates.items():
        name, target = f"online, {key}, batches of 256", "" if "MixUp" in key else "at least 100,000"
        rows.append(Row(name, statistics.median(found), "records/s", baseline, None, target))
    return rows


def _offline(store: Path, out: Path, rounds: int) -> list[Row]:
    times: dict[str, list[tuple[float, float]]] = {plan: [] for plan in PLANS}
    for plan in PLANS:
        augment_store(store, plan, out / plan, Sharing(part=(0, 1_000)))  # compiles, for one shard
    for _ in range(rounds):
        for plan, found in times.items():
            shutil.rmtree(out / plan)
            began = time.process_time(), time.perf_counter()
            copies = augment_store(store, plan, out / plan).made
            found.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    rows = []
    for plan, target in PLANS.items():
        cpu, wall = (copies / statistics.median(x) for x in zip(*times[plan], strict=True))
        clock = f"wall clock {wall:.4g}"
        name = f"offline, plan `{plan}`, {copies:,} copies, start to manifest"
        rows.append(Row(name, cpu, "records/s", clock, None, target))
    return rows


def _made_store(root: Path) -> Path:
    """64,692 random fields, 46,692 of them for training, as if fitted to images of MNIST's size."""
    recipe = recipe_from_canonical(
        {
            "name": "bench",
            "views": VIEWS,
            "source": {"kind": "digits"},
            "field": {"dims": [2, 32, 32, 1], "output_offset": 0.5},
            "split": {"rule": "random", "val": 200, "test": 300},
        }
    )
    engine = SimpleNamespace(arithmetic={"engine": "cpu", "arithmetic": 1})
    job = plan_job(recipe, open_source(recipe), engine, None)  # type: ignore[arg-type]
    job["source"]["image_shape"] = IMAGE
    writer, records = StoreWriter(root, job), _records(recipe)
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, records.take(slice(rows.start, rows.stop)))
    writer.finalize()
    return root


def _records(recipe: Recipe) -> Records:
    objects = open_source(recipe).objects
    record_id = np.arange(len(objects) * VIEWS)
    which = record_id // VIEWS
    columns = {name: np.zeros(len(record_id), dtype) for name, dtype in COLUMNS.items()}
    columns["record_id"][:] = columns["seed"][:] = record_id
    columns["view"][:] = record_id % VIEWS
    columns["status"][:] = Status.budget
    for name in ("object_id", "label", "split"):
        columns[name][:] = getattr(objects, name)[which]
    return Records(recipe.spec, initial_weights(recipe.spec, "siren", record_id.tolist()), columns)
