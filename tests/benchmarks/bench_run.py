"""Whole runs: what `generate` costs beside fitting, what a second worker gains, how much memory it takes."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from neuralviews.fit.engine import Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.job import budget_of, first_seed
from neuralviews.fit.registry import get_engine
from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import Recipe, load_recipe
from neuralviews.records import Status
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import open_store
from neuralviews.work.shards import available_cpus

from ..proofs import mnist_root
from .rows import Row

RECIPE = """
name = "bench"
title = "Real digits, as many steps as make a field cost what an MNIST field costs"
views = 1
[source]
kind = "digits"
[field]
dims = [2, 32, 32, 1]
output_offset = 0.5
[fit]
steps = 12000
lr = 5e-4
[split]
rule = "random"
val = 200
test = 300
"""
OVERHEAD_LIMIT = 96
WALL_LIMIT = 1797


def measure(rounds: int) -> list[Row]:
    """Rows of the table; each round measures both sides of each ratio in turn."""
    with tempfile.TemporaryDirectory() as name:
        store, path = Path(name) / "store", Path(name) / "bench.toml"
        path.write_text(RECIPE)
        recipe = load_recipe(path)
        overheads = [_run_seconds(recipe, store) / _fit_seconds(recipe) for _ in range(rounds)]
        walls = [(_wall_seconds(path, store, 1), _wall_seconds(path, store, 2)) for _ in range(rounds)]
        peak = _peak_mebibytes(path, store)
        quality = _mnist_quality(Path(name) / "mnist")
    gain = statistics.median(one / two for one, two in walls)
    pairs = ", ".join(f"{one:.1f} and {two:.1f} s" for one, two in walls)
    overhead = statistics.median(overheads)
    return [
        Row(
            "CPU time of a whole run over pure fitting, start-up apart",
            overhead,
            "x",
            "",
            None,
            "at most 1.03",
        ),
        Row("speed of two workers over one, wall clock", gain, "x", f"rounds: {pairs}", None, "at least 1.9"),
        Row("peak memory of a run, one worker", peak, "MiB", "", None, ""),
        *quality,
    ]


def _run_seconds(recipe: Recipe, store: Path) -> float:
    """CPU seconds of a whole run in this process: source, job, fitting, shards, manifest."""
    shutil.rmtree(store, ignore_errors=True)
    began = time.process_time()
    generate(recipe, store, RunOptions(limit=OVERHEAD_LIMIT))
    return time.process_time() - began


def _fit_seconds(recipe: Recipe) -> float:
    """CPU seconds of the engine alone for the same fields, all handed over at once."""
    source = open_source(recipe)
    ids = [int(i) for i in source.objects.limited(OVERHEAD_LIMIT).object_id]
    found = [source.signal(i) for i in ids]
    signals = Signals(found[0].coords, np.stack([s.values for s in found]), 1.0)
    inits = initial_weights(recipe.spec, "siren", [first_seed(recipe, i, 0) for i in ids])
    engine = get_engine("cpu", recipe.spec, budget_of(recipe), None)
    began = time.process_time()
    engine.fit(recipe.spec, signals, inits, budget_of(recipe))
    return time.process_time() - began


def _command(path: Path, store: Path, workers: int, limit: int) -> list[str]:
    shutil.rmtree(store, ignore_errors=True)
    command = [sys.executable, "-m", "neuralviews", "generate", str(path), "--out", str(store)]
    return [*command, "--workers", str(workers), "--limit", str(limit)]


def _wall_seconds(path: Path, store: Path, workers: int) -> float:
    """Wall-clock seconds of the command, its start included."""
    command = _command(path, store, workers, WALL_LIMIT)
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def _peak_mebibytes(path: Path, store: Path) -> float:
    command = _command(path, store, 1, OVERHEAD_LIMIT)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss / 1024


def _mnist_quality(folder: Path) -> list[Row]:
    """PSNRs of the `mnist` recipe on 1,000 real objects, where real MNIST is given."""
    root = mnist_root(folder / "source")
    if root is None:
        return []
    generate(load_recipe("mnist"), folder / "store", RunOptions(root, limit=1000, workers=available_cpus()))
    store = open_store(folder / "store")
    psnr, converged = store.column("psnr"), store.column("status") == Status.converged
    low = int(np.count_nonzero(converged & (psnr < 35)))
    return [
        Row(
            "median PSNR, recipe `mnist`, 1,000 objects",
            float(np.median(psnr)),
            "dB",
            "",
            None,
            "at least 45",
        ),
        Row("lowest PSNR of them", float(psnr.min()), "dB", "", None, ""),
        Row("of them below 35 dB and marked converged", low, "fields", "", None, "0"),
    ]
