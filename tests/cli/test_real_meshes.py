"""Real ModelNet meshes, none of them closed, from a zip file to pictures and proofs."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from neuralviews.cli.main import main
from neuralviews.recipe import recipe_root
from neuralviews.store.reader import Store, open_store

SETS = {"modelnet10": 5, "modelnet40": 9}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A copy of the archive, named unlike what is in it."""
    folder = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not folder or not (Path(folder) / "modelnet_original.zip").is_file():
        pytest.skip("NEURALVIEWS_TEST_DATA names no folder with modelnet_original.zip")
    return Path(shutil.copy(Path(folder) / "modelnet_original.zip", tmp_path / "meshes.zip"))


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    assert not end.value.code, output.err
    return output.out


def small_recipe(name: str, tmp_path: Path) -> Path:
    """The recipe with few samples and steps."""
    text = (recipe_root() / name / "recipe.toml").read_text()
    for key, value in (("near", "[[0.01, 4096]]"), ("uniform", "2048"), ("steps", "150"), ("points", "512")):
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.M)
        assert count == 1
    path = tmp_path / "small.toml"
    path.write_text(text)
    return path


def through_all_commands(
    capsys: pytest.CaptureFixture[str], recipe: object, archive: Path, out: Path, rows: int
) -> Store:
    text = run(capsys, "generate", recipe, "--source-root", archive, "--keep-going", "--out", out / "store")
    assert "found no meshes of this class" in text
    source = ("--source-root", archive)
    assert "verification passed" in run(
        capsys, "verify", out / "store", *source, "--level", "regenerate", "--rows", rows
    )
    run(capsys, "show", out / "store", *source, "--out", out / "shapes.png")
    assert (out / "shapes.png").stat().st_size > 50_000
    return open_store(out / "store")


@pytest.mark.parametrize("name", SETS)
def test_every_mesh_goes_through_every_command(
    name: str, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = through_all_commands(capsys, small_recipe(name, tmp_path), archive, tmp_path, 1)
    assert len(store) == SETS[name]
    assert (store.column("iou") > 0.1).all()
    assert np.median(store.column("iou")) > 0.5


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_the_full_budget_reaches_the_promised_iou(
    name: str, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = through_all_commands(capsys, name, archive, tmp_path, 2)
    assert len(store) == SETS[name]
    assert np.median(store.column("iou")) >= 0.95
