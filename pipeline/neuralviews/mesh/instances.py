"""The parts of a scene at the places that its graph puts them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["instances"]


def instances(loaded: Mapping[str, Any]) -> Iterator[tuple[NDArray[np.float64], Any]]:
    """(vertices (v, 3), polygons or None) of each part of what a loader of trimesh returned, in its place.

    Matrices are applied term by term, and first rounded to the precision of glTF: trimesh makes them of
    quaternions by products whose last bits differ between processors.

    Raises:
        ValueError: vertices have other than three coordinates, or the graph is broken.
    """
    geometry: Mapping[str, Any] = loaded.get("geometry", {"": loaded})
    graph = loaded.get("graph") or [{"geometry": name} for name in geometry]
    base = loaded.get("base_frame")
    world: dict[Any, NDArray[np.float64]] = {base: np.eye(4)}
    for edge in graph:  # parents come before their children
        parent = world.get(edge.get("frame_from", base))
        if parent is None:
            raise ValueError(f"node {edge['frame_from']!r} of its scene is missing")
        local = np.asarray(edge.get("matrix", np.eye(4))).astype(np.float32).astype(np.float64)
        place = world[edge.get("frame_to")] = _product(parent, local)
        if "geometry" in edge:
            part = geometry[edge["geometry"]]
            vertices = np.asarray(part["vertices"], np.float64)
            if vertices.ndim != 2 or vertices.shape[1] != 3:
                raise ValueError(f"found vertices of shape {vertices.shape}, expected three coordinates each")
            yield _moved(vertices, place), part.get("faces")


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    product = np.zeros((4, 4))
    for k in range(4):
        product += a[:, k : k + 1] * b[k]
    return product


def _moved(points: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    if (place == np.eye(4)).all():
        return points
    x, y, z = points.T
    return np.stack([m[0] * x + m[1] * y + m[2] * z + m[3] for m in place[:3]], axis=1)
