"""``neuralviews export``: records in the formats of other programs."""

from pathlib import Path

import click

from ..exchange.registry import EXPORTS, MESHES

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--to", "kind", type=click.Choice(EXPORTS), required=True, help="Format; see above.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="New or empty folder; or, of datasets, one archive that ends in .zip.",
)
@click.option(
    "--records",
    metavar="SLICES",
    help="Which: 7, 0:5, 0:100:10, -3: or several, by commas.  [default: all; of meshes required]",
)
@click.option("--views", type=click.IntRange(1, 65536), help="Only each object's views numbered below this.")
@click.option(
    "--resolution",
    type=int,
    help="Of meshes: points along each edge of the domain, at most 384.  [default: 128]",
)
def command(
    store: Path, kind: str, out: Path, records: str | None, views: int | None, resolution: int | None
) -> None:
    """Write records of STORE in another format.

    Formats of datasets are those that `neuralviews import` reads; what one of them has no place for lies in
    a small file beside its own, so that importing gives the same records again. meshes: the surface of each
    field of a shape, as PLY; after an interruption, the same command goes on with them.

    Slices mean what they mean in Python. Nothing is ever replaced.
    """
    from ..errors import OptionError
    from ..exchange.export import export
    from ..exchange.selection import select
    from ..store.reader import open_store

    if records is None and kind == MESHES:
        raise OptionError("records: of meshes say which, such as --records 0:5, since each takes a while")
    opened = open_store(store)
    rows = select(":" if records is None else records, len(opened))
    done = export(opened, rows, kind, out, views=views, resolution=resolution, progress=True)
    what = "file" if kind == MESHES else "field"
    click.echo(f"{out}: {done.count:,} {what}{'s' * (done.count != 1)} of {store}")
    for note in done.notes:
        click.echo(note)
