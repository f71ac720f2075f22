"""State dicts of torch, one file a field: what the formats of most peers have in common."""

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SourceError
from ..field import FieldSpec, split
from ..records import NO_LABEL, Split
from ..statistics.moments import kept_statistics
from ..store.schema import MAX_LABEL
from .format import Parse, Parsed
from .layers import joined, named_layers
from .note import NOTE
from .torch_files import TorchFiles

if TYPE_CHECKING:
    from .sink import Sink
    from .taken import Taken

__all__ = [
    "LOOKS",
    "NETWORK",
    "SEQUENTIAL",
    "SPELLINGS",
    "export_labelled",
    "parser_of",
    "save_statistics",
    "saved",
    "state_dict",
]

SEQUENTIAL = re.compile(r"seq\.(\d+)\.(weight|bias)")
"""Names in a ``torch.nn.Sequential`` called ``seq``, as DWSNets and its followers have them."""
NETWORK = re.compile(r"net\.(\d+)(?:\.linear)?\.(weight|bias)")
"""Names in a list of layers called ``net``, each a linear map or a module around one."""
SPELLINGS = (SEQUENTIAL, NETWORK, re.compile(r"layers\.(\d+)\.(weight|bias)"))
"""Names that sets of people's own making have, of which a file holds one kind."""
LOOKS = "seq.0.weight, seq.0.bias, ..., or net.0.*, net.0.linear.* or layers.0.* alike"
"""`SPELLINGS` in words."""


def parser_of(
    patterns: Sequence[re.Pattern[str]],
    looks: str,
    *,
    label: str | None = None,
    inside: str = "",
    varying: str | None = None,
) -> Parse:
    """What reads files of one state dict each.

    Args:
        patterns: of the tensors' names, of which the one counts that the first name has; see
            `layers.named_layers`.
        looks: the names that are expected, for error messages.
        label: the entry that holds the class; None if there is none. Other entries are passed over.
        inside: the table within the file that holds the tensors, with '.' at the end.
        varying: see `TorchFiles`.
    """
    files = TorchFiles(varying=varying)

    def parse(data: bytes, where: str) -> Parsed:
        contents = files.read(data, where)
        tensors = {
            name.removeprefix(inside): tensor
            for name, tensor in contents.tensors.items()
            if name.startswith(inside)
        }
        pattern = next((one for one in patterns if one.fullmatch(next(iter(tensors), ""))), patterns[0])
        dims, weights = joined(named_layers(tensors, pattern, where, looks), where)
        found = None if label is None else np.array([_label(contents.others, label, where)])
        return Parsed(dims, weights[None], found)

    return parse


def _label(others: Mapping[str, Any], name: str, where: str) -> int:
    value = others.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not NO_LABEL < value <= MAX_LABEL:
        found = "none" if value is None else repr(value)[:40]
        raise SourceError(
            f"{where}: found {name} {found}, expected a class from 0 to {MAX_LABEL} under the key {name!r}"
        )
    return value


def state_dict(spec: FieldSpec, weights: NDArray[np.float32], names: Sequence[str]) -> dict[str, Any]:
    """The parameters of a field as tensors of their own, weight and bias of each layer.

    Args:
        names: of the layers, such as ``seq.0``.
    """
    import torch

    table: dict[str, Any] = {}
    for name, (weight, bias) in zip(names, split(spec, weights), strict=True):
        # Copies: a tensor that shares the memory of all fields would be saved with all of it.
        table[f"{name}.weight"] = torch.from_numpy(weight.copy())
        table[f"{name}.bias"] = torch.from_numpy(bias.copy())
    return table


def saved(value: Any) -> bytes:
    """The bytes of torch.save."""
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def save_statistics(taken: "Taken", sink: "Sink", name: str) -> None:
    """Mean and deviation (with n - 1) of each parameter over the store's training records, as the loaders of
    DWSNets want them: lists of tensors (in, out, 1) and (out, 1). Nothing is written without two such
    records.
    """
    import torch

    if not (taken.split == Split.train).any():
        return
    found = kept_statistics(taken.store)
    if found.records < 2:
        return
    deviation = found.std * np.sqrt(found.records / (found.records - 1))
    tables: dict[str, dict[str, list[Any]]] = {"weights": {}, "biases": {}}
    for key, values in (("mean", found.mean), ("std", deviation)):
        pairs = split(taken.store.spec, values.astype(np.float32))
        tables["weights"][key] = [torch.from_numpy(w.T.copy()).unsqueeze(-1) for w, _ in pairs]
        tables["biases"][key] = [torch.from_numpy(b.copy()).unsqueeze(-1) for _, b in pairs]
    sink.add(name, saved(tables))


def export_labelled(
    taken: "Taken", sink: "Sink", exchange: str, root: str, folder_of: Callable[[int], str]
) -> None:
    """Write ``<root>/<folder>{train|test}/model_<object>.pth`` with the label inside, and beside them lists
    of splits, statistics, and our note.

    Args:
        exchange: name of the format.
        folder_of: the folder of a view, with '/' at the end, or empty.
    """
    taken.require_labels(exchange)
    layers = [f"seq.{i}" for i in range(len(taken.store.spec.layers))]
    lists: dict[str, list[str]] = {part.name: [] for part in Split}
    for place, weights in taken.fields():
        part = Split(int(taken.split[place]))
        folder = f"{folder_of(int(taken.view[place]))}{'test' if part is Split.test else 'train'}"
        name = f"{root}/{folder}/model_{taken.object_id[place]}.pth"
        table = state_dict(taken.store.spec, weights, layers)
        sink.add(name, saved({**table, "label": int(taken.label[place])}))
        lists[part.name].append(name)
    sink.add(f"{root}/splits.json", json.dumps(lists).encode())
    save_statistics(taken, sink, f"{root}/statistics.pth")
    sink.add(f"{root}/{NOTE}", taken.note(exchange))
