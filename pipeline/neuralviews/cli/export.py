"""``neuralviews export``: records in the formats of other programs."""

from pathlib import Path

import click

from ..exchange.registry import FORMATS

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--records", required=True, metavar="SLICES", help="Which: 7, 0:5, 0:100:10, -3: or several, by commas."
)
@click.option(
    "--to", "kind", type=click.Choice(FORMATS), required=True, help="meshes: the surface of each, as PLY."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the files, empty yet.")
@click.option(
    "--resolution",
    type=int,
    default=128,
    show_default=True,
    help="Points along each edge of the domain, at most 384.",
)
def command(store: Path, records: str, kind: str, out: Path, resolution: int) -> None:
    """Write records of STORE in another format.

    Slices mean what they mean in Python. Files are never replaced; after an interruption, the same
    command goes on.
    """
    from ..exchange.registry import exporter
    from ..exchange.selection import select
    from ..store.reader import open_store

    opened = open_store(store)
    rows = select(records, len(opened))
    done = exporter(kind)(opened, rows, out, resolution=resolution, progress=True)
    click.echo(f"{out}: {done.files:,} file{'s' * (done.files != 1)} of {store}")
    for note in done.notes:
        click.echo(note)
