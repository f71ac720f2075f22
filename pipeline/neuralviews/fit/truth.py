"""The ground truth of a few meshes, worked out to see how long it takes and which of them can be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from ..errors import SourceError
from .prepare import unfit

if TYPE_CHECKING:
    from ..signals.catalogue import Objects
    from ..signals.shapes import ShapeSource

__all__ = ["MESHES", "TruthTrial", "try_truth"]

MESHES = 4
_SECONDS = 10.0
"""No other mesh is begun after so long."""


@dataclass(frozen=True)
class TruthTrial:
    """What a few meshes show.

    Args:
        seconds: of the ground truth of one mesh.
        positions: of the meshes that can be fitted, in the list of objects.
        problems: what is wrong with the others.
    """

    seconds: float
    positions: tuple[int, ...]
    problems: tuple[str, ...]


def try_truth(source: "ShapeSource", objects: "Objects", positions: Sequence[int]) -> TruthTrial:
    """Draw and measure the samples of some meshes, which the source then keeps in memory.

    Args:
        positions: of meshes in ``objects``; the first are taken.
    Raises:
        SourceError: none of them can be fitted.
    """
    seconds: list[float] = []
    usable: list[int] = []
    problems: list[str] = []
    begun = perf_counter()
    for position in positions[:MESHES]:
        if seconds and perf_counter() - begun > _SECONDS:
            break
        since = perf_counter()
        problem = unfit(source, int(objects.object_id[position]))
        if problem is not None:
            problems.append(problem[1])
            continue
        seconds.append(perf_counter() - since)
        usable.append(position)
    if not usable:
        raise SourceError(f"{problems[0]}; none of the {len(problems)} meshes tried can be used")
    # The first also waits for its libraries to load.
    rest = seconds[1:] or seconds
    return TruthTrial(sum(rest) / len(rest), tuple(usable), tuple(problems))
