"""The canonical text of a manifest, spelt and read shard by shard.

Most shards of a store lie alike in their files, so that the longest part of their entries, where each dataset
lies, is one text for nearly all: it is spelt, read and kept once.
"""

import msgspec

from ..records import Split
from .canonical import canonical_json
from .manifest_schema import Count, Digest, Extent, Manifest, ShardEntry, Summary

__all__ = ["Entries", "quick_manifest", "spelt_manifest"]

_Table = dict[str, Extent]


class Entries:
    """Entries of shards, in order; equal tables of datasets become the same object."""

    def __init__(self) -> None:
        self._entries: list[ShardEntry] = []

    def add(self, entry: ShardEntry) -> None:
        """Take in the next shard."""
        if self._entries and self._entries[-1].datasets == entry.datasets:
            entry = msgspec.structs.replace(entry, datasets=self._entries[-1].datasets)
        self._entries.append(entry)

    def all(self) -> tuple[ShardEntry, ...]:
        """What was taken in."""
        return tuple(self._entries)


def spelt_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON of a manifest that could be one."""
    tables: dict[int, str] = {}
    shards = []
    for entry in manifest.shards:
        if id(entry.datasets) not in tables:
            tables[id(entry.datasets)] = _spelt_table(entry.datasets)
        shards.append(_spelt(entry, tables[id(entry.datasets)]))
    start, end = _frame(manifest)
    return b"".join((start, ",".join(shards).encode("ascii"), end))


def quick_manifest(data: bytes) -> Manifest | None:
    """Read what `spelt_manifest` spells; None of anything else, whatever is wrong with it.

    Types and spelling are checked, and nothing more.
    """
    try:
        found = _OUTER.decode(data)
        rest = Manifest(found.format, found.format_version, found.job, (), found.summary)
        start, end = _frame(rest)
        shards = _read(found.shards)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    # Start and end in place, and shards that fill all between them but for their commas: that is all of it.
    between = sum(memoryview(text).nbytes for text in found.shards) + max(len(shards) - 1, 0)
    whole = len(start) + between + len(end) == len(data) and data.startswith(start) and data.endswith(end)
    return msgspec.structs.replace(rest, shards=shards) if whole else None


class _Outer(msgspec.Struct, forbid_unknown_fields=True):
    """A manifest whose shards are text."""

    format: str
    format_version: int
    job: dict[str, object]
    shards: tuple[msgspec.Raw, ...]
    summary: Summary


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    """An entry of a shard whose table of datasets is text."""

    file: str
    bytes: Count
    sha256: Digest
    row_start: Count
    rows: Count
    splits: dict[str, Count]
    datasets: msgspec.Raw


_OUTER = msgspec.json.Decoder(_Outer)
_ENTRY = msgspec.json.Decoder(_Entry)
_TABLE = msgspec.json.Decoder(_Table)


def _frame(manifest: Manifest) -> tuple[bytes, bytes]:
    """What stands before and after the entries of shards."""
    names = ("format", "format_version", "job")
    start = canonical_json({name: getattr(manifest, name) for name in names})
    summary = canonical_json(msgspec.to_builtins(manifest.summary))
    return start[: -len(b"}\n")] + b',"shards":[', b'],"summary":' + summary[: -len(b"\n")] + b"}\n"


def _read(shards: tuple[msgspec.Raw, ...]) -> tuple[ShardEntry, ...]:
    """The entries of shards; a ValueError of one that is not spelt as we spell it."""
    tables: dict[bytes, tuple[_Table, str]] = {}
    entries = []
    for text in shards:
        found = _ENTRY.decode(text)
        place = bytes(found.datasets)
        if place not in tables:
            table = _TABLE.decode(place)
            tables[place] = table, _spelt_table(table)
        table, spelt = tables[place]
        entry = ShardEntry(
            found.file, found.bytes, found.sha256, found.row_start, found.rows, found.splits, table
        )
        if _spelt(entry, spelt).encode() != bytes(text):
            raise ValueError
        entries.append(entry)
    return tuple(entries)


def _spelt_table(datasets: _Table) -> str:
    return canonical_json(msgspec.to_builtins(datasets)).decode("ascii").rstrip("\n")


def _spelt(entry: ShardEntry, table: str) -> str:
    """Canonical JSON of an entry; a LookupError or ValueError of one that is no shard's.

    The keys are sorted, and the only free texts are the sha256, which is checked, and the name of the file.
    """
    if not entry.file.isascii() or not entry.file.isprintable() or {*'"\\'} & {*entry.file}:
        raise ValueError
    splits = ",".join(f'"{name}":{entry.splits[name]}' for name in sorted(Split.__members__))
    return (
        f'{{"bytes":{entry.bytes},"datasets":{table},"file":"{entry.file}","row_start":{entry.row_start},'
        f'"rows":{entry.rows},"sha256":"{entry.sha256}","splits":{{{splits}}}}}'
    )
