"""``info`` of fields of shapes and of their copies: what was fitted, how true it is, what was left out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neuralviews.augment.basin import align_store
from neuralviews.cli.recipes import _facts, _row
from neuralviews.store.reader import Store

from ..made_stores import make_shapes_store, shapes_recipe

Run = Callable[..., tuple[int, str, str]]
LEFT_OUT = {f"{number:02}.off": "found 0 faces, expected triangles" for number in range(12)}


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_shapes_store(tmp_path_factory.mktemp("shapes") / "store", left_out=LEFT_OUT)


def lines_of(run: Run, root: Path) -> list[str]:
    code, out, err = run("info", root)
    assert (code, err) == (0, "")
    return [" ".join(line.split()) for line in out.splitlines()]


def test_json_agrees_with_the_store(run: Run, shapes: Store) -> None:
    facts = json.loads(run("info", shapes.root, "--json")[1])
    iou = np.sort(shapes.column("iou"))[3:]  # those of the object that has no inside come first
    error = np.sort(shapes.column("surface_error"))
    assert facts["shapes"] == {
        "iou": {"median": iou[16], "p05": iou[1], "min": iou[0]},
        "surface_error": {"median": error[17], "p95": error[33], "max": error[35]},
        "targets": {"sdf": 11, "udf": 1, "occupancy": 0},
        "marked": 1,
    }
    assert facts["source"]["left_out"] == LEFT_OUT
    assert facts["source"]["tools"] == {"libigl": "2.6.3"}
    assert facts["recipe"]["shape"]["truncation"] == 0.1


def test_text(run: Run, shapes: Store) -> None:
    lines, iou = lines_of(run, shapes.root), np.sort(shapes.column("iou"))[3:]
    for line in (
        "shape signed distance, negative inside, cut at -0.1 and 0.1; half of a mesh's longest edge is 0.9",
        "samples 32,768 and 16,384 near the surface (deviation 0.01 and 0.05), 16,384 in the whole cube",
        f"IoU median {iou[16]:.3f}, 5 % below {iou[1]:.3f}, lowest {iou[0]:.3f}",
        "fitted as sdf 11, udf 1",
        "marked 1 object with a sign disagreement above 10 %; such are fitted as unsigned distance",
        "left out 12 files",
        "00.off found 0 faces, expected triangles",
        "... and 2 more; --json lists all",
        "ground truth libigl 2.6.3",
    ):
        assert line in lines
    assert any(line.startswith("surface error median 0.00") for line in lines)
    assert not any(line.startswith("10.off") for line in lines)


def test_classes_and_files_that_are_left_out_are_no_objects(run: Run, tmp_path: Path) -> None:
    left_out = {
        "bed/": "found no meshes of this class",
        "sofa/": "found no meshes of this class",
        "a.off": "no",
    }
    for some, expected in ((3, "left out 2 classes, 1 file"), (1, "left out 1 class")):
        made = make_shapes_store(tmp_path / f"{some}", left_out=dict(list(left_out.items())[:some]))
        assert expected in lines_of(run, made.root)


def test_recipes_say_how_large_stores_are_and_how_true(shapes: Store) -> None:
    facts = _facts(shapes_recipe(expected={"objects": 12, "median_iou": 0.95}))
    columns = sum(shapes.column(name).nbytes for name in shapes.columns())
    assert facts["bytes"] == 4 * len(shapes) * shapes.spec.parameters + columns
    assert _row(facts)[5] == "IoU 0.95"
    assert _row({**facts, "estimated": True})[5] == "~IoU 0.95"
    assert _row({**facts, "median_iou": None})[5] == "?"
    assert _row({**facts, "median_psnr": 50.1})[5] == "50.1 dB"


def test_no_shard_is_opened(run: Run, tmp_path: Path) -> None:
    made = make_shapes_store(tmp_path / "store")
    for shard in made.root.glob("shards/*.h5"):
        shard.unlink()
    lines = lines_of(run, made.root)
    assert not any("left out" in line for line in lines)


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        (
            {"shape": {"target": "udf", "normalize": "sphere", "size": 0.8, "near": [[0.02, 1000]]}},
            [
                "shape unsigned distance, cut at 0.1; a mesh's farthest vertex lies at 0.8",
                "samples 1,000 near the surface (deviation 0.02), 16,384 in the whole cube",
                "marked 1 object with a sign disagreement above 10 %; such are fitted all the same",
            ],
        ),
        (
            {
                "shape": {"target": "occupancy", "near": [], "unreliable": "skip", "max_disagreement": 0.5},
                "fit": {"loss": "bce", "points": 4096},
                "target": {"range": [0.0, 1.0]},
            },
            [
                "shape occupancy, as a logit; half of a mesh's longest edge is 0.9",
                "samples 16,384 in the whole cube; 4,096 of them a step",
                "marked 0 objects with a sign disagreement above 50 %; such are left out",
            ],
        ),
    ],
    ids=["udf", "occupancy"],
)
def test_other_targets(run: Run, tmp_path: Path, tables: dict[str, object], expected: list[str]) -> None:
    lines = lines_of(run, make_shapes_store(tmp_path / "store", shapes_recipe(**tables)).root)
    assert {*expected} <= {*lines}
    unsigned = "unsigned" in expected[0]
    assert any(line.startswith("IoU ") for line in lines) is not unsigned
    assert any("(units of the domain)" in line for line in lines) is unsigned


def test_copies_say_what_their_parents_were_fitted_to(run: Run, shapes: Store, tmp_path: Path) -> None:
    align_store(shapes, tmp_path / "aligned")
    lines = lines_of(run, tmp_path / "aligned")
    assert any(line.startswith("shape signed distance") for line in lines)
    assert not any(line.startswith(("IoU", "marked", "left out")) for line in lines)
    assert "shapes" not in json.loads(run("info", tmp_path / "aligned", "--json")[1])


def test_statistics_of_shapes(run: Run, shapes: Store) -> None:
    code, out, err = run("stats", shapes.root, "--pairs", "8")
    assert (code, err) == (0, "")
    assert "weights of 24 training records" in out
    assert "0.weight" in out
