"""Closed surfaces whose inside is known, and the ways in which meshes are broken."""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from neuralviews.mesh.mesh import Mesh


def as_mesh(made: trimesh.Trimesh) -> Mesh:
    return Mesh(np.array(made.vertices, np.float64), np.array(made.faces, np.int64))


def sphere(subdivisions: int = 4, radius: float = 1.0) -> Mesh:
    return as_mesh(trimesh.creation.icosphere(subdivisions, radius))
