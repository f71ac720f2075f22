"""Small stores of the real format, with made-up weights, for tests of what reads stores."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralviews.fit.job import plan_job
from neuralviews.recipe import Recipe, load_recipe, recipe_from_canonical
from neuralviews.records import COLUMNS, NO_IOU, REPAIRS, SHAPE_COLUMNS, Records, ShapeTarget, Split, Status
from neuralviews.signals.base import Objects
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import Store, open_store
from neuralviews.store.writer import StoreWriter

PHOTO_SHAPES = ((5, 9), (8, 8), (12, 3))
_NONE: Mapping[str, str] = MappingProxyType({})


def digits_recipe(**tables: object) -> Recipe:
    """A recipe of scikit-learn's digits: 3 views, 200 val and 300 test objects, small fields."""
    return recipe_from_canonical(
        {
            "name": "made",
            "views": 3,
            "source": {"kind": "digits"},
            "field": {"dims": [2, 6, 5, 1], "output_offset": 0.5},
            "split": {"rule": "random", "val": 200, "test": 300},
            **tables,
        }
    )


def photo_recipe(folder: Path) -> Recipe:
    """Nine RGB images of mixed sizes, one colour each, in ``folder / "images"`` beside their recipe."""
    (folder / "images").mkdir(parents=True)
    for index in range(9):
        height, width = PHOTO_SHAPES[index % 3]
        Image.new("RGB", (width, height), (10 * index, 100, 200)).save(folder / "images" / f"{index}.png")
    path = folder / "recipe.toml"
    path.write_text(
        'name = "photos"\n[source]\nkind = "folder"\npath = "images"\nlabels = "none"\n'
        "[field]\ndims = [2, 4, 3]\n"
    )
    return load_recipe(path)


def made_records(recipe: Recipe, objects: int, diverged: Collection[int] = ()) -> Records:
    """What fitting would give: columns as in a real run, PSNRs from 40 to 60 dB, weights drawn at random."""
    kept = open_source(recipe).objects.limited(objects)
    count = len(kept) * recipe.views
    stream = np.random.default_rng(7)
    record_id = np.arange(count)
    which = record_id // recipe.views
    psnr = stream.uniform(40, 60, count)
    columns = {
        "record_id": record_id,
        "object_id": kept.object_id[which],
        "view": record_id % recipe.views,
        "seed": stream.integers(0, 2**63, count),
        "label": kept.label[which],
        "split": kept.split[which],
        "psnr": psnr,
        "loss": 10 ** (-psnr / 10),
        "steps": np.full(count, 10),
        "status": np.where(np.isin(record_id, list(diverged)), Status.diverged, Status.budget),
    }
    weights = stream.normal(0, 0.2, (count, recipe.spec.parameters)).astype(np.float32)
    return Records(
        recipe.spec, weights, {name: array.astype(COLUMNS[name]) for name, array in columns.items()}
    )


def started_store(root: Path, recipe: Recipe, objects: int) -> StoreWriter:
    """A store with its job and no shard."""
    engine = SimpleNamespace(arithmetic={"engine": "cpu", "arithmetic": 1})
    return StoreWriter(root, plan_job(recipe, open_source(recipe), engine, objects))  # type: ignore[arg-type]


def make_store(
    root: Path, recipe: Recipe | None = None, objects: int = 40, diverged: Collection[int] = ()
) -> Store:
    """A finished store of several shards."""
    recipe = recipe or digits_recipe(store={"rows_per_shard": 50})
    writer = started_store(root, recipe, objects)
    _fill(writer, made_records(recipe, objects, diverged))
    return open_store(root)


def shapes_recipe(**tables: object) -> Recipe:
    """A recipe of signed distances of meshes that nobody has: small fields, 3 views."""
    return recipe_from_canonical(
        {
            "name": "made-shapes",
            "views": 3,
            "source": {"kind": "meshes", "path": "meshes"},
            "field": {"dims": [3, 6, 5, 1]},
            "target": {"range": [-1.0, 1.0]},
            "shape": {"target": "sdf", "truncation": 0.1, "unreliable": "udf"},
            "store": {"rows_per_shard": 18},
            **tables,
        }
    )


def made_shapes(recipe: Recipe, objects: Objects) -> Records:
    """What fitting would give, with IoUs from 0.9 to 1; object 3 is doubtful, and so fitted without sign."""
    assert recipe.shape is not None
    count = len(objects) * recipe.views
    stream = np.random.default_rng(8)
    record_id = np.arange(count)
    which = record_id // recipe.views
    doubtful = objects.object_id[which] == 3
    target = np.where(doubtful, ShapeTarget.udf, ShapeTarget[recipe.shape.target])
    psnr = stream.uniform(30, 40, count)
    columns = {
        "record_id": record_id,
        "object_id": objects.object_id[which],
        "view": record_id % recipe.views,
        "seed": stream.integers(0, 2**63, count),
        "label": objects.label[which],
        "split": objects.split[which],
        "psnr": psnr,
        "loss": 10 ** (-psnr / 10),
        "steps": np.full(count, 10),
        "status": np.full(count, Status.budget),
        "iou": np.where(target == ShapeTarget.udf, NO_IOU, stream.uniform(0.9, 1, count)),
        "surface_error": stream.uniform(0, 0.01, count),
        "sign_disagreement": np.where(doubtful, 0.25, 0.001),
        "target": target,
        "repairs": np.tile(np.arange(REPAIRS), (count, 1)),
    }
    types = {**COLUMNS, **SHAPE_COLUMNS}
    weights = stream.normal(0, 0.2, (count, recipe.spec.parameters)).astype(np.float32)
    return Records(recipe.spec, weights, {name: array.astype(types[name]) for name, array in columns.items()})


def make_shapes_store(
    root: Path,
    recipe: Recipe | None = None,
    left_out: Mapping[str, str] = _NONE,
    weights: NDArray[np.float32] | None = None,
) -> Store:
    """A finished store of 12 made-up shapes of 4 classes, of no source that could be opened."""
    recipe = recipe or shapes_recipe()
    number = np.arange(12)
    objects = Objects(
        number.astype(np.uint32),
        (number % 4).astype(np.int32),
        np.where(number < 8, Split.train, Split.test).astype(np.uint8),
    )
    source = SimpleNamespace(
        objects=objects,
        files={f"{item}.off": hashlib.sha256(bytes([item])).hexdigest() for item in range(12)},
        class_names=("bed", "chair", "desk", "sofa"),
        image_shape=lambda object_id: None,
        left_out=left_out,
        tools={"libigl": "2.6.3"},
    )
    engine = SimpleNamespace(arithmetic={"engine": "cpu", "arithmetic": 1})
    writer = StoreWriter(root, plan_job(recipe, source, engine, None))  # type: ignore[arg-type]
    records = made_shapes(recipe, objects)
    _fill(writer, records if weights is None else replace(records, weights=weights))
    return open_store(root)


def _fill(writer: StoreWriter, records: Records) -> None:
    for shard in writer.missing():
        rows = writer.row_range(shard)
        writer.commit(shard, records.take(slice(rows.start, rows.stop)))
    writer.finalize()


def contents(root: Path) -> dict[str, str]:
    """sha256 of every file but the one that describes the machine; leftovers would show up here."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "environment.json"
    }
