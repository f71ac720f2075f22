"""PLY files as meshes: text or binary, polygons of any sizes, whatever else they hold passed over.

Source: Turk, "The PLY Polygon File Format" (1994).
"""

import re
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from .lines import points_of, words_of
from .polygons import fans

__all__ = ["parse_ply"]

_KINDS = {"char": "b", "uchar": "B", "short": "h", "ushort": "H", "int": "i", "uint": "I"}
_KINDS |= {"int8": "b", "uint8": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I"}
_FLOATS = {"float": "f", "double": "d", "float32": "f", "float64": "d"}
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_CORNERS = ("vertex_indices", "vertex_index")

Integers = NDArray[np.int64]
Polygons = tuple[Sequence[int] | Integers, Sequence[int] | Integers]


@dataclass(frozen=True)
class _Property:
    """A number of a kind, or if ``size`` is that of a length, a list; both are letters of `struct`."""

    name: str
    kind: str
    size: str = ""


@dataclass(frozen=True)
class _Element:
    name: str
    count: int
    properties: list[_Property]

    def corners(self) -> int | None:
        """The place among the properties of the list of corners, if these are faces."""
        places = [place for place, each in enumerate(self.properties) if each.name in _CORNERS]
        if self.name != "face":
            return None
        if len(places) != 1 or not self.properties[places[0]].size or self.properties[places[0]].kind in "fd":
            raise ValueError(f"found faces without one list of whole numbers {_CORNERS[0]}")
        return places[0]

    def axes(self) -> tuple[int, int, int]:
        """The places among the properties of a vertex of its coordinates."""
        names = [each.name for each in self.properties]
        if any(each.size for each in self.properties) or any(names.count(axis) != 1 for axis in "xyz"):
            raise ValueError("found vertices without one number each for x, y and z, or with lists")
        return names.index("x"), names.index("y"), names.index("z")

    def cut_off(self, found: int | None = None) -> ValueError:
        part = "" if found is None else f"{found} of "
        return ValueError(f"found {part}the element {self.name} cut off, expected {self.count} of it")


def parse_ply(data: bytes) -> tuple[NDArray[np.float64], Integers]:
    """(vertices (v, 3), triangles (f, 3)) of a PLY file; polygons become fans.

    Raises:
        ValueError: it is no such file, is damaged, cut off or longer than announced, or has strips.
    """
    end = re.search(rb"(?m)^end_header[ \t]*\r?\n", data)
    if end is None or not data.startswith(b"ply"):
        raise ValueError("found no header from ply to end_header")
    order, elements = _header(data[: end.start()])
    body = memoryview(data)[end.end() :]
    points, faces = _binary(body, elements, order) if order else _text(bytes(body), elements)
    return points, fans(*faces)


def _header(data: bytes) -> tuple[str, list[_Element]]:
    order, elements = None, list[_Element]()
    for words in words_of(data, comment=None):
        text = [word.decode("latin-1") for word in words]
        match text:
            case ["format", name, *_] if name in _ORDERS:
                order = _ORDERS[name]
            case ["element", name, count] if re.fullmatch("[0-9]{1,18}", count):
                elements.append(_Element(name, int(count), []))
            case ["property", "list", size, kind, name] if elements and size in _KINDS:
                elements[-1].properties.append(_Property(name, (_KINDS | _FLOATS)[kind], _KINDS[size]))
            case ["property", kind, name] if elements and kind in _KINDS | _FLOATS:
                elements[-1].properties.append(_Property(name, (_KINDS | _FLOATS)[kind]))
            case ["ply" | "comment" | "obj_info", *_]:
                pass
            case _:
                raise ValueError(f"found {' '.join(text)[:80]!r} in its header")
    if order is None:
        raise ValueError("found no format in its header")
    names = [element.name for element in elements]
    if any(names.count(name) > 1 for name in names):
        raise ValueError("found an element twice in its header")
    there = [element for element in elements if element.count]
    if any(element.name == "tristrips" for element in there):
        raise ValueError("found strips of triangles, expected faces: export it so")
    if any(not element.properties for element in there):
        raise ValueError("found an element without properties in its header")
    return order, there


def _text(body: bytes, elements: list[_Element]) -> tuple[NDArray[np.float64], Polygons]:
    lines, points = words_of(body, comment=None), np.empty((0, 3))
    corners, sizes = array("q"), array("q")
    for element in elements:
        rows, place = islice(lines, element.count), element.corners()
        if element.name == "vertex":
            points = points_of(rows, element.axes())
            found = len(points)
        elif place is not None:
            for words in rows:
                at = 0
                for each in element.properties[:place]:
                    at += 1 + (int(words[at]) if each.size else 0)
                size = int(words[at])
                if not 0 <= size < len(words) - at:
                    raise ValueError(f"found a face of {size} corners with {len(words) - at - 1} numbers")
                corners.extend(map(int, words[at + 1 : at + 1 + size]))
                sizes.append(size)
            found = len(sizes)
        else:
            found = sum(1 for _ in rows)
        if found < element.count:
            raise element.cut_off(found)
    if next(lines, None):
        raise ValueError("found more lines than its header announces")
    return points, (corners, sizes)


def _binary(body: memoryview, elements: list[_Element], order: str) -> tuple[NDArray[np.float64], Polygons]:
    points, at = np.empty((0, 3)), 0
    faces: Polygons = [], []
    for element in elements:
        place = element.corners()
        rows = _rows(element, body[at:], order)
        if rows is None:
            found, length = _walked(element, body[at:], order)
            faces = found if place is not None else faces
            at += length
            continue
        at += rows.nbytes
        if element.name == "vertex":
            points = np.stack([rows[f"{axis}"].astype(np.float64) for axis in element.axes()], axis=1)
        elif place is not None:
            corners = rows[f"{place}"].astype(np.int64)
            faces = corners.reshape(-1), np.full(len(corners), corners.shape[1])
    if at != len(body):
        raise ValueError(f"found {len(body) - at} bytes more than its header announces")
    return points, faces


def _rows(element: _Element, body: memoryview, order: str) -> NDArray[np.void] | None:
    """An element whose lists are all as long as those of its first row; None if they are not.

    Fields of the rows are called by the places of properties, and the lengths of lists "size" and the place.
    """
    fields: list[tuple[str, str, int | tuple[int]]] = []
    at, lengths = 0, {}
    for place, each in enumerate(element.properties):
        if not each.size:
            fields.append((f"{place}", order + each.kind, 1))
            at += struct.calcsize(order + each.kind)
            continue
        length, _, at = _list(element, each, body, at, order)
        lengths[f"size{place}"] = length
        fields += [(f"size{place}", order + each.size, 1), (f"{place}", order + each.kind, (length,))]
    row = np.dtype([field if field[2] != 1 else field[:2] for field in fields])
    if element.count * row.itemsize > len(body):
        if lengths:
            return None
        raise element.cut_off()
    rows = np.frombuffer(body, row, element.count)
    return rows if all((rows[name] == length).all() for name, length in lengths.items()) else None


def _walked(element: _Element, body: memoryview, order: str) -> tuple[Polygons, int]:
    """The corners and sizes of faces, row by row, and how many bytes an element takes."""
    corners, sizes, wanted, at = array("q"), array("q"), element.corners(), 0
    for _ in range(element.count):
        for place, each in enumerate(element.properties):
            if not each.size:
                at += struct.calcsize(order + each.kind)
                continue
            length, start, at = _list(element, each, body, at, order)
            if place == wanted:
                corners.extend(struct.unpack_from(f"{order}{length}{each.kind}", body, start))
                sizes.append(length)
    if at > len(body):
        raise element.cut_off()
    return (corners, sizes), at


def _list(element: _Element, each: _Property, body: memoryview, at: int, order: str) -> tuple[int, int, int]:
    """(length, start, end) of the list at a place of the body."""
    start = at + struct.calcsize(order + each.size)
    if start > len(body):
        raise element.cut_off()
    (length,) = struct.unpack_from(order + each.size, body, at)
    end = start + length * struct.calcsize(order + each.kind)
    if not start <= end <= len(body):
        raise element.cut_off()
    return length, start, end
