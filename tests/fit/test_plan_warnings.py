"""Warnings of plans: quality out of reach, unfit meshes, a small disk, a long run; none without reason."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from neuralviews.errors import SourceError
from neuralviews.fit import run_plan, trial
from neuralviews.fit.plan_warnings import quality_warnings, run_warnings
from neuralviews.fit.run import RunOptions
from neuralviews.fit.run_plan import plan_run
from neuralviews.recipe_schema import ExpectedTable

from .conftest import Make
from .shape_sources import NOT_A_MESH, bowl, mesh_folder, shape_recipe


def test_quality_out_of_reach_is_told(tiny: Make) -> None:
    (warning,) = plan_run(tiny("min_psnr = 90", retries=1), RunOptions(limit=10)).warnings
    assert warning.startswith("0 of 30 records of the trial reach fit.min_psnr = 90 dB in 2 tries (median ")
    (warning,) = plan_run(tiny("target_psnr = 90"), RunOptions(limit=10)).warnings
    assert warning.startswith("0 of 30 records of the trial reach fit.target_psnr = 90 dB within 40 steps (")
    promised = msgspec.structs.replace(tiny(), expected=ExpectedTable(objects=1797, median_psnr=90.0))
    (warning,) = plan_run(promised, RunOptions(limit=10)).warnings
    assert "dB, the recipe expects 90 dB" in warning


def test_quality_within_reach_is_not_told(tiny: Make) -> None:
    assert plan_run(tiny("min_psnr = 1\ntarget_psnr = 2"), RunOptions(limit=10)).warnings == ()


def test_a_promised_iou_out_of_reach_is_told(tmp_path: Path) -> None:
    recipe = msgspec.structs.replace(
        shape_recipe(fit={"steps": 1}), expected=ExpectedTable(objects=4, median_iou=0.97)
    )
    warnings = plan_run(recipe, RunOptions(mesh_folder(tmp_path))).warnings
    assert [w for w in warnings if "the trial's median IoU is 0." in w and "the recipe expects 0.97" in w]


def test_meshes_that_are_unfit_are_told(tmp_path: Path) -> None:
    root = mesh_folder(tmp_path)
    for mesh in (root / "Shapes" / "round").rglob("*.off"):
        mesh.write_bytes(NOT_A_MESH)
    options = RunOptions(root)
    plan = plan_run(shape_recipe(), options)
    (warning,) = plan.warnings
    assert warning.startswith(
        "2 unfit meshes were found, which stop the run unless --keep-going is given; the first: "
    )
    assert "cannot be read as OFF" in warning
    assert plan.trial.records == 2
    (warning,) = plan_run(shape_recipe(), replace(options, keep_going=True)).warnings
    assert warning.startswith("2 unfit meshes were found, which are left out; the first: ")
    for mesh in root.rglob("*.off"):
        mesh.write_bytes(NOT_A_MESH)
    with pytest.raises(SourceError, match=r"cannot be read as OFF.*; none of the 4 meshes tried can be used"):
        plan_run(shape_recipe(), options)


def test_meshes_that_the_recipe_skips_are_told(tmp_path: Path) -> None:
    root = mesh_folder(tmp_path)
    (root / "Shapes" / "box" / "train" / "box_1.off").write_text(bowl().export(file_type="off"))
    plan = plan_run(shape_recipe({"unreliable": "skip"}), RunOptions(root))
    (warning,) = plan.warnings
    assert "the first: " in warning
    assert "the recipe skips what is beyond 10.0%" in warning
    assert plan.trial.records == 3


def test_a_small_disk_and_a_long_run_are_told(tiny: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_plan, "free_bytes", lambda folder: 1_000_000)
    plan = plan_run(tiny())
    (warning,) = plan.warnings
    assert plan.free_bytes == 1_000_000
    assert warning.startswith(f"{plan.disk_bytes / 1e9:.2f} GB are needed, 0.00 GB are free in .: free space")
    (warning,) = run_warnings(4 * 86_400, 10, 100, Path(), on_device=False)
    assert warning == (
        "the run takes about 4.0 days: --shards i/n or --cluster shares it among machines, "
        "--device cuda takes a GPU, --limit or --views makes it smaller"
    )
    assert not [*run_warnings(2 * 86_400, 10, 100, Path(), on_device=False)]
    assert "--device" not in "".join(run_warnings(4 * 86_400, 10, 100, Path(), on_device=True))


@pytest.mark.parametrize(("below", "warned"), [(6.5, False), (7.5, True)])
def test_the_scatter_of_a_few_records_is_no_warning(tiny: Make, below: float, warned: bool) -> None:
    """Deviation 6 dB, 32 records: three standard errors of their median are 4 dB."""
    psnr = np.tile(np.array([44, 56], np.float32), 16)
    expected = ExpectedTable(objects=1797, median_psnr=float(np.median(psnr)) + below)
    recipe = msgspec.structs.replace(tiny(), expected=expected)
    seen = trial.Trial(0.0, 1.0, 40, 0, tuple(range(32)), 0, 0, psnr, np.empty(0, np.float32))
    assert bool([*quality_warnings(recipe, seen)]) == warned
