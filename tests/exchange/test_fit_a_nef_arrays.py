"""The arrays of a Fit-a-NeF file and the list of them: read in any order, refused where they disagree."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuralviews.errors import SourceError

from .by_hand import flat, made_layers, write
from .fit_a_nef_sets import DIMS, config, nefs
from .hdf5_files import of
from .imported_stores import reopened


def pairs(*entries: Any) -> list[str]:
    return [json.dumps(entries)]


LIST = json.loads(config(DIMS))
FAULTS: dict[str, tuple[bytes, str]] = {
    "cut": (nefs(0, 3)[:-100], "HDF5 cannot read it"),
    "empty": (b"", "no HDF5 file by its first bytes"),
    "no params": (of(param_config=[config(DIMS)]), "dataset params is not there"),
    "no list": (of(params=np.zeros((3, 67), np.float32)), "dataset param_config is not there"),
    "float64": (nefs(0, 3, params=np.zeros((3, 67))), r"found params float64 \(3, 67\), expected float32"),
    "one field alone": (nefs(0, 3, params=np.zeros(67, np.float32)), r"found params float32 \(67,\)"),
    "fewer fields": (nefs(0, 2), "found 2 fields, expected 3 as its name says"),
    "more fields": (nefs(0, 4), "found 4 fields, expected 3 as its name says"),
    "short labels": (
        nefs(0, 3, labels=np.arange(2)),
        r"found labels int64 \(2,\), expected whole numbers \(3,\)",
    ),
    "labels with a point": (nefs(0, 3, labels=np.ones(3)), "found labels float64"),
    "labels too large": (
        nefs(0, 3, labels=np.array([1, 2**40, 3])),
        "found label 1099511627776, expected 0 to",
    ),
    "negative labels": (nefs(0, 3, labels=np.array([1, -7, 3])), "found label -7, expected 0 to"),
    "other dims": (nefs(0, 3, (2, 6, 6, 3)), "found fields of 3 channels, the images .* have 1"),
    "a longer list": (
        nefs(0, 3, param_config=[config((2, 7, 7, 1))]),
        "lists 85 parameters, found vectors of 67",
    ),
    "a list without end": (
        nefs(0, 3, param_config=pairs(["output_linear.kernel", [2**28, 2**28]])),
        "lists 72057594037927936 parameters, found vectors of 67",
    ),
    "no JSON": (nefs(0, 3, param_config=["x"]), "param_config: found 'x', expected JSON"),
    "a deep list": (nefs(0, 3, param_config=["[" * 100_000]), "param_config: found .*, expected JSON"),
    "a table": (nefs(0, 3, param_config=["{}"]), "param_config: found '{}', expected JSON"),
    "negative sides": (nefs(0, 3, param_config=pairs(["a", [-1]])), "expected JSON: a list of"),
    "a text for a side": (nefs(0, 3, param_config=pairs(["a", ["1"]])), "expected JSON: a list of"),
    "nothing listed": (nefs(0, 3, param_config=["[]"]), "lists 0 parameters"),
    "another name": (
        nefs(0, 3, param_config=pairs(["dense.bias", [67]])),
        "found 'dense.bias', expected each once",
    ),
    "one name twice": (
        nefs(0, 3, param_config=pairs(*LIST[:1], *LIST)),
        "found 'kernel_net_0.linear.bias', expected",
    ),
    "a kernel for a bias": (
        nefs(0, 3, param_config=pairs(["output_linear.bias", [1]], ["output_linear.kernel", [66, 1]])),
        "found layers 66-1, expected one hidden layer",
    ),
    "a layer less": (
        nefs(
            0,
            3,
            param_config=pairs(*LIST[:3], ["kernel_net_1.linear.kernel", [6, 1]], *LIST[4:], ["a", [30]]),
        ),
        "found 'a', expected each once",
    ),
    "a gap": (
        nefs(0, 3, param_config=[config(DIMS).replace("net_1", "net_2")]),
        "param_config: lacks layers or parts of them",
    ),
    "layers that do not fit": (
        nefs(0, 3, param_config=[config(DIMS).replace("[6, 6]", "[4, 9]").replace("[2, 6]", "[6, 2]")]),
        "layer 0 has weight .* and bias",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_files_that_cannot_be(tmp_path: Path, name: str) -> None:
    data, reason = FAULTS[name]
    write(tmp_path, {"MNIST/SIREN/nefs_0-3.hdf5": data})
    opened = reopened(tmp_path, "fit-a-nef")
    with pytest.raises(SourceError, match=rf"^{tmp_path}/MNIST/SIREN/nefs_0-3\.hdf5: .*{reason}") as error:
        opened.parse(0)
    assert "\n" not in str(error.value)


def test_the_order_of_the_list_counts(tmp_path: Path) -> None:
    """Arrays are found by their names, in whatever order a writer has them."""
    layers = made_layers(DIMS, 0)
    moved = [LIST[5], LIST[4], *LIST[:4]]
    parts = [layers[2][0].T, layers[2][1], layers[0][1], layers[0][0].T, layers[1][1], layers[1][0].T]
    params = np.concatenate([part.numpy().reshape(-1) for part in parts])[None]
    write(tmp_path, {"MNIST/SIREN/nefs_0-1.hdf5": of(params=params, param_config=pairs(*moved))})
    parsed = reopened(tmp_path, "fit-a-nef").parse(0)
    assert parsed.weights.tobytes() == flat(layers).tobytes()
    assert parsed.label is None
