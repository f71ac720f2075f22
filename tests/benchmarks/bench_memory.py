"""Peak memory over stores of 10^4, 10^5 and 10^6 small records: does it grow with what is stored?

Each step runs in a fresh process, with two workers where it has any; see `peak_memory` for the measures.
Shards are as large as a run makes them, so that they grow from 57 of 20 kB to 64 of 2 MB.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from .peak_memory import Peak, watched
from .rows import Row

RECIPE = """
name = "memory"
title = "Real digits, hardly fitted: only their number matters"
[source]
kind = "digits"
[field]
dims = [2, 4, 1]
[fit]
steps = 1
retries = 0
[split]
rule = "random"
val = 200
test = 300
"""
VIEWS = {"10^4": 6, "10^5": 56, "10^6": 557}
"""Of 1,797 objects: 10,782, 100,632 and 1,000,929 records."""
ITERATE = """
import sys
from torch.utils.data import DataLoader
import neuralviews as nv
ds = nv.ViewDataset(sys.argv[1])
seen = sum(len(batch.weights) for batch in DataLoader(ds, batch_size=256, collate_fn=ds.collate))
assert seen == len(ds)
"""
STEPS = ("generate", "verify", "augment", "verify copies", "open and iterate")
WANTED = "at most 1.2x"


def measure() -> list[Row]:
    """Rows of the table: peaks at 10^6 records, beside those at 10^4."""
    found: dict[tuple[str, str], dict[str, Peak]] = {}
    for size, views in VIEWS.items():
        with tempfile.TemporaryDirectory() as folder:
            for step, (main, worker) in _peaks(Path(folder), views):
                found.setdefault((step, "run"), {})[size] = main
                if worker is not None:
                    found.setdefault((step, "worker"), {})[size] = worker
    return [row for (step, process), peaks in found.items() for row in _rows(step, process, peaks)]


def _peaks(folder: Path, views: int) -> Iterator[tuple[str, tuple[Peak, Peak | None]]]:
    """Each step with the peaks of its process and of its worker, on a store of so many views."""
    recipe, store, copies = folder / "memory.toml", str(folder / "store"), str(folder / "copies")
    recipe.write_text(RECIPE)
    cli, semantic = ["-m", "neuralviews"], ["--level", "semantic"]
    shared = ["--workers", "2"]
    yield (
        "generate",
        watched([*cli, "generate", str(recipe), "--out", store, "--views", str(views), *shared]),
    )
    yield "verify", watched([*cli, "verify", store, *semantic])
    yield (
        "augment",
        watched([*cli, "augment", store, "--plan", "symmetries", "--out", copies, *shared]),
    )
    yield "verify copies", watched([*cli, "verify", copies, *semantic, "--parent", store])
    yield "open and iterate", watched(["-c", ITERATE, store])


def _rows(step: str, process: str, peaks: dict[str, Peak]) -> Iterator[Row]:
    what = step if process == "run" else f"{step}, a worker"
    for name, measure_name in (("whole", "peak memory"), ("own", "without mapped files")):
        least, middle, most = (getattr(peaks[size], name) for size in VIEWS)
        beside = f"10^4: {least:.0f} MiB, 10^5: {middle:.0f} MiB"
        yield Row(f"{what}, 10^6 records, {measure_name}", most, "MiB", beside, most / least, WANTED)
