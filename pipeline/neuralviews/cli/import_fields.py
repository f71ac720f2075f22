"""``neuralviews import``: fields of other programs as a verified store."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import printable
from .runs import completed, resumable, shared

if TYPE_CHECKING:
    from ..exchange.run import ImportReport
    from ..work.sharing import Sharing

__all__ = ["command", "told"]

_SHOWN = 10


def _range(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, float] | None:
    """``low,high``."""
    if value is None:
        return None
    try:
        low, high = map(float, value.split(","))
    except ValueError:
        raise click.BadParameter(f"found {value!r}, expected low,high such as -1,1", ctx, param) from None
    return low, high


@click.command(name="import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the store.")
@click.option("--from", "kind", default="auto", show_default=True, help="Format; auto guesses, and says why.")
@click.option("--name", help="Of the dataset.  [default: that of the format]")
@click.option("--splits", type=click.Path(path_type=Path), help="JSON lists of paths by split, kept apart.")
@click.option("--omega", type=float, help="Frequency of all hidden layers, if it is not what the format has.")
@click.option(
    "--axis-order", type=click.Choice(("xy", "ij")), help="Whether coordinate 0 runs right or down."
)
@click.option("--output-offset", type=float, help="What is added to the last layer.")
@click.option("--output-scale", type=float, help="What the last layer is multiplied by.")
@click.option("--target-range", callback=_range, metavar="LOW,HIGH", help="What black and full became.")
@click.option("--source", "recipe", help="Recipe whose source the fields are of, for --source-root.")
@click.option(
    "--source-root",
    type=click.Path(path_type=Path),
    help="Folder of that source's files: PSNRs are measured, and other conventions tried.",
)
@click.option(
    "--keep-going",
    is_flag=True,
    help="Leave out, and list, files that cannot be read or are of another shape than most.",
)
@shared
def command(
    path: Path,
    out: Path,
    kind: str,
    name: str | None,
    splits: Path | None,
    omega: float | None,
    axis_order: str | None,
    output_offset: float | None,
    output_scale: float | None,
    target_range: tuple[float, float] | None,
    recipe: str | None,
    source_root: Path | None,
    keep_going: bool,
    sharing: "Sharing",
) -> None:
    """Read the fields in PATH, a folder or a zip or tar archive, into a store.

    Archives are read in place. Pickles are loaded by torch with weights_only: none can run code. Conventions
    that the format fixes can be overruled; with --source-root they are tried against the images, and one that
    is clearly better than what is stated is taken.
    """
    from typing import cast

    from ..exchange.run import ImportOptions, import_store
    from ..grids import AxisOrder

    options = ImportOptions(
        kind,
        name,
        splits,
        omega,
        cast("AxisOrder | None", axis_order),
        output_offset,
        output_scale,
        target_range,
        recipe,
        source_root,
        keep_going,
        sharing=sharing,
    )
    with resumable(out):
        report = import_store(path, out, options)
    for line in told(report):
        click.echo(printable(line))
    click.echo(completed(out, report.made, "fields imported", report.missing, report.dataset_id))


def told(report: "ImportReport") -> Iterator[str]:
    """What an import found out, a line each."""
    yield f"format {report.format}: {report.why}"
    if report.trials:
        taken, origins = report.trials[0], report.convention.origin
        measured = [name for name, origin in origins.items() if origin == "measured"]
        yield f"conventions{'' if measured else ' as stated'}: {taken}"
        if measured:
            yield f"  found by comparison with the source, other than stated: {', '.join(measured)}"
        yield from (f"  tried {trial}" for trial in report.trials[1:4])
    yield from report.notes
    for name, reason in sorted(report.left_out.items())[:_SHOWN]:
        yield f"left out {name}: {report.details.get(name, reason)}"
    if len(report.left_out) > _SHOWN:
        yield f"and {len(report.left_out) - _SHOWN:,} more; `neuralviews info --json` lists all"
