"""``make bench-gpu``: measure the engines on this machine's GPU, and write docs/benchmarks-gpu.md."""

import argparse
import datetime
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch

from neuralviews.fit.fused.engine import CudaEngine
from neuralviews.fit.run import RunOptions, generate
from neuralviews.fit.torch_engine import TorchEngine
from neuralviews.recipe import load_recipe

from ..proofs import FIRST_SHARD, first_shard, mnist_root, promised
from . import gpu_fused, gpu_torch

REPORT = Path(__file__).parents[2] / "docs" / "benchmarks-gpu.md"
THREADS = 4
INTRODUCTION = """# Benchmarks on a GPU

Written by `make bench-gpu`; every figure of this page comes from that one command. Times are wall clock, and
have in them what goes to the GPU and comes back; fits are of 1000 Adam steps of all points unless a row says
otherwise, of which of slow ones some are run. Losses are shown like wins.
Not measured: the `torch` engine on fields other than MNIST's.

- Date: {date}
- Machine: {device}, {memory} GiB, driver and runtime CUDA {cuda}; {system}, Python {python}
- torch {torch}
"""


def main() -> None:
    """Run all, or with ``--objects`` fewer of the whole run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=70_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    engine, torch_engine = CudaEngine("cuda"), TorchEngine("cuda")
    sections = {
        _introduction() + "\n## The `cuda` engine\n": lambda: gpu_fused.speeds(
            engine, options.rounds, THREADS
        ),
        "## A whole run\n": lambda: [_whole_run(options.objects)],
        "## Against the `cpu` engine\n": lambda: gpu_fused.compared(engine, torch_engine, 128),
        "## The `torch` engine\n\nFields like MNIST's.\n": lambda: gpu_torch.sizes("cuda"),
        "### Its bits\n": lambda: gpu_torch.bits("cuda"),
        "### Precision of its products\n\nFields like MNIST's, 256 of them, omega 30.\n": lambda: (
            gpu_torch.precisions("cuda", 256, gpu_torch.STEPS)
        ),
    }
    report = ""
    for title, lines in sections.items():  # written as they come: a run may be cut off
        section = "\n".join([title, *lines()]) + "\n"
        sys.stdout.write(section + "\n")
        sys.stdout.flush()
        report += ("\n" if report else "") + section
        REPORT.write_text(report)


def _introduction() -> str:
    properties = torch.cuda.get_device_properties(0)
    return INTRODUCTION.format(
        date=datetime.date.today(),
        device=properties.name,
        memory=properties.total_memory >> 30,
        cuda=torch.version.cuda,
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
    )


def _whole_run(objects: int) -> str:
    """`generate mnist --views 10`, from start to manifest."""
    with tempfile.TemporaryDirectory() as folder:
        root = mnist_root(Path(folder) / "mnist")
        if root is None:
            return "Not run: no MNIST here."
        recipe, out = load_recipe("mnist").with_views(10), Path(folder) / "store"
        options = RunOptions(root, limit=objects, device="cuda", workers=THREADS, threads=True)
        begun = time.perf_counter()
        report = generate(recipe, out, options)
        seconds = time.perf_counter() - begun
        size = sum(path.stat().st_size for path in out.rglob("*.h5"))
        shutil.rmtree(out)
        proven = first_shard("mnist", Path(folder) / "first", root, "cuda")
    same = "has" if proven == promised("mnist")[FIRST_SHARD] else "has NOT"
    return (
        f"`neuralviews generate mnist --views 10 --limit {objects} --device cuda --workers {THREADS}`, start "
        f"to manifest: {report.fitted:,} fields, {size / 1e9:.2f} GB in {seconds:.1f} s, "
        f"{report.fitted / seconds:,.0f} fields/s; dataset id {report.dataset_id}.\n\n"
        f"The first shard of `mnist`, made on the GPU, {same} the sha256 that the recipe's card promises."
    )


if __name__ == "__main__":
    main()
