"""The parts of a dataset card that people copy into a terminal or a program."""

import shlex
from collections.abc import Iterator

from ..recipe_schema import DigitsTable
from .facts import ReleaseFacts
from .selection import Selection
from .terms import Terms

__all__ = ["download_lines", "load_lines", "plan_name", "remake_lines"]

_READER = """\
import json, pathlib
import numpy as np

root = pathlib.Path("DATA")
manifest = json.loads((root / "manifest.json").read_bytes())
columns = {}
for shard in manifest["shards"]:
    data = (root / shard["file"]).read_bytes()
    for name, part in shard["datasets"].items():
        flat = np.frombuffer(data, part["dtype"], int(np.prod(part["shape"])), part["offset"])
        columns.setdefault(name, []).append(flat.reshape(part["shape"]))
columns = {name: np.concatenate(parts) for name, parts in columns.items()}
columns["weights"], columns["meta/label"], columns["meta/split"]"""


def load_lines(facts: ReleaseFacts) -> Iterator[str]:
    """How to read the records: with neuralviews, and with NumPy alone. DATA stands for the folder."""
    count = facts.spec.parameters
    render = (
        f"\nstore.field(0).render({facts.image_shape})  # the first record as an image"
        if facts.image_shape
        else ""
    )
    yield (
        "```python\nimport neuralviews as nv\n\n"
        'store = nv.open_store("DATA")  # every byte is proven by its sha256 before its first use\n'
        f"store.weights([0, 1])  # (2, {count}) float32, a flat vector for each record\n"
        'store.column("label")  # likewise split, object_id, psnr ...'
        f"{render}\n"
        'train = nv.ViewDataset(store, split="train")  # for PyTorch\n```'
    )
    yield "Without neuralviews, NumPy will do, as will any reader of HDF5; this one trusts the files:"
    yield f"```python\n{_READER}\n```"


def download_lines(facts: ReleaseFacts, terms: Terms, sums: str) -> Iterator[str]:
    """How to get all files, and how to prove that they are the published ones."""
    place = terms.base if terms.repository is None else f"hf://{terms.repository}"
    if place is not None:
        yield f"```\nneuralviews download {shlex.quote(place)} --id {facts.dataset_id} --out DATA\n```"
        yield "This proves every file; `--split`, `--views` and `--first-shards` take a part. By other means:"
    if terms.repository is not None:
        yield f"```\nhf download {terms.repository} --repo-type dataset --local-dir DATA\n```"
    elif terms.base is not None:
        base, each = shlex.quote(terms.base + sums), shlex.quote(terms.base + "{}")
        yield (
            f"```\nmkdir DATA && cd DATA\ncurl -fsSLO {base}\n"
            f"cut -c 67- {sums} | xargs -I {{}} curl -fsSL --create-dirs -o {{}} {each}\n```"
        )
    else:
        yield "Keep all files in one folder, under the names that they have here."
    yield (
        f"```\nsha256sum -c {sums}  # in the folder: every file\n"
        "neuralviews verify DATA --level semantic  # the records too\n```"
    )
    yield f"The dataset is the one described here if `sha256sum manifest.json` gives `{facts.dataset_id}`."


def remake_lines(facts: ReleaseFacts) -> Iterator[str]:
    """How to get the same bytes again from the source."""
    if facts.recipe is None:
        yield "How the imported fields were fitted is not known, so they cannot be made again from here."
        if facts.derivations:
            yield "```\n" + "\n".join(_derivation_lines(facts)) + "\n```"
            yield "This starts from STORE, the store of the imported fields."
    else:
        source = "" if isinstance(facts.recipe.source, DigitsTable) else " --source-root SOURCE"
        limit = "" if facts.limit is None else f" --limit {facts.limit}"
        lines = [f"neuralviews generate recipe.toml{source}{limit} --engine {facts.engine} --out STORE"]
        yield "```\n" + "\n".join([*lines, *_derivation_lines(facts)]) + "\n```"
        if None not in facts.derivations:
            yield "From the source files whose sha256 `job.json` states, this makes the same bytes again."
    if None in facts.derivations:
        yield "Which records were taken where no command stands, the job does not state as an option."


def plan_name(depth: int) -> str:
    """The file of a plan: of the records themselves, of their parents, of the parents of these."""
    return "plan.toml" if depth == 0 else f"plan-of-parent-{depth}.toml"


def _derivation_lines(facts: ReleaseFacts) -> Iterator[str]:
    """The oldest step first, each from the store that the line before it makes."""
    store, depth = "STORE", len(facts.plans)
    for number in reversed(range(len(facts.derivations))):
        step, suffix = facts.derivations[number], f"-{number}" if number else ""
        if step is None:
            made = f"PART{suffix}"
            yield f"# {made}: some of the records of {store}"
        elif isinstance(step, Selection):
            made = f"PART{suffix}"
            yield f"neuralviews download {store} {_options(step)} --out {made}"
        else:
            made, depth = f"COPIES{suffix}", depth - 1
            yield f"neuralviews augment {store} --plan {plan_name(depth)} --out {made}"
        store = made


def _options(selection: Selection) -> str:
    given = ((name.replace("_", "-"), value) for name, value in selection.to_json().items())
    return " ".join(f"--{name} {value}" for name, value in given if value is not None)
