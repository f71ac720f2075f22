"""``augmentations``: the table of operations and plans."""

import json
import re

from neuralviews.augment.plan import plan_names
from neuralviews.augment.registry import OPERATIONS

from .augment_runs import Run


def test_the_table_names_every_operation_and_plan(run: Run) -> None:
    code, text, _ = run("augmentations")
    assert code == 0
    operations, plans, last = text.rstrip("\n").split("\n\n")
    assert [line.split()[0] for line in operations.splitlines()] == ["operation", *OPERATIONS]
    assert [line.split()[0] for line in plans.splitlines()] == ["plan", *plan_names()]
    assert "--json" in last
    (row,) = (line for line in operations.splitlines() if line.startswith("label_smoothing"))
    assert re.match(r"label_smoothing +yes +smooth +spread a share of the label over all classes ", row)
    assert row.endswith("epsilon 0.1")


def test_the_same_as_json_with_sources(run: Run) -> None:
    code, text, _ = run("augmentations", "--json")
    assert code == 0
    found = json.loads(text)
    assert [operation["name"] for operation in found["operations"]] == list(OPERATIONS)
    assert [plan["name"] for plan in found["plans"]] == list(plan_names())
    flip = next(operation for operation in found["operations"] if operation["name"] == "sign_flip")
    assert (flip["settings"], flip["exact"], flip["label"], flip["version"]) == ({"p": 0.5}, True, "keep", 1)
    assert all(operation["summary"] and operation["source"] for operation in found["operations"])
