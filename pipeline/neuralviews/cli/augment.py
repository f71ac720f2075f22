"""``neuralviews augment``: from a store to a store of augmented copies, resuming what is there."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .info_copies import rejected_text
from .runs import completed, resumable, shared

if TYPE_CHECKING:
    from ..work.sharing import Sharing

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--plan", required=True, help="Name of a plan that comes along, or the path of a TOML file.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the new store; run again to resume.",
)
@click.option("--copies", type=click.IntRange(1, 65536), help="Copies of each record, instead of the plan's.")
@click.option("--seed", type=int, help="Root of all draws, instead of the plan's.")
@click.option(
    "--split",
    "splits",
    multiple=True,
    type=click.Choice(["train", "val", "test"]),
    help="Split whose records are augmented, instead of the plan's; may be repeated.",
)
@shared
def command(
    store: Path,
    plan: str,
    out: Path,
    copies: int | None,
    seed: int | None,
    splits: tuple[str, ...],
    sharing: "Sharing",
) -> None:
    """Make augmented copies of the records of STORE, into a store of their own.

    `neuralviews augmentations` lists plans and operations. Finished shards are kept: after an
    interruption, the same command goes on.
    """
    from ..augment.plan import load_plan
    from ..augment.rejected import copies_and_rejected
    from ..augment.run import augment_store
    from ..store.reader import open_store

    chosen = load_plan(plan).with_options(copies, seed, splits)
    with resumable(out):
        report = augment_store(store, chosen, out, sharing)
    click.echo(completed(out, report.made, "copies made", report.missing, report.dataset_id))
    if report.rejected:
        click.echo(rejected_text(copies_and_rejected(open_store(out))))
