"""YAML of plain values: the head of a dataset card, and CITATION.cff."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["yaml_text"]


def yaml_text(table: Mapping[str, Any]) -> str:
    """A YAML document of mappings and lists that are not empty, strings, whole numbers and booleans.

    Strings stand in double quotes, so that no word of anybody's is taken for a number, a date or a key.
    """
    return "\n".join(_lines(table, "")) + "\n"


def _lines(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _entry(f"{indent}{key}:", item, indent + "  ")
    else:
        for item in value:
            first, *rest = _lines(item, indent + "  ") if isinstance(item, Mapping) else [_scalar(item)]
            yield f"{indent}- {first.strip()}"
            yield from rest


def _entry(start: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple):
        yield start
        yield from _lines(value, indent)
    else:
        yield f"{start} {_scalar(value)}"


def _scalar(value: Any) -> str:
    """JSON's scalars are YAML's, but for characters that YAML must not find unescaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
