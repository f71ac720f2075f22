"""The script that draws the pictures of the documentation, and the pictures that it drew."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner

from neuralviews.augment.registry import OPERATIONS
from neuralviews.field import evaluate
from neuralviews.grids import image_grid
from neuralviews.store.reader import Store

from ..made_stores import make_store

DOCS = Path(__file__).parents[2] / "docs"
NAMES = {*OPERATIONS, "mixes"}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", DOCS / "make_pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("pictures") / "store")


def names_of(tiles: object) -> list[str]:
    return [tile.name for tile in tiles]  # type: ignore[attr-defined]


def run(script: ModuleType, *arguments: object) -> None:
    done = CliRunner().invoke(script.main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output


def test_the_documentation_has_a_small_picture_of_every_operation() -> None:
    pictures = {path.stem: path for path in (DOCS / "pictures").glob("*.png")}
    assert set(pictures) == NAMES
    assert all(path.stat().st_size <= 40_000 for path in pictures.values())


def test_the_same_store_gives_the_same_pictures(script: ModuleType, store: Store, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(script, store.root, "--out", tmp_path / name)
    assert {path.stem for path in (tmp_path / "a").iterdir()} == NAMES
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_each_picture_shows_what_can_be_expected(script: ModuleType, store: Store) -> None:
    easel = script.Easel(store, script.open_store_source(store, None))
    shown = {name: names_of(script.operation_strip(name, easel).tiles) for name in OPERATIONS}
    assert shown["affine_coords"] == ["source", "field", "should render", "copy"]
    assert shown["gaussian_noise"] == ["source", "field", "copy"]
    for name in ("mixup", "aligned_mixup", "repair"):
        assert shown[name] == ["field", "second field", "should render", "copy"]


def test_mixes_share_their_parents_and_their_target(script: ModuleType, store: Store) -> None:
    easel = script.Easel(store, None)
    made = [easel.make(steps, easel.supply.members[:2]) for steps in script.MIXES.values()]
    grid = image_grid(8, 8, store.spec.axis_order)
    first, second = (
        evaluate(store.spec, weights, grid).reshape(2, 8, 8)
        for weights in (made[0].batch.source, made[0].batch.partner.weights)
    )
    for copies in made:
        np.testing.assert_allclose(copies.expected, np.clip((first + second) / 2, 0, 1), atol=0.05)
    assert len({copies.batch.weights.tobytes() for copies in made}) == len(made)
    for block in script.mix_blocks(easel):
        assert names_of(block) == ["field", "second field", "should render", *script.MIXES]
