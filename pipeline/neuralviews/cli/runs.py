"""What commands that make stores have in common: parts of a run, interruption, and the last words."""

import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

__all__ = ["completed", "resumable", "shared"]

_Command = Callable[..., None]


def shared(command: _Command) -> _Command:
    """Options ``--workers`` and ``--shards`` of a command."""
    parts = click.option(
        "--shards",
        "part",
        default="1/1",
        callback=_part,
        metavar="i/n",
        help="Do part i of n, for job arrays.",
    )
    workers = click.option(
        "--workers",
        type=click.IntRange(1),
        help="Processes that work at the same time.  [default: one a core]",
    )
    return workers(parts(command))


def _part(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """``i/n``: one part of a run that is shared among n jobs."""
    index, _, count = value.partition("/")
    if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise click.BadParameter(f"found {value!r}, expected i/n with 1 <= i <= n, for example 3/16", ctx, param)


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Turn an interruption into a line that says how to go on, and the exit status of its signal."""
    signal.signal(signal.SIGTERM, _interrupt)  # how schedulers end a job
    try:
        yield
    except KeyboardInterrupt as interruption:
        from ..store.schema import SHARD_FOLDER

        count = sum(1 for _ in (out / SHARD_FOLDER).glob("*.h5.json"))
        kept = f"{count} finished shards are kept in {out}" if count else "no shard was finished yet"
        command = shlex.join(["neuralviews", *sys.argv[1:]])
        click.echo(f"interrupted: {kept}; resume with: {command}", err=True)
        sys.exit(128 + (interruption.args or (signal.SIGINT,))[0])


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt(number)


def completed(out: Path, made: int, what: str, missing: int, dataset_id: str | None) -> str:
    """What a run did."""
    if dataset_id is None:
        return f"{out}: {made} {what}; {missing} shards are left to other parts"
    return f"{out}: complete, {made} {what} now\ndataset id {dataset_id}"
