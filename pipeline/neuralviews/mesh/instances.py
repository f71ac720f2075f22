"""The parts of a scene at the places that its graph puts them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "instances"]


@dataclass(frozen=True)
class Part:
    """Vertices (v, 3) float64 and triangles (f, 3) int64, and the matrix (4, 4) of their place.

    Instances of one geometry share both arrays.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    place: NDArray[np.float64]

    def placed(self) -> NDArray[np.float64]:
        """The vertices moved to their place."""
        if (self.place == np.eye(4)).all():
            return self.vertices
        x, y, z = self.vertices.T
        return np.stack([m[0] * x + m[1] * y + m[2] * z + m[3] for m in self.place[:3]], axis=1)


def instances(loaded: Mapping[str, Any]) -> Iterator[Part]:
    """Each part of what trimesh's loader of GLB returned, where the graph of its scene puts it.

    Matrices are applied term by term, and first rounded to the precision of glTF: trimesh makes them of
    quaternions by products whose last bits differ between processors.

    Raises:
        ValueError: vertices have other than three coordinates, or the graph is broken.
    """
    geometry: Mapping[str, Any] = loaded.get("geometry", {"": loaded})
    graph = loaded.get("graph") or [{"geometry": name} for name in geometry]
    base = loaded.get("base_frame")
    world: dict[Any, NDArray[np.float64]] = {base: np.eye(4)}
    shared: dict[Any, tuple[NDArray[np.float64], NDArray[np.int64]]] = {}
    for edge in graph:  # parents come before their children
        parent = world.get(edge.get("frame_from", base))
        if parent is None:
            raise ValueError(f"node {edge['frame_from']!r} of its scene is missing")
        local = np.asarray(edge.get("matrix", np.eye(4))).astype(np.float32).astype(np.float64)
        place = world[edge.get("frame_to")] = _product(parent, local)
        if "geometry" in edge:
            name = edge["geometry"]
            if name not in shared:
                shared[name] = _arrays(geometry[name])
            yield Part(*shared[name], place)


def _arrays(part: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    vertices = np.asarray(part["vertices"], np.float64)
    faces = np.asarray(part.get("faces", np.empty((0, 3))), np.int64)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f"found vertices of shape {vertices.shape}, expected three coordinates each")
    return vertices, faces.reshape(-1, 3)


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    product = np.zeros((4, 4))
    for k in range(4):
        product += a[:, k : k + 1] * b[k]
    return product
