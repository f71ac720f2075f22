"""What a file of stacked fields states of itself: read, or refused where it cannot be."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import SourceError
from neuralviews.field import FieldSpec

from .imported_stores import reopened
from .stacked_sets import BOTH, DIMS, layer_arrays, put


def stated(**more: Any) -> dict[str, Any]:
    return {
        "format": "neuralviews-fields",
        "version": 1,
        "dataset_id": "0" * 64,
        "name": "made",
        "arch": FieldSpec(DIMS).to_json(),
        "target": {"range": [0.0, 1.0]},
        "class_names": None,
        "image_shape": [8, 8],
        **more,
    }


def test_what_we_state_is_read(tmp_path: Path) -> None:
    """So that the refusals below are of what was changed."""
    put(tmp_path, "safetensors", layer_arrays(), neuralviews=json.dumps(stated()))
    assert reopened(tmp_path, "auto").listing.convention.spec(DIMS) == FieldSpec(DIMS)


@BOTH
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "expected what neuralviews writes: replace the file"),
        ("[]", "expected what neuralviews writes"),
        ("[" * 100_000, "expected what neuralviews writes"),
        (json.dumps(stated(version=2)), r"written by a newer neuralviews \(version 2\); update it"),
        (json.dumps(stated(version=0)), "version 0; expected what"),
        (json.dumps(stated(format="else")), "format 'else', version 1; expected what"),
        (json.dumps(stated(more=1)), "unknown field `more`"),
        (json.dumps(stated(arch={})), "field specification"),
        (json.dumps(stated(image_shape=[0, 8])), r"Expected `int` >= 1 - at `\$.image_shape\[0\]`"),
        (json.dumps(stated(arch=FieldSpec([2, 5, 3]).to_json())), "holds fields 2-5-4-3, but states 2-5-3"),
        (json.dumps(stated(attributes=["a"])), r"attributes: found none, expected float32 \(6, 1\)"),
        (json.dumps(stated(attributes=["a", "a"])), "attributes of the same name"),
        (json.dumps(stated(target={"range": [1, 0]})), "target .* of fields of 3 channels"),
        (json.dumps(stated(target={"range": [0, 1], "mean": [0.1]})), "target .* of fields of 3 channels"),
    ],
)
def test_statements_that_cannot_be(tmp_path: Path, format: str, text: str, reason: str) -> None:
    more = {"neuralviews": text}
    path = put(tmp_path, format, layer_arrays(), **more)
    with pytest.raises(SourceError, match=rf"^{path}: .*{reason}") as error:
        reopened(tmp_path, format)
    assert "\n" not in str(error.value)


@BOTH
def test_files_that_state_other_conventions(tmp_path: Path, format: str) -> None:
    for name, omega in (("a", 30.0), ("b", 31.0)):
        text = json.dumps(stated(arch=FieldSpec(DIMS, omega).to_json()))
        arrays = {**layer_arrays(), "object_id": np.arange(6) + 10 * (name == "b")}
        put(tmp_path, format, arrays, name, neuralviews=text)
    with pytest.raises(
        SourceError, match=rf"b\.{format}: has other columns or states other conventions than a\."
    ):
        reopened(tmp_path, format)
