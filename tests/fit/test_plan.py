"""Plans of runs: what they promise is what `generate` then makes, and nothing is written to find it out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from neuralviews.errors import EngineError, OptionError, OutputError, SourceError
from neuralviews.fit import run_plan, trial
from neuralviews.fit.crowd import Crowd, crowd_rate
from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.job import budget_of
from neuralviews.fit.prepare import samples_folder
from neuralviews.fit.registry import get_engine
from neuralviews.fit.rows import RowFitter
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.run_plan import RunPlan, plan_run
from neuralviews.recipe import Recipe, load_recipe
from neuralviews.records import Split
from neuralviews.signals.base import Objects
from neuralviews.signals.catalogue import open_source
from neuralviews.store.reader import Store, open_store
from neuralviews.work.sharing import available_cpus

from ..proofs import mnist_root
from .conftest import Make
from .fused.host_processor import HostProcessor
from .shape_sources import mesh_folder, shape_recipe


def check_kept(plan: RunPlan, recipe: Recipe, out: Path, options: RunOptions) -> Store:
    """Generate, and compare the store with what the plan said of it."""
    generate(recipe, out, options)
    store = open_store(out)
    found = store.manifest
    assert (plan.records, plan.shards) == (len(store), len(found.shards))
    assert plan.rows_per_shard == store.job["rows_per_shard"]
    assert plan.objects == store.job["objects"]
    assert plan.shard_bytes == sum(shard.bytes for shard in found.shards)
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert plan.shard_bytes < written <= plan.disk_bytes
    assert plan.disk_bytes - written < 1000 * plan.shards + 5000
    rows = np.array(plan.trial.rows, np.int64)
    np.testing.assert_array_equal(store.column("psnr")[rows], plan.trial.psnr)
    return store


@pytest.mark.parametrize("limit", [40, None])
def test_digits_become_what_was_planned(tiny: Make, tmp_path: Path, limit: int | None) -> None:
    recipe, options = tiny(), RunOptions(limit=limit)
    plan = plan_run(recipe, options)
    assert plan.basis == "measured"
    assert (plan.device, plan.views, plan.workers) == ("cpu", 3, 1)
    assert plan.trial.steps == recipe.fit.steps
    assert plan.trial.records == min(64, plan.records)
    assert plan.rate == plan.rate_alone == pytest.approx(1 / plan.trial.seconds)
    assert plan.seconds == pytest.approx(plan.trial.start + plan.records / plan.rate)
    assert plan.hours_per_million == pytest.approx(1e6 / plan.rate / 3600)
    assert plan.worker_bytes > plan.trial.memory
    assert (plan.samples_bytes, plan.truth_seconds, plan.warnings) == (None, None, ())
    check_kept(plan, recipe, tmp_path / "store", options)


def test_mnist_becomes_what_was_planned(tmp_path: Path) -> None:
    root = mnist_root(tmp_path / "source")
    if root is None:
        pytest.skip("NEURALVIEWS_TEST_DATA names no folder of MNIST")
    recipe, options = load_recipe("mnist").with_views(2), RunOptions(root, limit=60)
    plan = plan_run(recipe, options)
    store = check_kept(plan, recipe, tmp_path / "store", options)
    assert set(store.column("split")[np.array(plan.trial.rows)].tolist()) == set(Split)
    assert plan.warnings == ()


def test_shapes_become_what_was_planned(tmp_path: Path) -> None:
    recipe, options = shape_recipe(views=2), RunOptions(mesh_folder(tmp_path))
    plan = plan_run(recipe, options)
    assert plan.truth_seconds is not None
    assert plan.truth_seconds > 0
    assert plan.seconds > 4 * plan.truth_seconds
    store = check_kept(plan, recipe, tmp_path / "store", options)
    samples = sum(path.stat().st_size for path in samples_folder(store.root).iterdir())
    assert plan.samples_bytes is not None
    assert samples <= plan.samples_bytes <= samples + 4 * 4096
    np.testing.assert_array_equal(store.column("iou")[np.array(plan.trial.rows)], plan.trial.iou)


def everything(*folders: Path) -> dict[str, int]:
    return {str(p): p.stat().st_mtime_ns for folder in folders for p in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_written(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    recipe = tiny()
    source, here = mesh_folder(tmp_path / "source"), tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    before = everything(tmp_path)
    plan_run(recipe, RunOptions(limit=20, workers=workers))
    plan_run(shape_recipe(), RunOptions(source, workers=workers))
    assert everything(tmp_path) == before


def test_several_workers_are_tried_at_once(tiny: Make) -> None:
    if available_cpus() < 2:
        pytest.skip("a single processor")
    plan = plan_run(tiny(), RunOptions(workers=2))
    assert plan.basis == "measured"
    assert plan.workers == 2
    assert plan.rate > 0
    assert plan.hours_per_million == pytest.approx(2e6 / plan.rate / 3600)


def test_more_workers_than_cores_gain_nothing(tiny: Make) -> None:
    plan = plan_run(tiny(), RunOptions(workers=1000))
    assert plan.basis == "linear"
    assert plan.rate == pytest.approx(min(available_cpus(), plan.shards) * plan.rate_alone)


def test_a_crowd_that_cannot_work_gives_no_rate(tmp_path: Path) -> None:
    assert crowd_rate(Crowd("{}", str(tmp_path), None, "cpu", None, (0, 1)), 2) is None


class Gpu(HostProcessor):
    """As far as a plan can tell."""

    name = "cuda:0"


def test_workers_share_a_device(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CudaEngine, "batch", 96)
    monkeypatch.setattr(run_plan, "get_engine", lambda *given: CudaEngine(Gpu()))
    plan = plan_run(tiny(), RunOptions(workers=4))
    assert (plan.basis, plan.device) == ("device", "cuda:0")
    assert plan.rate == plan.rate_alone
    assert plan.trial.records >= 96
    assert plan.hours_per_million == pytest.approx(1e6 / plan.rate / 3600)


@pytest.mark.parametrize(("step", "records"), [(0.01, 4), (0.1, 1), (1.0, 0)])
def test_what_takes_long_is_scaled(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float, records: int
) -> None:
    """On a machine on which a step of a record takes so many seconds, and two seconds come on top."""
    monkeypatch.setattr(trial, "_timed", lambda fitter, rows, steps: 2 + len(rows) * steps * step)
    recipe, options = tiny(), RunOptions(limit=20)
    plan = plan_run(recipe, options)
    assert plan.trial.records == records
    assert plan.trial.steps == (4 if step < 0.1 else 2)
    assert plan.trial.seconds == pytest.approx(2 / 16 + recipe.fit.steps * step)
    told = [w for w in plan.warnings if "none was fitted to the end and its quality is not known" in w]
    assert len(told) == len(plan.warnings) == (0 if records else 1)
    check_kept(plan, recipe, tmp_path / "store", options)


def test_images_of_many_sizes_are_scaled_to_the_average(tmp_path: Path) -> None:
    draw = np.random.Generator(np.random.Philox(key=1))
    folder = tmp_path / "images"
    folder.mkdir()
    sides = [4 if i < 90 else 40 for i in range(100)]
    for i, side in enumerate(sides):
        Image.fromarray(draw.integers(0, 256, (side, side), np.uint8)).save(folder / f"{i:03}.png")
    path = tmp_path / "recipe.toml"
    path.write_text(
        'name = "sizes"\n[source]\nkind = "folder"\npath = "images"\nlabels = "none"\n'
        "[field]\ndims = [2, 8, 1]\n[fit]\nsteps = 5\n"
    )
    plan = plan_run(path)
    points = np.square(sides)
    factor = points.mean() / points[np.array(plan.trial.rows)].mean()
    assert plan.trial.records == 64
    assert factor != 1
    assert plan.rate_alone == pytest.approx(1 / (plan.trial.seconds * factor))
    assert check_kept(plan, load_recipe(path), tmp_path / "store", RunOptions()).dataset_id


def test_what_cannot_be_planned(tiny: Make, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="download: a plan writes nothing, expected the source's files"):
        plan_run("mnist", RunOptions(tmp_path, download=True))
    with pytest.raises(SourceError, match="MNIST: no source root given"):
        plan_run("mnist")
    with pytest.raises(EngineError, match="engine: found 'gpu'"):
        plan_run(tiny(), RunOptions(engine="gpu"))
    with pytest.raises(OutputError, match="nowhere"):
        plan_run(tiny(), folder=tmp_path / "nowhere")
    with pytest.raises(OptionError, match="keep_going: recipe tiny is of images"):
        plan_run(tiny(), RunOptions(keep_going=True))


@given(st.lists(st.sampled_from([*Split]), min_size=1, max_size=60), st.integers(1, 5), st.integers(1, 400))
def test_records_of_a_trial_are_spread(splits: list[Split], views: int, count: int) -> None:
    size = len(splits)
    objects = Objects(np.arange(size, dtype=np.uint32), np.zeros(size, np.int32), np.array(splits, np.uint8))
    rows = trial.spread(objects, views, count)
    assert rows == sorted({*rows})
    assert len(rows) == min(count, size * views)
    assert 0 <= rows[0] <= rows[-1] < size * views
    for split in Split:
        share = len(rows) * splits.count(split) / size
        found = sum(splits[row // views] is split for row in rows)
        assert abs(found - share) <= 1


def test_a_trial_of_part_of_the_records_is_spread_over_all(
    tiny: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images may differ in size from the first to the last, and the time of some stands for all."""
    tried: list[list[int]] = []
    timed = trial._timed

    def noted(fitter: RowFitter, rows: list[int], steps: int) -> float:
        tried.append(list(rows))
        return timed(fitter, rows, steps)

    monkeypatch.setattr(trial, "_timed", noted)
    recipe = tiny()
    source = open_source(recipe)
    engine = get_engine("cpu", recipe.spec, budget_of(recipe))
    rows = trial.spread(source.objects, recipe.views, 64)
    trial.run_trial(RowFitter(recipe, source, source.objects, engine), rows)
    assert len(tried[0]) == engine.batch < len(rows)
    assert tried[0][0] < rows[8]
    assert tried[0][-1] > rows[-9]
