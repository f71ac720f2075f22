"""The pages on augmentation and alignment say what there is, and their examples run."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from neuralviews.augment.plan import Plan, Reject, load_plan, plan_names
from neuralviews.augment.registry import OPERATIONS
from neuralviews.cli.augmentations import command

from ..made_stores import make_store
from .cases import STEPS, case

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "augmentations.md").read_text()
ROWS = {cells[0]: cells for cells in re.findall(r"^\| `(\w+)`" + r" \| (.*?)" * 6 + r" \|$", PAGE, re.M)}


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, Any]]:
    """What `neuralviews augmentations --json` says of each operation."""
    found = json.loads(CliRunner().invoke(command, ["--json"]).output)
    return {facts["name"]: facts for facts in found["operations"]}


def test_the_table_has_every_operation_in_order(listed: dict[str, dict[str, Any]]) -> None:
    assert list(ROWS) == list(listed)


def test_the_table_says_what_operations_are(listed: dict[str, dict[str, Any]]) -> None:
    for name, facts in listed.items():
        _, summary, exact, label, settings, _, source = ROWS[name]
        assert (summary, exact, label) == (
            facts["summary"],
            "yes" if facts["exact"] else "no",
            facts["label"],
        )
        texts = [
            f"`{key}`" if value is None else f"`{key}` {json.dumps(value)}"
            for key, value in facts["settings"].items()
        ]
        assert settings == ", ".join(texts), name
        assert all(part in facts["source"] for part in source.split("; ")), name


def test_every_setting_is_explained(listed: dict[str, dict[str, Any]]) -> None:
    rows = re.findall(
        r"^\| (`.*?`) \| (`.*?`) \| [^|]+ \| [^|]+ \|$", PAGE.split("What the settings mean")[1], re.M
    )
    told = [
        (name, setting)
        for names, settings in rows
        for name in re.findall(r"`(\w+)`", names)
        for setting in re.findall(r"`(\w+)`", settings)
        if name in listed
    ]
    assert sorted(told) == sorted((name, key) for name in listed for key in listed[name]["settings"])


@pytest.mark.parametrize("name", STEPS)
def test_the_table_says_what_is_stored(name: str) -> None:
    step, batch, _ = case(name)
    if name == "mixup":  # the table shows defaults
        step = replace(step, permute=False)  # type: ignore[call-arg]
    spec = batch.spec
    sizes = {"H": sum(spec.dims[1:-1]), "d": spec.in_dim, "c": spec.out_dim}
    expected = []
    for parameter, count in re.findall(r"(\w+) ([\w*]+)", ROWS[name][5].replace("those of `steps`, ", "")):
        factors = [sizes.get(factor) or int(factor) for factor in count.split("*")]
        expected.append((parameter, factors[0] * (factors[1] if len(factors) == 2 else 1)))
    own = [(p.name, p.count) for p in step.parameters(batch.context) if "." not in p.name]
    assert own == expected


def test_every_key_of_a_plan_is_explained() -> None:
    keys = set(
        re.findall(r"^\| `([a-z_.]+)` \|.*\| .* \|$", PAGE.split("## Plans")[1].split("**Rejected")[0], re.M)
    )
    plan = load_plan("symmetries").canonical()
    assert keys == {*plan, "title", *(f"reject.{key}" for key in Reject.__struct_fields__)} - {"reject"}


def test_the_plan_of_the_page_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
    path = tmp_path / "mixed.toml"
    path.write_text(text)
    assert isinstance(load_plan(path), Plan)


def test_plans_and_pictures_are_there() -> None:
    for name in re.findall(r"plan `([a-z-]+)`", PAGE):
        assert name in plan_names()
    assert re.findall(r"!\[(\w+)\]\(pictures/\1\.png\)", PAGE) == list(OPERATIONS)


@pytest.mark.parametrize("page", ["augmentations.md", "alignment.md"])
def test_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store(tmp_path / "data" / "digits")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.M | re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), names)
