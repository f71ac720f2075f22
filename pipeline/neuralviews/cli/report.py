"""``neuralviews report``: one page about a store."""

from pathlib import Path

import click

from ..errors import OptionError
from .show import source_if_there
from .text import bytes_text

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Page: .html.")
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option("--parent", type=click.Path(path_type=Path), help="Store that augmented copies were made from.")
@click.option("--evaluation", type=click.Path(path_type=Path), help="Folder that `evaluate` wrote.")
def command(
    store: Path, out: Path, source_root: Path | None, parent: Path | None, evaluation: Path | None
) -> None:
    """Write one page about STORE.

    A gallery, the quality of all records and the worst of them, weights by layer, how far apart views lie,
    splits and classes, what readers learn from it if it was evaluated, and where all of it comes from.
    The page is one HTML file that needs neither a network nor scripts.
    """
    from ..evaluate.results import load_results
    from ..report.page import report
    from ..store.reader import open_store

    opened, source, note = open_store(store), None, None
    if opened.kind != "augment":
        source, note = source_if_there(opened, source_root)
    elif source_root is not None:
        raise OptionError(
            f"--source-root: {store} holds augmented copies, which stand beside their parents; "
            "give --parent instead"
        )
    elif parent is None:
        note = "drawn without parents: give --parent to see them beside the copies"
    size = report(
        opened,
        out,
        source=source,
        parent=None if parent is None else open_store(parent),
        evaluation=None if evaluation is None else load_results(evaluation),
    )
    click.echo(f"{out}: report of {store}, {bytes_text(size)}")
    if note:
        click.echo(note)
