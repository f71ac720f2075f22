"""Fields stacked by layer in files of safetensors, which every framework for learning reads; see `stacked`.

``fields.safetensors``, or ``fields-00000-of-00003.safetensors`` and so on. Conventions are one text in a
file's metadata: of several the library would write the order as it comes.
"""

import json
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from .files import Files
from .format import Hints, Parse
from .listing import Listing
from .stacked import META, Stated, stated_of
from .stacked_files import export_stacked, found_file, listing_of, parser_with

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["LOOKS_FOR", "TITLE", "detect", "export", "listing", "parser"]

TITLE = "safetensors, fields stacked by layer"
LOOKS_FOR = "*.safetensors"

_SUFFIX = ".safetensors"
_TYPES = {
    f"{letter}{8 * size}": np.dtype(f"<{letter.lower()}{size}")
    for letter, sizes in (("F", (2, 4, 8)), ("U", (1, 2, 4, 8)), ("I", (1, 2, 4, 8)))
    for size in sizes
}


def detect(files: Files) -> str | None:
    """See `Format`."""
    return found_file(files, _SUFFIX)


def listing(files: Files, hints: Hints) -> Listing:
    """See `Format`."""
    return listing_of(files, hints, _SUFFIX, _read)


def parser(listing: Listing) -> Parse:
    """See `Format`."""
    return parser_with(_read)


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`."""
    return export_stacked(taken, sink, "safetensors", _written)


def _read(data: bytes, where: str) -> tuple[dict[str, NDArray[Any]], Stated | None]:
    from safetensors import SafetensorError, deserialize

    try:
        # The library proves that all tensors lie in the file, whole and apart.
        tensors = deserialize(data)  # type: ignore[no-untyped-call]
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise SourceError(
            f"{where}: no safetensors file that can be read ({error}); replace the file"
        ) from None
    arrays = {}
    for name, tensor in sorted(tensors, key=itemgetter(0)):  # they come in any order
        if tensor["dtype"] not in _TYPES:
            expected = "F32" if tensor["dtype"] != "BOOL" else "F32, or whole numbers such as I64"
            raise SourceError(
                f"{where}: {name[:80]}: found numbers of type {tensor['dtype']}, expected {expected}: "
                "convert them"
            )
        arrays[name] = np.frombuffer(tensor["data"], _TYPES[tensor["dtype"]]).reshape(tensor["shape"])
    return arrays, stated_of((header.get("__metadata__") or {}).get(META), where)


def _written(arrays: Mapping[str, NDArray[Any]], meta: bytes) -> bytes:
    from safetensors.numpy import save

    return save(dict(arrays), {META: meta.decode()})
