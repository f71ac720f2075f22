"""Small mesh files, archives of them as friends and foes make them, and what opens or refuses them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from neuralviews.errors import SourceError
from neuralviews.recipe import Recipe, recipe_from_canonical
from neuralviews.recipe_schema import MeshTable
from neuralviews.signals.mesh_files import MeshFiles

TETRAHEDRON = b"OFF\n4 4 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n3 0 2 1\n3 0 1 3\n3 1 2 3\n3 0 3 2\n"


def mesh_recipe(path: str = "shapes", **source: Any) -> Recipe:
    """A recipe of signed distances of the meshes at ``path``, with further keys of the source as given."""
    return recipe_from_canonical(
        {
            "name": "small",
            "source": {"kind": "meshes", "path": path, **source},
            "shape": {"near": [[0.05, 64]], "uniform": 64},
            "field": {"dims": [3, 8, 1]},
        }
    )


def some_mesh(name: str) -> bytes:
    """A tetrahedron whose bytes depend on the name."""
    return TETRAHEDRON + b"# " + name.encode("utf-8", "surrogateescape") + b"\n"


def write_meshes(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(some_mesh(name))


def write_zip(path: Path, members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def zip_meshes(path: Path, *names: str) -> Path:
    return write_zip(path, {name: some_mesh(name) for name in names})


def opened(recipe: Recipe, root: Path | None, *, keep_going: bool = False) -> MeshFiles:
    assert isinstance(recipe.source, MeshTable)
    return MeshFiles(recipe, recipe.source, root, keep_going=keep_going)


def refused(recipe: Recipe, root: Path | None, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        opened(recipe, root)
    assert "\n" not in str(caught.value)
