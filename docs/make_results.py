"""Measure what readers learn from stores, and fill the tables of results.md, beside this file:

    python docs/make_results.py ~/measured --source-root ~/torchvision

makes stores and evaluations in the first folder, or goes on with what is there; the second one is where
torchvision has, or may put, its files. The numbers are kept in docs/results, so that

    python docs/make_results.py --tables-only

fills the tables from them alone. What is measured, and in which order, is in docs/results/grids.py.
"""

from itertools import product
from pathlib import Path

import click
from results.ablation import measure_blind
from results.corruption import measure_corrupted
from results.fill import fill_page
from results.grids import ALIGNED, DIGITS, GRIDS, STORES, Grid
from results.inits import INITS, make_init

from neuralviews import RunOptions, Sharing, align_store, generate, load_recipe, open_store
from neuralviews.errors import IncompleteStore, NotAStore
from neuralviews.evaluate.evaluation import evaluate_store

HERE = Path(__file__).parent
KEPT = HERE / "results"


@click.command()
@click.argument("work", type=click.Path(path_type=Path), required=False)
@click.option("--source-root", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(GRIDS)), help="These evaluations; else all.")
@click.option("--workers", type=int, default=2)
@click.option("--tables-only", is_flag=True, help="Fill the page from the numbers that are kept.")
def main(
    work: Path | None, source_root: Path | None, only: tuple[str, ...], workers: int, tables_only: bool
) -> None:
    """Measure in the folder WORK, and fill docs/results.md."""
    if not tables_only:
        if work is None:
            raise click.UsageError("give the folder to work in, or --tables-only")
        for name in only or GRIDS:
            for store in GRIDS[name].stores:
                measure(name, GRIDS[name], store, work, source_root, workers)
        if not only:
            for store, views in product(DIGITS[:2], (1, 10)):
                measure_blind(open_store(work / store), views, KEPT / "ablation.json")
            for damp in (0.0, 0.1):
                measure_corrupted(open_store(work / DIGITS[0]), damp, KEPT / "corruption.json")
    fill_page(HERE / "results.md", KEPT)


def measure(name: str, grid: Grid, store: str, work: Path, root: Path | None, workers: int) -> None:
    """Make one evaluation, and keep its results."""
    fields = made(store, work, root, workers)
    # One folder for all grids of equal settings, so that runs that they share are made once.
    task = grid.choices.get("task", "classify")
    out = work / "evaluations" / f"{store}-{task}-{grid.steps}x{grid.batch}"
    click.echo(f"{name}: {store}")
    evaluate_store(
        fields,
        out,
        **grid.choices,
        steps=grid.steps,
        batch=grid.batch,
        seeds=grid.seeds,
        workers=workers,
        progress=True,
    )
    # The command that makes it again is kept as it would be given in the folder worked in.
    results = (out / "results.json").read_text().replace(f"{work}/", "")
    (KEPT / f"{name}-{store}.json").write_text(results)


def made(name: str, work: Path, root: Path | None, workers: int) -> Path:
    """The store of that name, made if it is not there."""
    out = work / name
    try:
        open_store(out)
    except (NotAStore, IncompleteStore):
        if name in ALIGNED:
            align_store(made(ALIGNED[name], work, root, workers), out, sharing=Sharing(workers))
            return out
        if name in INITS:
            base = open_store(made("digits10-siren", work, root, workers))
            make_init(name, base, out, KEPT / "inits.json")
            return out
        wanted = STORES[name]
        own = KEPT / wanted.recipe
        options = RunOptions(
            source_root=root,
            download=True,
            limit=wanted.limit,
            workers=workers,
            progress=True,
        )
        recipe = load_recipe(own if own.exists() else wanted.recipe).with_fit(**wanted.fit)
        generate(recipe if wanted.views is None else recipe.with_views(wanted.views), out, options)
    return out


if __name__ == "__main__":
    main()
