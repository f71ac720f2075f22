"""Stores of shapes against their sources: every file in its place, every column what the samples say."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neuralviews.errors import IntegrityError, SourceError
from neuralviews.field import FieldSpec, evaluate
from neuralviews.fit import reproduce
from neuralviews.fit.consistency import check_against_job
from neuralviews.fit.reproduce import open_store_source, remeasure
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.stated import stated_job
from neuralviews.records import NO_IOU, ShapeTarget
from neuralviews.store.reader import Store, open_store

from .shape_sources import NOT_A_MESH, bowl, mesh_folder, shape_recipe
from .test_consistency import forge

BOWL, SHEET = 1, 3


@pytest.fixture(scope="module")
def source_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mesh_folder(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def store(source_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("made") / "store"
    generate(shape_recipe(), out, RunOptions(source_root))
    return open_store(out)


def test_all_libraries_that_measure_are_named(store: Store) -> None:
    assert set(stated_job(store).source.tools) == {"samples", "libigl", "scipy", "trimesh"}


def test_a_stray_file_is_named(store: Store, source_root: Path, tmp_path: Path) -> None:
    """It is no object, but it would move the numbers of those that are."""
    root = shutil.copytree(source_root, tmp_path / "more")
    (root / "Shapes" / "aaa.off").write_text(trimesh.creation.box().export(file_type="off"))
    with pytest.raises(
        SourceError, match=r"source file aaa\.off: found it left out \(lies in no .*\), expected no such file"
    ):
        open_store_source(store, root)


def test_a_file_that_was_left_out_is_missed(source_root: Path, tmp_path: Path) -> None:
    root = shutil.copytree(source_root, tmp_path / "more")
    stray = root / "Shapes" / "aaa.off"
    stray.write_bytes(NOT_A_MESH)
    generate(shape_recipe(), tmp_path / "store", RunOptions(root, keep_going=True))
    made = open_store(tmp_path / "store")
    assert open_store_source(made, root).left_out == made.job["source"]["left_out"]
    stray.unlink()
    with pytest.raises(
        SourceError, match=r"source file aaa\.off: found no such file, expected it left out \(lies in no "
    ):
        open_store_source(made, root)


def bowl_and_sheet(source_root: Path, root: Path) -> Path:
    """The same with an open half of a sphere, and with one triangle, which holds no cell of the grid."""
    shutil.copytree(source_root, root)
    (root / "Shapes" / "box" / "train" / "bowl.off").write_text(bowl().export(file_type="off"))
    (root / "Shapes" / "box" / "train" / "sheet.off").write_text("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
    return root


@pytest.fixture(scope="module")
def doubtful_root(source_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bowl_and_sheet(source_root, tmp_path_factory.mktemp("doubtful") / "source")


@pytest.fixture(scope="module")
def doubtful(doubtful_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """Their store, by what the recipe makes of signs that cannot be trusted."""
    made = {}
    for policy in ("mark", "udf"):
        out = tmp_path_factory.mktemp("made") / policy
        generate(shape_recipe({"unreliable": policy}), out, RunOptions(doubtful_root))
        made[policy] = open_store(out)
    return made


@pytest.mark.parametrize("policy", ["mark", "udf"])
def test_doubtful_shapes_prove_themselves(
    policy: str, doubtful: dict[str, Store], doubtful_root: Path
) -> None:
    store = doubtful[policy]
    check_against_job(store, stated_job(store))
    assert remeasure(store, open_store_source(store, doubtful_root), np.arange(6)).records == 6


def test_what_has_no_inside_has_no_iou(doubtful: dict[str, Store]) -> None:
    """Whatever its field comes to: one that has no inside either would otherwise be perfect."""
    marked, replaced = doubtful["mark"], doubtful["udf"]
    assert (marked.column("sign_disagreement")[[BOWL, SHEET]] > 0.1).all()
    assert (marked.column("iou") == NO_IOU).tolist() == [False, False, False, True, False, False]
    assert (replaced.column("iou") == NO_IOU).tolist() == [False, True, False, True, False, False]
    assert set(marked.column("target").tolist()) == {ShapeTarget.sdf}


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "iou": lambda v: np.where(v < 0, v, np.where(v > 0.5, v - 0.01, v + 0.01)),
    "surface_error": lambda v: v * 1.01,
    "sign_disagreement": lambda v: v + 1e-6,
    "repairs": lambda v: v + 1,
    "target": lambda v: v * 0 + ShapeTarget.occupancy,
}


@pytest.mark.parametrize("column", CHANGES)
def test_columns_of_shapes_are_measured(column: str, store: Store, source_root: Path, tmp_path: Path) -> None:
    forged = forge(store.root, tmp_path / "forged", column, CHANGES[column])
    with pytest.raises(
        IntegrityError,
        match=rf"record 0 states {column} .*, its weights and the source come to .*not made from",
    ):
        remeasure(forged, open_store_source(forged, source_root), np.arange(4))


@pytest.mark.parametrize(
    ("policy", "column", "row"),
    [("mark", "target", 0), ("udf", "target", 0), ("udf", "sign_disagreement", BOWL)],
)
def test_targets_that_the_recipe_cannot_make(
    policy: str, column: str, row: int, doubtful: dict[str, Store], tmp_path: Path
) -> None:
    change = (lambda v: v * 0) if column == "sign_disagreement" else (lambda v: np.where(v == 1, 1, 2))
    forged = forge(doubtful[policy].root, tmp_path / "forged", column, change)
    message = rf"record {row} states target \d, expected that of the recipe and its limit"
    with pytest.raises(IntegrityError, match=message):
        check_against_job(forged, stated_job(forged))


def test_a_recipe_that_skips_has_none_beyond_its_limit(doubtful_root: Path, tmp_path: Path) -> None:
    generate(shape_recipe({"unreliable": "skip"}), tmp_path / "store", RunOptions(doubtful_root))
    made = open_store(tmp_path / "store")
    check_against_job(made, stated_job(made))
    forged = forge(made.root, tmp_path / "forged", "sign_disagreement", lambda v: v + 0.5)
    with pytest.raises(
        IntegrityError, match=r"record 0 states sign_disagreement 0\.5.*, expected at most 0\.1"
    ):
        check_against_job(forged, stated_job(forged))


def test_unsigned_distances_contradict_nothing(source_root: Path, tmp_path: Path) -> None:
    recipe = shape_recipe({"target": "udf"}, target={"range": [0.0, 1.0]})
    generate(recipe, tmp_path / "store", RunOptions(source_root, limit=1))
    made = open_store(tmp_path / "store")
    check_against_job(made, stated_job(made))
    forged = forge(made.root, tmp_path / "forged", "sign_disagreement", lambda v: v + 0.05)
    with pytest.raises(IntegrityError, match=r"states sign_disagreement 0\.05.*, expected 0 where no inside"):
        check_against_job(forged, stated_job(forged))


def test_many_points_are_rendered_a_few_at_a_time(
    store: Store, source_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, rows = open_store_source(store, source_root), np.arange(1)
    whole = remeasure(store, source, rows)
    seen: list[int] = []

    def counted(spec: FieldSpec, weights: np.ndarray, coords: np.ndarray) -> np.ndarray:
        seen.append(len(coords))
        return evaluate(spec, weights, coords)

    monkeypatch.setattr(reproduce, "evaluate", counted)
    monkeypatch.setattr(reproduce, "_IN_FLIGHT", 16 * 300)
    assert remeasure(store, source, rows).largest_difference == pytest.approx(
        whole.largest_difference, rel=1e-6
    )
    assert seen == [300, 300, 200]
