"""What trimesh would read wrongly of a GLB file without a word: data elsewhere, and features passed over."""

import json
import struct
from typing import Any

__all__ = ["check_glb"]

_HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_")
"""Extensions of glTF that change how surfaces look, and not where they are."""

_FAN = 6


def check_glb(data: bytes) -> None:
    """Look at the header of a GLB file.

    Raises:
        ValueError: data is outside of the file, or stored in a way that trimesh does not read.
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
    for accessor in header.get("accessors", []):
        count: Any = accessor["count"]
        if "bufferView" not in accessor or "sparse" in accessor:
            raise ValueError("found sparse data, expected it written out: export it so")
        if not isinstance(count, int) or not 0 < count <= len(data):
            raise ValueError(f"found {count} items announced in {len(data)} bytes")
    modes = {part.get("mode") for mesh in header.get("meshes", []) for part in mesh["primitives"]}
    if _FAN in modes:
        raise ValueError("found fans of triangles, expected triangles or strips")
