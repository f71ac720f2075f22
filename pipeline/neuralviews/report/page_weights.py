"""What the weights of each layer are like, on a store's page."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreError
from ..records import Split
from ..statistics.moments import Statistics, tensors, training_rows
from .page_bars import columns
from .page_html import Html, element, joined, table

if TYPE_CHECKING:
    from ..store.reader import Store

__all__ = ["evenly", "weights_section"]

_MOST_SUMMED = 1 << 27
_MOST_SORTED = 1 << 22
_SHARES = (0.05, 0.5, 0.95)
_BINS = 40


@dataclass(frozen=True, eq=False)
class _Spread:
    """How the numbers of a tensor are spread: least, quantiles, greatest, and counts of equal bins."""

    least: float
    quantiles: list[float]
    greatest: float
    counts: list[int]


def evenly(rows: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most so many of some rows, evenly spaced."""
    count = min(most, len(rows))
    return rows[(2 * np.arange(count) + 1) * len(rows) // (2 * count)]


def weights_section(store: "Store") -> Html:
    """Moments, quantiles and a small histogram of each weight matrix and bias over the training split."""
    if not store.manifest.summary.splits[Split.train.name].records:
        return element("p", "The training split has no records, so nothing is said of its weights.")
    try:
        rows = training_rows(store)
    except StoreError:
        return element("p", "No record of the training split is usable, so nothing is said of its weights.")
    parameters = store.spec.parameters
    summed, sampled = (evenly(rows, max(1, most // parameters)) for most in (_MOST_SUMMED, _MOST_SORTED))
    found, weights = Statistics.of(store, summed), store.weights(sampled)
    lines = [
        _cells(store, name, part, mean, std, _spread(weights[:, part]))
        for (name, part), mean, std in zip(
            tensors(store.spec), found.tensor_mean, found.tensor_std, strict=True
        )
    ]
    header = (
        "tensor",
        "shape",
        "mean",
        "deviation",
        "least",
        "5 % below",
        "median",
        "95 % below",
        "greatest",
    )
    told = (
        f"Mean and deviation are exact, over {_of(len(summed), len(rows))}; "
        f"the rest is over {_of(len(sampled), len(rows))}. Histograms run from the least to the greatest."
    )
    caption = "Weights W and biases b of each layer, counted from the input"
    return joined(
        [
            element("p", told, class_="note"),
            table(caption, (*header, "histogram"), lines, numbers=range(1, len(header))),
        ]
    )


def _of(some: int, all_: int) -> str:
    if some == all_:
        return f"all {all_:,} usable training records"
    return f"{some:,} of the {all_:,} usable training records, evenly spaced"


def _spread(numbers: NDArray[np.float32]) -> _Spread:
    ordered = np.sort(numbers, axis=None)
    least, greatest = float(ordered[0]), float(ordered[-1])
    places = [int(share * (len(ordered) - 1)) for share in _SHARES]
    edges = np.linspace(least, greatest, _BINS + 1)  # float64, in which no range of float32 overflows
    bounds = np.append(np.searchsorted(ordered, edges[:-1]), len(ordered))
    return _Spread(least, ordered[places].astype(float).tolist(), greatest, np.diff(bounds).tolist())


def _cells(
    store: "Store", name: str, part: slice, mean: float, std: float, spread: _Spread
) -> tuple[str, ...]:
    layer, kind = name.split(".")
    inputs, outputs = store.spec.layers[int(layer)].fan_in, store.spec.layers[int(layer)].fan_out
    symbol, shape = ("W", f"{outputs} × {inputs}") if kind == "weight" else ("b", f"{outputs}")
    numbers = (mean, std, spread.least, *spread.quantiles, spread.greatest)
    alt = f"Histogram of {symbol}{layer} from {spread.least:.4g} to {spread.greatest:.4g}"
    drawn = columns(spread.counts, alt)
    label = element("span", symbol, element("sub", layer))
    return label, shape, *(f"{number:.4g}" for number in numbers), drawn
