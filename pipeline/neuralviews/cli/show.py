"""``neuralviews show``: a picture of a store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import NoSourceRoot

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Picture: .png, .pdf, .svg or .jpg."
)
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option("--objects", type=click.IntRange(1, 1000), default=12, show_default=True, help="Objects shown.")
@click.option(
    "--views", type=click.IntRange(1, 100), default=3, show_default=True, help="Views of each, at most."
)
def command(store: Path, out: Path, source_root: Path | None, objects: int, views: int) -> None:
    """Draw a gallery of STORE.

    Sources beside their views, the PSNR under each, and a histogram of all PSNRs. Without the
    source's files, only the views are drawn.
    """
    from ..report.gallery import gallery
    from ..store.reader import open_store

    opened = open_store(store)
    source = _source_if_there(opened, source_root)
    gallery(opened, source, out, objects=objects, views=views)
    click.echo(f"{out}: gallery of {store}")
    if source is None:
        click.echo("drawn without sources: give --source-root to see them beside the views")


def _source_if_there(store: "Store", source_root: Path | None) -> "Source | None":
    """The store's source; None if it needs a root and none was given."""
    from ..fit.reproduce import open_store_source

    try:
        return open_store_source(store, source_root)
    except NoSourceRoot:
        return None
