"""``neuralviews generate``: from a recipe to a store, resuming what is there."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import printable
from .chosen_recipe import chosen_recipe
from .runs import completed, resumable, shared

if TYPE_CHECKING:
    from ..recipe import Recipe
    from ..work.sharing import Sharing

__all__ = ["command"]

_SHOWN = 10


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the store; run again to resume."
)
@click.option(
    "--source-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the source's files; of meshes, a zip archive will do.",
)
@click.option("--download", is_flag=True, help="Let torchvision fetch, check and unpack the source's files.")
@chosen_recipe
@click.option("--limit", type=click.IntRange(1), help="Only so many objects, spread over the splits.")
@click.option("--keep-going", is_flag=True, help="Leave out meshes that cannot be used, and list them.")
@click.option("--engine", default="auto", show_default=True, help="auto, cpu, cuda, torch or reference.")
@click.option("--device", help="Where to fit: cpu, cuda, cuda:1 ...")
@shared
def command(
    recipe: "Recipe",
    out: Path,
    source_root: Path | None,
    download: bool,
    limit: int | None,
    keep_going: bool,
    engine: str,
    device: str | None,
    sharing: "Sharing",
) -> None:
    """Fit the fields of RECIPE (a name of `neuralviews recipes`, or a TOML file) into a store.

    Finished shards are kept: after an interruption, the same command goes on.
    """
    from ..fit.run import RunOptions, generate

    options = RunOptions(
        source_root,
        download,
        limit,
        engine,
        device,
        sharing.workers,
        sharing.part,
        sharing.progress,
        keep_going,
        sharing.cluster,
        sharing.writers,
        sharing.threads,
    )
    with resumable(out):
        report = generate(recipe, out, options)
    for line in _left_out(report.left_out):
        click.echo(line)
    click.echo(completed(out, report.fitted, "fields fitted", report.missing, report.dataset_id))
    if report.dataset_id is not None and (note := _failed(out)):
        click.echo(note)


def _failed(out: Path) -> str | None:
    """One line if fits of the store failed: nobody trains on them, so nobody would notice."""
    from ..store.reader import open_store

    status = open_store(out).manifest.summary.status
    if not (failed := status.get("diverged", 0)):
        return None
    return (
        f"{failed:,} of {sum(status.values()):,} fits failed: not finite, or below the recipe's min_psnr "
        "from every seed; these records are marked diverged and left out of training"
    )


def _left_out(left_out: Mapping[str, str]) -> Iterator[str]:
    """A line for each reason, with the first of the names that were left out for it."""
    groups: dict[str, list[str]] = {}
    for name, reason in sorted(left_out.items()):
        groups.setdefault(reason, []).append(name)
    for reason, names in groups.items():
        more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
        yield printable(f"left out {', '.join(names[:_SHOWN])}{more}: {reason}")
