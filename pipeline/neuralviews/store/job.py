"""A store's job: what is being made, decided before the first shard and never changed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ..errors import FormatError
from ..field import FieldSpec
from ..records import REPAIRS, SHADOW_COLUMNS
from .canonical import canonical_json, sha256_hex
from .layout import RowLayout
from .schema import (
    AUGMENT,
    FORMAT_VERSION,
    IMPORT,
    KINDS,
    MAX_ARCH_BYTES,
    MAX_ATTRIBUTES,
    MAX_CLASSES,
    MAX_PARAMS,
    MAX_PIPELINES,
    MAX_ROWS,
    MAX_SHARDS,
    STORE_FORMAT,
    SUBSET,
    shard_name,
)

__all__ = ["Job", "differences", "require_version"]

_SHOWN = 60
_SHADOW = dict.fromkeys(SHADOW_COLUMNS, 1)
"""The key ``columns`` of the job of fields with a shadow."""
_DATASET_ID = re.compile(r"[0-9a-f]{64}")


def require_version(value: object, name: str | Path) -> Mapping[str, Any]:
    """Refuse what is no part of a store, or was written by a newer version, before looking any further.

    Raises:
        FormatError: both, each with its own message.
    """
    if not isinstance(value, Mapping) or value.get("format") != STORE_FORMAT:
        raise FormatError(f"{name}: not a neuralviews store (expected the format {STORE_FORMAT!r})")
    version = value.get("format_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise FormatError(f"{name}: found format_version {version!r}, expected a positive integer")
    if version > FORMAT_VERSION:
        raise FormatError(
            f"{name}: written by a newer neuralviews (store format {version}, "
            f"this one reads up to {FORMAT_VERSION}); update it"
        )
    return value


@dataclass(frozen=True)
class Job:
    """The part of job.json that the store itself understands, and the whole of it in `content`.

    Attributes:
        rows: records of the whole store; shard i holds rows [i R, (i+1) R) of them, R = ``rows_per_shard``.
        spec: the shape of every field.
        layout: the datasets of every shard.
        made_by: the content of the job that made the records: of a subset that of the store they are from.
        parent_id: dataset id of the store whose records were augmented; None where records were fitted.
        pipelines: how many pipelines the augmented records came out of; 0 where records were fitted.
        max_disagreement: objects beyond it are marked; None where no shapes were fitted.
    """

    content: Mapping[str, Any]
    rows: int
    rows_per_shard: int
    spec: FieldSpec
    layout: RowLayout
    made_by: Mapping[str, Any]
    parent_id: str | None = None
    pipelines: int = 0
    max_disagreement: float | None = None

    @classmethod
    def parse(cls, value: object, name: str | Path) -> Self:
        """Check the keys that the store needs; others are carried along.

        Raises:
            FormatError: names the key, what was found and what was expected.
        """
        content = require_version(value, name)
        kind = content.get("kind")
        if kind not in KINDS:
            known = ", ".join(map(repr, KINDS))
            raise FormatError(f"{name}: found kind {_shown(kind)}, this neuralviews reads {known}; update it")
        rows, rows_per_shard = (
            _count(content.get(key), MAX_ROWS, key, name) for key in ("rows", "rows_per_shard")
        )
        spec = _spec(content.get("arch"), name)
        if kind == SUBSET:
            whole = cls.parse(_whole(content, rows, name), f"{name}: of.job")
            job = replace(whole, content=content, rows=rows, rows_per_shard=rows_per_shard)
        elif kind == AUGMENT:
            layout = _augmented_layout(content.get("columns"), spec, name)
            parent_id, pipelines = _origin(content, name)
            job = cls(content, rows, rows_per_shard, spec, layout, content, parent_id, pipelines)
        elif "columns" not in content and not (kind == IMPORT and "attributes" in content):
            job = cls(content, rows, rows_per_shard, spec, RowLayout(spec.parameters), content)
        elif kind == IMPORT or _states_shadow(content["columns"]):
            layout = RowLayout(spec.parameters, shadow=True)
            layout = _imported_layout(content, spec, name) if kind == IMPORT else layout
            job = cls(content, rows, rows_per_shard, spec, layout, content)
        else:
            layout, limit = _shape_layout(content["columns"], spec, name), _max_disagreement(content, name)
            job = cls(content, rows, rows_per_shard, spec, layout, content, max_disagreement=limit)
        if job.shard_count > MAX_SHARDS:
            raise FormatError(
                f"{name}: {job.shard_count} shards, at most {MAX_SHARDS}; raise store.rows_per_shard "
                f"to {-(-job.rows // MAX_SHARDS)} or more"
            )
        return job

    @property
    def kind(self) -> str:
        """How the records came about: ``generate``, ``augment`` or ``import``."""
        return str(self.made_by["kind"])

    @cached_property
    def id(self) -> str:
        """sha256 of job.json."""
        return sha256_hex(canonical_json(self.content))

    @cached_property
    def arch(self) -> bytes:
        """Canonical JSON of the key ``arch``, as every shard states it."""
        return canonical_json(self.content["arch"])

    @property
    def shard_count(self) -> int:
        return -(-self.rows // self.rows_per_shard)

    def row_range(self, shard: int) -> range:
        """record_id of every row of a shard."""
        if not 0 <= shard < self.shard_count:
            raise IndexError(f"shard {shard}: expected 0 to {self.shard_count - 1}")
        start = shard * self.rows_per_shard
        return range(start, min(start + self.rows_per_shard, self.rows))

    def shard_names(self) -> Iterator[str]:
        """Path of every shard below the root, in order."""
        return (shard_name(shard) for shard in range(self.shard_count))


def _spec(arch: object, name: str | Path) -> FieldSpec:
    """The shape of fields that the key ``arch`` states, once that is known to be small."""
    try:
        size = len(canonical_json(arch))
        if size > MAX_ARCH_BYTES:
            raise FormatError(f"{name}: arch takes {size} bytes, at most {MAX_ARCH_BYTES}; use fewer layers")
        return FieldSpec.from_json(arch)
    except (ValueError, OverflowError) as error:  # of a SpecError, and of what no JSON is
        raise FormatError(f"{name}: arch: {error}") from error


def _count(found: object, most: int, key: str, name: str | Path) -> int:
    """A number from 1 to ``most``; anything else is a FormatError."""
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= most:
        raise FormatError(f"{name}: found {key} {_shown(found)}, expected 1 to {most}")
    return found


def _states_shadow(columns: object) -> bool:
    """Whether the key ``columns`` is that of fields with a shadow."""
    return columns == _SHADOW and isinstance(columns, dict) and type(columns["shadow_psnr"]) is int


def _augmented_layout(columns: object, spec: FieldSpec, name: str | Path) -> RowLayout:
    """The layout that the key ``columns`` of an augmented store's job states."""
    if not isinstance(columns, Mapping) or set(columns) != {"classes", "params"}:
        raise FormatError(
            f"{name}: found columns {_shown(columns)}, expected the widths of classes and params, no more"
        )
    classes = _count(columns["classes"], MAX_CLASSES, "columns.classes", name)
    return RowLayout(spec.parameters, classes, _count(columns["params"], MAX_PARAMS, "columns.params", name))


def _shape_layout(columns: object, spec: FieldSpec, name: str | Path) -> RowLayout:
    """The layout that the key ``columns`` of the job of fitted shapes states."""
    if not isinstance(columns, Mapping) or set(columns) != {"repairs"}:
        raise FormatError(
            f"{name}: found columns {_shown(columns)}, expected the width of repairs, no more, or {_SHADOW}"
        )
    repairs = columns["repairs"]
    if type(repairs) is not int or repairs != REPAIRS:
        raise FormatError(f"{name}: found columns.repairs {_shown(repairs)}, expected {REPAIRS}")
    return RowLayout(spec.parameters, repairs=repairs)


def _imported_layout(content: Mapping[str, Any], spec: FieldSpec, name: str | Path) -> RowLayout:
    """The layout that the keys ``columns`` and ``attributes`` of the job of imported records state."""
    columns, attributes = content.get("columns"), content.get("attributes")
    if not isinstance(columns, Mapping) or set(columns) != {"attributes"}:
        raise FormatError(
            f"{name}: found columns {_shown(columns)}, expected the width of attributes, no more"
        )
    width = _count(columns["attributes"], MAX_ATTRIBUTES, "columns.attributes", name)
    if (
        not isinstance(attributes, list)
        or not all(isinstance(attribute, str) for attribute in attributes)
        or not len(attributes) == len({*attributes}) == width
    ):
        raise FormatError(f"{name}: found attributes {_shown(attributes)}, expected {width} different names")
    return RowLayout(spec.parameters, attributes=width)


def _whole(content: Mapping[str, Any], rows: int, name: str | Path) -> Mapping[str, Any]:
    """The job of the store that a subset's records are from."""
    of = content.get("of")
    whole = of.get("job") if isinstance(of, Mapping) else None
    found = of.get("dataset_id") if isinstance(of, Mapping) else None
    if not isinstance(found, str) or not _DATASET_ID.fullmatch(found):
        raise FormatError(
            f"{name}: found of.dataset_id {_shown(found)}, expected 64 lower-case hexadecimal digits"
        )
    if not isinstance(whole, Mapping) or whole.get("arch") != content.get("arch"):
        raise FormatError(f"{name}: of.job is not that of a store of such fields; the job was edited")
    if not rows <= _count(whole.get("rows"), MAX_ROWS, "of.job.rows", name):
        raise FormatError(f"{name}: found rows {rows}, expected at most those of the store that it is of")
    return whole


def _max_disagreement(content: Mapping[str, Any], name: str | Path) -> float:
    """The limit beyond which the job of fitted shapes marks an object."""
    found = content.get("max_disagreement")
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise FormatError(f"{name}: found max_disagreement {_shown(found)}, expected a number from 0 to 1")
    return float(found)


def _origin(content: Mapping[str, Any], name: str | Path) -> tuple[str, int]:
    """Dataset id of the parent, and the number of pipelines, that an augmented store's job states."""
    parent, pipelines = content.get("parent"), content.get("pipelines")
    found = parent.get("dataset_id") if isinstance(parent, Mapping) else None
    if not isinstance(found, str) or not _DATASET_ID.fullmatch(found):
        raise FormatError(
            f"{name}: found parent.dataset_id {_shown(found)}, expected 64 lower-case hexadecimal digits"
        )
    if not isinstance(pipelines, list) or not 1 <= len(pipelines) <= MAX_PIPELINES:
        count = len(pipelines) if isinstance(pipelines, list) else _shown(pipelines)
        raise FormatError(f"{name}: found pipelines {count}, expected a list of 1 to {MAX_PIPELINES}")
    return found, len(pipelines)


def differences(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ, as ``key: there X, here Y``; long values are cut."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new or type(old) is not type(new):
        yield f"{path}: there {_shown(old)}, here {_shown(new)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
