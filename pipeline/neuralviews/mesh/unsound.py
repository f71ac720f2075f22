"""What trimesh would read wrongly without a word: files cut off, and features that it passes over."""

import json
import re
import struct
from typing import Any

__all__ = ["check_glb", "check_stl", "sound_obj", "sound_ply"]

_HARMLESS = ("KHR_materials_", "KHR_texture_", "KHR_lights_", "EXT_texture_")
"""Extensions of glTF that change how surfaces look, and not where they are."""

_FAN = 6


def sound_obj(data: bytes) -> bytes:
    """An OBJ file without comments, once its faces are known to name vertices as trimesh counts them.

    Raises:
        ValueError: a face names vertex 0, or counts back from vertices in the middle of the file.
    """
    data = re.sub(rb"#[^\r\n]*", b"", data).replace(b"\t", b" ")
    data = re.sub(rb"(?m)^ +", b"", data)
    if re.search(rb"(?m)^f(?:[^\r\n]* )0+(?=[/ \r\n]|\Z)", data):
        raise ValueError("found a face of vertex 0, but they count from 1")
    relative = re.search(rb"(?m)^f[^\r\n]* -\d", data)
    if relative and re.search(rb"(?m)^v ", data[relative.end() :]):
        raise ValueError("found faces that count back among vertices, expected absolute numbers")
    return data


def sound_ply(data: bytes) -> bytes:
    """A PLY file; of a text file without blank lines, once it is known to be complete.

    Raises:
        ValueError: it has fewer lines than its header announces.
    """
    end = re.search(rb"(?m)^end_header *\r?\n", data)
    if end is None or re.search(rb"(?m)^format +ascii", data[: end.start()]) is None:
        return data
    expected = sum(map(int, re.findall(rb"(?m)^element +\S+ +(\d{1,18})\s*$", data[: end.start()])))
    lines = [line for line in data[end.end() :].splitlines() if line.strip()]
    if len(lines) < expected:
        raise ValueError(f"found {len(lines)} lines after its header, expected {expected}")
    return data[: end.end()] + b"\n".join(lines)


def check_stl(data: bytes, faces: int) -> None:
    """Compare the number of faces that were read with those in an STL file.

    Raises:
        ValueError: some were passed over.
    """
    if len(data) >= 84 and len(data) == 84 + 50 * int(struct.unpack_from("<I", data, 80)[0]):
        return  # binary: its length says that it is complete
    expected = len(re.findall(rb"(?mi)^\s*facet\b", data))
    if faces != expected:
        raise ValueError(f"found {faces} complete faces, expected {expected}")


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
