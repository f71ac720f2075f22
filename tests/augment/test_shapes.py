"""Copies of fields of shapes: they verify like any others, and know where the surface is."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.augment.basin import align_store
from neuralviews.augment.context import context_of
from neuralviews.augment.geometry import SdfScale
from neuralviews.augment.plan import Plan
from neuralviews.augment.run import augment_store
from neuralviews.errors import SpecError
from neuralviews.records import SHAPE_COLUMNS, Split
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from ..made_stores import make_shapes_store, shapes_recipe

PLAN: dict[str, Any] = {
    "name": "solid",
    "splits": ["train", "test"],
    "pipelines": [
        {"name": "mixed", "steps": [{"op": "aligned_mixup", "law": "uniform"}]},
        {"name": "turned", "steps": [{"op": "affine_coords", "rotate_3d": 90.0}, {"op": "sdf_scale"}]},
        {"name": "repaired", "steps": [{"op": "aligned_mixup"}, {"op": "repair", "steps": 5}]},
    ],
}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_shapes_store(tmp_path_factory.mktemp("shapes") / "store")


@pytest.fixture(scope="module")
def copies(shapes: Store) -> Store:
    root = shapes.root.parent / "copies"
    augment_store(shapes, Plan.checked(PLAN, "plan"), root)
    return open_store(root)


def test_copies_have_columns_of_copies_alone(shapes: Store, copies: Store) -> None:
    assert not {*copies.columns()} & {*SHAPE_COLUMNS}
    assert len(copies) == 3 * len(shapes)
    assert "shapes" not in (copies.root / "manifest.json").read_text().partition('"summary"')[2]


def test_copies_verify_against_their_parent(shapes: Store, copies: Store) -> None:
    checks = verify(copies.root, "semantic", shapes).checks
    assert any("no copy crosses a split" in check for check in checks)
    assert not any("IoU" in check for check in checks)


def test_exact_copies_render_what_they_should(copies: Store) -> None:
    """Turned and grown fields, measured at points all over the cube."""
    columns = copies.read(np.flatnonzero(copies.column("pipeline") == 1)).columns
    assert columns["psnr"].min() > 80
    params = columns["params"][:, : 3 * 3]
    turned = params.reshape(-1, 3, 3).astype(np.float64)
    np.testing.assert_allclose(
        turned @ turned.transpose(0, 2, 1), np.tile(np.eye(3), (len(turned), 1, 1)), atol=1e-6
    )


def test_an_aligned_store_of_shapes_verifies(shapes: Store, tmp_path: Path) -> None:
    report = align_store(shapes, tmp_path / "aligned")
    assert report.made == len(shapes)
    assert verify(tmp_path / "aligned", "semantic", shapes).rows == len(shapes)
    assert open_store(tmp_path / "aligned").column("psnr").min() > 80
    assert set(open_store(tmp_path / "aligned").column("split").tolist()) == {Split.train, Split.test}


@pytest.mark.parametrize(
    ("target", "low", "high", "surface"),
    [("sdf", -1.0, 1.0, 0.0), ("sdf", 0.0, 1.0, 0.5), ("udf", 0.0, 1.0, 0.0), ("udf", -2.0, 2.0, -2.0)],
)
def test_a_shape_grows_about_its_surface_whatever_stands_for_it(
    tmp_path: Path, target: str, low: float, high: float, surface: float
) -> None:
    recipe = shapes_recipe(target={"range": [low, high]}, shape={"target": target})
    store = make_shapes_store(tmp_path / "store", recipe)
    assert context_of(store).zero == surface
    plan = {"name": "grown", "pipelines": [{"name": "grown", "steps": [{"op": "sdf_scale", "low": 0.5}]}]}
    augment_store(store, Plan.checked(plan, "plan"), tmp_path / "grown")
    grown = open_store(tmp_path / "grown")
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (40, 3)).astype(np.float32)
    for record in (0, 7):
        facts = grown.record(record)
        factor = facts["params"][0]
        parent, copy = store.field(facts["parent_a"]), grown.field(record)
        distance = parent((points / factor).astype(np.float32)) - surface
        np.testing.assert_allclose(copy(points) - surface, factor * distance, atol=1e-5)


@pytest.mark.parametrize("tables", [{"shape": {"target": "occupancy"}}, {"fit": {"loss": "bce"}}], ids=str)
def test_what_gives_no_distance_does_not_grow(tmp_path: Path, tables: Mapping[str, Any]) -> None:
    store = make_shapes_store(tmp_path / "store", shapes_recipe(target={"range": [0.0, 1.0]}, **tables))
    with pytest.raises(
        SpecError, match="sdf_scale: these fields give images, insides or logits, no distances"
    ):
        SdfScale().require(context_of(store))
