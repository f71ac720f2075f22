"""``neuralviews align``: a whole store brought next to one reference field."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from .runs import completed, resumable, shared

if TYPE_CHECKING:
    from ..work.sharing import Sharing

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--reference",
    default="mean",
    show_default=True,
    help="'mean' of the training fields, or a store that was aligned before.",
)
@click.option(
    "--group",
    type=click.Choice(["perm", "sign", "phase"]),
    default="phase",
    show_default=True,
    help="Symmetries to use; each includes those before it.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the new store; run again to resume.",
)
@shared
def command(
    store: Path,
    reference: str,
    group: Literal["perm", "sign", "phase"],
    out: Path,
    sharing: "Sharing",
) -> None:
    """Align every field of STORE to one reference: the same functions, in one basin.

    Finished shards are kept: after an interruption, the same command goes on.
    """
    from ..augment.basin import align_store

    with resumable(out):
        report = align_store(store, out, reference=reference, group=group, sharing=sharing)
    click.echo(completed(out, report.made, "fields aligned", report.missing, report.dataset_id))
