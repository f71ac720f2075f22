"""What a Dask cluster costs: CPU time of driver, scheduler and three workers here over a serial run."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from ..cluster.dask_processes import ROOT, DaskProcesses, dask_processes
from .bench_run import RECIPE
from .rows import Row

WORKERS = 3
FEW, MANY = 64, 384
"""Objects of the shorter and the longer run; their difference is free of what only starts."""
QUIET = {
    "PYTHONPATH": str(ROOT),
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
}
"""Settings of scheduler and workers, as docs/howto/cluster.md has them."""
SHARDS = "[store]\nrows_per_shard = 16\n"


@dataclass(frozen=True)
class _Runs:
    """CPU seconds of a run of few objects, and of what more of them cost."""

    short: float
    rest: float


def measure(rounds: int) -> list[Row]:
    """Rows of the table; each round measures both sides of each ratio in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "bench.toml"
        path.write_text(RECIPE + SHARDS)
        with dask_processes(folder / "dask", WORKERS, environment=QUIET) as cluster:
            started = _used(cluster)
            _cpu_seconds(path, folder / "store", FEW, cluster)  # imports, and loads what is compiled
            warmed = _used(cluster)
            found = [
                (
                    _runs(path, folder / "store", None, 1),
                    _runs(path, folder / "store", None, WORKERS),
                    _runs(path, folder / "store", cluster, None),
                )
                for _ in range(rounds)
            ]
    ratios = [
        (shared.rest / processes.rest, shared.rest / serial.rest) for serial, processes, shared in found
    ]
    over_processes, over_serial = (statistics.median(column) for column in zip(*ratios, strict=True))
    serial, processes = (statistics.median(row[side].rest for row in found) for side in (0, 1))
    driver = statistics.median(row[2].short - row[0].short for row in found)
    name = f"CPU time on a Dask cluster of {WORKERS} workers, starts apart"
    alike = f"of {WORKERS} processes without Dask, {processes:.1f} s"
    return [
        Row(f"{name}, over processes", over_processes, "x", alike, None, "at most 1.05"),
        Row(f"{name}, over a serial run", over_serial, "x", f"{serial:.1f} s", None, "at most 1.05"),
        Row(
            f"CPU time that scheduler and {WORKERS} workers take to start, once",
            started,
            "s",
            f"then {warmed - started:.1f} s for {FEW} fits and what is loaded for them",
            None,
            "",
        ),
        Row("CPU time that a short run takes more on a cluster", driver, "s", "of a serial run", None, ""),
    ]


def _runs(path: Path, store: Path, cluster: DaskProcesses | None, workers: int | None) -> _Runs:
    short, long = (_cpu_seconds(path, store, limit, cluster, workers) for limit in (FEW, MANY))
    return _Runs(short, long - short)


def _cpu_seconds(
    path: Path, store: Path, limit: int, cluster: DaskProcesses | None, workers: int | None = None
) -> float:
    """Of the command and its children, and of the cluster meanwhile."""
    shutil.rmtree(store, ignore_errors=True)
    command = [sys.executable, "-m", "neuralviews", "generate", str(path), "--out", str(store)]
    command += ["--limit", str(limit), *(() if workers is None else ("--workers", str(workers)))]
    command += [] if cluster is None else ["--cluster", str(cluster.file)]
    before = 0.0 if cluster is None else _used(cluster)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    used = 0.0 if cluster is None else _used(cluster) - before
    return usage.ru_utime + usage.ru_stime + used


def _used(cluster: DaskProcesses) -> float:
    """CPU seconds of scheduler and workers so far."""
    times = [psutil.Process(process.pid).cpu_times() for process in (cluster.scheduler, *cluster.workers)]
    return sum(found.user + found.system for found in times)
