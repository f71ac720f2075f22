"""Small mesh files, and archives of them as friends and foes make them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralviews.recipe import Recipe, recipe_from_canonical

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
