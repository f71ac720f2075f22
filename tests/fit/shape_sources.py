"""Small folders of meshes, and recipes that fit them in a moment."""

import shutil
from pathlib import Path
from typing import Any

import trimesh

from neuralviews.recipe import Recipe, recipe_from_canonical

__all__ = ["CLOUD", "NOT_A_MESH", "bowl", "mesh_folder", "shape_recipe", "zipped"]

NOT_A_MESH = b"<!DOCTYPE html><html>moved</html>"
CLOUD = b"OFF\n4 0 0\n0 0 0\n1 0 0\n0 1 0\n0 0 1\n"


def bowl() -> trimesh.Trimesh:
    """The lower half of a sphere, open above: no surface tells its inside from its outside."""
    sphere = trimesh.creation.icosphere(3)
    sphere.update_faces(sphere.triangles_center[:, 2] < 0)
    return sphere


def mesh_folder(root: Path) -> Path:
    """``Shapes/<class>/<train or test>/<name>.off``: two boxes, a ball and a ring, all closed."""
    for name, mesh in (
        ("box/train/box_1", trimesh.creation.box((1, 2, 3))),
        ("box/test/box_2", trimesh.creation.box((1, 1, 1))),
        ("round/train/ball", trimesh.creation.icosphere(2)),
        ("round/train/ring", trimesh.creation.torus(1, 0.4, 16, 12)),
    ):
        path = root / "Shapes" / f"{name}.off"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(mesh.export(file_type="off"))
    return root


def zipped(root: Path, out: Path) -> Path:
    """The same folder as a zip file."""
    return Path(shutil.make_archive(str(out), "zip", root))


def shape_recipe(
    shape: dict[str, Any] | None = None, fit: dict[str, Any] | None = None, **keys: Any
) -> Recipe:
    """A recipe of tiny fields, minibatches and few samples, changed as given."""
    source = {"kind": "meshes", "path": "Shapes", "splits": "inside-classes"} | keys.pop("source", {})
    tables = {
        "name": "small-shapes",
        "source": source,
        "split": {"rule": "source" if source["splits"] != "none" else "random"},
        "field": {"dims": [3, 16, 16, 1], "omega": 8.0},
        "target": {"range": [-1.0, 1.0]},
        "shape": {"near": [[0.05, 400]], "uniform": 400} | (shape or {}),
        "fit": {"steps": 40, "lr": 5e-3, "points": 128} | (fit or {}),
    }
    return recipe_from_canonical(tables | keys)
