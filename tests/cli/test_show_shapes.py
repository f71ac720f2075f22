"""``show`` of stores of shapes that were fitted to real files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.fit.reproduce import open_store_source
from neuralviews.fit.run import RunOptions, generate
from neuralviews.report import shape_painter
from neuralviews.report.gallery import draw_gallery
from neuralviews.store.reader import open_store

from ..fit.shape_sources import mesh_folder, shape_recipe

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shape_painter, "RESOLUTION", 24)


@pytest.fixture(scope="module")
def source_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mesh_folder(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def store(source_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "store"
    generate(shape_recipe(), out, RunOptions(source_root))
    return out


def test_with_and_without_the_meshes(store: Path, source_root: Path, tmp_path: Path, run: Run) -> None:
    beside, alone = tmp_path / "beside.png", tmp_path / "alone.png"
    result = run("show", store, "--out", beside, "--source-root", source_root)
    assert result == (0, f"{beside}: gallery of {store}\n", "")
    code, out, _ = run("show", store, "--out", alone)
    assert code == 0
    assert out.splitlines()[1:] == ["drawn without sources: give --source-root to see them beside the views"]
    assert beside.read_bytes() != alone.read_bytes()


def test_other_meshes_than_the_store_was_made_from(store: Path, tmp_path: Path, run: Run) -> None:
    other = mesh_folder(tmp_path / "other")
    mesh = other / "Shapes" / "box" / "train" / "box_1.off"
    mesh.write_text(mesh.read_text() + "\n")
    code, out, err = run("show", store, "--out", tmp_path / "g.png", "--source-root", other)
    assert (code, out) == (2, "")
    assert err.startswith("error: source file box/train/box_1.off: found sha256")
    assert err.count("\n") == 1
    assert not (tmp_path / "g.png").exists()


def test_clouds_of_points_stand_beside_their_shells(tmp_path: Path) -> None:
    cloud = tmp_path / "Shapes" / "cloud" / "train" / "cloud.off"
    cloud.parent.mkdir(parents=True)
    points = np.random.default_rng(0).normal(size=(200, 3))
    cloud.write_text("OFF\n200 0 0\n" + "".join(f"{x:.5f} {y:.5f} {z:.5f}\n" for x, y, z in points))
    generate(shape_recipe({"target": "udf"}), tmp_path / "store", RunOptions(tmp_path))
    store = open_store(tmp_path / "store")
    sheet = draw_gallery(store, open_store_source(store, tmp_path)).axes[0]
    source = np.asarray(sheet.images[0].get_array())
    drawn = (source < 1).any(axis=2)
    assert 0.02 < drawn.mean() < 0.5
    assert "unsigned: a shell" in [text.get_text() for text in sheet.texts]
