"""What is made sure of before and while the truth about meshes is worked out."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trimesh

from neuralviews.errors import OutputError, SourceError
from neuralviews.fit import run
from neuralviews.fit.maker import FieldMaker
from neuralviews.fit.prepare import check_room, names_digest, samples_folder
from neuralviews.fit.run import RunOptions, generate
from neuralviews.signals.catalogue import open_source
from neuralviews.signals.reasons import Reason
from neuralviews.signals.sample_cache import SampleCache
from neuralviews.signals.shapes import ShapeSource
from neuralviews.store.reader import open_store
from neuralviews.store.writer import StoreWriter

from .shape_sources import NOT_A_MESH, mesh_folder, shape_recipe

RECIPE = shape_recipe()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of meshes, and the store of them."""
    root, out = (tmp_path_factory.mktemp(name) for name in ("source", "made"))
    generate(RECIPE, out / "store", RunOptions(mesh_folder(root)))
    return root, out / "store"


@pytest.fixture
def source_root(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[0], tmp_path / "source"))


@pytest.fixture
def no_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("samples were drawn")

    monkeypatch.setattr(SampleCache, "keep", refuse)


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ("store", "/a/b/store.samples"),
        (".", "/a/b.samples"),
        ("..", "/a.samples"),
        ("store/", "/a/b/store.samples"),
        ("/", None),
    ],
)
def test_samples_lie_beside_the_store(
    root: str, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getcwd", lambda: "/a/b")
    if expected is None:
        with pytest.raises(OutputError, match=r"/: nothing can be kept beside it; choose another folder"):
            samples_folder(Path(root))
    else:
        assert samples_folder(Path(root)) == Path(expected)


def test_the_folder_may_be_this_one(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, recipe, options in (
        ("digits", "digits", RunOptions(limit=3)),
        ("s", RECIPE, RunOptions(made[0])),
    ):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert generate(recipe, ".", options).dataset_id
    assert (tmp_path / "s.samples").is_dir()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_source_that_was_put_right_is_looked_at_again(
    workers: int, made: tuple[Path, Path], source_root: Path, tmp_path: Path
) -> None:
    broken = source_root / "Shapes" / "box" / "test" / "a_page.off"
    broken.write_bytes(NOT_A_MESH)
    options = RunOptions(source_root, workers=workers)
    with pytest.raises(SourceError, match=r"a_page\.off: .*--keep-going leaves such meshes out"):
        generate(RECIPE, tmp_path / "store", options)
    broken.unlink()
    assert generate(RECIPE, tmp_path / "store", options).dataset_id == open_store(made[1]).dataset_id


def test_reasons_hold_nothing_of_the_place(source_root: Path, tmp_path: Path) -> None:
    (source_root / "Shapes" / "box" / "train" / "b\u00a0\t.ply").write_bytes(b"junk")
    other = Path(shutil.copytree(source_root, tmp_path / "ü\tx"))
    reports = [
        generate(RECIPE, tmp_path / name, RunOptions(root, keep_going=True))
        for name, root in (("one", source_root), ("two", other))
    ]
    assert reports[0] == reports[1]
    assert reports[0].left_out == {"box/train/b\u00a0\t.ply": Reason.no_mesh}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("aaa.off", lambda path: path.write_bytes(NOT_A_MESH)),
        ("box/train/aaa.off", lambda path: path.write_bytes(NOT_A_MESH)),
        ("page.off", lambda path: path.unlink()),
        ("round/train/ball.off", lambda path: path.write_bytes(NOT_A_MESH)),
    ],
)
def test_files_that_change_during_the_run_are_told(
    name: str,
    change: Callable[[Path], None],
    source_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (source_root / "Shapes" / "page.off").write_bytes(NOT_A_MESH)

    def meanwhile(*arguments: Any) -> int:
        made = fit(*arguments)
        change(source_root / "Shapes" / name)
        return made

    fit = run.make_shards
    monkeypatch.setattr(run, "make_shards", meanwhile)
    with pytest.raises(SourceError, match=rf"source files changed during the run, {name} first"):
        generate(RECIPE, tmp_path / "store", RunOptions(source_root, keep_going=True))


def test_workers_number_the_meshes_as_the_run_does(made: tuple[Path, Path], source_root: Path) -> None:
    writer = StoreWriter.open(made[1])
    names = names_digest(open_source(RECIPE, source_root, left_out={}), RECIPE)
    maker = FieldMaker(made[1], source_root, names, "cpu", None)
    maker.open(writer.parsed_job)
    (source_root / "Shapes" / "aaa.off").write_text(trimesh.creation.box().export(file_type="off"))
    with pytest.raises(SourceError, match=r"source: mesh files came or went during the run"):
        maker.open(writer.parsed_job)


@pytest.mark.usefixtures("no_sampling")
@pytest.mark.parametrize(
    ("recipe", "limit", "message"),
    [
        (shape_recipe(views=2), None, r"belongs to another job \(.*recipe\.views: there 1, here 2"),
        (RECIPE, 3, r"belongs to another job \(limit: there None, here 3, objects: there 4, here 3"),
        ("digits", 2, r"belongs to another job"),
    ],
)
def test_the_folder_of_another_job_is_refused_first(
    recipe: Any, limit: int | None, message: str, made: tuple[Path, Path], tmp_path: Path
) -> None:
    out = shutil.copytree(made[1], tmp_path / "store")
    with pytest.raises(OutputError, match=message):
        generate(recipe, out, RunOptions(made[0] if recipe != "digits" else None, limit=limit))
    assert not samples_folder(out).exists()


@pytest.mark.usefixtures("no_sampling")
def test_the_folder_of_other_files_is_refused_first(made: tuple[Path, Path], source_root: Path) -> None:
    path = source_root / "Shapes" / "round" / "train" / "ball.off"
    path.write_text(trimesh.creation.icosphere(1).export(file_type="off"))
    with pytest.raises(OutputError, match=r"another job \(source\.files\.round/train/ball\.off: there"):
        generate(RECIPE, made[1], RunOptions(source_root))


@pytest.mark.usefixtures("no_sampling")
def test_a_store_measured_by_other_versions_is_refused_first(
    made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ShapeSource, "tools", {"libigl": "9.9"})
    with pytest.raises(OutputError, match=r"another job \(source\.tools\.libigl: there .*, here '9\.9'"):
        generate(RECIPE, made[1], RunOptions(made[0]))


@pytest.mark.usefixtures("no_sampling")
def test_a_folder_that_cannot_be_used_is_refused_first(made: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: cannot be written \(Not a directory\)"):
        generate(RECIPE, tmp_path / "file", RunOptions(made[0]))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    with pytest.raises(OutputError, match=r"full: holds 'notes\.txt' and no job\.json"):
        generate(RECIPE, tmp_path / "full", RunOptions(made[0]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]


def test_room_for_samples_is_asked_for_first(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, out = made
    kept = [path.stat().st_size for path in samples_folder(out).iterdir()]
    size = sum(kept) + sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    job = open_store(out).job

    def offer(free: int) -> None:
        monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=free, f_frsize=1))

    new = tmp_path / "store"
    offer(size)
    with pytest.raises(OutputError, match=r"store\.samples: .* MiB needed; free space"):
        generate(RECIPE, new, RunOptions(root))
    assert not [*samples_folder(new).iterdir()]
    offer(size + 4096 * len(kept) + 8192)
    check_room(new, RECIPE, job)
    offer(size // 10)
    shutil.copytree(out, new)
    shutil.copytree(samples_folder(out), samples_folder(new), dirs_exist_ok=True)
    check_room(new, RECIPE, job)


def test_another_part_may_be_the_first_to_write_the_job(
    source_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source_root / "Shapes" / "box" / "train" / "page.off").write_bytes(NOT_A_MESH)
    options = RunOptions(source_root, keep_going=True)
    report = generate(RECIPE, tmp_path / "one", options)

    def meanwhile(*arguments: Any) -> Any:
        opened = open_first(*arguments)
        shutil.copytree(tmp_path / "one", tmp_path / "two")
        return opened

    open_first = run._source
    monkeypatch.setattr(run, "_source", meanwhile)
    again = generate(RECIPE, tmp_path / "two", options)
    assert (again.fitted, again.dataset_id) == (0, report.dataset_id)
