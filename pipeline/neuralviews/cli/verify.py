"""``neuralviews verify``: is a store intact, sound, and what its recipe or its plan makes?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from ..errors import IntegrityError, NoSourceRoot, OptionError

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["command"]

_Level = Literal["quick", "full", "semantic", "regenerate"]


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--level",
    type=click.Choice(get_args(_Level)),
    help="[default: full, also with --against; semantic with --source-root or --parent]",
)
@click.option("--source-root", type=click.Path(path_type=Path), help="Folder that holds the source's files.")
@click.option("--parent", type=click.Path(path_type=Path), help="Store that augmented copies were made from.")
@click.option(
    "--rows", type=click.IntRange(1), default=64, show_default=True, help="Records to render or make again."
)
@click.option(
    "--against",
    metavar="RECIPE",
    help="Fit some records again as this recipe has it, and compare weights.",
)
@click.option("--device", help="Device of the torch engine, for stores it made.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    store: Path,
    level: _Level | None,
    source_root: Path | None,
    parent: Path | None,
    rows: int,
    against: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Check STORE. Each level includes those before it.

    quick: receipts and sizes. full: sha256 of every file. semantic: contents, splits, and the PSNR of
    some records rendered again. regenerate: some records made again and compared byte by byte.
    Copies made by `augment` or `align` are compared with their --parent. With --against, a store is proven
    to be of a recipe, whoever made it and whatever it says of itself: also one that was imported.
    """
    from ..store.verify import verify

    level = _chosen(level, None if against else source_root, parent)
    try:
        report = verify(store, "semantic" if level == "regenerate" else level, parent)
    except IntegrityError as error:
        for problem in getattr(error, "__notes__", ()):
            click.echo(f"failed   {problem}")
        raise
    checks, skipped = list(report.checks), list[str]()
    if level in ("semantic", "regenerate"):
        checks += _kept_statistics(store)
        more, skipped = _against_origin(store, level, source_root, parent, rows, device, against)
        checks += more
    if against is not None:
        checks.append(_against_recipe(store, against, source_root, rows, device))
    if as_json:
        found = {"store": str(store), "dataset_id": report.dataset_id, "level": level}
        click.echo(json.dumps({**found, "checks": checks, "skipped": skipped}, indent=2))
        return
    click.echo(
        "\n".join([*(f"ok       {text}" for text in checks), *(f"skipped  {text}" for text in skipped)])
    )
    left_out = f", {len(skipped)} check skipped" if skipped else ""
    click.echo(f"{store}: {level} verification passed{left_out}")


def _chosen(level: _Level | None, source_root: Path | None, parent: Path | None) -> _Level:
    """The level asked for, or the cheapest that makes use of what was given."""
    given = [
        name for name, path in (("--source-root", source_root), ("--parent", parent)) if path is not None
    ]
    if level is None:
        return "semantic" if given else "full"
    if given and level in ("quick", "full"):
        raise OptionError(
            f"{given[0]}: level '{level}' compares nothing with it; choose --level semantic or regenerate"
        )
    return level


def _kept_statistics(store: Path) -> list[str]:
    from ..statistics.moments import STATISTICS_FILE, prove_kept
    from ..store.reader import open_store

    return [f"{STATISTICS_FILE} is what the records come to"] if prove_kept(open_store(store)) else []


def _against_origin(
    store: Path,
    level: str,
    source_root: Path | None,
    parent: Path | None,
    rows: int,
    device: str | None,
    against: str | None,
) -> tuple[list[str], list[str]]:
    """What was proven with the help of what the records were made from, and what not for want of it."""
    from ..augment.context import context_of
    from ..fit.stated import states_recipe
    from ..store.reader import open_store

    opened = open_store(store)
    if opened.kind == "augment":
        if source_root is not None:
            raise OptionError(
                f"--source-root: {store} holds augmented copies, which are compared with their parents; "
                "give --parent instead"
            )
        if states_recipe(opened):
            context_of(opened)  # refuses labels beyond the classes that it names
        return _against_parent(opened, level, parent, rows)
    if opened.kind == "import":
        return _against_images(opened, level, source_root, rows, against)
    return _against_source(opened, level, source_root, rows, device)


def _against_images(
    opened: "Store", level: str, source_root: Path | None, rows: int, against: str | None
) -> tuple[list[str], list[str]]:
    from ..exchange.remeasure import remeasure_import
    from ..fit.reproduce import spread_rows
    from ..fit.stated_import import stated_import

    if level == "regenerate" and against is None:
        raise OptionError(
            f"{opened.root}: was imported and states no recipe; give one with --against to fit records again"
        )
    # A source that is given with a recipe is that recipe's.
    if stated_import(opened).compared is None and (source_root is None or against is not None):
        return [], ["records were not compared with a source: the import had none"]
    try:
        count = remeasure_import(opened, source_root, spread_rows(len(opened), rows))
    except NoSourceRoot:
        return [], ["PSNRs were not compared with the source; give --source-root"]
    return [f"{count} records rendered again, labels and PSNRs as stated"], []


def _against_recipe(
    store: Path, against: str, source_root: Path | None, rows: int, device: str | None
) -> str:
    from ..fit.against import prove_against
    from ..fit.reproduce import spread_rows
    from ..recipe import load_recipe
    from ..store.reader import open_store

    opened = open_store(store)
    chosen = spread_rows(len(opened), rows)
    proof = prove_against(opened, load_recipe(against), source_root, chosen, device)
    found = f"{proof.records} records fitted again as recipe {against} has it by engine {proof.engine}"
    if proof.equal == proof.records:
        return f"{found}, all weights equal to the byte"
    return (
        f"{found}: {proof.equal} equal to the byte, the others at most {proof.distance:.1e} of their norm "
        f"and {proof.psnr:.3f} dB apart, as those of other engines are"
    )


def _against_parent(
    opened: "Store", level: str, parent: Path | None, rows: int
) -> tuple[list[str], list[str]]:
    from ..augment.replay import replay_copies
    from ..fit.reproduce import spread_rows
    from ..store.reader import open_store

    if parent is None:
        if level == "regenerate":
            raise OptionError(f"{opened.root}: copies are made again from their parents; give --parent")
        return [], ["copies were not compared with their parents; give --parent"]
    if level != "regenerate":
        return [], []
    count = replay_copies(opened, open_store(parent), spread_rows(len(opened), rows))
    return [f"{count} copies made again, from seeds and from stored parameters, every byte equal"], []


def _against_source(
    opened: "Store", level: str, source_root: Path | None, rows: int, device: str | None
) -> tuple[list[str], list[str]]:
    from ..fit.consistency import check_against_job, check_against_source
    from ..fit.reproduce import open_store_source, regenerate, remeasure, spread_rows
    from ..fit.stated import stated_job, states_recipe

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
        + ("" if job.recipe.shape is None else "; their shapes sampled again, all columns as stated")
    )
    if level == "regenerate":
        done.append(f"{regenerate(opened, source, chosen, device)} records fitted again, every byte equal")
    return done, []
