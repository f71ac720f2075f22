"""docs/format.md says what the code does: its tables are compared, and its reader is run."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from neuralviews.field import FieldSpec
from neuralviews.records import Split, Status
from neuralviews.store.layout import RowLayout
from neuralviews.store.reader import open_store
from neuralviews.store.schema import ALIGNMENT, FORMAT_VERSION, MAX_SHARDS, attributes

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
GOLDEN = Path(__file__).parents[1] / "golden" / "v1"


def test_the_reader_on_the_page_reads_a_store() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    arch, found = names["open_store"](GOLDEN)
    store = open_store(GOLDEN)
    assert FieldSpec.from_json(arch) == store.spec
    np.testing.assert_array_equal(found["weights"], store.weights(range(len(store))))
    for name in store.columns():
        np.testing.assert_array_equal(found[f"meta/{name}"], store.column(name))


def test_the_tables_list_every_dataset_and_attribute() -> None:
    datasets = dict(re.findall(r"^\| `/([a-z_/]+)` \| `([<a-z0-9]+)` \|", PAGE, re.MULTILINE))
    assert {path: np.dtype(kind) for path, kind in datasets.items()} == RowLayout(1, 1, 1).types()
    section = PAGE.split("Attributes of the root group")[1].split("\n\n")[1]
    stated = dict(re.findall(r"^\| `([a-z_]+)` \| (?:`([<a-z0-9]+)`|string) \|", section, re.MULTILINE))
    made = attributes("0" * 64, b"{}\n", 0, 0)
    assert list(stated) == list(made)
    assert {name: kind or "S" for name, kind in stated.items()} == {
        name: "S" if value.dtype.kind == "S" else value.dtype.str for name, value in made.items()
    }


def test_the_numbers_are_those_of_the_code() -> None:
    assert PAGE.startswith(f"# The store format, version {FORMAT_VERSION}\n")
    assert f"{MAX_SHARDS:,}" in PAGE
    assert f"{ALIGNMENT:,}" in PAGE
    for kind in (Split, Status):
        for part in kind:
            assert f"{part.value} {part.name}" in PAGE
