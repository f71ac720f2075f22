"""``neuralviews plan``: what a run would take, before anything is written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import printable
from .chosen_recipe import chosen_recipe
from .runs import default_workers
from .text import bytes_text, duration_text, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..fit.run_plan import RunPlan
    from ..recipe import Recipe

__all__ = ["command"]

_BASES = {
    "measured": "tried at once",
    "linear": "if a worker a core is as fast as one alone",
    "device": "which share the device",
}


@click.command()
@click.option(
    "--source-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the source's files; of meshes, a zip archive will do.",
)
@chosen_recipe
@click.option("--limit", type=click.IntRange(1), help="Only so many objects, spread over the splits.")
@click.option("--engine", default="auto", show_default=True, help="As of `generate`.")
@click.option("--device", help="As of `generate`, for example cuda.")
@click.option("--workers", type=click.IntRange(1), help="Workers to plan for.  [default: that of `generate`]")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    recipe: "Recipe",
    source_root: Path | None,
    limit: int | None,
    engine: str,
    device: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Say how long `generate` would take for RECIPE, and how much disk and memory.

    Some records are fitted for some seconds, on this machine and the very device; nothing is written. Warns
    where they fall short of the quality that the recipe asks for, where the disk under the current folder is
    too small, and where the run takes days.
    """
    from ..fit.run import RunOptions
    from ..fit.run_plan import plan_run

    workers = workers or default_workers(device)
    options = RunOptions(source_root, limit=limit, engine=engine, device=device, workers=workers)
    plan = plan_run(recipe, options)
    if as_json:
        click.echo(json.dumps(_facts(plan), indent=2))
        return
    first, *rows = _rows(plan)
    click.echo(table(first, rows))
    for warning in plan.warnings:
        click.echo(printable(f"warning: {warning}"))


def _facts(plan: "RunPlan") -> dict[str, Any]:
    trial = plan.trial
    names = (
        "name device objects views records shards rows_per_shard workers basis rate_alone rate seconds "
        "shard_bytes disk_bytes samples_bytes truth_seconds worker_bytes hours_per_million free_bytes"
    )
    return {
        **{name: getattr(plan, name) for name in names.split()},
        "engine": dict(plan.engine),
        "trial": {
            **{name: getattr(trial, name) for name in ("records", "steps", "start", "failed", "converged")},
            "psnr": _middle_and_worst(trial.psnr),
            "iou": _middle_and_worst(trial.iou),
        },
        "warnings": list(plan.warnings),
    }


def _middle_and_worst(values: "NDArray[Any]") -> dict[str, float] | None:
    import numpy as np

    return {"median": float(np.median(values)), "min": float(values.min())} if len(values) else None


def _rows(plan: "RunPlan") -> Iterator[tuple[str, str]]:
    views = f"{plan.views} view{'s' if plan.views > 1 else ''}"
    unit = "hours of this device" if plan.basis == "device" else "core-hours"
    workers = f"{plan.workers} worker{'s' if plan.workers > 1 else ''}"
    yield "recipe", plan.name
    yield "records", f"{plan.records:,}: {plan.objects:,} objects x {views}"
    yield "shards", f"{plan.shards:,} files of {plan.rows_per_shard:,} records"
    yield "engine", f"{plan.engine['engine']} on {plan.device}"
    speed = f"{_rate(plan.rate_alone)} fields/s of one worker"
    if plan.workers > 1:
        speed += f", {_rate(plan.rate)} of {plan.workers}, {_BASES[plan.basis]}"
    yield "speed", speed
    yield "wall time", f"{duration_text(plan.seconds)} with {workers}"
    yield "disk", f"{bytes_text(plan.disk_bytes)}, {bytes_text(plan.free_bytes)} are free here"
    if plan.samples_bytes is not None and plan.truth_seconds is not None:
        yield "ground truth", f"{duration_text(plan.truth_seconds)} a shape, once for all its views"
        yield "samples", f"{bytes_text(plan.samples_bytes)} beside the store"
    yield "memory", f"{bytes_text(plan.worker_bytes)} {'in all' if plan.basis == 'device' else 'a worker'}"
    yield "cost", f"{plan.hours_per_million:,.3g} {unit} a million fields"
    yield "PSNR", _quality(plan)


def _rate(rate: float) -> str:
    return f"{rate:,.3g}" if rate < 1000 else f"{rate:,.0f}"


def _quality(plan: "RunPlan") -> str:
    from ..report.wording import decibels

    psnr, iou = (_middle_and_worst(values) for values in (plan.trial.psnr, plan.trial.iou))
    if psnr is None:
        return "not seen"
    records = f"{plan.trial.records} record{'s' if plan.trial.records > 1 else ''}"
    text = f"median {decibels(psnr['median'])}, worst {decibels(psnr['min'])} of {records} in the trial"
    return text if iou is None else f"{text}; IoU median {iou['median']:.3f}, worst {iou['min']:.3f}"
