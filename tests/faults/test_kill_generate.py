"""``kill -9`` at random moments, with one and with two generators on a folder: nothing is lost or torn."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..made_stores import contents

RECIPE = """
name = "killed"
title = "Small fields of real digits, in many shards"
seed = 5
views = 2
[source]
kind = "digits"
[field]
dims = [2, 24, 24, 1]
[fit]
steps = 400
lr = 1e-3
[split]
rule = "random"
val = 200
test = 300
[store]
rows_per_shard = 16
"""
LIMIT = 400


def start(recipe: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    """A generator in a process group of its own, as a shell would start it."""
    command = [sys.executable, "-m", "neuralviews", "generate", str(recipe), "--out", str(out)]
    command += ["--limit", str(LIMIT), "--workers", str(workers)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def kill(process: subprocess.Popen[bytes], whole_group: bool) -> bool:
    """SIGKILL the generator, with or without its workers; False if it had already ended."""
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL) if whole_group else process.kill()
    process.communicate()
    return alive


def storm(folder: Path, kills: int, seed: int) -> int:
    """Kill generators ``kills`` times at random moments, then let one finish; returns kills of live runs."""
    draw = random.Random(seed)
    recipe = folder / "killed.toml"
    recipe.write_text(RECIPE)
    calm, stormy = folder / "calm", folder / "stormy"
    began = time.monotonic()
    finish(start(recipe, calm, 1))
    whole_run = time.monotonic() - began
    hits = 0
    for _ in range(kills):
        generators = [start(recipe, stormy, draw.choice((1, 2))) for _ in range(draw.choice((1, 2)))]
        time.sleep(draw.uniform(0.2, 0.8) * whole_run)
        hits += sum([kill(process, draw.random() < 0.7) for process in generators])
        if (stormy / "manifest.json").exists():
            assert contents(stormy) == contents(calm)
            stormy = folder / f"stormy-{hits}"
    last = [start(recipe, stormy, 1) for _ in range(2)]
    for process in last:
        finish(process)
    assert contents(stormy) == contents(calm)
    return hits


def test_killed_generators_lose_nothing(tmp_path: Path) -> None:
    assert storm(tmp_path, kills=5, seed=1) >= 3


@pytest.mark.long
def test_many_killed_generators_lose_nothing(tmp_path: Path) -> None:
    assert storm(tmp_path, kills=60, seed=2) >= 50
