"""How many rows a shard has, unless somebody said so."""

__all__ = ["rows_per_shard"]

_SHARD_BYTES = 48 << 20
_ROWS_ALIGNED = 64
_SHARDS_WANTED = 64


def rows_per_shard(row_bytes: int, rows: int) -> int:
    """Rows of a shard, small enough for many workers to share the run.

    Shards are the unit of work, so a run aims at 64 of them; large runs stop growing them at 48 MiB,
    where reading gains nothing more.

    Args:
        row_bytes: of the weights of a record, and of other wide columns.
        rows: of the whole store.
    """
    largest = max(1, _SHARD_BYTES // row_bytes)
    if largest > _ROWS_ALIGNED:
        largest -= largest % _ROWS_ALIGNED
    wanted = -(-rows // (_SHARDS_WANTED * _ROWS_ALIGNED)) * _ROWS_ALIGNED
    return min(wanted, largest)
