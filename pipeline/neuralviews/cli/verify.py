"""``neuralviews verify``: is a store intact, sound, and what its recipe makes?"""

import json
from pathlib import Path
from typing import Literal

import click

from ..errors import IntegrityError, NoSourceRoot

__all__ = ["command"]

LEVELS = ("quick", "full", "semantic", "regenerate")


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--level", type=click.Choice(LEVELS), default="full", show_default=True)
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option(
    "--rows", type=click.IntRange(1), default=64, show_default=True, help="Records to render or fit again."
)
@click.option("--device", help="Device of the torch engine, for stores it made.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    store: Path,
    level: Literal["quick", "full", "semantic", "regenerate"],
    source_root: Path | None,
    rows: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Check STORE. Each level includes those before it.

    quick: receipts and sizes. full: sha256 of every file. semantic: contents, splits, and the PSNR of
    some records rendered again. regenerate: some records fitted again and compared byte by byte.
    """
    from ..store.verify import verify

    try:
        report = verify(store, "semantic" if level == "regenerate" else level)
    except IntegrityError as error:
        for problem in getattr(error, "__notes__", ()):
            click.echo(f"failed   {problem}")
        raise
    checks, skipped = list(report.checks), list[str]()
    if level in ("semantic", "regenerate"):
        more, skipped = _against_source(store, level, source_root, rows, device)
        checks += more
    if as_json:
        found = {"store": str(store), "dataset_id": report.dataset_id, "level": level}
        click.echo(json.dumps({**found, "checks": checks, "skipped": skipped}, indent=2))
        return
    click.echo(
        "\n".join([*(f"ok       {text}" for text in checks), *(f"skipped  {text}" for text in skipped)])
    )
    left_out = f", {len(skipped)} check skipped" if skipped else ""
    click.echo(f"{store}: {level} verification passed{left_out}")


def _against_source(
    store: Path, level: str, source_root: Path | None, rows: int, device: str | None
) -> tuple[list[str], list[str]]:
    """What was proven with the help of the source, and what could not be for want of it."""
    from ..fit.consistency import check_against_job, check_against_source
    from ..fit.reproduce import open_store_source, regenerate, remeasure, spread_rows
    from ..fit.stated import stated_job, states_recipe
    from ..store.reader import open_store

    opened = open_store(store)
    if not states_recipe(opened) and level != "regenerate":
        return [], ["records were not compared with a recipe: the job states none"]
    job = stated_job(opened)
    check_against_job(opened, job)
    done = ["every record's view, steps, label, status and PSNR are possible under the recipe"]
    try:
        source = open_store_source(opened, source_root)
    except NoSourceRoot:
        if level == "regenerate":
            raise
        return done, ["objects and PSNRs were not compared with the source; give --source-root"]
    check_against_source(opened, job, source)
    done.append("every record's object, label and split are the source's")
    chosen = spread_rows(len(opened), rows)
    measured = remeasure(opened, source, chosen)
    done.append(
        f"{measured.records} records rendered again, PSNR within {measured.largest_difference:.3f} dB"
    )
    if level == "regenerate":
        done.append(f"{regenerate(opened, source, chosen, device)} records fitted again, every byte equal")
    return done, []
