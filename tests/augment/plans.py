"""Plans for tests that make copies, and what such tests ask of the stores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralviews.augment.plan import Plan
from neuralviews.store.reader import Store

TURN = {"op": "random_symmetry"}
MOVE = {"op": "affine_coords", "translate": 0.5, "rotate": 20.0}
MIX = {"op": "aligned_mixup", "law": "uniform"}
PLAIN_MIX = {"op": "mixup", "law": "uniform"}
SMOOTH = {"op": "label_smoothing", "epsilon": 0.25}
REPAIR = {"op": "repair", "steps": 5}
NOISE = {"op": "gaussian_noise", "scale": 0.3}

EVERY: dict[str, list[dict[str, Any]]] = {
    "turn": [TURN],
    "move": [MOVE, SMOOTH],
    "mix": [MIX],
    "repaired": [PLAIN_MIX, REPAIR],
}
"""A pipeline of each kind: exact, moved, mixed, fitted again."""


def plan_of(pipelines: dict[str, list[dict[str, Any]]], **keys: Any) -> Plan:
    """A plan of pipelines by name."""
    tables = [{"name": name, "steps": steps} for name, steps in pipelines.items()]
    return Plan.checked({"name": "tried", "pipelines": tables, **keys}, "here")


def rows_by_origin(store: Store) -> dict[tuple[int, str, int], tuple[bytes, ...]]:
    """What each copy is, by its parent, pipeline and copy: all that does not number it."""
    records, job = store.read(np.arange(len(store))), store.job
    names = [pipeline["name"] for pipeline in job["pipelines"]]
    columns = [records.weights, *(records.columns[name] for name in _KEPT)]
    copies = job["plan"]["copies"]
    return {
        (int(records.columns["parent_a"][row]), names[records.columns["pipeline"][row]], row % copies): tuple(
            column[row].tobytes() for column in columns
        )
        for row in range(len(store))
    }


_KEPT = (
    *("object_id", "seed", "label", "split", "psnr", "loss", "steps", "status"),
    *("parent_a", "parent_b", "in_domain", "psnr_before", "classes", "shares"),
)


def params_of(store: Store, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """The parameters of rows of one pipeline by name, (n, count)."""
    found, start, columns = {}, 0, store.column("params")[rows].astype(np.float64)
    (number,) = set(store.column("pipeline")[rows].tolist())
    for name, count in store.job["pipelines"][number]["params"]:
        found[name] = columns[:, start : start + count]
        start += count
    return found


def of_pipeline(store: Store, name: str) -> NDArray[np.int64]:
    """Rows of the copies that one pipeline made."""
    number = [pipeline["name"] for pipeline in store.job["pipelines"]].index(name)
    return np.flatnonzero(store.column("pipeline") == number)
