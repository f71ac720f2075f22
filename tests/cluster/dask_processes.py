"""A real Dask cluster of processes on this host, whose workers can be killed, stopped and replaced."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
_BAR = re.compile(r"\d%\|")


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


class DaskProcesses:
    """A scheduler and its workers, each a process group of its own; logs lie in ``folder``.

    Args:
        environment: of all of them, besides that of this process.
        before: what a worker's command begins with, such as ``unshare``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        options: Sequence[str] = ("--no-nanny",),
        host: str = "127.0.0.1",
    ) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self._environment, self._before, self._options = dict(environment or {}), [*before], [*options]
        self._started, self._host = 0, host
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._schedule("0")

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_bytes())["address"])

    def _schedule(self, port: str) -> subprocess.Popen[bytes]:
        self.file.unlink(missing_ok=True)
        command = [BIN / "dask", "scheduler", "--scheduler-file", self.file, "--host", self._host]
        process = self._start([*map(str, command), "--port", port, "--no-dashboard"], self._environment)
        wait_for(self._written, "the scheduler's file")
        return process

    def _written(self) -> bool:
        try:
            return bool(self.address)
        except (OSError, ValueError):
            return False

    def _start(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        self._started += 1
        with (self.folder / f"log-{self._started}").open("wb") as log:
            return subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            )

    def add_worker(
        self, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        command = [*(before or self._before), str(BIN / "dask"), "worker", "--scheduler-file", str(self.file)]
        command += ["--nthreads", "1", "--no-dashboard", "--memory-limit", "0", *self._options]
        process = self._start(command, {**self._environment, **(environment or {})})
        self.workers.append(process)
        return process

    def wait_for_workers(self, count: int) -> None:
        from distributed import Client

        if not count:
            return
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def kill_worker(self, index: int) -> None:
        """SIGKILL, and a new one in its place."""
        self.end(self.workers.pop(index))
        self.add_worker()

    def replace_the_dead(self) -> None:
        """A new worker in the place of each that has ended."""
        for process in [process for process in self.workers if process.poll() is not None]:
            self.workers.remove(process)
            self.add_worker()

    def restart_scheduler(self) -> None:
        """SIGKILL the scheduler, and start another at the same place."""
        port = self.address.rpartition(":")[2]
        self.end(self.scheduler)
        self.scheduler = self._schedule(port)

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGCONT)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            self.end(process)


@contextmanager
def dask_processes(folder: Path, workers: int = 3, **options: object) -> Iterator[DaskProcesses]:
    """A cluster whose workers have joined it."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = DaskProcesses(folder, **options)  # type: ignore[arg-type]
    try:
        for _ in range(workers):
            cluster.add_worker()
        cluster.wait_for_workers(workers)
        yield cluster
    finally:
        cluster.close()


def wait_for_shards(root: Path, count: int, process: subprocess.Popen[str]) -> bool:
    """Wait until so many shards are finished; whether the run that makes them is still at it."""
    wait_for(
        lambda: len([*root.glob("shards/*.h5.json")]) >= count or process.poll() is not None,
        f"{count} finished shards",
    )
    return process.poll() is None


def neuralviews(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """The command line, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "neuralviews", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def outcome(process: subprocess.Popen[str], seconds: float = 120) -> tuple[int, str, str]:
    """Exit code, stdout, and stderr without the bar; a run that hangs is a failure."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    lines = [line for line in re.split(r"[\r\n]+", err) if line.strip()]
    return process.returncode, out, "\n".join(line for line in lines if not _BAR.search(line))


def run(*arguments: object, **environment: str) -> tuple[int, str, str]:
    return outcome(neuralviews(*arguments, **environment))
