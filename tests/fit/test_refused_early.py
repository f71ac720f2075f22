"""What plans and runs refuse in one line, before anything is fitted or written."""

from collections.abc import Callable
from pathlib import Path

import pytest

from neuralviews.errors import IntegrityError, OutputError, SourceError
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.run_plan import plan_run

from .conftest import Make
from .shape_sources import NOT_A_MESH, mesh_folder, shape_recipe

RECIPE = shape_recipe(source={"splits": "none"})


def plan(root: Path, out: Path) -> None:
    plan_run(RECIPE, RunOptions(root))


def run(root: Path, out: Path) -> None:
    generate(RECIPE, out, RunOptions(root, keep_going=True))


@pytest.mark.parametrize("call", [plan, run])
def test_no_mesh_is_left(tmp_path: Path, call: Callable[[Path, Path], None]) -> None:
    (tmp_path / "Shapes").mkdir()
    for name in ("a.off", "b.off"):
        (tmp_path / "Shapes" / name).write_bytes(NOT_A_MESH)
    message = (
        r"^recipe small-shapes: no mesh in .* is usable, expected at least one; "
        r"the first: .*Shapes/a\.off: its label is missing: it lies in no class folder; move it into one, or"
    )
    with pytest.raises(SourceError, match=message):
        call(tmp_path, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Shapes"]


def test_the_meshes_of_a_begun_store_are_gone(tmp_path: Path) -> None:
    mesh_folder(tmp_path)
    options = RunOptions(tmp_path, keep_going=True)
    generate(RECIPE, tmp_path / "out", options)
    shapes = tmp_path / "Shapes"
    for path in sorted(shapes.rglob("*.off")):
        path.rename(shapes / path.name)
    with pytest.raises(SourceError, match=r"is usable, expected at least one; the first: .*Shapes/ball\.off"):
        generate(RECIPE, tmp_path / "out", options)


@pytest.mark.parametrize("length", [250, 300])
def test_names_of_stores_that_are_too_long(tiny: Make, tmp_path: Path, length: int) -> None:
    """A name may do for the store, and not for the samples beside it."""
    mesh_folder(tmp_path)
    out = tmp_path / ("o" * length)
    for recipe in (RECIPE, *([tiny()] if length == 300 else [])):
        with pytest.raises(
            OutputError, match=r"o(\.samples)?: cannot be written \(File name too long\); finish"
        ):
            generate(recipe, out, RunOptions(tmp_path, limit=2))
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".toml") == ["Shapes"]


@pytest.mark.parametrize("fit", ["", 'scope = { kind = "pilot" }'])
def test_images_whose_one_shape_no_store_can_state(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fit: str
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something was fitted")

    monkeypatch.setattr("neuralviews.fit.pilot.RowFitter", refuse)
    monkeypatch.setattr("neuralviews.signals.images.MOST_PIXELS", 63)
    with pytest.raises(SourceError, match="images that all have 8 x 8 pixels, expected sides of at most"):
        generate(tiny(fit=fit), tmp_path / "out", RunOptions(limit=2))
    assert not (tmp_path / "out").exists()


def test_what_else_lies_among_the_shards(tiny: Make, tmp_path: Path) -> None:
    out, options = tmp_path / "out", RunOptions(limit=2)
    generate(tiny(), out, options)
    for path in (out / "manifest.json", *(out / "shards").iterdir()):
        path.unlink()
    (out / "shards" / "Thumbs.db").touch()
    with pytest.raises(IntegrityError, match=r"shards/Thumbs\.db: no shard of this store; move it elsewhere"):
        generate(tiny(), out, options)
    assert [path.name for path in (out / "shards").iterdir()] == ["Thumbs.db"]
