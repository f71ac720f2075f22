"""``kill -9`` at random moments, with one and with two generators on a folder: nothing is lost or torn."""

from pathlib import Path

import pytest

from .storm import storm

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


def storm_of_generators(folder: Path, kills: int, seed: int) -> int:
    recipe = folder / "killed.toml"
    recipe.write_text(RECIPE)

    def arguments(out: Path, workers: int) -> list[str]:
        run = ["generate", str(recipe), "--out", str(out), "--limit", str(LIMIT)]
        return [*run, "--workers", str(workers)]

    return storm(folder, arguments, kills, seed)


def test_killed_generators_lose_nothing(tmp_path: Path) -> None:
    assert storm_of_generators(tmp_path, kills=5, seed=1) >= 3


@pytest.mark.long
def test_many_killed_generators_lose_nothing(tmp_path: Path) -> None:
    assert storm_of_generators(tmp_path, kills=60, seed=2) >= 50
