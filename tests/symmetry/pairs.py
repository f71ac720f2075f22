"""Fields to align: random ones, really fitted ones, and elements to hide them with."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from neuralviews.field import FieldSpec
from neuralviews.fit.cpu.engine import CpuEngine
from neuralviews.fit.engine import Budget, Signals
from neuralviews.fit.init import InitScheme, initial_weights
from neuralviews.grids import image_grid
from neuralviews.signals.digits import DigitImages
from neuralviews.symmetry.group import Element, Group

from .fields import draws_of

Rows = NDArray[np.float32]

SPECS = {
    "one hidden layer": FieldSpec([2, 24, 1], 10.0),
    "image": FieldSpec([2, 32, 32, 1], 30.0, 0.5),
    "unequal widths, omega by layer": FieldSpec([1, 20, 9, 2], [25.0, 6.5]),
    "volume": FieldSpec([3, 17, 16, 33, 1], [30.0, 12.0, 18.0]),
    "deep": FieldSpec([2, 12, 20, 8, 16, 3], [14.0, 30.0, 9.0, 21.0]),
}
SCHEMES: tuple[InitScheme, ...] = ("siren", "dws")


def random_pairs(spec: FieldSpec, scheme: InitScheme, count: int = 12) -> tuple[Rows, Rows]:
    """(count, P) twice."""
    weights = initial_weights(spec, scheme, range(2 * count))
    return weights[:count], weights[count:]


def hidden(spec: FieldSpec, count: int, group: Group, seed: int = 0) -> Element:
    """Elements to be found again: phases up to three half turns either way."""
    return Element.random(spec, draws_of(seed, count), group, max_phase=3)


@cache
def fitted_pairs(scheme: InitScheme) -> tuple[FieldSpec, Rows, Rows]:
    """Twice twelve digits, fitted by 2 -> 32 -> 32 -> 1."""
    spec, digits, count = SPECS["image"], DigitImages(), 24
    values = np.stack([digits.pixels(i).values.reshape(64, 1) for i in range(count)]).astype(np.float32) / 16
    coords = np.ascontiguousarray(image_grid(8, 8, spec.axis_order), np.float32)
    inits = initial_weights(spec, scheme, range(count))
    weights = CpuEngine().fit(spec, Signals(coords, values, 1.0), inits, Budget(200, 5e-4)).weights
    return spec, weights[::2], weights[1::2]
