"""Calls made until all are done, however often workers die; what keeps killing its worker is set aside."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from .calls import Died, Lost
from .pool import Pool, run_calls

__all__ = ["run_all"]

Result = TypeVar("Result")

_DEATHS_IN_COMPANY = 2
_DEATHS_OF_ITS_OWN = 2
_DEATHS_APART = 6
"""However doubtful each of them is: others may always be at work beside it, in workers that runs share."""


def run_all(
    function: Callable[[int], Result],
    units: Sequence[int],
    pool: Pool,
    set_aside: Callable[[int], None],
    left_behind: Callable[[int], Result | Lost] = lambda _: Lost(),
) -> Generator[tuple[int, Result], None, None]:
    """``function(unit)`` for each of the units, as results come, each beside its unit.

    Only deaths that this process sees count, and of them only those of workers in which the unit was at work.
    Some blame the innocent: a pool on one machine dies as a whole, and whoever kills workers at random hits
    some unit twice. So a unit that was at work in two deaths waits until all others are done, and is then
    tried with no other beside it. If its worker dies of that too, and two of its deaths were beyond doubt
    its own, it is set aside; so it is after six such deaths, beyond doubt or not.

    Args:
        units: no two alike.
        set_aside: hears of a unit that is given up.
        left_behind: what a unit had done when its worker died, if that was all of it.
    Raises:
        As `run_calls`.
    """
    deaths, own, tried = Counter[int](), Counter[int](), Counter[int]()
    left, suspects, apart = list(units), list[int](), False
    while left or suspects:
        if not left:
            left, suspects, apart = suspects, [], True
        again = list[int]()
        for unit, result in run_calls(function, left, pool, apart=apart):
            answer = left_behind(unit) if isinstance(result, Lost) else result
            if not isinstance(answer, Lost):
                yield unit, answer
                continue
            if isinstance(result, Died):
                deaths[unit] += 1
                own[unit] += result.alone
                tried[unit] += apart
            if not apart:
                (suspects if deaths[unit] >= _DEATHS_IN_COMPANY else again).append(unit)
            elif isinstance(result, Died) and (
                own[unit] >= _DEATHS_OF_ITS_OWN or tried[unit] >= _DEATHS_APART
            ):
                set_aside(unit)
            else:
                again.append(unit)
        left = again
