"""Records of a store as Fit-a-NeF writes them; see `fit_a_nef`."""

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..field import FieldSpec
from ..records import NO_LABEL, Split
from ..statistics.sums import ExactSums
from .convention import Convention
from .departures import departures
from .fit_a_nef_params import LABELS, PARAM_CONFIG, PARAMS, columns_of, param_config
from .hdf5 import hdf5_bytes
from .note import NOTE

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = ["export"]

_NEF = "SIREN"
_FILE_BYTES = 1 << 26
_UNIT = 1 << 149
"""One over the unit of `ExactSums`."""


def export(taken: "Taken", sink: "Sink") -> tuple[str, ...]:
    """See `Format`; every view of every object, all hidden layers of one width and one omega."""
    spec = taken.store.spec
    settings = _settings(spec)
    order = _order(taken)
    labelled = _labelled(taken)
    count, columns, config = len(order), columns_of(spec), json.dumps(param_config(spec))
    trained = int((taken.split[taken.firsts] == Split.train).sum())
    sums = ExactSums(spec.parameters)
    root = f"{taken.facts.name}/{_NEF}"
    # The i-th of the objects, which lie one after another with all their views.
    places = [order * taken.views + view for view in range(taken.views)]
    step = max(1, _FILE_BYTES // (4 * spec.parameters))
    groups = [part[start : start + step] for part in places for start in range(0, count, step)]
    start = 0
    for group, records in zip(groups, taken.read(groups), strict=True):
        params = records.weights.take(columns, axis=1)
        if start < trained:
            sums.add(params[: trained - start])
        datasets: dict[str, Any] = {PARAMS: params, PARAM_CONFIG: config}
        if labelled:
            datasets[LABELS] = taken.label[group]
        sink.add(f"{root}/nefs_{start}-{start + len(group)}.hdf5", hdf5_bytes(datasets))
        start += len(group)
    dataset = {"name": taken.facts.name, "out_channels": spec.out_dim}
    sink.add(f"{root}/nef.json", _json({"name": _NEF, "params": settings}))
    sink.add(f"{root}/cfg.json", _json({"dataset": dataset, "seeds": [*range(taken.views)]}))
    if trained:
        sink.add(f"{root}/metadata.json", _json({f"0_{trained}": _moments(spec, sums)}))
    sink.add(f"{root}/{NOTE}", taken.note("fit-a-nef", order))
    return tuple(_notes(taken, trained, count, labelled=labelled))


def _settings(spec: FieldSpec) -> dict[str, Any]:
    """The parameters of ``nef.json``, which fields of other shapes do not have."""
    hidden = {*spec.dims[1:-1]}
    if len(hidden) > 1 or len({*spec.omega}) > 1:
        raise SpecError(
            f"fit-a-nef: found hidden layers of widths {list(spec.dims[1:-1])} and omegas "
            f"{list(spec.omega)}, this format has one width and one omega; export to safetensors or npz"
        )
    return {
        "hidden_dim": spec.dims[1],
        "num_layers": len(spec.layers),
        "omega_0": spec.omega[0],
        "output_dim": spec.out_dim,
    }


def _order(taken: "Taken") -> NDArray[np.int64]:
    """Places in `Taken.firsts` by split and object: the numbers of the format."""
    counts = np.diff(np.append(taken.firsts, len(taken)))
    short = np.flatnonzero(counts != taken.views)
    if len(short):
        raise SpecError(
            f"fit-a-nef: object {taken.object_id[taken.firsts[short[0]]]} of {taken.store.root} has "
            f"{counts[short[0]]} of {taken.views} views, this format has every view of every object; "
            "export fewer (--views), other records, or to safetensors or npz"
        )
    return np.argsort(taken.split[taken.firsts], kind="stable")


def _labelled(taken: "Taken") -> bool:
    bare = taken.label == NO_LABEL
    if bare.any() and not bare.all():
        taken.require_labels("fit-a-nef")
    return not bare.any()


def _moments(spec: FieldSpec, sums: ExactSums) -> dict[str, list[float]]:
    """Mean and deviation of each array over all its entries, repeated for each, as Neural Field Arena does.

    Both are rounded from exact numbers: they are the same on every machine.
    """
    plain, squares = sums.totals()
    found: dict[str, list[float]] = {"mean": [], "std": []}
    start = 0
    for _, shape in param_config(spec):
        size = math.prod(shape)
        part, entries = slice(start, start + size), size * sums.rows
        total, square = int(plain[part].sum()), int(squares[part].sum())
        spread = entries * square - total * total
        found["mean"] += [total / (entries * _UNIT)] * size
        found["std"] += [math.sqrt(spread / (entries * _UNIT) ** 2)] * size
        start += size
    return found


def _notes(taken: "Taken", trained: int, count: int, *, labelled: bool) -> list[str]:
    tested = int((taken.split[taken.firsts] == Split.test).sum())
    notes = [
        f"splits of one view are the fields 0 to {trained}, to {count - tested} and to {count}: "
        "programs take them by number"
    ]
    if not labelled:
        notes.append("no object has a label: programs that classify cannot read the files")
    if taken.facts.channels is None:
        notes.append("targets were not normalised by channel, as programs for this format take them to be")
    return [*notes, *departures(taken, Convention(omega=None, target_range=None))]


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
