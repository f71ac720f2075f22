"""What commands that make stores have in common: parts of a run, interruption, and the last words."""

import functools
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..work.sharing import Writers

__all__ = ["completed", "default_workers", "resumable", "shared"]

_Command = Callable[..., None]
_GPU_THREADS = 4


def shared(command: _Command) -> _Command:
    """Options that say who does the work; the command takes them as ``sharing``, a `Sharing`."""

    @functools.wraps(command)
    def asked(
        *args: Any,
        workers: int | None,
        part: tuple[int, int],
        cluster: str | None,
        writers: "Writers",
        **others: Any,
    ) -> None:
        from ..fit.registry import is_gpu
        from ..work.sharing import Sharing

        device = others.get("device")
        if workers is None and cluster is None:
            workers = default_workers(device)
        threads = cluster is None and is_gpu(device)
        command(*args, **others, sharing=Sharing(workers, part, True, cluster, writers, threads))

    options = (
        click.option(
            "--workers",
            type=click.IntRange(1),
            help="How many work at the same time.  [default: one a core, 4 on a GPU, or all of a cluster]",
        ),
        click.option(
            "--shards",
            "part",
            default="0/1",
            callback=_part,
            metavar="i/n",
            help="Do part i of n, counted from 0, for job arrays.",
        ),
        click.option(
            "--cluster",
            metavar="ADDRESS|FILE",
            help="Let a Dask cluster work: tcp://host:8786, or a scheduler file.",
        ),
        click.option(
            "--writers",
            type=click.Choice(("workers", "driver")),
            default="workers",
            show_default=True,
            help="Who writes: a cluster's workers into a folder that all hosts share, or this process.",
        ),
    )
    for option in reversed(options):
        asked = option(asked)
    return asked


def default_workers(device: str | None) -> int:
    """How many work at the same time on this machine, unless somebody says.

    A GPU has its fill of fields from one process, in which some threads prepare and write while others wait.
    """
    from ..fit.registry import is_gpu
    from ..work.sharing import available_cpus

    return _GPU_THREADS if is_gpu(device) else available_cpus()


def _part(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """``i/n``: one part of a run that is shared among n jobs."""
    index, _, count = value.partition("/")
    if index.isdecimal() and count.isdecimal() and 0 <= int(index) < int(count):
        return int(index), int(count)
    raise click.BadParameter(
        f"found {value!r}, expected i/n with 0 <= i < n, for example 0/16: parts count from 0, "
        "as a job array of 0-15 does",
        ctx,
        param,
    )


@contextmanager
def resumable(out: Path, finished: str = "shards/*.h5.json", noun: str = "shard") -> Iterator[None]:
    """Turn an interruption into a line that says how to go on, and the exit status of its signal.

    Args:
        finished: pattern of the files, below ``out``, that stand for what is finished.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)  # how schedulers end a job
    try:
        yield
    except KeyboardInterrupt as interruption:
        count = sum(1 for _ in out.glob(finished))
        kept = f"{count} finished {noun}s are kept in {out}" if count else f"no {noun} was finished yet"
        command = shlex.join(["neuralviews", *sys.argv[1:]])
        click.echo(f"interrupted: {kept}; resume with: {command}", err=True)
        sys.exit(128 + (interruption.args or (signal.SIGINT,))[0])
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: Any) -> None:
    raise KeyboardInterrupt(number)


def completed(out: Path, made: int, what: str, missing: int, dataset_id: str | None) -> str:
    """What a run did."""
    if dataset_id is None:
        left = "1 shard is" if missing == 1 else f"{missing} shards are"
        return f"{out}: {made} {what}; {left} left to other parts"
    return f"{out}: complete, {made} {what} now\ndataset id {dataset_id}"
