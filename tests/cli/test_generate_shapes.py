"""``generate`` of shapes from the command line: what is said of meshes that cannot be used."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..fit.shape_sources import NOT_A_MESH, mesh_folder

RECIPE = """
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
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    mesh_folder(tmp_path)
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def test_what_is_left_out_is_said_on_lines_of_their_own(run: Run, recipe: Path, tmp_path: Path) -> None:
    bad = tmp_path / "Shapes" / "box" / "test"
    for number in range(12):
        (bad / f"page_{number:02}.off").write_bytes(NOT_A_MESH)
    (bad / "a\x1b[31mred\nline.off").write_bytes(NOT_A_MESH)
    (tmp_path / "Shapes" / "astray.off").write_bytes(NOT_A_MESH)
    given = ("generate", recipe, "--out", tmp_path / "out", "--keep-going", "--workers", 1)
    code, out, err = run(*given)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "left out astray.off: lies in no folder that says its class or split"
    assert lines[1].startswith("left out box/test/a\\x1b[31mred\\nline.off, box/test/page_00.off, box")
    assert lines[1].endswith("box/test/page_08.off and 3 more: is no mesh that can be fitted")
    found = [line for line in err.splitlines() if line.startswith("left out: ")]
    assert len(found) == 14
    assert f"left out: {bad}/page_11.off: cannot be read as OFF" in found[-1]
    assert run(*given)[1].splitlines()[:2] == lines[:2]


@pytest.mark.parametrize("command", [("plan",), ("generate", "--keep-going")])
def test_that_no_mesh_is_left_is_one_line(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "tiny.toml").write_bytes(RECIPE.encode("utf-8-sig"))  # as some editors begin it
    (tmp_path / "Shapes").mkdir()
    (tmp_path / "Shapes" / "flat.off").write_bytes(NOT_A_MESH)
    name, *options = command
    given = ("--out", tmp_path / "out") if name == "generate" else ()
    code, out, err = run(name, tmp_path / "tiny.toml", *options, *given)
    assert (code, out) == (2, "")
    assert err.startswith(
        f"error: recipe tiny-shapes: no mesh in {tmp_path} is usable, expected at least one; "
    )
    assert len(err.splitlines()) == 1


def test_an_error_of_a_worker_is_one_line(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "Shapes" / "box" / "test" / "a_page.off").write_bytes(NOT_A_MESH)
    program = [sys.executable, "-m", "neuralviews", "generate", str(recipe), "--out", str(tmp_path / "out")]
    ended = subprocess.run([*program, "--workers", "2"], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    lines = [line for line in ended.stderr.splitlines() if line and "ground truth" not in line]
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"error: {tmp_path}/Shapes/box/test/a_page.off: cannot be read as")
