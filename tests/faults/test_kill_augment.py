"""``kill -9`` of augmenters at random moments, one and two on a folder: nothing is lost or torn."""

from pathlib import Path

import pytest

from ..made_stores import make_store
from .storm import storm

PLAN = """
name = "killed"
copies = 6
splits = ["train", "val", "test"]
reject = { min_share = 0.2, attempts = 3 }
[[pipelines]]
name = "mix"
steps = [
    { op = "aligned_mixup", law = "uniform" },
    { op = "repair", steps = 250 },
]
[[pipelines]]
name = "turn"
steps = [{ op = "random_symmetry" }, { op = "label_smoothing" }]
"""


def storm_of_augmenters(folder: Path, kills: int, seed: int) -> int:
    plan = folder / "killed.toml"
    plan.write_text(PLAN)
    parent = make_store(folder / "parent", diverged=(3,))

    def arguments(out: Path, workers: int) -> list[str]:
        run = ["augment", str(parent.root), "--plan", str(plan), "--out", str(out)]
        return [*run, "--workers", str(workers)]

    return storm(folder, arguments, kills, seed)


def test_killed_augmenters_lose_nothing(tmp_path: Path) -> None:
    assert storm_of_augmenters(tmp_path, kills=3, seed=1) >= 2


@pytest.mark.long
def test_many_killed_augmenters_lose_nothing(tmp_path: Path) -> None:
    assert storm_of_augmenters(tmp_path, kills=60, seed=2) >= 50
