"""Canonical JSON: one value, one sequence of bytes, so that a hash of a file is a hash of its meaning."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ..errors import FormatError

__all__ = ["MAX_DEPTH", "canonical_json", "parse_canonical", "sha256_hex"]

MAX_DEPTH = 100
"""Objects and lists within each other, at most: what walks them need not fear for its stack."""


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, ASCII, one newline at the end.

    Raises:
        ValueError: NaN or infinity, which JSON lacks, half a surrogate pair, which no text has, or more
            than `MAX_DEPTH` objects and lists within each other.
        TypeError: a type that JSON lacks, or a key that is not a string.
    """
    _require_json(value, MAX_DEPTH)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    if "\\ud" in text:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # fails for half a pair only
    return text.encode("ascii") + b"\n"


def parse_canonical(data: bytes, name: str | Path) -> Any:
    """The value of canonical JSON; ``name`` stands in errors.

    Raises:
        FormatError: the bytes are not JSON, nested too deep, or not in canonical form (duplicate keys, say).
    """
    try:
        value = json.loads(data)
        canonical = canonical_json(value)
    except (ValueError, RecursionError) as error:
        raise FormatError(
            f"{name}: not JSON ({error}); the file is damaged, fetch or make it again"
        ) from None
    if canonical != data:
        raise FormatError(f"{name}: not canonical JSON; the file was edited or damaged, restore it")
    return value


def sha256_hex(data: bytes) -> str:
    """sha256 of bytes, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _require_json(value: Any, depth: int) -> None:
    """Refuse keys that are no strings, and what is nested more than ``depth`` deep."""
    if not isinstance(value, dict | list | tuple):
        return
    if not depth:
        raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        for key in value:
            # json.dumps turns the key 1 into "1", so that two values would share their bytes.
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON: found the key {key!r}, expected a string")
    for item in value.values() if isinstance(value, dict) else value:
        _require_json(item, depth - 1)
