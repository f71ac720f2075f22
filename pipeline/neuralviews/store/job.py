"""A store's job: what is being made, decided before the first shard and never changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ..errors import FormatError, SpecError
from ..field import FieldSpec
from .canonical import canonical_json, sha256_hex
from .schema import FORMAT_VERSION, KIND, MAX_ARCH_BYTES, MAX_ROWS, MAX_SHARDS, STORE_FORMAT, shard_name

__all__ = ["Job", "differences", "require_version"]

_SHOWN = 60


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
    """

    content: Mapping[str, Any]
    rows: int
    rows_per_shard: int
    spec: FieldSpec

    @classmethod
    def parse(cls, value: object, name: str | Path) -> Self:
        """Check the keys that the store needs; others are carried along.

        Raises:
            FormatError: names the key, what was found and what was expected.
        """
        content = require_version(value, name)
        if content.get("kind") != KIND:
            raise FormatError(
                f"{name}: found kind {content.get('kind')!r}, this neuralviews reads {KIND!r}; update it"
            )
        for key in ("rows", "rows_per_shard"):
            found = content.get(key)
            if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= MAX_ROWS:
                raise FormatError(f"{name}: found {key} {found!r}, expected 1 to {MAX_ROWS}")
        try:
            spec = FieldSpec.from_json(content.get("arch"))
        except (SpecError, OverflowError) as error:
            raise FormatError(f"{name}: arch: {error}") from error
        job = cls(content, content["rows"], content["rows_per_shard"], spec)
        if len(job.arch) > MAX_ARCH_BYTES:
            raise FormatError(
                f"{name}: arch takes {len(job.arch)} bytes, at most {MAX_ARCH_BYTES}; use fewer layers"
            )
        if job.shard_count > MAX_SHARDS:
            raise FormatError(
                f"{name}: {job.shard_count} shards, at most {MAX_SHARDS}; raise store.rows_per_shard "
                f"to {-(-job.rows // MAX_SHARDS)} or more"
            )
        return job

    @cached_property
    def id(self) -> str:
        """sha256 of job.json."""
        return sha256_hex(canonical_json(self.content))

    @cached_property
    def arch(self) -> bytes:
        """Canonical JSON of the spec, as every shard states it."""
        return canonical_json(self.spec.to_json())

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
