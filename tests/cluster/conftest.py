"""A recipe of up to sixty short shards, and what a serial run makes of it."""

import fcntl
import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from neuralviews.fit.run import RunOptions, generate

from ..made_stores import contents
from .dask_processes import ROOT, DaskProcesses, dask_processes

RECIPE = """
name = "shared-out"
title = "Small fields of real digits, in sixty shards"
seed = 5
views = 2
[source]
kind = "digits"
[field]
dims = [2, 24, 24, 1]
[fit]
steps = 500
lr = 1e-3
[split]
rule = "random"
val = 200
test = 300
[store]
rows_per_shard = 8
"""
MANY, FEW, TINY = 240, 40, 16
"""Objects that make sixty shards, ten, and four."""


@pytest.fixture(scope="package")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "shared-out.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="package")
def calm(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, str]]:
    """The files of the store that a serial run makes of so many objects: once for all processes of tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base

    @lru_cache
    def contents_of(limit: int) -> dict[str, str]:
        known = shared / f"calm-{limit}.json"
        with (shared / f"calm-{limit}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not known.exists():
                root = tmp_path_factory.mktemp("calm") / "store"
                generate(str(recipe), root, RunOptions(limit=limit))
                known.write_text(json.dumps(contents(root)))
            return dict(json.loads(known.read_text()))

    return contents_of


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskProcesses]:
    """Three workers without nannies, which tests leave as they found them."""
    with dask_processes(tmp_path_factory.mktemp("dask"), environment={"PYTHONPATH": str(ROOT)}) as found:
        yield found
