"""What a plan of a run warns of: quality out of reach, meshes that are unfit, a full disk, years of work."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..recipe import Recipe
from .trial import Trial

__all__ = ["quality_warnings", "run_warnings"]

_DAY = 86_400
_LONG = 3 * _DAY
_DECIBELS_BELOW = 3.0
"""So far the median of other objects may lie below that of all, beside the scatter of a few."""
_IOU_BELOW = 0.05


def quality_warnings(recipe: Recipe, trial: Trial) -> Iterator[str]:
    """Where the records of a trial fall short of what the recipe asks for or its card expects."""
    fit, count = recipe.fit, trial.records
    if not count:
        yield (
            f"a record takes about {trial.seconds:.0f} s, so none was fitted to the end and its quality is "
            "not known; fit a few with --limit"
        )
        return
    median = float(np.median(trial.psnr))
    if trial.failed:
        asked = "stay finite" if fit.min_psnr is None else f"reach fit.min_psnr = {fit.min_psnr:g} dB"
        tries = f" in {fit.retries + 1} tries" if fit.retries else ""
        yield (
            f"{count - trial.failed} of {count} records of the trial {asked}{tries} "
            f"(median {median:.1f} dB); the others would be marked diverged and left out of training: "
            "raise fit.steps, change fit.lr or widen field.dims"
        )
    if fit.target_psnr is not None and trial.converged < count:
        yield (
            f"{trial.converged} of {count} records of the trial reach fit.target_psnr = "
            f"{fit.target_psnr:g} dB within {fit.steps:,} steps (median {median:.1f} dB): "
            "raise fit.steps, change fit.lr or lower the target"
        )
    expected = recipe.expected
    if expected is None:
        return
    # Medians of so few scatter: three standard errors of one, pi/2 times the variance of a mean's.
    scatter = 3 * math.sqrt(math.pi / 2 / count) * float(trial.psnr.std())
    if expected.median_psnr is not None and median < expected.median_psnr - _DECIBELS_BELOW - scatter:
        yield f"the trial's median is {median:.1f} dB, the recipe expects {expected.median_psnr:g} dB"
    if expected.median_iou is not None and len(trial.iou):
        iou = float(np.median(trial.iou))
        if iou < expected.median_iou - _IOU_BELOW:
            yield f"the trial's median IoU is {iou:.3f}, the recipe expects {expected.median_iou:g}"


def run_warnings(seconds: float, needed: int, free: int, folder: Path, on_device: bool) -> Iterator[str]:
    """Where a run is too large for the disk, or longer than one would wait for."""
    if needed > free:
        yield (
            f"{needed / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free in {folder}: free space, "
            "use another disk, or ask for fewer records"
        )
    if seconds > _LONG:
        ways = "--shards i/n or --cluster shares it among machines"
        more = "" if on_device else ", --device cuda takes a GPU"
        days = f"{seconds / _DAY:,.1f} days"
        yield f"the run takes about {days}: {ways}{more}, --limit or --views makes it smaller"
