"""The bytes that cards promise: made again, compared, or (when bytes change on purpose) written anew.

python -m tests.proofs digits mnist     # NEURALVIEWS_TEST_DATA names the folder of MNIST/raw/*.gz
"""

import gzip
import hashlib
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from neuralviews.fit.run import RunOptions, generate
from neuralviews.recipe import load_recipe, recipe_root
from neuralviews.work.shards import available_cpus

FIRST_SHARD, DATASET_ID = "first shard sha256", "dataset id"


def promised(name: str) -> dict[str, str]:
    """What the card of a recipe states: `FIRST_SHARD` and, for some, `DATASET_ID`."""
    text = (recipe_root() / name / "CARD.md").read_text()
    return dict(re.findall(rf"^({FIRST_SHARD}|{DATASET_ID}): ([0-9a-f]{{64}})$", text, re.M))


def mnist_root(folder: Path) -> Path | None:
    """A torchvision root with real MNIST unpacked into ``folder``, or None where there is no real MNIST."""
    given = os.environ.get("NEURALVIEWS_TEST_DATA")
    if not given:
        return None
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in sorted((Path(given) / "MNIST" / "raw").glob("*.gz")):
        with gzip.open(packed) as source, (raw / packed.stem).open("wb") as target:
            shutil.copyfileobj(source, target)
    return folder


def first_shard(name: str, out: Path, source_root: Path | None, device: str | None = None) -> str:
    """Generate the first shard alone, as part 1 of very many, and hash it."""
    options = RunOptions(source_root=source_root, device=device, part=(0, 1_000_000))
    generate(load_recipe(name), out, options)
    return hashlib.sha256((out / "shards" / "shard-000000.h5").read_bytes()).hexdigest()


def dataset_id(name: str, out: Path) -> str | None:
    """Generate a whole set that needs no source files, and give its id."""
    return generate(load_recipe(name), out, RunOptions(workers=available_cpus())).dataset_id


def main() -> None:
    """Write the proofs of the named recipes into their cards."""
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            root = mnist_root(Path(folder) / "source") if name != "digits" else None
            found = {FIRST_SHARD: first_shard(name, Path(folder) / "store", root)}
            if DATASET_ID in promised(name):
                found[DATASET_ID] = str(dataset_id(name, Path(folder) / "store"))
        card = recipe_root() / name / "CARD.md"
        text = card.read_text()
        for key, value in found.items():
            text = re.sub(rf"^{key}: .*$", f"{key}: {value}", text, flags=re.M)
        card.write_text(text)
        sys.stdout.write(f"{name}: {found}\n")


if __name__ == "__main__":
    main()
