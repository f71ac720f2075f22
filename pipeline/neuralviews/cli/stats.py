"""``neuralviews stats``: moments of a store's weights, and how far apart its views lie."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import OutputError
from .info_copies import rejected_text
from .text import table

if TYPE_CHECKING:
    from ..statistics.diversity import Diversity
    from ..statistics.moments import Statistics

__all__ = ["command"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--pairs", type=click.IntRange(1), default=256, show_default=True, help="Pairs compared, of each kind."
)
def command(store: Path, pairs: int) -> None:
    """Measure the weights of STORE.

    Mean and standard deviation of each weight matrix and bias, over the training split. They are kept,
    with those of each parameter, in statistics.json beside the store's files, where training looks for
    them. Then mean squared distances between fields, as they are and with all symmetries taken out.
    """
    from ..augment.rejected import copies_and_rejected
    from ..records import NO_LABEL
    from ..statistics.diversity import diversity
    from ..statistics.moments import STATISTICS_FILE, Statistics
    from ..store.reader import open_store

    opened = open_store(store)
    found = Statistics.of(opened)
    apart = diversity(opened, pairs=pairs)
    try:
        found.save(store)
        kept = f"kept in {store / STATISTICS_FILE}"
    except OutputError as error:
        kept = f"not kept: {error}"
    click.echo(f"{store}: weights of {found.records:,} training records\n")
    click.echo(_moments(found))
    click.echo()
    click.echo(_distances(apart, labelled=bool((opened.column("label") != NO_LABEL).any())))
    if opened.kind == "augment":
        click.echo("\ncopies count as views of the object of their first parent, whatever its share")
        pipelines = copies_and_rejected(opened)
        if any(rejected for _, rejected in pipelines.values()):
            click.echo(rejected_text(pipelines))
    click.echo(f"\n{kept}")


def _moments(found: "Statistics") -> str:
    from ..statistics.moments import tensors

    rows = [
        (name, f"{part.stop - part.start:,}", f"{mean:.4g}", f"{std:.4g}")
        for (name, part), mean, std in zip(
            tensors(found.spec), found.tensor_mean, found.tensor_std, strict=True
        )
    ]
    return table(("tensor", "numbers", "mean", "deviation"), rows, right=(1, 2, 3))


def _distances(apart: "Diversity", *, labelled: bool) -> str:
    others = "objects of two classes" if labelled else "two objects"
    rows = [
        (name, "0", "", "")
        if distance is None
        else (name, f"{distance.pairs:,}", f"{distance.before:.4g}", f"{distance.after:.4g}")
        for name, distance in (
            ("views of one object", apart.views),
            ("objects of one class", apart.same_class),
            (others, apart.other_class),
        )
    ]
    if apart.ratio is not None:
        before, after = apart.ratio
        rows.append((f"views / {others}", "", f"{before:.3f}", f"{after:.3f}"))
    return table(("squared distance", "pairs", "as they are", "aligned"), rows, right=(1, 2, 3))
