"""Make the golden generated store: ``python -m tests.golden.make_v1_generated FOLDER``.

Never made again for version 1: later versions must read, render and regenerate what lies in v1_generated.
"""

import sys
import tempfile
from pathlib import Path

from neuralviews.fit.run import RunOptions, generate

RECIPE = """
name = "golden"
title = "Six real digits, two views each"
seed = 1
views = 2
[source]
kind = "digits"
[field]
dims = [2, 8, 8, 1]
omega = 8.0
output_offset = 0.5
[fit]
steps = 60
lr = 5e-3
schedule = "cosine"
target_psnr = 20.0
min_psnr = 5.0
[split]
rule = "random"
val = 200
test = 300
[store]
rows_per_shard = 8
"""


def make(out: Path) -> str | None:
    """Generate the store into ``out`` and give its dataset id."""
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "golden.toml"
        recipe.write_text(RECIPE)
        return generate(recipe, out, RunOptions(limit=6)).dataset_id


if __name__ == "__main__":
    sys.stdout.write(f"{make(Path(sys.argv[1]))}\n")
