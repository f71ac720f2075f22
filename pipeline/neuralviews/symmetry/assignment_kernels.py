"""The steps of an assignment as vector code: the reductions that start it, and shortest paths.

An edge is reduced by the dual of its column. A dual of -inf keeps a column out, as edges to it are
infinite then: padding has one, and needs no other care.
"""

from math import inf
from typing import Any

from ..vector.emit import Value, Variable, kernel
from ..vector.search import LANES, Searcher
from .assignment_columns import Columns, Looped, Unrolled

__all__ = ["augmentation", "reduce_columns", "row_reduction"]

DISTANCES = (8, 4, 2, 1)


@kernel
def reduce_columns(emitter: Any, cost: Any, size: Value, columns: Value, duals: Any, rows: Any) -> None:
    """duals = the least cost in each column, rows = the first row that has it."""
    e = Searcher(emitter.builder)
    with e.loop(0, columns, LANES) as at:
        least, first = e.variable(e.splat(inf)), e.variable(e.splat_index(e.index(0)))
        with e.loop(0, size) as row:
            value = e.load(cost, e.index(e.times(row, columns), at))
            first.set(e.select(e.less(value, least.get()), e.splat_index(row), first.get()))
            least.set(e.minimum(value, least.get()))
        e.store(least.get(), duals, at)
        e.store_vector(first.get(), rows, at)


def cut(e: Searcher, columns: Value, fixed: int) -> Columns:
    return Unrolled(e, fixed) if fixed else Looped(e, columns)


def row_reduction(fixed: int) -> Any:
    """The kernel that gives free rows a nearest column, for ``fixed`` columns, or if 0 for any number."""

    @kernel
    def reduce_rows(
        emitter: Any, cost: Any, size: Value, columns: Value, duals: Any, row_of: Any, column_of: Any
    ) -> None:
        """Of each free row, lower the dual of the nearest column until another is as near, and take it.

        Nothing changes if another column is equally near and the nearest is taken, or if no other can
        be reached. A row that a column is taken from is free again, and stays so if its turn is over.
        """
        e = Searcher(emitter.builder)
        all_columns = cut(e, columns, fixed)
        held = all_columns.vectors(e.vector, duals)

        def reduce(row: Value) -> None:
            start = e.times(row, all_columns.count)
            nearest, second = e.variable(e.splat(inf)), e.variable(e.splat(inf))

            def edges(at: Any) -> Value:
                return e.subtract(e.load(cost, e.index(start, at)), held.get(at))

            def keep_two(at: Any) -> None:
                edge = edges(at)
                second.set(e.minimum(e.maximum(edge, nearest.get()), second.get()))
                nearest.set(e.minimum(edge, nearest.get()))

            def lower(at: Any) -> None:
                # of several that are equally near, all are lowered by nothing
                lowered = e.subtract(held.get(at), e.subtract(second.get(), nearest.get()))
                held.set(at, e.select(e.equal(edges(at), nearest.get()), lowered, held.get(at)))

            all_columns.each(keep_two)
            for distance in DISTANCES:
                a, b = nearest.get(), second.get()
                other = e.exchange(a, distance)
                second.set(e.minimum(e.maximum(a, other), e.minimum(b, e.exchange(b, distance))))
                nearest.set(e.minimum(a, other))
            least, next_least = e.first(nearest.get()), e.first(second.get())
            with e.when(e.less(next_least, e.float(inf))):
                column = all_columns.find(lambda at: e.equal(edges(at), nearest.get()))
                all_columns.each(lower)
                owner = e.load_integer(row_of, column)
                with e.when(e.either(e.less(least, next_least), e.below(owner, 0))):
                    e.store_integer(column, column_of, row)
                    e.store_integer(row, row_of, column)
                    with e.when(e.below(e.index(-1), owner)):
                        e.store_integer(e.index(-1), column_of, owner)

        held.read()
        with e.loop(0, size) as row, e.when(e.below(e.load_integer(column_of, row), 0)):
            reduce(row)
        held.write()

    return reduce_rows


class Paths:
    """The shortest paths from a row to the columns, found by Dijkstra's algorithm.

    A key is the length of the shortest path to a column so far, and -inf once the column is closed.
    Its predecessor is the row before it on that path.
    """

    def __init__(
        self, e: Searcher, columns: Columns, cost: Any, duals: Any, keys: Any, predecessors: Any
    ) -> None:
        self._e, self._columns, self._cost, self._duals = e, columns, cost, duals
        self._none, self._closed = e.splat(inf), e.splat(-inf)
        self.keys = columns.vectors(e.vector, keys)
        self.predecessors = columns.vectors(e.integers, predecessors)
        self._lowest = e.variable(self._none)

    def _edges(self, row: Value, at: Any) -> Value:
        e = self._e
        place = e.index(e.times(row, self._columns.count), at)
        return e.subtract(e.load(self._cost, place), e.load(self._duals, e.index(at)))

    def begin(self, row: Value) -> None:
        e = self._e

        def start(at: Any) -> None:
            key = e.minimum(self._edges(row, at), self._none)
            self.keys.set(at, key)
            self.predecessors.set(at, e.splat_index(row))
            self._lowest.set(e.minimum(key, self._lowest.get()))

        self._columns.each(start)

    def nearest(self) -> Value:
        """The lowest key of an open column, in all lanes; inf if no open column can be reached."""
        lowest = self._lowest.get()
        for distance in DISTANCES:
            lowest = self._e.minimum(lowest, self._e.exchange(lowest, distance))
        return lowest

    def extend(self, column: Value, nearest: Value, row: Value) -> None:
        """Close the nearest column, and go on through the row that has it.

        No path gets shorter than that to the nearest column: rounding could do so, and after sums that
        overflow columns might be closed without end.
        """
        e = self._e
        back = e.index(e.times(row, self._columns.count), column)
        edge = e.subtract(e.load_scalar(self._cost, back), e.load_scalar(self._duals, column))
        detour, rows = e.splat(e.subtract(edge, e.first(nearest))), e.splat_index(row)
        self._lowest.set(self._none)

        def relax(at: Any) -> None:
            key = e.select(e.lane_is(e.minus(column, at)), self._closed, self.keys.get(at))
            through = e.maximum(e.subtract(self._edges(row, at), detour), nearest)
            self.predecessors.set(at, e.select(e.less(through, key), rows, self.predecessors.get(at)))
            shorter, lowest = e.minimum(through, key), self._lowest.get()
            self.keys.set(at, shorter)
            self._lowest.set(e.select(e.equal(key, self._closed), lowest, e.minimum(shorter, lowest)))

        self._columns.each(relax)


def flip(e: Searcher, row: Value, end: Variable, predecessors: Any, row_of: Any, column_of: Any) -> None:
    """Assign along the path from a free column back to ``row``, each row its column after it."""
    with e.repeat() as leave:
        owner, column = e.load_integer(predecessors, end.get()), end.get()
        e.store_integer(owner, row_of, column)
        end.set(e.load_integer(column_of, owner))
        e.store_integer(column, column_of, owner)
        leave(e.same(owner, row))


def augmentation(fixed: int) -> Any:
    """The kernel that assigns one row more, for ``fixed`` columns, or if 0 for any number."""

    @kernel
    def augment(
        emitter: Any,
        cost: Any,
        row: Value,
        columns: Value,
        duals: Any,
        row_of: Any,
        column_of: Any,
        keys: Any,
        distances: Any,
        predecessors: Any,
        closed: Any,
    ) -> None:
        """Find the shortest path from a row to a free column, lower duals by it, and flip it.

        Nothing changes if no free column can be reached, which takes numbers that overflowed.
        """
        e = Searcher(emitter.builder)
        all_columns = cut(e, columns, fixed)
        paths = Paths(e, all_columns, cost, duals, keys, predecessors)
        count, end = e.variable(e.index(0)), e.variable(e.index(0))
        distance = e.variable(e.float(inf))
        paths.begin(row)
        with e.repeat() as leave:
            nearest = paths.nearest()
            distance.set(e.first(nearest))
            leave(e.equal(distance.get(), e.float(inf)))
            end.set(all_columns.find(lambda at: e.equal(paths.keys.get(at), nearest)))
            owner = e.load_integer(row_of, end.get())
            leave(e.below(owner, 0))
            e.store_integer(end.get(), closed, count.get())
            e.store_scalar(distance.get(), distances, count.get())
            count.set(e.index(count.get(), 1))
            paths.extend(end.get(), nearest, owner)
        with e.when(e.less(distance.get(), e.float(inf))):
            with e.loop(0, count.get()) as i:
                column = e.load_integer(closed, i)
                change = e.subtract(e.load_scalar(distances, i), distance.get())
                e.store_scalar(e.add(e.load_scalar(duals, column), change), duals, column)
            paths.predecessors.write()
            flip(e, row, end, predecessors, row_of, column_of)

    return augment
