"""What trimesh would read wrongly of a GLB file without a word: data elsewhere, and features passed over."""

import json
import struct
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from .polygons import MAX_FACES

__all__ = ["check_glb"]

_HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_")
"""Extensions of glTF that change how surfaces look, and not where they are."""

_TRIANGLES, _FAN = 4, 6
_READ = (0, 1, _TRIANGLES, 5)
"""Points, lines, triangles and strips."""
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
_MOST_TIMES = 24
"""Honest files announce their data about twice, as views and as accessors. But where a vertex is one record,
each of its attributes may have a view of all records."""
_FEW_BYTES = 1 << 26


def check_glb(data: bytes) -> None:
    """Look at the header of a GLB file.

    Raises:
        ValueError: data is outside of the file, or stored in a way that trimesh does not read; its nodes are
            no tree; or far more is announced than is there.
    """
    if len(data) < 20 or data[:4] != b"glTF":
        raise ValueError("it does not start with glTF")
    header = json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])
    needed = [name for name in header.get("extensionsRequired", []) if not name.startswith(_HARMLESS)]
    if needed:
        raise ValueError(f"found the extension {needed[0]}, expected none: export it without")
    for buffer in header.get("buffers", []):
        if "base64," not in buffer.get("uri", "base64,"):
            raise ValueError(f"found data in the file {buffer['uri']!r}, expected all of it inside")
    _require_tree(header.get("nodes", []))
    for accessor in header.get("accessors", []):
        count: Any = accessor["count"]
        if "bufferView" not in accessor or "sparse" in accessor:
            raise ValueError("found sparse data, expected it written out: export it so")
        if not isinstance(count, int) or not 0 < count <= len(data):
            raise ValueError(f"found {count} items announced in {len(data)} bytes")
    modes = {part.get("mode") for mesh in header.get("meshes", []) for part in mesh["primitives"]}
    if _FAN in modes:
        raise ValueError("found fans of triangles, expected triangles or strips")
    _require_small(header, len(data))


def _require_tree(nodes: Sequence[Mapping[str, Any]]) -> None:
    try:
        TopologicalSorter({number: node.get("children", []) for number, node in enumerate(nodes)}).prepare()
    except CycleError as error:
        raise ValueError(
            f"found node {error.args[1][0]} below itself, expected its scene to be a tree: export it again"
        ) from None


def _require_small(header: Mapping[str, Any], size: int) -> None:
    """Refuse a file of ``size`` bytes of which trimesh would make far more: it copies every view and every
    accessor, used or not, and each primitive becomes arrays of its own.
    """
    accessors = header.get("accessors", [])
    copied = sum(max(0, view["byteLength"]) for view in header.get("bufferViews", []))
    copied += sum(one["count"] * _COMPONENTS[one["type"]] * _BYTES[one["componentType"]] for one in accessors)
    if copied > (most := max(_MOST_TIMES * size, _FEW_BYTES)):
        raise ValueError(
            f"found {copied} bytes announced in {size}, expected at most {most}: export it again"
        )
    parts = [part for mesh in header.get("meshes", []) for part in mesh["primitives"]]
    parts = [part for part in parts if part.get("mode", _TRIANGLES) in _READ]
    vertices = sum(accessors[part["attributes"]["POSITION"]]["count"] for part in parts)
    corners = sum(accessors[part["indices"]]["count"] for part in parts if "indices" in part)
    # A file of more than so many may hold each of them once, of 12 bytes a vertex and 2 bytes a corner.
    for found, most, what in (
        (vertices, max(MAX_FACES, size // 12), "vertices"),
        (corners, max(3 * MAX_FACES, size // 2), "corners of faces"),
    ):
        if found > most:
            raise ValueError(
                f"found {found} {what} in {size} bytes, expected at most {most}: make it coarser"
            )
