"""One line of a table of results."""

from dataclasses import dataclass

__all__ = ["Row"]


@dataclass(frozen=True)
class Row:
    """A measured figure.

    Attributes:
        value, unit: the figure.
        baseline: what it was measured beside in the same interleaved run, with its own figure.
        ratio: of value to baseline unless the name says otherwise, the median over rounds; None without one.
        target: what the project wants of the figure or the ratio.
    """

    name: str
    value: float
    unit: str
    baseline: str
    ratio: float | None
    target: str
