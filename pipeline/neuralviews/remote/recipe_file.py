"""Recipes and plans as TOML files that read back with the same digest."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..recipe import Recipe

__all__ = ["plan_text", "recipe_text", "toml_text"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_LONG = 100


def recipe_text(recipe: Recipe, title: str = "") -> str:
    """A recipe in full, all defaults spelt out; `load_recipe` gives the same digest back.

    Args:
        title: for people; no byte of a dataset depends on it.
    """
    table = recipe.canonical()
    name = table.pop("name")
    return toml_text({"name": name, **({"title": title} if title else {}), **table})


def plan_text(plan: Mapping[str, Any]) -> str:
    """A plan in full from its canonical form; `load_plan` gives the same digest back."""
    return toml_text(plan)


def toml_text(table: Mapping[str, Any]) -> str:
    """A TOML document of JSON values. Keys whose value is None are left out, as TOML has no such value.

    Raises:
        TypeError: a value that TOML lacks.
    """
    return "\n".join(_lines((), table)) + "\n"


def _lines(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """The values of a table, then the tables in it: after a header, a key would belong to that."""
    inner = {}
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_array_of_tables(path, value):
            inner[key] = value
        elif value is not None:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in inner.items():
        header = ".".join(map(_key, (*path, key)))
        if isinstance(value, Mapping):
            yield from ("", f"[{header}]")
            yield from _lines((*path, key), value)
        else:
            for item in value:
                yield from ("", f"[[{header}]]")
                yield from _lines((*path, key), item)


def _is_array_of_tables(path: tuple[str, ...], value: Any) -> bool:
    """Whether a list gets headers; within such tables, others stay on their lines."""
    return not path and isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list | tuple):
        items = [_value(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) <= _LONG else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    raise TypeError(f"toml: found {type(value).__name__}, expected a value that TOML has")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    """JSON's escapes are TOML's too, but JSON lets DEL stand as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
