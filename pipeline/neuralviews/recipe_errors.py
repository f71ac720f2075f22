"""From a parsed TOML table to a checked type, every fault a RecipeError that names file and key."""

import difflib
import math
import re
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar, Union

import msgspec

from .errors import RecipeError

__all__ = ["convert", "nearest", "read_toml", "shown"]

_TOO_DEEP = "found tables or lists nested far too deep, expected a few levels"
_LONGEST = 200
_AT = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_INDEX = re.compile(r"\[[^]]*\]")
_MISSING = re.compile(r"Object missing required field `(.*)`")
S = TypeVar("S", bound=msgspec.Struct)


def read_toml(path: Path, where: str, what: str) -> dict[str, Any]:
    """The table in a TOML file; ``what`` says what the file should have been.

    Raises:
        RecipeError: it cannot be read, or is no TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.loads(file.read().decode("utf-8-sig"))  # editors may begin it with a mark
    except FileNotFoundError:
        raise RecipeError(f"{where}: no such file; expected {what} in TOML") from None
    except OSError as error:
        raise RecipeError(f"{where}: cannot be read ({error.strerror}); expected {what} in TOML") from None
    except ValueError as error:  # TOML's own, bytes that are no text, integers of thousands of digits
        raise RecipeError(f"{where}: not valid TOML: {error}") from None
    except RecursionError:
        raise RecipeError(f"{where}: {_TOO_DEEP}") from None


def convert(table: Mapping[str, Any], document: type[S], where: str) -> S:
    """Check a table against a struct type.

    Raises:
        RecipeError: ``where: key: found ..., expected ...``, for the first fault found.
    """
    try:
        _refuse_unknown(table, document, where, "")
        _refuse_not_finite(table, where, "")
        return msgspec.convert(table, document)
    except msgspec.ValidationError as error:
        _explain(error, table, document, where)
    except RecursionError:
        raise RecipeError(f"{where}: {_TOO_DEEP}") from None


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that is closest, if any is close."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: object) -> str:
    """A value as it stands in a message, cut if it is long."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # integers of thousands of digits have no decimal form
        kind = type(value).__name__
        return f"{'an' if kind == 'int' else 'a'} {kind} too large to show"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _keys(struct: type[msgspec.Struct]) -> list[str]:
    tag = struct.__struct_config__.tag_field
    return ([tag] if tag else []) + list(struct.__struct_fields__)


def _alternatives(hint: Any) -> list[Any]:
    """The members of a union, or the hint alone; annotations are peeled off."""
    if typing.get_origin(hint) is typing.Annotated:
        hint = typing.get_args(hint)[0]
    union = typing.get_origin(hint) in (Union, types.UnionType)
    return list(typing.get_args(hint)) if union else [hint]


def _struct_for(hint: Any, value: object, where: str, key: str) -> type[msgspec.Struct] | None:
    """The struct type that a table is meant to be, by its tag where there are several."""
    structs = [t for t in _alternatives(hint) if isinstance(t, type) and issubclass(t, msgspec.Struct)]
    if not structs or not isinstance(value, Mapping):
        return None
    if structs[0].__struct_config__.tag_field is None:
        return structs[0]
    field = structs[0].__struct_config__.tag_field
    tags = {str(s.__struct_config__.tag): s for s in structs}
    if value.get(field) not in list(tags):
        found = f"found {shown(value[field])}" if field in value else "missing"
        raise RecipeError(f"{where}: {key}.{field}: {found}, expected {_one_of(tags)}")
    return tags[value[field]]


def _one_of(words: Iterable[str]) -> str:
    *head, last = [repr(word) for word in words]
    return f"{', '.join(head)} or {last}" if head else last


def _refuse_unknown(table: Mapping[str, Any], struct: type[msgspec.Struct], where: str, prefix: str) -> None:
    hints = typing.get_type_hints(struct, include_extras=True)
    known = _keys(struct)
    for key, value in table.items():
        if key not in known:
            raise RecipeError(
                f"{where}: {prefix}{key}: unknown key{nearest(key, known) or ';'} "
                f"expected {_one_of(known) if known else 'no key'}"
            )
        inner = _struct_for(hints.get(key), value, where, prefix + key)
        if inner is not None:
            _refuse_unknown(value, inner, where, f"{prefix}{key}.")


def _refuse_not_finite(value: object, where: str, key: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where}: {key}: found {value}, expected a finite number")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            _refuse_not_finite(inner, where, f"{key}.{name}" if key else str(name))
    if isinstance(value, list):
        for inner in value:
            _refuse_not_finite(inner, where, key)


def _explain(
    error: msgspec.ValidationError, table: Mapping[str, Any], document: type[msgspec.Struct], where: str
) -> NoReturn:
    match = _AT.fullmatch(str(error))
    what, path = (match["what"], match["path"] or "") if match else (str(error), "")
    names = [name for name in _INDEX.sub("", path).split(".") if name]
    missing = _MISSING.fullmatch(what)
    if missing:
        names.append(missing[1])
    hint, value = _follow(names, table, document)
    key = ".".join(names) or "top level"
    found = "missing" if missing else f"found {shown(value)}"
    raise RecipeError(f"{where}: {key}: {found}, expected {_expected(hint) or what}") from None


def _follow(names: list[str], table: Any, struct: Any) -> tuple[Any, Any]:
    """The type hint of a key, and the value that was given for it."""
    hint, value = struct, table
    for name in names:
        inner = _struct_for(hint, value, "", name)
        if inner is None:
            break
        hint = typing.get_type_hints(inner, include_extras=True)[name]
        value = value.get(name)
    return hint, value


def _expected(hint: Any) -> str | None:
    if typing.get_origin(hint) is typing.Annotated:
        for note in hint.__metadata__:
            if isinstance(note, msgspec.Meta) and note.description:
                return note.description
    for inner in _alternatives(hint):
        if typing.get_origin(inner) is typing.Annotated:
            return _expected(inner)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return "a table"
    return None
