"""``plan`` from the command line: what it prints, what it warns of, and one line for every bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ..fit.shape_sources import NOT_A_MESH, mesh_folder

Run = Callable[..., tuple[int, str, str]]
RECIPE = """
name = "tiny"
views = 2
[source]
kind = "digits"
[field]
dims = [2, 16, 16, 1]
[fit]
steps = 30
lr = 1e-3
{fit}
"""
SHAPES = """
name = "tiny-shapes"
[source]
kind = "meshes"
path = "Shapes"
splits = "inside-classes"
[split]
rule = "source"
[field]
dims = [3, 8, 1]
[target]
range = [-1.0, 1.0]
[shape]
near = [[0.05, 200]]
uniform = 200
[fit]
steps = 5
lr = 1e-3
points = 64
"""
KEYS = {
    "basis",
    "device",
    "disk_bytes",
    "engine",
    "free_bytes",
    "hours_per_million",
    "name",
    "objects",
    "rate",
    "rate_alone",
    "records",
    "rows_per_shard",
    "samples_bytes",
    "seconds",
    "shard_bytes",
    "shards",
    "trial",
    "truth_seconds",
    "views",
    "warnings",
    "worker_bytes",
    "workers",
}
TRIAL_KEYS = {"converged", "failed", "iou", "psnr", "records", "start", "steps"}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE.format(fit=""))
    return path


def table_of(printed: str) -> dict[str, str]:
    """What stands beside each title; warnings are no rows."""
    rows = [line.split("  ", 1) for line in printed.splitlines() if not line.startswith("warning: ")]
    return {title: value.strip() for title, value in rows}


def test_a_table_of_what_a_run_takes(run: Run, recipe: Path) -> None:
    status, printed, errors = run("plan", recipe, "--limit", 40, "--views", 3, "--workers", 1)
    assert (status, errors) == (0, "")
    rows = table_of(printed)
    titles = "recipe records shards engine speed disk memory cost PSNR"
    assert [*rows] == [*titles.split()[:5], "wall time", *titles.split()[5:]]
    assert rows["records"] == "120: 40 objects x 3 views"
    assert rows["shards"] == "2 files of 64 records"
    assert rows["engine"] == "cpu on cpu"
    assert rows["speed"].endswith(" fields/s of one worker")
    assert rows["wall time"].endswith(" with 1 worker")
    assert " are free here" in rows["disk"]
    assert rows["cost"].endswith(" core-hours a million fields")
    assert " of 64 records in the trial" in rows["PSNR"]


@pytest.mark.parametrize("method", [("--robust", "damp:0.1"), ("--scope", "pilot"), ("--shadow", "int8")])
def test_methods_of_fitting_are_planned_as_generate_would_fit(
    run: Run, recipe: Path, method: tuple[str, str]
) -> None:
    few = ("--limit", 10, "--workers", 1, "--json")
    plain, methodical = (run("plan", recipe, *few, *options) for options in ((), method))
    assert [found[0] for found in (plain, methodical)] == [0, 0]
    plans = [json.loads(found[1]) for found in (plain, methodical)]
    assert [plan["engine"]["engine"] for plan in plans] == ["cpu", "torch"]
    if "--scope" in method:  # a pilot's scope is that of such fits, and draws them nowhere
        reached = [plan["trial"]["psnr"]["median"] for plan in plans]
        assert abs(reached[1] - reached[0]) < 0.1


def test_json_has_the_same_keys_for_images_and_shapes(run: Run, recipe: Path, tmp_path: Path) -> None:
    mesh_folder(tmp_path)
    shapes = tmp_path / "shapes.toml"
    shapes.write_text(SHAPES)
    found = []
    for path in (recipe, shapes):
        status, printed, errors = run("plan", path, "--json", "--workers", 1)
        assert status == 0, errors
        found.append(json.loads(printed))
        assert set(found[-1]) == KEYS
        assert set(found[-1]["trial"]) == TRIAL_KEYS
    images, meshes = found
    assert (images["records"], images["objects"], images["views"]) == (3594, 1797, 2)
    assert (images["samples_bytes"], images["truth_seconds"], images["trial"]["iou"]) == (None, None, None)
    assert set(images["trial"]["psnr"]) == {"median", "min"}
    assert meshes["records"] == 4
    assert meshes["truth_seconds"] > 0
    assert set(meshes["trial"]["iou"]) == {"median", "min"}
    assert (images["warnings"], meshes["warnings"]) == ([], [])


def test_shapes_also_have_ground_truth(run: Run, tmp_path: Path) -> None:
    mesh_folder(tmp_path)
    (tmp_path / "Shapes" / "box" / "test" / "page\x1b[31m.off").write_bytes(NOT_A_MESH)
    path = tmp_path / "shapes.toml"
    path.write_text(SHAPES)
    status, printed, errors = run("plan", path, "--workers", 2)
    assert status == 0, errors
    rows = table_of(printed)
    assert rows["ground truth"].endswith(" a shape, once for all its views")
    assert rows["samples"].endswith(" beside the store")
    assert "if a worker a core is as fast as one alone" in rows["speed"]
    assert "; IoU median 0." in rows["PSNR"]
    (warning,) = [line for line in printed.splitlines() if line.startswith("warning: ")]
    assert warning.startswith(
        "warning: 1 unfit mesh was found, which stops the run unless --keep-going is given; "
    )
    assert "page\\x1b[31m.off" in warning


def test_quality_out_of_reach_is_a_warning(run: Run, recipe: Path) -> None:
    recipe.write_text(RECIPE.format(fit="min_psnr = 80\nretries = 0"))
    status, printed, _ = run("plan", recipe, "--limit", 5, "--workers", 1)
    assert status == 0
    last = printed.splitlines()[-1]
    assert last.startswith("warning: 0 of 10 records of the trial reach fit.min_psnr = 80 dB (median ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "digit"], "no recipe is named 'digit'"),
        (["plan", "mnist"], "no source root given"),
        (["plan", "digits", "--engine", "gpu"], "engine: found 'gpu', expected one of auto"),
        (["plan", "digits", "--device", "cuda:99"], "device 'cuda:99'"),
        (["plan", "digits", "--workers", "0"], "Invalid value for '--workers'"),
        (["plan", "digits", "--limit", "0"], "Invalid value for '--limit'"),
    ],
)
def test_one_line_says_what_is_wrong(run: Run, arguments: list[str], message: str) -> None:
    status, printed, errors = run(*arguments)
    assert (status, printed) == (2, "")
    assert len(errors.splitlines()) == 1
    assert errors.startswith("error: ")
    assert message in errors
