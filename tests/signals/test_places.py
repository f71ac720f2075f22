"""Places of source files that cannot be looked at: one line, whatever the source."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from neuralviews.errors import SourceError
from neuralviews.recipe import Recipe
from neuralviews.signals.archives import open_tree
from neuralviews.signals.catalogue import open_source
from neuralviews.signals.places import is_file, is_folder
from neuralviews.signals.torchvision_shim import torchvision_datasets

from .mesh_source_files import mesh_recipe, write_meshes
from .picture_folders import folder_recipe, save
from .source_files import recipe_for

RECIPES = {
    "images": folder_recipe(),
    "meshes": mesh_recipe("pictures"),
    "torchvision": recipe_for({"kind": "torchvision", "dataset": "ImageFolder", "train": {}}, 1),
}
LONG = "a" * 300
NOBODY = 65_534


@contextmanager
def somebody_else() -> Iterator[None]:
    """Not the super-user, who may read everything."""
    if os.geteuid():
        yield
        return
    try:
        os.seteuid(NOBODY)
    except OSError as error:
        pytest.skip(f"this namespace has no user {NOBODY} ({error.strerror})")
    try:
        yield
    finally:
        os.seteuid(0)


def refused(recipe: Recipe, root: Path, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught, somebody_else():
        open_source(recipe, root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", RECIPES)
def test_names_that_are_too_long(tmp_path: Path, kind: str) -> None:
    with pytest.raises(
        SourceError, match=r"aa/?.*: cannot be read \(File name too long\); expected a place of"
    ):
        open_source(RECIPES[kind], tmp_path / LONG)


@pytest.mark.parametrize("recipe", [recipe_for({"kind": "folder", "path": LONG}, 1), mesh_recipe(LONG)])
def test_paths_of_recipes_that_are_too_long(tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(
        SourceError, match=r"aa: cannot be read \(File name too long\); expected a place of sou"
    ):
        open_source(recipe, tmp_path)


def test_what_is_given_may_be_too_long(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"aa: cannot be read \(File name too long\)"):
        open_tree(tmp_path / LONG, "networks", None)


@pytest.mark.parametrize("kind", RECIPES)
def test_folders_that_may_not_be_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    from neuralviews.signals import shapes  # noqa: F401  # which somebody else could not import

    torchvision_datasets()  # nor this
    save(tmp_path / "private", "a/1.png")
    write_meshes(tmp_path / "private" / "pictures", "a/1.off")
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    private, inner = Path("private"), Path("private/pictures/a")
    if kind != "torchvision":  # which reports what its datasets run into
        inner.chmod(0o444)
        refused(
            RECIPES[kind], private, r"pictures/a/1\.\w+: cannot be read \(Permission denied\); expected a"
        )
    private.chmod(0o000)
    where = private / "pictures" if kind != "torchvision" else private / "a"
    refused(
        RECIPES[kind],
        private if kind != "torchvision" else where,
        rf"{where}: cannot be read \(Permission denied\); expected a place of source files: allow it",
    )
    private.chmod(0o755)
    inner.chmod(0o755)


def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for path, kind in (
        (tmp_path, "folder"),
        (tmp_path / "file", "file"),
        *((tmp_path / name, "nothing") for name in ("none", "file/inner", "loop", "nul\0")),
    ):
        assert (is_folder(path), is_file(path)) == (kind == "folder", kind == "file"), path
