"""``neuralviews evaluate``: train readers on a store under a grid of conditions, and tabulate the results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..evaluate.conditions import MOST_SEEDS
from .runs import resumable
from .text import table

__all__ = ["command"]


_Callback = Callable[[click.Context, click.Parameter, str], tuple[Any, ...]]


def _several(kind: Callable[[str], Any], expected: str) -> _Callback:
    """Values separated by commas; ``kind`` raises ValueError at one that cannot be."""

    def parsed(ctx: click.Context, param: click.Parameter, value: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part.strip()) for part in value.split(","))
        except ValueError:
            raise click.BadParameter(
                f"found {value!r}, expected {expected}, or several separated by commas", ctx, param
            ) from None

    return parsed


def _one_of(*allowed: str) -> _Callback:
    return _several(lambda text: allowed[allowed.index(text)], " or ".join(allowed))


def _count(text: str) -> int | None:
    return None if text == "all" else int(text)


_NAMES, _COUNTS, _SHARES = (
    _several(str, "a name"),
    _several(_count, "a whole number or 'all'"),
    _several(float, "a number"),
)


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--reader",
    "readers",
    callback=_NAMES,
    metavar="NAME,...",
    default="sine-graph",
    show_default=True,
    help="mlp, mlp-aligned, dws, nfn, graph, sine-graph, pixels.",
)
@click.option(
    "--views",
    callback=_COUNTS,
    metavar="N,...",
    default="all",
    show_default=True,
    help="First n views of each object to train on.",
)
@click.option(
    "--augment",
    "augments",
    callback=_NAMES,
    metavar="NAME,...",
    default="none",
    show_default=True,
    help="none, mixup, mixup-perm, aligned-mixup, an operation, a plan, a TOML file; joined by +.",
)
@click.option(
    "--objects",
    callback=_COUNTS,
    metavar="N,...",
    default="all",
    show_default=True,
    help="Objects to train on.",
)
@click.option(
    "--label-noise",
    callback=_SHARES,
    metavar="X,...",
    default="0",
    show_default=True,
    help="Share of objects labelled wrong.",
)
@click.option(
    "--reweight",
    callback=_one_of("none", "multiplicative"),
    metavar="none,multiplicative",
    default="none",
    show_default=True,
    help="Weigh records by their losses; writes how far each label is trusted.",
)
@click.option(
    "--damp",
    callback=_SHARES,
    metavar="X,...",
    default="0",
    show_default=True,
    help="Noise on the reader's weights (DAMP).",
)
@click.option(
    "--partners",
    callback=_one_of("active", "all"),
    metavar="active,all",
    default="active",
    show_default=True,
    help="Whom MixUp mixes with; all: also views and objects that are held back, to measure that leak.",
)
@click.option("--task", type=click.Choice(["classify", "contrastive"]), default="classify", show_default=True)
@click.option("--probe", type=click.Choice(["linear"]), help="How contrastive features are tested.")
@click.option(
    "--seeds", type=click.IntRange(1, MOST_SEEDS), default=3, show_default=True, help="Repetitions."
)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the largest condition.  [default: 50]")
@click.option("--steps", type=click.IntRange(1), help="Steps of every run, instead of --epochs.")
@click.option("--batch", type=click.IntRange(2), default=256, show_default=True, help="Records a step.")
@click.option("--lr", type=float, help="Learning rate.  [default: each reader's own]")
@click.option("--hidden", type=click.IntRange(1), help="Width of readers.  [default: each reader's own]")
@click.option("--seed", type=int, default=0, show_default=True, help="Root of all draws.")
@click.option(
    "--workers", type=click.IntRange(1), help="Runs at the same time, a thread each.  [default: one a core]"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results; run again to resume.  [default: STORE.classify or STORE.contrastive]",
)
def command(store: Path, out: Path | None, task: str, probe: str | None, **settings: Any) -> None:
    """Train readers on STORE and test them, under every combination of what is given.

    Options that take several values, separated by commas, span the grid. Training uses the first n views of
    the training objects; models are chosen on validation and tested on test objects, on the first view of
    each. All runs take equally many steps. The table, its numbers and pictures go to the folder.
    """
    from ..evaluate.evaluation import evaluate_store
    from ..evaluate.table import cells, heading

    if probe and task != "contrastive":
        raise click.UsageError("--probe is for --task contrastive, whose features it tests")
    out = Path(f"{store.absolute()}.{task}") if out is None else out
    with resumable(out, "runs/*.json", "run"):
        found = evaluate_store(store, out, task=task, progress=True, **settings)  # type: ignore[arg-type]
    for line in heading(found):
        click.echo(line)
    header, lines = cells(found)
    click.echo()
    click.echo(table(header, lines, right=range(header.index("records"), len(header))))
    drawn = [f", {path.name}" for path in sorted(out.glob("*.png"))]
    click.echo(f"\n{out}: results.md, results.csv, results.json{''.join(drawn)}")
