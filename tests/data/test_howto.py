"""The examples of docs/howto/train.md run as they stand, one after another."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from ..made_stores import make_store

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "train.md"


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store(tmp_path / "data" / "digits")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    fan = list(zip(store.spec.dims, store.spec.dims[1:], strict=False))
    assert [tuple(w.shape[1:]) for w in names["dws_weights"]] == [(i, o, 1) for i, o in fan]
    assert [tuple(w.shape[1:]) for w in names["nfn_weights"]] == [(1, o, i) for i, o in fan]
    assert isinstance(names["dense"], torch.Tensor)
    assert torch.allclose(names["batch"].target.sum(dim=1), torch.ones(len(names["batch"])))
    assert torch.isfinite(names["loss"])
    weights = names["train"].__getitems__(range(len(names["train"]))).weights
    assert abs(float(weights.mean())) < 0.1
    assert len(names["quality"]) == len(names["dataset"])
    assert names["image"].shape == (28, 28)
