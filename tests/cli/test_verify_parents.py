"""``verify --parent``: what is wrong with the parent is named, and copies that are not their plan's."""

from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.rows import CopyMaker
from neuralviews.store.reader import open_store

from .augment_runs import Run, refused


def test_verification_names_what_is_wrong_with_the_parent(run: Run, stores: Path, out: Path) -> None:
    asked = ("augment", stores / "parent", "--plan", "aligned-mixup", "--out", out, "--workers", 1)
    assert run(*asked)[0] == 0
    for level in ("semantic", "regenerate"):
        refused(
            run("verify", out, "--level", level, "--parent", stores / "other"),
            "other: found dataset id",
            "the parent of",
            "give the store that it was made from",
        )
        refused(run("verify", out, "--level", level, "--parent", stores / "damaged"), "shard-000001.h5")
        refused(run("verify", out, "--level", level, "--parent", stores / "none"), "no folder that can be")
    refused(run("verify", out, "--level", "regenerate"), "made again from their parents; give --parent")
    for level in ("quick", "full"):
        refused(
            run("verify", out, "--level", level, "--parent", stores / "parent"),
            f"--parent: level '{level}' compares nothing with it; choose --level semantic or regenerate",
        )
    refused(run("verify", out, "--source-root", stores), "holds augmented copies", "give --parent instead")
    refused(
        run("verify", stores / "parent", "--level", "semantic", "--parent", stores / "parent"),
        "has none, its kind is 'generate'; leave the parent out",
    )


def test_verification_notices_copies_that_are_not_their_plans(
    run: Run, stores: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("augment", stores / "parent", "--plan", "symmetries", "--out", out, "--workers", 1)
    assert run(*asked)[0] == 0
    other = open_store(out).weights(np.arange(87))[::-1]
    monkeypatch.setattr(CopyMaker, "finite_weights", lambda self, batch, parents: other[: len(batch)])
    code, _, err = run("verify", out, "--level", "regenerate", "--parent", stores / "parent")
    assert code == 2
    assert "record 0 came out different, made again from their seeds (weights)" in err


def test_a_damaged_parent_is_told_once_for_all_shards(run: Run, stores: Path, out: Path) -> None:
    asked = ("augment", stores / "parent", "--plan", "aligned-mixup", "--copies", 12, "--out", out)
    assert run(*asked, "--workers", 1)[0] == 0
    assert len([*(out / "shards").glob("*.h5")]) > 1
    refused(
        run("verify", out, "--level", "semantic", "--parent", stores / "damaged"),
        "error: ",
        "damaged/shards/shard-000001.h5: found sha256",
    )
