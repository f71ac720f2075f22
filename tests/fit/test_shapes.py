"""Stores of shapes: the same bytes whatever the way, and truths that can be measured again."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from neuralviews.errors import EngineError, IntegrityError, NeuralViewsError, OptionError, SourceError
from neuralviews.field import evaluate
from neuralviews.fit.prepare import samples_folder
from neuralviews.fit.reproduce import open_store_source, regenerate, remeasure
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.stated import stated_job
from neuralviews.records import NO_IOU, ShapeTarget, Split
from neuralviews.signals.reasons import Reason
from neuralviews.signals.samples import GRID, cell_centres
from neuralviews.signals.shapes import ShapeSource
from neuralviews.store.reader import Store, open_store
from neuralviews.store.verify import verify

from .shape_sources import CLOUD, NOT_A_MESH, bowl, mesh_folder, shape_recipe, zipped

RECIPE = shape_recipe(views=2)


@pytest.fixture(scope="module")
def source_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mesh_folder(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def store(source_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("made") / "store"
    assert generate(RECIPE, out, RunOptions(source_root)).dataset_id
    return open_store(out)


def test_records_say_what_they_are(store: Store) -> None:
    assert store.column("object_id").tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert store.column("split").tolist() == [Split.test] * 2 + [Split.train] * 6
    assert store.column("label").tolist() == [0] * 4 + [1] * 4
    assert stated_job(store).source.class_names == ("box", "round")
    assert set(store.column("target").tolist()) == {ShapeTarget.sdf}
    assert (store.column("sign_disagreement") < 0.01).all()
    assert len(set(store.column("seed").tolist())) == 8


def test_views_of_an_object_share_its_samples(store: Store) -> None:
    assert len([*samples_folder(store.root).glob("*.npz")]) == 4


@pytest.mark.parametrize("way", ["zip", "two workers", "one record a shard", "no samples kept"])
def test_the_way_changes_no_byte(way: str, store: Store, source_root: Path, tmp_path: Path) -> None:
    recipe, options = RECIPE, RunOptions(source_root)
    if way == "zip":
        options = replace(options, source_root=zipped(source_root, tmp_path / "meshes"))
    if way == "two workers":
        options = replace(options, workers=2)
    if way == "no samples kept":
        generate(recipe, tmp_path / "store", replace(options, part=(0, 2)))
        shutil.rmtree(samples_folder(tmp_path / "store"))
    if way == "one record a shard":
        recipe = shape_recipe(views=2, store={"rows_per_shard": 1})
        assert generate(recipe, tmp_path / "store", options).missing == 0
        made = open_store(tmp_path / "store")
        np.testing.assert_array_equal(made.weights(np.arange(8)), store.weights(np.arange(8)))
        return
    assert generate(recipe, tmp_path / "store", options).dataset_id == store.dataset_id


def test_damaged_samples_are_drawn_again(store: Store, source_root: Path, tmp_path: Path) -> None:
    kept = samples_folder(tmp_path / "store")
    shutil.copytree(samples_folder(store.root), kept)
    for path in kept.iterdir():
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    assert generate(RECIPE, tmp_path / "store", RunOptions(source_root)).dataset_id == store.dataset_id


def test_a_finished_store_needs_no_samples(store: Store, source_root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store"
    shutil.copytree(store.root, copy)
    report = generate(RECIPE, copy, RunOptions(source_root))
    assert (report.fitted, report.dataset_id) == (0, store.dataset_id)
    assert not samples_folder(copy).exists()


def test_iou_and_surface_error_are_those_of_the_weights(store: Store, source_root: Path) -> None:
    source = open_store_source(store, source_root)
    assert isinstance(source, ShapeSource)
    records = store.read(np.arange(len(store)))
    for row, object_id in enumerate(records.columns["object_id"].tolist()):
        samples = source.samples(object_id)
        inside = evaluate(store.spec, records.weights[row], cell_centres())[:, 0] < 0
        truth = samples.occupancy.ravel()
        iou = (inside & truth).sum() / (inside | truth).sum()
        assert records.columns["iou"][row] == pytest.approx(iou, abs=2e-3)
        near = 0.1 * np.clip(evaluate(store.spec, records.weights[row], samples.check_points)[:, 0], -1, 1)
        error = np.abs(near - np.clip(samples.check_distance, -0.1, 0.1)).mean()
        assert records.columns["surface_error"][row] == pytest.approx(error, rel=1e-4)
    assert source.samples(0).occupancy.shape == (GRID, GRID, GRID)


def test_a_store_proves_itself(store: Store, source_root: Path) -> None:
    source = open_store_source(store, source_root)
    verify(store.root, "semantic")
    assert remeasure(store, source, np.arange(8)).records == 8
    assert regenerate(store, source, np.arange(0, 8, 3)) == 3


def test_other_versions_of_the_libraries_are_told(
    store: Store, source_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = open_store_source(store, source_root)
    monkeypatch.setattr(ShapeSource, "tools", {"libigl": "9.9"})
    with pytest.raises(
        EngineError, match=r"was measured with .*, this machine has \{'libigl': '9\.9'\}.*install"
    ):
        regenerate(store, source, np.arange(1))


def test_another_source_is_told(store: Store, source_root: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(source_root, other)
    path = other / "Shapes" / "round" / "train" / "ball.off"
    path.write_text(trimesh.creation.icosphere(1).export(file_type="off"))
    with pytest.raises(SourceError, match=r"source file round/train/ball\.off: found sha256"):
        open_store_source(store, other)


@pytest.fixture
def bad_root(source_root: Path, tmp_path: Path) -> Path:
    """The same with a file that is no mesh, before all others."""
    shutil.copytree(source_root, tmp_path / "bad")
    (tmp_path / "bad" / "Shapes" / "box" / "test" / "a_page.off").write_bytes(NOT_A_MESH)
    return tmp_path / "bad"


def test_a_bad_mesh_stops_the_run_before_anything_is_written(bad_root: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a_page\.off: .*; --keep-going leaves such meshes out"):
        generate(RECIPE, tmp_path / "store", RunOptions(bad_root))
    assert not (tmp_path / "store").exists()


def test_bad_meshes_are_left_out_and_listed(store: Store, bad_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "store"
    report = generate(RECIPE, out, RunOptions(bad_root, keep_going=True))
    assert report.left_out == {"box/test/a_page.off": Reason.no_mesh}
    made = open_store(out)
    assert stated_job(made).source.left_out == report.left_out
    assert str(tmp_path) not in json.dumps(dict(made.job))
    assert made.column("object_id").tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    regenerate(made, open_store_source(made, bad_root), np.arange(2))
    again = generate(RECIPE, out, RunOptions(bad_root))
    assert (again.fitted, again.dataset_id, again.left_out) == (0, made.dataset_id, report.left_out)


def test_a_limit_counts_usable_objects(bad_root: Path, tmp_path: Path) -> None:
    generate(RECIPE, tmp_path / "store", RunOptions(bad_root, keep_going=True, limit=3))
    assert sorted({*open_store(tmp_path / "store").column("object_id").tolist()}) == [1, 2, 3]


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    place = tmp_path / "Shapes" / "only" / "train"
    place.mkdir(parents=True)
    (place / "page.off").write_bytes(NOT_A_MESH)
    with pytest.raises(SourceError, match=r"small-shapes: no mesh in .* is usable, expected at least one"):
        generate(RECIPE, tmp_path / "store", RunOptions(tmp_path, keep_going=True))


@pytest.mark.parametrize("policy", ["mark", "udf", "skip"])
def test_unreliable_signs_are_marked_replaced_or_skipped(
    policy: str, source_root: Path, tmp_path: Path
) -> None:
    root, out = tmp_path / "open", tmp_path / "store"
    shutil.copytree(source_root, root)
    (root / "Shapes" / "round" / "test").mkdir()
    (root / "Shapes" / "round" / "test" / "bowl.off").write_text(bowl().export(file_type="off"))
    recipe = shape_recipe({"unreliable": policy})
    report = generate(recipe, out, RunOptions(root))
    made = open_store(out)
    sound = made.column("sign_disagreement") <= 0.1
    if policy == "skip":
        assert sound.all()
        assert len(made) == 4
        assert report.left_out == {"round/test/bowl.off": Reason.unreliable}
        return
    assert sound.tolist() == [True, True, False, True, True]
    targets = [ShapeTarget(target) for target in made.column("target")]
    assert targets[2] is (ShapeTarget.udf if policy == "udf" else ShapeTarget.sdf)
    assert (made.column("iou")[2] == NO_IOU) == (policy == "udf")
    if policy == "udf":
        source = open_store_source(made, root)
        assert isinstance(source, ShapeSource)
        assert (source.samples(2).distance >= 0).all()
        assert (source.signal(2).values >= 0).all()


def test_clouds_of_points_are_fitted_as_unsigned_distances(tmp_path: Path) -> None:
    place = tmp_path / "Shapes"
    place.mkdir()
    (place / "cloud.off").write_bytes(CLOUD)
    plain = {"labels": "none", "splits": "none"}
    with pytest.raises(SourceError, match=r"found 4 points and no faces.*shape\.target = 'udf'"):
        generate(shape_recipe(source=plain), tmp_path / "refused", RunOptions(tmp_path))
    recipe = shape_recipe({"target": "udf"}, source=plain, target={"range": [0.0, 1.0]})
    generate(recipe, tmp_path / "store", RunOptions(tmp_path))
    made = open_store(tmp_path / "store")
    assert made.column("target").tolist() == [ShapeTarget.udf]
    assert made.column("iou").tolist() == [NO_IOU]


def test_occupancy_is_fitted_by_logits(source_root: Path, tmp_path: Path) -> None:
    recipe = shape_recipe(
        {"target": "occupancy"}, {"loss": "bce", "steps": 300, "lr": 1e-2}, target={"range": [0.0, 1.0]}
    )
    generate(recipe, tmp_path / "store", RunOptions(source_root))
    made = open_store(tmp_path / "store")
    source = open_store_source(made, source_root)
    assert remeasure(made, source, np.arange(4)).largest_difference < 0.01
    assert np.median(made.column("iou")) > 0.6
    assert (made.column("surface_error") < 0.5).all()


def test_images_have_nothing_to_keep_going_past(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"keep_going: recipe digits is of images"):
        generate("digits", tmp_path / "store", RunOptions(keep_going=True))


def test_a_changed_column_is_found(store: Store, source_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_store_source(store, source_root)
    monkeypatch.setattr("neuralviews.fit.quality.iou", lambda found, truth: 0.125)
    with pytest.raises(IntegrityError, match=r"record 0 came out different when fitted again \(iou\)"):
        regenerate(store, source, np.arange(1))


def test_an_unreadable_root_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(NeuralViewsError, match="nowhere"):
        generate(RECIPE, tmp_path / "store", RunOptions(tmp_path / "nowhere"))


@pytest.mark.parametrize(("test", "told"), [(1, False), (2, True)])
def test_sizes_unlike_the_full_set_are_told(
    test: int, told: bool, store: Store, source_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = shape_recipe(views=2, expected={"objects": 3 + test, "train": 3, "test": test})
    assert recipe.digest() == RECIPE.digest()
    generate(recipe, store.root, RunOptions(source_root, progress=True))
    note = "small-shapes: found 3 train and 1 test objects, the full set has 3 and 2"
    assert (note in capsys.readouterr().err) == told
