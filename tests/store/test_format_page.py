"""docs/format.md says what the code does: its tables are compared, and its reader is run."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.field import FieldSpec
from neuralviews.records import REPAIRS, ShapeTarget, Split, Status
from neuralviews.signals.samples import GRID
from neuralviews.store.layout import RowLayout
from neuralviews.store.reader import open_store
from neuralviews.store.schema import (
    ALIGNMENT,
    FORMAT_VERSION,
    KINDS,
    MAX_ATTRIBUTES,
    MAX_CLASSES,
    MAX_PARAMS,
    MAX_PIPELINES,
    MAX_SHARDS,
    attributes,
    column_path,
)

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", ["v1", "v1_augmented", "v1_shapes", "v1_imported"])
def test_the_reader_on_the_page_reads_a_store(name: str) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    arch, found = names["open_store"](GOLDEN / name)
    store = open_store(GOLDEN / name)
    assert FieldSpec.from_json(arch) == store.spec
    np.testing.assert_array_equal(found["weights"], store.weights(range(len(store))))
    assert len(found) == 1 + len(store.columns())
    for column in store.columns():
        np.testing.assert_array_equal(found[column_path(column)], store.column(column))


def test_the_tables_list_every_dataset_and_attribute() -> None:
    datasets = dict(re.findall(r"^\| `/([a-z_/]+)` \| `([<a-z0-9]+)` \|", PAGE, re.MULTILINE))
    assert {path: np.dtype(kind) for path, kind in datasets.items()} == RowLayout(1, 1, 1, 1, 1, True).types()
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
    assert f"widths of the wide columns, 1 to {MAX_CLASSES:,} and 1 to {MAX_PARAMS:,}" in PAGE
    assert f"1 to {MAX_PIPELINES:,} elements" in PAGE
    assert f'`{{"attributes": a}}`, exactly this: width of the wide column, 1 to {MAX_ATTRIBUTES:,}' in PAGE
    for name in ("v1", "v1_augmented", "v1_shapes", "v1_imported"):
        assert f"`tests/golden/{name}`" in PAGE
    assert f'`{{"repairs": {REPAIRS}}}`' in PAGE
    assert f"centres of {GRID}^3 equal cells" in PAGE
    for kind in KINDS:
        assert f'`"{kind}"`' in PAGE
    for numbers in (Split, Status, ShapeTarget):
        for part in numbers:
            assert f"{part.value} {part.name}" in PAGE
