"""Runs of the command line that are killed at random moments."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from neuralviews.store.schema import TEMP_PREFIX

from ..made_stores import contents

Arguments = Callable[[Path, int], list[str]]
"""What follows ``neuralviews``, for a folder to write to and a number of workers."""


_SOONER = 0.7


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """A run in a process group of its own, as a shell would start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "neuralviews", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def kill(process: subprocess.Popen[bytes], whole_group: bool) -> bool:
    """SIGKILL a run, with or without its workers; False if it had already ended."""
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
    process.communicate()
    return alive


def require_same(found: Path, expected: Path, but_for: str | None = None) -> None:
    """Fail unless two folders have the same files, those aside whose names begin with ``but_for``."""
    one, other = contents(found), contents(expected)
    names = sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
    different = [name for name in names if but_for is None or not Path(name).name.startswith(but_for)]
    assert not different, f"{found} and {expected} differ in {', '.join(different)}"


def storm(folder: Path, arguments: Arguments, kills: int, seed: int) -> int:
    """Kill live runs ``kills`` times at random moments, then let one finish; returns how often it could.

    Moments are drawn from the time that a calm run took. Others may be quicker, on another day or once all is
    compiled: where every run of a round has ended before its moment, later moments come sooner.
    """
    draw = random.Random(seed)
    calm, stormy = folder / "calm", folder / "stormy"
    began = time.monotonic()
    finish(start(arguments(calm, 1)))
    whole_run = time.monotonic() - began
    hits = rounds = 0
    while hits < kills and rounds < 4 * kills:
        rounds += 1
        runs = [start(arguments(stormy, draw.choice((1, 2)))) for _ in range(draw.choice((1, 2)))]
        time.sleep(draw.uniform(0.2, 0.8) * whole_run)
        killed = sum([kill(process, draw.random() < 0.7) for process in runs])
        whole_run *= 1 if killed else _SOONER
        hits += killed
        if (stormy / "manifest.json").exists():
            # Whoever was killed after that had yet to tidy up, and orphans live on for a moment.
            finish(start(arguments(stormy, 1)))
            require_same(stormy, calm, but_for=TEMP_PREFIX)
            stormy = folder / f"stormy-{rounds}"
    last = [start(arguments(stormy, 1)) for _ in range(2)]
    for process in last:
        finish(process)
    require_same(stormy, calm)
    return hits
