"""``make bench``: measure everything, print it, and write docs/benchmarks.md."""

import argparse
import datetime
import platform
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import initial_weights
from neuralviews.fit.registry import get_engine
from neuralviews.recipe import load_recipe
from neuralviews.signals.catalogue import open_source
from neuralviews.store.environment import describe_environment

from ..proofs import mnist_root
from . import (
    bench_align,
    bench_augment,
    bench_cluster,
    bench_exchange,
    bench_fetch,
    bench_fit,
    bench_inexact,
    bench_memory,
    bench_midpoints,
    bench_readers,
    bench_run,
    bench_scale,
    bench_shapes,
    bench_store,
    bench_truth,
)
from .real_fields import RealFields, fit_real_fields
from .rows import Row

REPORT = Path(__file__).parents[2] / "docs" / "benchmarks.md"
ENGINES = {
    "cpu": "`cpu`",
    "haswell": "`cpu`, AVX2 path",
    "torch": "`torch` on the processor, batches of 32",
    "reference": "`reference`, float64",
    "naive": "naive: torch, one at a time, autograd, Adam",
}
INTRODUCTION = """# Benchmarks

Written by `make bench`; every figure of this page comes from that one command. Times are CPU time in
one thread unless a row says wall clock; all alternatives of a table are measured in turn within each round,
and figures are medians of {rounds} rounds. Ratios are medians of the rounds' own
ratios. Losses are shown like wins.

- Date: {date}
- Machine: {processor}, {cpus} cores, {system}, Python {python}
- Packages: {packages}
- Not run here: anything on a GPU, see [benchmarks on a GPU](benchmarks-gpu.md).
"""


def main() -> None:
    """Run all benchmarks, or with ``--rounds`` fewer of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    sections = [_introduction(rounds), _fitting(bench_fit.measure(rounds)), _quality()]
    sections.append(_table("Whole runs", bench_run.measure(max(2, rounds // 3))))
    sections.append(_table("Clusters", bench_cluster.measure(max(2, rounds // 3))))
    sections.append(_table("Memory", bench_memory.measure()))
    sections.append(_table("The store", [*bench_store.measure(), *bench_scale.measure()]))
    sections.append(_table("Exchange", [*bench_exchange.measure(rounds), *bench_fetch.measure()]))
    sections.append(_table("Augmentation", bench_augment.measure(rounds)))
    sections.append(_table("Readers", bench_readers.measure(rounds)))
    sections += [bench_truth.section(rounds), bench_shapes.section(rounds)]
    with tempfile.TemporaryDirectory() as folder:
        fields = fit_real_fields(Path(folder))
        found = bench_midpoints.measure(fields)
        apart = [entry for entry in fields if not entry.init.shared]
        rows = [*bench_align.measure(rounds, apart), *bench_midpoints.rows(found)]
        sections += [_table("Alignment", rows), _midpoints(found), _inexact(apart)]
    report = "\n\n".join(sections) + "\n"
    sys.stdout.write(report)
    REPORT.write_text(report)


def _introduction(rounds: int) -> str:
    facts = describe_environment()
    packages = facts["packages"]
    assert isinstance(packages, dict)
    return INTRODUCTION.format(
        rounds=rounds,
        date=datetime.datetime.now(datetime.UTC).date(),
        processor=facts["processor"],
        cpus=facts["cpus"],
        system=f"{facts['system']} {facts['machine']}",
        python=platform.python_version(),
        packages=", ".join(f"{name} {packages[name]}" for name in ("numpy", "numba", "h5py", "torch")),
    ).rstrip()


def _fitting(measured: Sequence[bench_fit.Measured]) -> str:
    lines = [
        "## Fitting",
        "",
        "Fields a second on one core at 1000 Adam steps of all points, unless a title says otherwise. Of",
        "slow engines only some steps are run, and rates are scaled. The roofline is what the multiply-adds",
        "and the sincos cost one after the other at the machine's peak rates, measured in the same round by",
        "kernels that touch no memory: time = FLOP / peak + sincos / rate, counting the forward pass, weight",
        "gradients and input gradients, and nothing for Adam, loss or loads, for drawing points, or for",
        "measuring what was fitted. Overlapping the two could save about 1 %.",
    ]
    for entry in measured:
        fma, sincos = statistics.median(entry.fma), statistics.median(entry.sincos)
        roofline, wanted = 1 / statistics.median(entry.floors), entry.shape.target_fraction
        lines += [
            "",
            f"### {entry.shape.name}",
            "",
            f"Peak {fma:.0f} GFLOP/s, {sincos:.2f} G sincos/s: roofline {roofline:.2f} fields/s.",
            *([] if wanted is None else [f"Wanted of `cpu`: {wanted:.0%} of it."]),
            "",
            "| engine | fields/s | of roofline | against naive |",
            "|---|---|---|---|",
        ]
        for key, title in ENGINES.items():
            values = f"{entry.rate(key):.2f} | {entry.fraction(key):.0%} | {entry.speedup(key):.1f}x"
            lines.append(f"| {title} | {values} |")
    return "\n".join(lines)


def _quality() -> str:
    """PSNR of engines that start from the same weights, on real images."""
    lines = [
        "## Agreement",
        "",
        "Median PSNR of the same images from the same initial weights, and the largest difference of a field",
        "from the float64 `reference`. Wanted: within 0.05 dB.",
        "",
        "| images | steps | `reference` | `cpu` | `torch` |",
        "|---|---|---|---|---|",
        _agreement("digits", None, 64, 200),
    ]
    with tempfile.TemporaryDirectory() as folder:
        root = mnist_root(Path(folder))
        if root is not None:
            lines.append(_agreement("mnist", root, 12, 1000))
    return "\n".join(lines)


def _agreement(name: str, root: Path | None, count: int, steps: int) -> str:
    recipe = load_recipe(name)
    spec, source = recipe.spec, open_source(recipe, root)
    found = [source.signal(i) for i in range(count)]
    signals = Signals(found[0].coords, np.stack([s.values for s in found]), recipe.span)
    inits = initial_weights(spec, recipe.init.scheme, list(range(count)))
    budget = Budget(steps, recipe.fit.lr)
    psnr = {}
    for engine in ("reference", "cpu", "torch"):
        psnr[engine] = get_engine(engine, spec, budget, None).fit(spec, signals, inits, budget).psnr
    cells = [f"{np.median(psnr['reference']):.3f} dB"]
    for engine in ("cpu", "torch"):
        off = float(np.abs(psnr[engine] - psnr["reference"]).max())
        cells.append(f"{np.median(psnr[engine]):.3f} dB, off by {off:.4f}")
    return f"| {count} of `{name}` | {steps} | {' | '.join(cells)} |"


def _midpoints(found: Sequence[bench_midpoints.Midpoints]) -> str:
    """What mixed fields render, a table for each store."""
    shares = " | ".join(f"{1 - share:g} : {share:g}" for share in bench_midpoints.SHARES)
    lines = [
        "## Mixed fields",
        "",
        "Pairs of fields of 100 images, two views each: of views of one image, and of different images. The",
        "second is brought next to the first by each way, and mixed with it; `reference` brings all fields",
        "next to one iterated mean, by the whole group. PSNRs are medians in dB, at three shares, against",
        "the mean of what the two fields render; `repaired`: half and half, after 100 steps of Adam.",
        "`constant` is an image of one grey, the best for each pair. These figures do not depend on the",
        "machine, but for those of weight matching.",
    ]
    for fields in dict.fromkeys(m.fields for m in found):
        lines += [
            "",
            f"### {fields.title}",
            "",
            f"Median PSNR of the fits: {np.median(fields.store.column('psnr')):.1f} dB.",
            "",
            f"| pairs of | way | squared distance | {shares} | repaired |",
            "|---|---|---|---|---|---|---|",
        ]
        for m in found:
            if m.fields is fields:
                psnr = " | ".join(f"{value:.1f}" for value in m.psnr)
                distance = "" if m.distance is None else f"{m.distance:.3g}"
                repaired = "" if m.repaired is None else f"{m.repaired:.1f}"
                lines.append(f"| {m.pairs} | {m.way} | {distance} | {psnr} | {repaired} |")
    return "\n".join(lines)


def _inexact(sets: Sequence[RealFields]) -> str:
    """What operations that are not exact leave of real fields."""
    found = bench_inexact.measure(sets)
    titles = list(dict.fromkeys(left.fields.title for left in found))
    lines = [
        "## Inexact operations",
        "",
        "PSNR in dB of copies against the image that they should render, median (5th percentile).",
        "",
        f"| operation | {' | '.join(titles)} |",
        "|---|" + "---|" * len(titles),
    ]
    for step in bench_inexact.STEPS:
        cells = [f"{left.median:.1f} ({left.low:.1f})" for left in found if left.step == step]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table(title: str, rows: Sequence[Row]) -> str:
    lines = [f"## {title}", "", "| figure | measured | beside | ratio | wanted |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
        lines.append(f"| {row.name} | {row.value:.4g} {row.unit} | {row.baseline} | {ratio} | {row.target} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
