"""``neuralviews show``: a picture of a store."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import NoSourceRoot, OptionError

if TYPE_CHECKING:
    from ..signals.catalogue import Source
    from ..store.reader import Store

__all__ = ["command", "source_if_there"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Picture: .png, .pdf, .svg or .jpg."
)
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option("--parent", type=click.Path(path_type=Path), help="Store that augmented copies were made from.")
@click.option(
    "--objects", type=click.IntRange(1, 1000), default=12, show_default=True, help="Objects or copies shown."
)
@click.option(
    "--views", type=click.IntRange(1, 100), default=3, show_default=True, help="Views of an object, at most."
)
def command(
    store: Path, out: Path, source_root: Path | None, parent: Path | None, objects: int, views: int
) -> None:
    """Draw a gallery of STORE.

    Sources beside their views, the PSNR under each, and a histogram of all PSNRs; of shapes, the
    surfaces of fields beside their meshes, with IoU and Chamfer distance. Without the source's
    files, only the views are drawn. Copies made by `augment` or `align` stand beside
    their parents and what they should render; without --parent, only the copies are drawn.
    """
    from ..store.reader import open_store

    opened = open_store(store)
    if opened.kind == "augment":
        missing = _draw_copies(opened, out, source_root, parent, objects)
    else:
        missing = _draw_views(opened, out, source_root, parent, objects, views)
    click.echo(f"{out}: gallery of {store}")
    if missing:
        click.echo(missing)


def _draw_copies(
    store: "Store", out: Path, source_root: Path | None, parent: Path | None, copies: int
) -> str | None:
    """Draw augmented copies; says what was not there for it."""
    from ..report.strip import copy_gallery
    from ..store.reader import open_store

    if source_root is not None:
        raise OptionError(
            f"--source-root: {store.root} holds augmented copies, which stand beside their parents; "
            "give --parent instead"
        )
    copy_gallery(store, None if parent is None else open_store(parent), out, copies=copies)
    return "drawn without parents: give --parent to see them beside the copies" if parent is None else None


def _draw_views(
    store: "Store", out: Path, source_root: Path | None, parent: Path | None, objects: int, views: int
) -> str | None:
    """Draw fitted fields; says what was not there for it."""
    from ..report.gallery import gallery

    if parent is not None:
        raise OptionError(f"--parent: {store.root} has none, its kind is '{store.kind}'; leave --parent out")
    source, note = source_if_there(store, source_root)
    gallery(store, source, out, objects=objects, views=views)
    return note


def source_if_there(store: "Store", source_root: Path | None) -> "tuple[Source | None, str | None]":
    """The store's source; or None, and why: it needs a root and none was given, or nobody knows it."""
    from ..fit.facts import field_facts
    from ..fit.reproduce import open_store_source

    if source_root is None and field_facts(store).source_recipe is None:
        return None, "drawn without sources: the import was compared with none"
    try:
        return open_store_source(store, source_root), None
    except NoSourceRoot:
        return None, "drawn without sources: give --source-root to see them beside the views"
