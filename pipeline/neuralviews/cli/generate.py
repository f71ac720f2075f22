"""``neuralviews generate``: from a recipe to a store, resuming what is there."""

import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..fit.run import RunReport

__all__ = ["command"]


def _part(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    """``i/n``: one part of a run that is shared among n jobs."""
    index, _, count = value.partition("/")
    if index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise click.BadParameter(f"found {value!r}, expected i/n with 1 <= i <= n, for example 3/16", ctx, param)


@click.command()
@click.argument("recipe")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the store; run again to resume."
)
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option("--download", is_flag=True, help="Let torchvision fetch, check and unpack the source's files.")
@click.option("--views", type=click.IntRange(1, 65535), help="Views of each object, instead of the recipe's.")
@click.option("--limit", type=click.IntRange(1), help="Only so many objects, spread over the splits.")
@click.option(
    "--workers", type=click.IntRange(1), help="Processes that fit at the same time.  [default: one a core]"
)
@click.option("--engine", default="auto", show_default=True, help="auto, cpu, torch or reference.")
@click.option("--device", help="Device of the torch engine, for example cuda.")
@click.option(
    "--shards", "part", default="1/1", callback=_part, metavar="i/n", help="Do part i of n, for job arrays."
)
def command(
    recipe: str,
    out: Path,
    source_root: Path | None,
    download: bool,
    views: int | None,
    limit: int | None,
    workers: int | None,
    engine: str,
    device: str | None,
    part: tuple[int, int],
) -> None:
    """Fit the fields of RECIPE (a name of `neuralviews recipes`, or a TOML file) into a store.

    Finished shards are kept: after an interruption, the same command goes on.
    """
    from ..fit.run import RunOptions, generate
    from ..recipe import load_recipe
    from ..work.shards import available_cpus

    loaded = load_recipe(recipe)
    if views is not None:
        loaded = loaded.with_views(views)
    options = RunOptions(
        source_root, download, limit, engine, device, workers or available_cpus(), part, progress=True
    )
    signal.signal(signal.SIGTERM, _interrupt)  # how schedulers end a job
    try:
        report = generate(loaded, out, options)
    except KeyboardInterrupt as interruption:
        click.echo(
            f"interrupted: finished shards are kept in {out}; "
            f"resume with: {shlex.join(['neuralviews', *sys.argv[1:]])}",
            err=True,
        )
        sys.exit(128 + (interruption.args or (signal.SIGINT,))[0])
    click.echo(_summary(report, out))


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(number)


def _summary(report: "RunReport", out: Path) -> str:
    if report.dataset_id is None:
        return f"{out}: {report.fitted} fields fitted; {report.missing} shards are left to other parts"
    return f"{out}: complete, {report.fitted} fields fitted now\ndataset id {report.dataset_id}"
