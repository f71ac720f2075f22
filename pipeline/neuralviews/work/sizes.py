"""How many rows a shard has, unless somebody said so."""

__all__ = ["rows_per_shard"]

_SHARD_BYTES = 48 << 20
_SHARDS_WANTED = 64


def rows_per_shard(row_bytes: int, rows: int, step: int = 64) -> int:
    """Rows of a shard, small enough for many workers to share the run.

    Shards are the unit of work, so a run aims at 64 of them; large runs stop growing them at 48 MiB,
    where reading gains nothing more.

    Args:
        row_bytes: of the weights of a record, and of other wide columns.
        rows: of the whole store.
        step: a shard has a multiple of so many rows, if that many fit.
    """
    largest = max(1, _SHARD_BYTES // row_bytes)
    if largest > step:
        largest -= largest % step
    wanted = -(-rows // (_SHARDS_WANTED * step)) * step
    return min(wanted, largest)
