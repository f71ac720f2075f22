"""Stores of shapes against their sources: every file in its place, every column what the samples say."""

import shutil
from pathlib import Path

import pytest
import trimesh

from neuralviews.errors import SourceError
from neuralviews.fit.reproduce import open_store_source
from neuralviews.fit.run import RunOptions, generate
from neuralviews.store.reader import Store, open_store

from .shape_sources import NOT_A_MESH, mesh_folder, shape_recipe


@pytest.fixture(scope="module")
def source_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mesh_folder(tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def store(source_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    out = tmp_path_factory.mktemp("made") / "store"
    generate(shape_recipe(), out, RunOptions(source_root))
    return open_store(out)


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
